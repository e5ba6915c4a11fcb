// What the parts of a machine know of it, and what they need in common.

import {
  ETHERNET_DESTINATION,
  ETHERNET_LENGTH,
  ETHERNET_SOURCE,
  ETHERNET_TYPE,
} from "../layout/ethernet.layout.ts";
import { write16 } from "../wire/bytes.ts";
import type { Clock } from "./clock.ts";
import type { ReceivedDatagram } from "./received.ts";

/** The machine, as its IP sees it. */
export interface Station {
  readonly mac: Uint8Array;
  /** Longest packet that its network card takes, in bytes. */
  readonly mtu: number;
  readonly clock: Clock;
  transmit(frame: Uint8Array): void;
  /** Takes a datagram that has come to its end. */
  deliver(datagram: ReceivedDatagram): void;
  /** Counts what cannot be read, and what is for somebody else. */
  malformed(): void;
  foreign(): void;
}

/** How a packet is to be sent. */
export interface SendOptions {
  /** Default 64. */
  readonly ttl?: number | undefined;
  /**
   * `"must"`: a packet that is longer than the path allows is not sent. `"prefer"` (default): fragments then, and
   * don't-fragment otherwise, which is how a path's MTU is found. `"never"`: fragments, no don't-fragment.
   */
  readonly whole?: "must" | "prefer" | "never" | undefined;
  /** Called if nobody answers for the next hop. */
  readonly unheard?: (() => void) | undefined;
}

/** Why a packet was not sent. */
export type Refusal =
  | { readonly kind: "no-route" }
  | { readonly kind: "packet-too-big"; readonly mtu: number };

/** A key for maps: the same for the same address. */
export type IpKey = number | string;

export function ipKey(ip: Uint8Array): IpKey {
  if (ip.length !== 4) return String.fromCharCode(...ip);
  return (
    (((ip[0] as number) << 24) | ((ip[1] as number) << 16) | ((ip[2] as number) << 8) | (ip[3] as number)) >>>
    0
  );
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** An Ethernet frame with room for `length` bytes behind its header; the destination may be filled in later. */
export function frameFrom(
  source: Uint8Array,
  etherType: number,
  length: number,
  destination?: Uint8Array,
): Uint8Array {
  const frame = new Uint8Array(ETHERNET_LENGTH + length);
  if (destination !== undefined) frame.set(destination, ETHERNET_DESTINATION);
  frame.set(source, ETHERNET_SOURCE);
  write16(frame, ETHERNET_TYPE, etherType);
  return frame;
}
