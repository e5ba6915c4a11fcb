// Where packets leave by: which socket, and the destination as text, which is what Node sends to. Both are found once for
// a pair of addresses; a table of fixed size remembers it, and what falls out of it is found again.

import { formatIp } from "../core/addresses.ts";
import type { Remotes } from "./carrier-options.ts";

/** Between two addresses; `A` is what stands for one of this machine, whose text finds it. */
export interface Way<A> {
  readonly from: A;
  readonly to: string;
  /** Ports there that something may go to. */
  readonly ports: ReadonlySet<number> | "all";
}

interface Slot<A> {
  readonly addresses: Uint8Array;
  /** Undefined: nothing may go there, or not from there. */
  readonly way: Way<A> | undefined;
}

/** A power of two: some hundred kilobytes when all are in use. */
const SLOTS = 4096;

export class CarrierWays<A extends { readonly text: string }> {
  readonly #own: ReadonlyMap<string, A>;
  #remotes: Remotes | undefined;
  #slots: (Slot<A> | undefined)[] = [];

  constructor(own: readonly A[], remotes: Remotes | undefined) {
    this.#own = new Map(own.map((address) => [address.text, address]));
    this.#remotes = remotes;
  }

  set remotes(remotes: Remotes | undefined) {
    this.#remotes = remotes;
    this.#slots = [];
  }

  /** Whether datagrams from there are taken. */
  takes(address: string, port: number): boolean {
    if (this.#remotes === undefined) return true;
    const ports = this.#remotes.get(address);
    return ports === "all" || ports?.has(port) === true;
  }

  /** The way of a frame with two addresses of `length` bytes from `at` on. */
  find(frame: Uint8Array, at: number, length: number): Way<A> | undefined {
    const end = at + 2 * length;
    let hash = length;
    for (let i = at; i < end; i++) hash = (Math.imul(hash, 31) + (frame[i] as number)) | 0;
    const index = (hash ^ (hash >>> 12)) & (SLOTS - 1);
    const slot = this.#slots[index];
    if (slot !== undefined && isAt(slot.addresses, frame, at, end)) return slot.way;
    const way = this.#search(frame.subarray(at, at + length), frame.subarray(at + length, end));
    this.#slots[index] = { addresses: frame.slice(at, end), way };
    return way;
  }

  #search(source: Uint8Array, destination: Uint8Array): Way<A> | undefined {
    const from = this.#own.get(formatIp(source));
    const to = formatIp(destination);
    const ports = this.#remotes === undefined ? "all" : this.#remotes.get(to);
    return from === undefined || ports === undefined ? undefined : { from, to, ports };
  }
}

function isAt(addresses: Uint8Array, frame: Uint8Array, at: number, end: number): boolean {
  if (addresses.length !== end - at) return false;
  for (let i = at; i < end; i++) if (addresses[i - at] !== frame[i]) return false;
  return true;
}
