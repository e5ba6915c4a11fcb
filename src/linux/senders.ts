// Who sends: what is known of each address and port from which datagrams come, found by the bytes that the system gives. A table of
// fixed size remembers it, and what falls out of it is found again: whoever floods with sources costs no more.

import { formatIp } from "../core/addresses.ts";
import { OuterHeaders } from "../sockets/outer-headers.ts";
import { addressAt, portAt } from "./socket-address.ts";

export interface Sender {
  readonly port: number;
  /** In front of what its datagrams carry; undefined: nothing is taken from there. */
  readonly headers: OuterHeaders | undefined;
}

interface Slot extends Sender {
  readonly bytes: Uint8Array;
}

/** A power of two. */
const SLOTS = 1024;
/** Of both kinds of structure family, port and addresses lie within. */
const LENGTH = 24;

export class Senders {
  readonly #own: Uint8Array;
  readonly #ownPort: number;
  readonly #takes: (address: string, port: number) => boolean;
  #slots: (Slot | undefined)[] = [];

  /** Of those who send to an own address and port. */
  constructor(own: Uint8Array, ownPort: number, takes: (address: string, port: number) => boolean) {
    this.#own = own;
    this.#ownPort = ownPort;
    this.#takes = takes;
  }

  /** The sender whose address lies at `at`. */
  find(bytes: Uint8Array, at: number): Sender {
    let hash = 0;
    const length = this.#own.length === 16 ? LENGTH : 8;
    for (let i = at; i < at + length; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
    const index = (hash ^ (hash >>> 10)) & (SLOTS - 1);
    const slot = this.#slots[index];
    if (slot !== undefined && isAt(slot.bytes, bytes, at)) return slot;
    const found = this.#search(bytes, at, length);
    this.#slots[index] = found;
    return found;
  }

  /** Other senders are taken now. */
  forget(): void {
    this.#slots = [];
  }

  #search(bytes: Uint8Array, at: number, length: number): Slot {
    const address = addressAt(bytes, at);
    const port = portAt(bytes, at);
    const isTaken = this.#takes(formatIp(address), port);
    return {
      bytes: bytes.slice(at, at + length),
      port,
      headers: isTaken ? new OuterHeaders(address, this.#own, this.#ownPort) : undefined,
    };
  }
}

function isAt(known: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[at + i]) return false;
  return true;
}
