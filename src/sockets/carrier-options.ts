// What a UDP carrier is told: where it listens, and with whom it speaks.

import { station } from "../core/address-fields.ts";
import { formatIp, type IpAddress, parseIp } from "../core/addresses.ts";
import { wrongType } from "../core/arguments.ts";
import { checkFields, type Fields, type Kind, list, several, text, whole } from "../core/fields.ts";
import { IP_LENGTH_MAXIMUM } from "../layout/ipv4.layout.ts";
import { VXLAN_PORT } from "../layout/vxlan.layout.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";

/** With whom a carrier speaks: an address, or one with the only port that its datagrams come from and go to. */
export type CarrierRemote = IpAddress | { readonly address: IpAddress; readonly port?: number | undefined };

export interface UdpCarrierOptions {
  /**
   * Addresses of this machine, up to 64, IPv4 and IPv6: what comes to one of them comes in, and what a switch sends must
   * be from one of them. So a switch's `vtep.address` is among them.
   */
  readonly local: IpAddress | readonly IpAddress[];
  /** UDP ports to listen on at each address, up to 16. Default 4789, that of VXLAN; 6081 is Geneve's; 0 is a free one. */
  readonly ports?: number | readonly number[] | undefined;
  /**
   * With whom it speaks, up to 65,536: nothing else leaves, and what others send is counted and goes no further. Default:
   * everybody, so that only the switch decides.
   */
  readonly remotes?: readonly CarrierRemote[] | undefined;
  /**
   * 0 to 64, default 0: datagrams leave from the port that they go to. With more, each address gets so many sockets more,
   * on ports that the system chooses, and a flow takes always the same: networks spread flows by their source ports.
   */
  readonly sourcePorts?: number | undefined;
  /** Most bytes of an outer IP packet that leaves: 576 to 65,535, the default. The system may cut it into fragments. */
  readonly mtu?: number | undefined;
  /** Default: `carrier-` and the first end, as `carrier-10.1.5.8:4789`. */
  readonly name?: string | undefined;
  /** Most frames that wait to be taken: 1 to 2^31, default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Most bytes that they keep: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
}

/** By address as text: the ports that may be there, or all of them. */
export type Remotes = ReadonlyMap<string, ReadonlySet<number> | "all">;

/** Options after the check. */
export interface CarrierPlan {
  readonly local: readonly { readonly address: string; readonly path: string }[];
  readonly ports: readonly { readonly port: number; readonly path: string }[];
  readonly remotes: Remotes | undefined;
  readonly sourcePorts: number;
  readonly mtu: number;
  readonly name: string | undefined;
  readonly queueFrames: number;
  readonly queueBytes: number;
}

type Defaults = "local" | "ports" | "sourcePorts" | "mtu" | "queueFrames" | "queueBytes";
type RemoteEnd = Exclude<CarrierRemote, IpAddress>;

const LOCALS = 64;
const PORTS = 16;
const REMOTES = 65536;

const remoteFields: Fields<RemoteEnd, "address"> = {
  address: { ...station(), required: true },
  port: whole(1, 65535),
};

function carrierRemote(): Kind<CarrierRemote> {
  const { check } = station();
  const expected = "an IPv4 or IPv6 address, or { address, port }";
  return {
    expected,
    check: (path, value) => {
      if (typeof value === "string" || value instanceof Uint8Array) return check(path, value);
      if (typeof value !== "object" || value === null) throw wrongType(path, expected, value);
      return checkFields<RemoteEnd, "address">(path, remoteFields, value, `${path}.`);
    },
  };
}

const remotesKind: Kind<readonly CarrierRemote[]> = list(carrierRemote(), REMOTES);

export const udpCarrierFields: Fields<UdpCarrierOptions, Defaults> = {
  local: { ...several(station(), LOCALS), required: true },
  ports: { ...several(whole(0, 65535), PORTS), fallback: [VXLAN_PORT] },
  remotes: remotesKind,
  sourcePorts: { ...whole(0, 64), fallback: 0 },
  mtu: { ...whole(576, IP_LENGTH_MAXIMUM), fallback: IP_LENGTH_MAXIMUM },
  name: text(),
  ...QUEUE_FIELDS,
};

/** @throws ArgumentError that names the option. */
export function carrierPlan(options: UdpCarrierOptions): CarrierPlan {
  const { local, ports, remotes, ...rest } = checkFields<UdpCarrierOptions, Defaults>(
    "options",
    udpCarrierFields,
    options,
  );
  const pathOf = (name: "local" | "ports", index: number): string =>
    Array.isArray(options[name]) ? `${name}[${index}]` : name;
  // The check has made arrays of both.
  const addresses = (local as readonly IpAddress[]).map((address, index) => ({
    address: formatIp(parseIp("local", address)),
    path: pathOf("local", index),
  }));
  const numbers = (ports as readonly number[]).map((port, index) => ({ port, path: pathOf("ports", index) }));
  return {
    ...rest,
    name: rest.name,
    local: addresses,
    ports: numbers,
    remotes: remotes === undefined ? undefined : remotesOf(remotes),
  };
}

/** @throws ArgumentError that names the one at fault. */
export function checkedRemotes(remotes: readonly CarrierRemote[] | undefined): Remotes | undefined {
  return remotes === undefined ? undefined : remotesOf(remotesKind.check("remotes", remotes));
}

function remotesOf(remotes: readonly CarrierRemote[]): Remotes {
  const all = new Map<string, Set<number> | "all">();
  for (const remote of remotes) {
    const { address, port } =
      typeof remote === "string" || remote instanceof Uint8Array ? { address: remote } : remote;
    const text = formatIp(parseIp("remotes", address));
    const ports = all.get(text);
    if (port === undefined || ports === "all") all.set(text, "all");
    else if (ports === undefined) all.set(text, new Set([port]));
    else ports.add(port);
  }
  return all;
}
