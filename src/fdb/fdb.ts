// The forwarding database: (bridge domain, MAC) -> destination. The table and its kernels work in the one memory.

import { type MacAddress, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { byteArray, closed, wholeNumber } from "../core/arguments.ts";
import { bigint, checkFields, type Fields, whole } from "../core/fields.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import { MAC_LENGTH } from "../layout/ethernet.layout.ts";
import {
  BRIDGE_DOMAIN_MAXIMUM,
  FDB_CAPACITY_MAXIMUM,
  FDB_ENTRIES,
  FDB_HEADER_LENGTH,
  KEY_LENGTH,
  NO_DESTINATION,
  VALUE_FLAGS,
  VALUE_LENGTH,
  VALUE_PRESENT,
} from "../layout/fdb.layout.ts";
import { reserveTable } from "./table-memory.ts";

export { NO_DESTINATION };

export interface FdbOptions {
  /** Most entries: 1 to 16,777,216, default 65,536. The table takes 32 to 64 bytes for each. */
  readonly capacity?: number | undefined;
  /**
   * Seed of the hash, 64 bits. By default random, so that nobody can aim addresses at one bucket;
   * give one to repeat a run exactly.
   */
  readonly seed?: bigint | undefined;
}

const FDB_FIELDS: Fields<FdbOptions, "capacity"> = {
  capacity: { ...whole(1, FDB_CAPACITY_MAXIMUM), fallback: 65536 },
  seed: bigint(),
};

/** Keys are handed to a kernel in bursts of this many. */
const BURST = 256;

/**
 * Writes the key of a bridge domain (0 to 65,535) and a MAC as entry `index` of `keys`:
 * six bytes of MAC, then the domain, little-endian. `keys` holds 8 bytes an entry.
 */
export function writeFdbKey(keys: Uint8Array, index: number, bridgeDomain: number, mac: MacAddress): void {
  wholeNumber("bridgeDomain", bridgeDomain, 0, BRIDGE_DOMAIN_MAXIMUM);
  wholeNumber("index", index, 0, Math.floor(byteArray("keys", keys).length / KEY_LENGTH) - 1);
  const bytes = parseMac("mac", mac);
  if (bytes.every((byte) => byte === 0))
    throw new ArgumentRangeError("malformed", "mac", "00:00:00:00:00:00 is nobody's address");
  keys.set(bytes, index * KEY_LENGTH);
  keys[index * KEY_LENGTH + MAC_LENGTH] = bridgeDomain & 0xff;
  keys[index * KEY_LENGTH + MAC_LENGTH + 1] = bridgeDomain >>> 8;
}

export class Fdb {
  readonly kernels: Kernels;
  /** Most entries it takes. */
  readonly capacity: number;
  /** Address of the table's header, for kernels. */
  readonly address: number;
  readonly #table: number;
  readonly #tableLength: number;
  readonly #keys: number;
  readonly #values: number;
  readonly #single: Uint8Array = new Uint8Array(KEY_LENGTH);
  readonly #destination: Uint32Array = new Uint32Array(1);
  #closed = false;

  constructor(kernels: Kernels, options: FdbOptions = {}) {
    const { capacity, seed } = checkFields<FdbOptions, "capacity">("options", FDB_FIELDS, options);
    this.kernels = expectKernels(kernels);
    this.capacity = capacity;
    const memory = reserveTable(kernels, { capacity, seed, beside: 2 * BURST * KEY_LENGTH });
    this.address = memory.address;
    this.#table = memory.table;
    this.#tableLength = memory.tableLength;
    this.#keys = this.address + FDB_HEADER_LENGTH;
    this.#values = this.#keys + BURST * KEY_LENGTH;
  }

  /** How many entries it holds. */
  get size(): number {
    this.#open();
    return this.kernels.view.getUint32(this.address + FDB_ENTRIES, true);
  }

  /**
   * Enters or changes where `mac` of `bridgeDomain` is reached: `destination` is any number from 0 to 2^32 - 2.
   * Returns false, and changes nothing, if the table is full.
   */
  insert(bridgeDomain: number, mac: MacAddress, destination: number): boolean {
    writeFdbKey(this.#single, 0, bridgeDomain, mac);
    this.#destination[0] = wholeNumber("destination", destination, 0, NO_DESTINATION - 1);
    return this.insertMany(this.#single, this.#destination) === 1;
  }

  /** Where `mac` of `bridgeDomain` is reached; undefined if it is not known. */
  lookup(bridgeDomain: number, mac: MacAddress): number | undefined {
    writeFdbKey(this.#single, 0, bridgeDomain, mac);
    return this.lookupMany(this.#single, this.#destination) === 1 ? this.#destination[0] : undefined;
  }

  /** Takes an entry out; false if it was not there. */
  remove(bridgeDomain: number, mac: MacAddress): boolean {
    writeFdbKey(this.#single, 0, bridgeDomain, mac);
    return this.removeMany(this.#single) === 1;
  }

  /**
   * Enters `destinations.length` keys (see `writeFdbKey`) in order. Returns how many went in:
   * fewer than asked means that the table is full, and the rest was not tried.
   * @throws RangeError for a MAC of zeroes and for NO_DESTINATION, before anything goes in.
   */
  insertMany(keys: Uint8Array, destinations: Uint32Array): number {
    const count = this.#count(keys, destinations);
    for (let i = 0; i < count; i++) checkEntry(keys, destinations, i);
    const { view, functions } = this.kernels;
    for (let start = 0; start < count; start += BURST) {
      const burst = this.#loadKeys(keys, start, count);
      for (let i = 0; i < burst; i++) {
        const value = this.#values + i * VALUE_LENGTH;
        view.setUint32(value, destinations[start + i] as number, true);
        view.setUint32(value + VALUE_FLAGS, VALUE_PRESENT, true);
      }
      const done = functions.fdbInsert(this.address, this.#keys, burst, this.#values);
      if (done < burst) return start + done;
    }
    return count;
  }

  /** Looks `destinations.length` keys up; writes a destination or NO_DESTINATION for each; returns how many it found. */
  lookupMany(keys: Uint8Array, destinations: Uint32Array): number {
    const count = this.#count(keys, destinations);
    const { words, functions } = this.kernels;
    let found = 0;
    for (let start = 0; start < count; start += BURST) {
      const burst = this.#loadKeys(keys, start, count);
      found += functions.fdbLookupPlain(this.address, this.#keys, burst, this.#values);
      const first = this.#values >>> 2;
      destinations.set(words.subarray(first, first + burst), start);
    }
    return found;
  }

  /** Takes all these keys out; returns how many were there. */
  removeMany(keys: Uint8Array): number {
    this.#open();
    const count = Math.floor(byteArray("keys", keys).length / KEY_LENGTH);
    let removed = 0;
    for (let start = 0; start < count; start += BURST) {
      const burst = this.#loadKeys(keys, start, count);
      removed += this.kernels.functions.fdbRemove(this.address, this.#keys, burst);
    }
    return removed;
  }

  /** Takes every entry out. */
  clear(): void {
    this.#open();
    this.kernels.bytes.fill(0, this.#table, this.#table + this.#tableLength);
    this.kernels.view.setUint32(this.address + FDB_ENTRIES, 0, true);
  }

  /** Gives the memory back. The table cannot be used afterwards. */
  close(): void {
    // Only once: by now the memory may be someone else's.
    if (this.#closed) return;
    this.#closed = true;
    this.kernels.plan.release(this.address);
    this.kernels.plan.release(this.#table);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(): void {
    if (this.#closed) throw closed("fdb");
  }

  #count(keys: Uint8Array, destinations: Uint32Array): number {
    this.#open();
    if (!(destinations instanceof Uint32Array))
      throw new ArgumentTypeError("wrong-type", "destinations", "expected a Uint32Array");
    if (byteArray("keys", keys).length < destinations.length * KEY_LENGTH) {
      throw new ArgumentRangeError(
        "out-of-range",
        "keys",
        `${destinations.length} keys take ${destinations.length * KEY_LENGTH} bytes, got ${keys.length}`,
      );
    }
    return destinations.length;
  }

  #loadKeys(keys: Uint8Array, start: number, count: number): number {
    const burst = Math.min(BURST, count - start);
    this.kernels.bytes.set(keys.subarray(start * KEY_LENGTH, (start + burst) * KEY_LENGTH), this.#keys);
    return burst;
  }
}

/** A key of zeroes marks a free slot, and NO_DESTINATION could not be told from nothing found. */
function checkEntry(keys: Uint8Array, destinations: Uint32Array, index: number): void {
  const at = index * KEY_LENGTH;
  let mac = 0;
  for (let i = at; i < at + MAC_LENGTH; i++) mac |= keys[i] as number;
  if (mac === 0)
    throw new ArgumentRangeError(
      "malformed",
      "keys",
      `00:00:00:00:00:00 is nobody's address, got it as entry ${index}`,
    );
  if (destinations[index] === NO_DESTINATION)
    throw new ArgumentRangeError(
      "out-of-range",
      "destinations",
      `expected at most ${NO_DESTINATION - 1}, got more as entry ${index}`,
    );
}
