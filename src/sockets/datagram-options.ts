// What a datagram port is told: its two ends, and what all ports with a queue are told.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { checkFields, type Fields, object, text, whole } from "../core/fields.ts";
import { ETHERNET_FRONT } from "../port/base-port.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";
import {
  type AddressEnd,
  type AddressEndpoint,
  endpointOf,
  familyOf,
  localEndFields,
  remoteEndFields,
} from "./ends.ts";
import { DATAGRAM_LENGTH } from "./send-turn.ts";

/** One end of a datagram port, as it is asked for. */
export type DatagramEnd = AddressEnd;
/** One end of a datagram port, as it is. */
export type DatagramEndpoint = AddressEndpoint;

export interface DatagramPortOptions {
  /** Where frames come in: an address of this machine, or 0.0.0.0 or :: for all of them; port 0 is a free one. */
  readonly local: DatagramEnd;
  /** Where frames go, and the only place that they are taken from. It need not be there yet. */
  readonly remote: DatagramEnd;
  /** 46 to 65,489, the default: all that fits into a datagram. */
  readonly mtu?: number | undefined;
  /** Default: `udp-` and both ends, as `udp-127.0.0.1:5000-127.0.0.1:5001`. */
  readonly name?: string | undefined;
  /** Most frames that wait to be taken: 1 to 2^31, default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Most bytes that they keep: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
}

/** Options after the check: addresses are text. */
export interface DatagramPlan {
  readonly local: DatagramEndpoint;
  readonly remote: DatagramEndpoint;
  readonly mtu: number;
  readonly name: string | undefined;
  readonly queueFrames: number;
  readonly queueBytes: number;
}

type Defaults = "local" | "remote" | "mtu" | "queueFrames" | "queueBytes";

const MTU_MAXIMUM: number = DATAGRAM_LENGTH - ETHERNET_FRONT;

export const datagramPortFields: Fields<DatagramPortOptions, Defaults> = {
  local: { ...object<DatagramEnd, "address" | "port">(localEndFields), required: true },
  remote: { ...object<DatagramEnd, "address" | "port">(remoteEndFields), required: true },
  mtu: { ...whole(46, MTU_MAXIMUM), fallback: MTU_MAXIMUM },
  name: text(),
  ...QUEUE_FIELDS,
};

/** @throws ArgumentError that names the option. */
export function datagramPlan(options: DatagramPortOptions): DatagramPlan {
  const checked = checkFields<DatagramPortOptions, Defaults>("options", datagramPortFields, options);
  const [local, remote] = [endpointOf(checked.local), endpointOf(checked.remote)];
  if (familyOf(local.address) !== familyOf(remote.address)) {
    const sentence = `${remote.address} is of another family than local.address, ${local.address}`;
    throw new ArgumentRangeError("contradiction", "remote.address", sentence);
  }
  return {
    local,
    remote,
    mtu: checked.mtu,
    name: checked.name,
    queueFrames: checked.queueFrames,
    queueBytes: checked.queueBytes,
  };
}
