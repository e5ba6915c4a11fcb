// Pings: echo requests that were sent, and what came back.

import { type Fields, flag, whole } from "../core/fields.ts";
import type { Clock } from "./clock.ts";

/** What a packet has room for beside its headers for IPv4 and ICMP, or UDP. */
export const ECHO_MAXIMUM = 65507;

export interface PingOptions {
  /** Bytes of echo data: 0 to 65,507, default 56. A packet of 1,500 bytes is a `size` of 1,472, over IPv6 1,452. */
  readonly size?: number | undefined;
  /** Forbids fragments (IPv4's don't-fragment bit). Default true. */
  readonly df?: boolean | undefined;
  /** 1 to 255, default 64. */
  readonly ttl?: number | undefined;
  /** How many requests, one each second of virtual time: 1 to 65,535, default 1. */
  readonly count?: number | undefined;
}

export type PingDefaults = "size" | "df" | "ttl" | "count";

export const PING_FIELDS: Fields<PingOptions, PingDefaults> = {
  size: { ...whole(0, ECHO_MAXIMUM), fallback: 56 },
  df: { ...flag(), fallback: true },
  ttl: { ...whole(1, 255), fallback: 64 },
  count: { ...whole(1, 65535), fallback: 1 },
};

/** Why a ping was not answered: an ICMP error, or the machine's own finding. */
export interface PingError {
  readonly kind: "no-route" | "no-neighbour" | "packet-too-big" | "ttl-exceeded" | "unreachable" | "other";
  /** Who said so: the address of a router, or the machine's own. */
  readonly from: string;
  /** Of `packet-too-big`: the longest packet that may pass, in bytes. */
  readonly mtu?: number | undefined;
  /** Type and code of the ICMP message; the machine's own findings have none. */
  readonly type?: number | undefined;
  readonly code?: number | undefined;
}

/** What is known of a ping so far. */
export interface PingHandle {
  readonly to: string;
  /** Requests that have left the machine's IP so far; they may wait for a neighbour still. */
  readonly sent: number;
  readonly replies: number;
  /** Replies to a request that had been answered before. */
  readonly duplicates: number;
  /** Round-trip times of the replies, in milliseconds of virtual time. */
  readonly rttMs: readonly number[];
  readonly errors: readonly PingError[];
}

export class Ping implements PingHandle {
  readonly to: string;
  readonly identifier: number;
  readonly rttMs: number[] = [];
  readonly errors: PingError[] = [];
  readonly #sentUs: number[] = [];
  readonly #answered: Set<number> = new Set();
  #duplicates = 0;

  constructor(to: string, identifier: number) {
    this.to = to;
    this.identifier = identifier;
  }

  get sent(): number {
    return this.#sentUs.length;
  }

  get replies(): number {
    return this.rttMs.length;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  /** The sequence number of a request that leaves now: from 1. */
  next(nowUs: number): number {
    return this.#sentUs.push(nowUs);
  }

  reply(sequence: number, nowUs: number): void {
    const sentUs = this.#sentUs[sequence - 1];
    if (sentUs === undefined) return;
    if (this.#answered.has(sequence)) {
      this.#duplicates++;
      return;
    }
    this.#answered.add(sequence);
    this.rttMs.push((nowUs - sentUs) / 1000);
  }
}

const IDENTIFIERS = 0xffff;

/** The pings of a machine, by the identifier in their requests. */
export class Pings {
  readonly #clock: Clock;
  #pings: Map<number, Ping> | undefined;
  #made = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins one; `send` is called for each request. The oldest of 65,535 is forgotten. */
  begin(to: string, count: number, send: (ping: Ping, sequence: number) => void): Ping {
    const ping = new Ping(to, (this.#made++ % IDENTIFIERS) + 1);
    this.#pings ??= new Map();
    this.#pings.set(ping.identifier, ping);
    const request = (left: number): void => {
      send(ping, ping.next(this.#clock.nowUs));
      if (left > 1) this.#clock.later(1000, () => request(left - 1));
    };
    request(count);
    return ping;
  }

  get(identifier: number): Ping | undefined {
    return this.#pings?.get(identifier);
  }
}
