// What a datagram port is told: its two ends, and what all ports with a queue are told.

import { station } from "../core/address-fields.ts";
import { formatIp, type IpAddress, parseIp, parseStation } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { checkFields, type Fields, type Kind, object, text, whole } from "../core/fields.ts";
import { ETHERNET_FRONT } from "../port/base-port.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";

/** Most bytes of one UDP datagram over IPv4: 65,535 without the two headers. */
export const DATAGRAM_LENGTH = 65507;

/** One end of a datagram port, as it is asked for. */
export interface DatagramEnd {
  /** IPv4 or IPv6, without a zone. */
  readonly address: IpAddress;
  readonly port: number;
}

/** One end of a datagram port, as it is. */
export interface DatagramEndpoint {
  readonly address: string;
  readonly port: number;
}

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
  readonly family: 4 | 6;
  readonly local: DatagramEndpoint;
  readonly remote: DatagramEndpoint;
  readonly mtu: number;
  readonly name: string | undefined;
  readonly queueFrames: number;
  readonly queueBytes: number;
}

/** An address that a socket can have here, or the one that stands for all of them. */
export function ownAddress(): Kind<IpAddress> {
  const check = (path: string, value: unknown): IpAddress => {
    const address = value as IpAddress;
    if (parseIp(path, address).some((byte) => byte !== 0)) parseStation(path, address);
    return address;
  };
  return { expected: "an IPv4 or IPv6 address", check };
}

type EndFields = Fields<DatagramEnd, "address" | "port">;

const localFields: EndFields = {
  address: { ...ownAddress(), required: true },
  port: { ...whole(0, 65535), required: true },
};

const remoteFields: EndFields = {
  address: { ...station(), required: true },
  port: { ...whole(1, 65535), required: true },
};

type Defaults = "local" | "remote" | "mtu" | "queueFrames" | "queueBytes";

const MTU_MAXIMUM: number = DATAGRAM_LENGTH - ETHERNET_FRONT;

export const datagramPortFields: Fields<DatagramPortOptions, Defaults> = {
  local: { ...object<DatagramEnd, "address" | "port">(localFields), required: true },
  remote: { ...object<DatagramEnd, "address" | "port">(remoteFields), required: true },
  mtu: { ...whole(46, MTU_MAXIMUM), fallback: MTU_MAXIMUM },
  name: text(),
  ...QUEUE_FIELDS,
};

/** @throws ArgumentError that names the option. */
export function datagramPlan(options: DatagramPortOptions): DatagramPlan {
  const checked = checkFields<DatagramPortOptions, Defaults>("options", datagramPortFields, options);
  const [local, remote] = [checked.local, checked.remote].map(({ address, port }) => {
    const bytes = parseIp("address", address);
    return { length: bytes.length, end: { address: formatIp(bytes), port } };
  }) as [{ length: number; end: DatagramEndpoint }, { length: number; end: DatagramEndpoint }];
  if (local.length !== remote.length) {
    const sentence = `${remote.end.address} is of another family than local.address, ${local.end.address}`;
    throw new ArgumentRangeError("contradiction", "remote.address", sentence);
  }
  return {
    family: local.length === 4 ? 4 : 6,
    local: local.end,
    remote: remote.end,
    mtu: checked.mtu,
    name: checked.name,
    queueFrames: checked.queueFrames,
    queueBytes: checked.queueBytes,
  };
}

/** `127.0.0.1:5000`, `[::1]:5000`. */
export function endText({ address, port }: DatagramEndpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
