// Who may send into which bridge domain: a table from outer source address, kind of tunnel and VNI to tunnel and domain.
// It is as large as it needs to be: nothing is read between two bursts, so it can be replaced by a larger or a smaller.

import { reserveTable, type TableMemory } from "../fdb/table-memory.ts";
import {
  BUCKET_LENGTH,
  BUCKET_SLOTS,
  BUCKET_VALUES,
  FDB_ENTRIES,
  FDB_HEADER_LENGTH,
  KEY_LENGTH,
  VALUE_LENGTH,
  VALUE_PRESENT,
} from "../layout/fdb.layout.ts";
import {
  REMOTE_DOMAIN_SHIFT,
  REMOTE_IPV4,
  REMOTE_IPV6,
  REMOTE_KIND_SHIFT,
  REMOTE_NVGRE,
  REMOTE_TUNNEL_SHIFT,
  REMOTE_VNI,
  SWITCH_REMOTES,
} from "../layout/switch.layout.ts";
import { bitsOf } from "./condense.ts";
import type { SwitchMemory } from "./switch-memory.ts";

const CAPACITY_LEAST = 16;
/** Entries that are moved to another table in one call. */
const BURST = 64;
/** An entry in words: its key and its value. */
const ENTRY_WORDS = 4;
/** In the second word of a key: the VNI is below. */
const KIND_SHIFT: number = REMOTE_KIND_SHIFT - 32;
const TUNNEL_SHIFT: number = REMOTE_TUNNEL_SHIFT - 32;
/** In place of an address where only the VNI counts. */
const ANYBODY = 0xffffffff;

export class Remotes {
  readonly #memory: SwitchMemory;
  /** Of the hash: nobody can aim addresses at one bucket. */
  readonly #seed: bigint = crypto.getRandomValues(new BigUint64Array(1))[0] as bigint;
  #capacity: number = CAPACITY_LEAST;
  #table: TableMemory;

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
    this.#table = this.#reserve(CAPACITY_LEAST);
    memory.set(SWITCH_REMOTES, this.#table.address);
  }

  /** Makes room for so many more, so that they can be entered without fail. */
  prepare(count: number): void {
    let capacity = this.#capacity;
    while (this.#size + count > capacity) capacity *= 2;
    if (capacity > this.#capacity) this.#resize(capacity);
  }

  /** Lets the remote of tunnel `port`, of this kind, send into a bridge domain. `remote`: 4 or 16 bytes. */
  allow(remote: Uint8Array, kind: number, vni: number, port: number, domain: number): void {
    const destination = (port | (domain << REMOTE_DOMAIN_SHIFT)) >>> 0;
    this.#insert(bitsOf(remote), remoteKey(remote, kind, vni), destination);
  }

  refuse(remote: Uint8Array, kind: number, vni: number): void {
    this.#remove(bitsOf(remote), remoteKey(remote, kind, vni));
  }

  /** Says that GRE of this remote is NVGRE. */
  addNvgre(remote: Uint8Array): void {
    this.#insert(bitsOf(remote), nvgreKey(remote), 0);
  }

  removeNvgre(remote: Uint8Array): void {
    this.#remove(bitsOf(remote), nvgreKey(remote));
  }

  /** Says that a VNI is one of ours, so that a packet from elsewhere gets the right reason. */
  addVni(vni: number, domain: number): void {
    this.#insert(ANYBODY, vni | (REMOTE_VNI << KIND_SHIFT), domain);
  }

  removeVni(vni: number): void {
    this.#remove(ANYBODY, vni | (REMOTE_VNI << KIND_SHIFT));
  }

  close(): void {
    this.#release(this.#table);
  }

  get #size(): number {
    return this.#memory.kernels.words[(this.#table.address + FDB_ENTRIES) >>> 2] as number;
  }

  /** Keys stand behind the header, and their values behind them. */
  get #keys(): number {
    return this.#table.address + FDB_HEADER_LENGTH;
  }

  get #values(): number {
    return this.#keys + BURST * KEY_LENGTH;
  }

  #insert(low: number, high: number, destination: number): void {
    const { words, functions } = this.#memory.kernels;
    for (;;) {
      const key = this.#keys >>> 2;
      const value = this.#values >>> 2;
      words[key] = low;
      words[key + 1] = high;
      words[value] = destination;
      words[value + 1] = VALUE_PRESENT;
      if (functions.fdbInsert(this.#table.address, this.#keys, 1, this.#values) === 1) return;
      this.#resize(2 * this.#capacity);
    }
  }

  #remove(low: number, high: number): void {
    const { words, functions } = this.#memory.kernels;
    words[this.#keys >>> 2] = low;
    words[(this.#keys >>> 2) + 1] = high;
    functions.fdbRemove(this.#table.address, this.#keys, 1);
    const capacity = this.#capacity / 2;
    if (capacity >= CAPACITY_LEAST && this.#size <= capacity / 2) this.#resize(capacity);
  }

  #resize(capacity: number): void {
    const entries = this.#entries();
    const old = this.#table;
    // A smaller table finds room where the old one was: removing cannot fail for lack of memory.
    const smaller = capacity < this.#capacity;
    if (smaller) this.#release(old);
    this.#table = this.#reserve(capacity);
    if (!smaller) this.#release(old);
    this.#capacity = capacity;
    this.#memory.set(SWITCH_REMOTES, this.#table.address);
    this.#enter(entries);
  }

  /** All that is in the table. */
  #entries(): Uint32Array {
    const { words } = this.#memory.kernels;
    const entries = new Uint32Array(this.#size * ENTRY_WORDS);
    const { table, buckets } = this.#table;
    let filled = 0;
    for (let bucket = table; bucket < table + buckets * BUCKET_LENGTH; bucket += BUCKET_LENGTH) {
      for (let slot = 0; slot < BUCKET_SLOTS; slot++) {
        const key = (bucket + slot * KEY_LENGTH) >>> 2;
        // Its kind is never zero.
        if (words[key + 1] === 0) continue;
        const value = (bucket + BUCKET_VALUES + slot * VALUE_LENGTH) >>> 2;
        entries[filled++] = words[key] as number;
        entries[filled++] = words[key + 1] as number;
        entries[filled++] = words[value] as number;
        entries[filled++] = words[value + 1] as number;
      }
    }
    return entries;
  }

  #enter(entries: Uint32Array): void {
    const { words, functions } = this.#memory.kernels;
    const keys = this.#keys >>> 2;
    const values = this.#values >>> 2;
    for (let start = 0; start < entries.length; start += BURST * ENTRY_WORDS) {
      const count = Math.min(BURST, (entries.length - start) / ENTRY_WORDS);
      for (let i = 0; i < count; i++) {
        const entry = start + i * ENTRY_WORDS;
        words[keys + 2 * i] = entries[entry] as number;
        words[keys + 2 * i + 1] = entries[entry + 1] as number;
        words[values + 2 * i] = entries[entry + 2] as number;
        words[values + 2 * i + 1] = entries[entry + 3] as number;
      }
      functions.fdbInsert(this.#table.address, this.#keys, count, this.#values);
    }
  }

  #reserve(capacity: number): TableMemory {
    const beside = BURST * (KEY_LENGTH + VALUE_LENGTH);
    return reserveTable(this.#memory.kernels, { capacity, seed: this.#seed, beside });
  }

  #release({ table, address }: TableMemory): void {
    const { plan } = this.#memory.kernels;
    plan.release(table);
    plan.release(address);
  }
}

function remoteKey(remote: Uint8Array, kind: number, vni: number): number {
  return vni | (familyOf(remote) << KIND_SHIFT) | (kind << TUNNEL_SHIFT);
}

function nvgreKey(remote: Uint8Array): number {
  return (familyOf(remote) | REMOTE_NVGRE) << KIND_SHIFT;
}

function familyOf(remote: Uint8Array): number {
  return remote.length === 4 ? REMOTE_IPV4 : REMOTE_IPV6;
}
