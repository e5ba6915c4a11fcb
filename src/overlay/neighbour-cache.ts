// Who has which MAC: what a machine has heard by ARP (RFC 826) or neighbour discovery (RFC 4861), and the packets that
// wait for an answer.

import { ETHERNET_DESTINATION } from "../layout/ethernet.layout.ts";
import { type IpKey, ipKey, type Station } from "./station.ts";

/** How long an answer holds, and how often and at which distance is asked for one. */
const HOLDS_US = 300e6;
const TRIES = 3;
const TRY_MS = 1000;
/** Packets that wait for one neighbour; the oldest go first. */
const WAITING_MAXIMUM = 128;

interface Known {
  readonly ip: Uint8Array;
  readonly mac: Uint8Array;
  readonly untilUs: number;
}

interface Waiting {
  readonly frames: { readonly frame: Uint8Array; readonly unheard: (() => void) | undefined }[];
  tries: number;
}

export class NeighbourCache {
  readonly #station: Station;
  readonly #ask: (ip: Uint8Array) => void;
  // Made when there is something to hold: most machines of a large network never speak.
  #known: Map<IpKey, Known> | undefined;
  #waiting: Map<IpKey, Waiting> | undefined;

  /** `ask` sends a request for an address. */
  constructor(station: Station, ask: (ip: Uint8Array) => void) {
    this.#station = station;
    this.#ask = ask;
  }

  /** Sends a frame to the neighbour that has `ip`, as soon as its MAC is known; it is filled in. */
  send(ip: Uint8Array, frame: Uint8Array, unheard?: () => void): void {
    const key = ipKey(ip);
    const known = this.#known?.get(key);
    if (known !== undefined && known.untilUs > this.#station.clock.nowUs) {
      frame.set(known.mac, ETHERNET_DESTINATION);
      this.#station.transmit(frame);
      return;
    }
    const waiting = this.#waiting?.get(key);
    if (waiting !== undefined) {
      if (waiting.frames.length === WAITING_MAXIMUM) waiting.frames.shift()?.unheard?.();
      waiting.frames.push({ frame, unheard });
      return;
    }
    this.#waiting ??= new Map();
    this.#waiting.set(key, { frames: [{ frame, unheard }], tries: 0 });
    this.#try(ip.slice(), key);
  }

  /** Takes in who has `ip`. Without `create` only if that matters already (RFC 826: the merge flag). */
  learn(ip: Uint8Array, mac: Uint8Array, create: boolean): void {
    const key = ipKey(ip);
    if (!create && !this.isAwaited(key)) return;
    const waiting = this.#waiting?.get(key);
    const untilUs = this.#station.clock.nowUs + HOLDS_US;
    this.#known ??= new Map();
    this.#known.set(key, { ip: ip.slice(), mac: mac.slice(), untilUs });
    if (waiting === undefined) return;
    this.#waiting?.delete(key);
    for (const { frame } of waiting.frames) {
      frame.set(mac, ETHERNET_DESTINATION);
      this.#station.transmit(frame);
    }
  }

  /** Whether what is heard of an address matters: it is known, or waited for. */
  isAwaited(key: IpKey): boolean {
    return this.#known?.has(key) === true || this.#waiting?.has(key) === true;
  }

  *entries(): Generator<{ ip: Uint8Array; mac: Uint8Array }, void, undefined> {
    const { nowUs } = this.#station.clock;
    for (const { ip, mac, untilUs } of this.#known?.values() ?? []) if (untilUs > nowUs) yield { ip, mac };
  }

  clear(): void {
    this.#known?.clear();
  }

  #try(ip: Uint8Array, key: IpKey): void {
    const waiting = this.#waiting?.get(key);
    if (waiting === undefined) return;
    if (waiting.tries === TRIES) {
      this.#waiting?.delete(key);
      for (const { unheard } of waiting.frames) unheard?.();
      return;
    }
    const round = ++waiting.tries;
    this.#ask(ip);
    this.#station.clock.later(TRY_MS, () => {
      // Somebody may have answered since, and been forgotten, and be asked for again.
      if (this.#waiting?.get(key) === waiting && waiting.tries === round) this.#try(ip, key);
    });
  }
}
