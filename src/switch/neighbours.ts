// Neighbours of a switch: which MAC an IP address has in a bridge domain. ARP requests are answered from them, and
// routers find the hosts of their connected networks there.

import { formatIp } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { Fdb, NO_DESTINATION } from "../fdb/fdb.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  NEIGHBOUR_ADDRESS,
  NEIGHBOUR_FLAGS,
  NEIGHBOUR_GATEWAY,
  NEIGHBOUR_IPV4,
  NEIGHBOUR_IPV6,
  NEIGHBOUR_LENGTH,
  NEIGHBOUR_MAC,
  NEIGHBOUR_NEXT,
  SWITCH_NEIGHBOUR_RECORDS,
  SWITCH_NEIGHBOURS,
} from "../layout/switch.layout.ts";
import { condensed } from "./condense.ts";

export interface Neighbour {
  /** Number of the bridge domain; 0 is the uplink. */
  readonly domain: number;
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
  readonly mac: Uint8Array;
  /** Whether it is an address of the switch itself. */
  readonly gateway: boolean;
}

/** Told of every neighbour that appears, changes or goes (`mac` undefined). */
export type NeighbourListener = (domain: number, ip: Uint8Array, mac: Uint8Array | undefined) => void;

interface Entry extends Neighbour {
  readonly record: number;
}

/**
 * The table in memory, entered in the switch record at `switchAddress`. It changes only between bursts: callers see
 * to that. Arguments are checked before they come here, but for what the table itself knows.
 */
export class Neighbours {
  readonly capacity: number;
  readonly #kernels: Kernels;
  readonly #switch: number;
  readonly #table: Fdb;
  readonly #records: number;
  readonly #entries = new Map<string, Entry>();
  readonly #free: number[] = [];
  readonly #listeners = new Set<NeighbourListener>();
  readonly #key = new Uint8Array(8);
  readonly #destination = new Uint32Array(1);
  #fresh = 1;

  constructor(kernels: Kernels, switchAddress: number, capacity: number, seed?: bigint) {
    this.capacity = capacity;
    this.#kernels = kernels;
    this.#switch = switchAddress;
    this.#table = new Fdb(kernels, seed === undefined ? { capacity } : { capacity, seed });
    try {
      // Records are numbered from 1.
      this.#records = kernels.plan.reserve(
        `a table of ${capacity} neighbours`,
        (capacity + 1) * NEIGHBOUR_LENGTH,
      );
    } catch (error) {
      this.#table.close();
      throw error;
    }
    kernels.view.setUint32(switchAddress + SWITCH_NEIGHBOUR_RECORDS, this.#records, true);
    kernels.view.setUint32(switchAddress + SWITCH_NEIGHBOURS, this.#table.address, true);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(domain: number, ip: Uint8Array): Neighbour | undefined {
    return this.#entries.get(nameOf(domain, ip));
  }

  /** Enters a neighbour, or changes its MAC. Throws a RangeError if the table is full. */
  set(domain: number, ip: Uint8Array, mac: Uint8Array, gateway = false): void {
    const name = nameOf(domain, ip);
    const old = this.#entries.get(name);
    if (old?.gateway === true && !gateway)
      throw new ArgumentRangeError("taken", "ip", `${formatIp(ip)} is an address of the switch itself`);
    if (old === undefined && this.#entries.size >= this.capacity) {
      throw new ArgumentRangeError(
        "full",
        "neighbours",
        `the table holds ${this.capacity}, and all are taken`,
      );
    }
    const { bytes, view } = this.#kernels;
    const record = old?.record ?? this.#free.pop() ?? this.#fresh++;
    const at = this.#records + record * NEIGHBOUR_LENGTH;
    if (old === undefined) {
      bytes.fill(0, at, at + NEIGHBOUR_LENGTH);
      bytes.set(ip, at + NEIGHBOUR_ADDRESS);
    }
    view.setUint32(at + NEIGHBOUR_FLAGS, gateway ? NEIGHBOUR_GATEWAY : 0, true);
    bytes.set(mac, at + NEIGHBOUR_MAC);
    if (old === undefined) {
      // Addresses that share a key are chained, the newest first.
      const first = this.#find(domain, ip);
      view.setUint32(at + NEIGHBOUR_NEXT, first, true);
      this.#enter(record);
    }
    const entry: Entry = { domain, ip: ip.slice(), mac: mac.slice(), gateway, record };
    this.#entries.set(name, entry);
    for (const tell of this.#listeners) tell(domain, entry.ip, entry.mac);
  }

  /** Takes a neighbour out; false if it was not there. */
  delete(domain: number, ip: Uint8Array): boolean {
    const name = nameOf(domain, ip);
    const entry = this.#entries.get(name);
    if (entry === undefined) return false;
    const { view } = this.#kernels;
    const next = view.getUint32(this.#records + entry.record * NEIGHBOUR_LENGTH + NEIGHBOUR_NEXT, true);
    let before = this.#find(domain, ip);
    if (before === entry.record) {
      if (next === 0) this.#table.removeMany(this.#key);
      else this.#enter(next);
    } else {
      const link = (record: number) => this.#records + record * NEIGHBOUR_LENGTH + NEIGHBOUR_NEXT;
      while (view.getUint32(link(before), true) !== entry.record) before = view.getUint32(link(before), true);
      view.setUint32(link(before), next, true);
    }
    this.#entries.delete(name);
    this.#free.push(entry.record);
    for (const tell of this.#listeners) tell(domain, entry.ip, undefined);
    return true;
  }

  /** Takes out all neighbours of a bridge domain that goes. */
  deleteDomain(domain: number): void {
    for (const entry of [...this.#entries.values()])
      if (entry.domain === domain) this.delete(domain, entry.ip);
  }

  entries(): IterableIterator<Neighbour> {
    return this.#entries.values();
  }

  /** Calls `listener` for every change from now on; returns what ends that. */
  watch(listener: NeighbourListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    const { view, plan } = this.#kernels;
    view.setUint32(this.#switch + SWITCH_NEIGHBOURS, 0, true);
    this.#listeners.clear();
    this.#entries.clear();
    this.#table.close();
    plan.release(this.#records);
  }

  /** Writes the key of an address; returns the number of the first record that has it, or 0. */
  #find(domain: number, ip: Uint8Array): number {
    const key = this.#key;
    if (ip.length === 4) key.set(ip);
    else {
      // Never zero, and never 0xff in front: the table has its own use for such keys.
      const number = (condensed(ip) & ~1) | 2;
      for (let i = 0; i < 4; i++) key[i] = number >>> (8 * i);
    }
    key[4] = domain & 0xff;
    key[5] = domain >>> 8;
    key[6] = ip.length === 4 ? NEIGHBOUR_IPV4 : NEIGHBOUR_IPV6;
    this.#table.lookupMany(key, this.#destination);
    const first = this.#destination[0] as number;
    return first === NO_DESTINATION ? 0 : first;
  }

  /** Lets the key that #find has written lead to `record`. */
  #enter(record: number): void {
    this.#destination[0] = record;
    this.#table.insertMany(this.#key, this.#destination);
  }
}

function nameOf(domain: number, ip: Uint8Array): string {
  return `${domain}/${formatIp(ip)}`;
}
