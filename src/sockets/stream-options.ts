// What ports over byte streams are told: an end, which is an address of TCP or the path of a unix socket, and what all
// ports with a queue are told.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { checkFields, type Fields, type Kind, text, whole } from "../core/fields.ts";
import { ETHERNET_FRONT } from "../port/base-port.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";
import { type LengthBytes, STREAM_FRAME_MAXIMUM } from "./deframer.ts";
import {
  type AddressEnd,
  type AddressEndpoint,
  type EndFields,
  endpointOf,
  endText,
  localEndFields,
  remoteEndFields,
} from "./ends.ts";

/** Where a stream begins or ends: TCP over IPv4 or IPv6, or a unix socket's path. */
export type StreamEnd = AddressEnd | { readonly path: string };

/** The same, as it is. */
export type StreamEndpoint = AddressEndpoint | { readonly path: string };

/** What each port of a stream has. */
interface StreamTraits {
  /** 46 to 65,535 (65,517 where lengths have 2 bytes), default 1,500: bounds what is sent. */
  readonly mtu?: number | undefined;
  /** Bytes in front of each frame that say how long it is: 4 (default), as QEMU sends, or 2. Big-endian. */
  readonly lengthBytes?: LengthBytes | undefined;
  /** Frames that wait to be taken before no more are read from the peer: 1 to 2^31, default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Bytes that they may keep: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
}

export interface StreamPortOptions extends StreamTraits {
  /** Who listens. */
  readonly remote: StreamEnd;
  /** Default: `tcp-` or `unix-` and the peer, as `tcp-127.0.0.1:7201`. */
  readonly name?: string | undefined;
  /**
   * Milliseconds after which a peer that is not there, or not any more, is tried again: 10 to 60,000. Without it opening
   * rejects, and the port ends with its peer.
   */
  readonly retryMs?: number | undefined;
}

export interface StreamListenerOptions extends StreamTraits {
  /** Where peers come in: an address of this machine, with port 0 for a free one, or a path that nothing is at yet. */
  readonly local: StreamEnd;
  /** Most ports that are open at once, those that nobody has taken yet included: 1 to 65,536, default 64. */
  readonly most?: number | undefined;
}

type TraitDefaults = "mtu" | "lengthBytes" | "queueFrames" | "queueBytes";

/** What is left of the options for each port. */
export interface StreamPlan {
  readonly mtu: number;
  readonly lengthBytes: LengthBytes;
  readonly queueFrames: number;
  readonly queueBytes: number;
}

/** The longest path of a socket, in bytes: `sun_path` has 108 on Linux with a zero at its end, 104 elsewhere. */
const PATH_MAXIMUM = 103;

function socketPath(): Kind<string> {
  const expected = `a path of 1 to ${PATH_MAXIMUM} bytes`;
  const check = (path: string, value: unknown): string => {
    if (typeof value !== "string") throw wrongType(path, expected, value);
    const { length } = new TextEncoder().encode(value);
    if (length === 0 || length > PATH_MAXIMUM)
      throw new ArgumentRangeError("out-of-range", path, `expected ${expected}, got ${length} bytes`);
    if (value.includes("\0"))
      throw new ArgumentRangeError("malformed", path, `expected ${expected}, got one with a zero in it`);
    return value;
  };
  return { expected, check };
}

type PathEnd = Extract<StreamEnd, { path: string }>;

const pathFields: Fields<PathEnd, "path"> = { path: { ...socketPath(), required: true } };

function end(addressFields: EndFields): Kind<StreamEnd> {
  const expected = "{ address, port } or { path }";
  const check = (path: string, value: unknown): StreamEnd => {
    if (typeof value !== "object" || value === null) throw wrongType(path, expected, value);
    return "path" in value
      ? checkFields<PathEnd, "path">(path, pathFields, value, `${path}.`)
      : checkFields<AddressEnd, "address" | "port">(path, addressFields, value, `${path}.`);
  };
  return { expected, check };
}

function lengthBytes(): Kind<LengthBytes> {
  const expected = "2 or 4";
  const check = (path: string, value: unknown): LengthBytes => {
    if (typeof value !== "number") throw wrongType(path, expected, value);
    if (value !== 2 && value !== 4)
      throw new ArgumentRangeError("not-one-of", path, `expected ${expected}, got ${value}`);
    return value;
  };
  return { expected, check };
}

const MTU_MAXIMUM = 65535;
const MTU_DEFAULT = 1500;

const traitFields: Fields<StreamTraits, TraitDefaults> = {
  mtu: { ...whole(46, MTU_MAXIMUM), fallback: MTU_DEFAULT },
  lengthBytes: { ...lengthBytes(), fallback: 4 },
  ...QUEUE_FIELDS,
};

export const streamPortFields: Fields<StreamPortOptions, "remote" | TraitDefaults> = {
  remote: { ...end(remoteEndFields), required: true },
  name: text(),
  retryMs: whole(10, 60_000),
  ...traitFields,
};

export const streamListenerFields: Fields<StreamListenerOptions, "local" | "most" | TraitDefaults> = {
  local: { ...end(localEndFields), required: true },
  most: { ...whole(1, 65536), fallback: 64 },
  ...traitFields,
};

/** @throws ArgumentError if a frame of this MTU has a length that does not stand in so many bytes. */
export function expectLengths({ mtu, lengthBytes }: StreamPlan): void {
  const most = (lengthBytes === 2 ? 0xffff : STREAM_FRAME_MAXIMUM) - ETHERNET_FRONT;
  if (mtu <= most) return;
  const sentence = `with lengths of ${lengthBytes} bytes at most ${most} can be, got ${mtu}`;
  throw new ArgumentRangeError("contradiction", "mtu", sentence);
}

/** As text, for sockets, names and sentences. */
export function streamEndpointOf(streamEnd: StreamEnd): StreamEndpoint {
  return "path" in streamEnd ? { path: streamEnd.path } : endpointOf(streamEnd);
}

/** `127.0.0.1:7201`, `/run/vm.sock`. */
export function endpointText(endpoint: StreamEndpoint): string {
  return "path" in endpoint ? endpoint.path : endText(endpoint);
}

/** What Node's sockets and servers are told. */
export function systemEnd(endpoint: StreamEndpoint): { path: string } | { host: string; port: number } {
  return "path" in endpoint ? endpoint : { host: endpoint.address, port: endpoint.port };
}
