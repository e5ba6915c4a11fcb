// What a packet port is told: the interface whose frames it takes, and what all ports with a queue are told.

import { type Checked, checkFields, type Fields, flag, text, whole } from "../core/fields.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";
import { interfaceName, namespaceName } from "./tap-options.ts";

export interface PacketPortOptions {
  /** The name of the interface, which is there already. */
  readonly interface: string;
  /** Whether it takes frames to all addresses, and not to its own and to groups only. Default true. */
  readonly promiscuous?: boolean | undefined;
  /** 46 to 65,535: bounds what is sent. Default: that of the interface. */
  readonly mtu?: number | undefined;
  /** The network namespace that it is in: a name as `ip netns` has them, or a path. Default: that of the process. */
  readonly namespace?: string | undefined;
  /** Default: the name of the interface. */
  readonly name?: string | undefined;
  /** Most frames that wait to be taken: 1 to 2^31, default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Most bytes that they keep: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
}

type Defaults = "interface" | "promiscuous" | "queueFrames" | "queueBytes";

/** Options after the check. */
export type PacketPlan = Checked<PacketPortOptions, Defaults>;

export const packetPortFields: Fields<PacketPortOptions, Defaults> = {
  interface: { ...interfaceName(), required: true },
  promiscuous: { ...flag(), fallback: true },
  mtu: whole(46, 65535),
  namespace: namespaceName(),
  name: text(),
  ...QUEUE_FIELDS,
};

/** @throws ArgumentError that names the option. */
export function packetPlan(options: PacketPortOptions): PacketPlan {
  return checkFields<PacketPortOptions, Defaults>("options", packetPortFields, options);
}
