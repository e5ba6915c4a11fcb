// The FDB of a switch: what it has learned, and what it was told.

import { formatMac, type MacAddress, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { trueOrFalse, wrongType } from "../core/arguments.ts";
import { checkFields, fieldOf, onlyFields } from "../core/fields.ts";
import { WorkerLateError } from "../core/worker-late-error.ts";
import { reserveTable, type TableMemory } from "../fdb/table-memory.ts";
import {
  BUCKET_SLOTS,
  CHAIN_LENGTH,
  DESTINATION_PORT_MASK,
  FDB_CHAINS,
  FDB_DOMAIN_COUNT,
  FDB_DOMAIN_LENGTH,
  FDB_DOMAIN_LIMIT,
  FDB_DOMAINS,
  FDB_ENTRIES,
  FDB_EPOCH,
  FDB_EVENTS,
  FDB_LIMIT_NONE,
  FDB_LOCK,
  FDB_POLICY,
  FDB_POLICY_EVICT,
  FDB_PORT_COUNT,
  FDB_PORT_LENGTH,
  FDB_PORT_LIMIT,
  FDB_PORTS,
  FDB_READER_COUNT,
  FDB_READERS,
  FDB_REFUSED,
  KEY_DOMAIN,
  KEY_LENGTH,
  READER_IDLE,
  READER_LENGTH,
  STAMP_MASK,
  VALUE_BLACKHOLE,
  VALUE_FLAGS,
  VALUE_LENGTH,
  VALUE_PRESENT,
  VALUE_STATIC,
} from "../layout/fdb.layout.ts";
import { SWITCH_FDB } from "../layout/switch.layout.ts";
import { type FdbEvent, FdbEvents, type FdbOwner } from "./switch-fdb-events.ts";
import { FDB_ENTRY_FIELDS, FLUSH_FIELDS, SWEEP_FIELDS, SWITCH_FDB_FIELDS } from "./switch-options.ts";
import type {
  BridgeDomain,
  FdbEntryOptions,
  FlushOptions,
  SweepOptions,
  SwitchFdbOptions,
  SwitchPort,
} from "./switch-types.ts";

export interface FdbEntry {
  readonly bridgeDomain: BridgeDomain;
  readonly mac: string;
  readonly kind: "learned" | "static" | "blackhole";
  /** Where it is reached; undefined for a blackhole. */
  readonly port: SwitchPort | undefined;
  /** When it was last seen, in whole seconds of the caller's clock, modulo 2^24; 0 if it was not learned. */
  readonly seconds: number;
}

const ANY = 0xffffffff;
/** Buckets that are listed, flushed or swept in one call: well under a millisecond. */
const SLICE = 4096;
const LIST_SLICE = 64;
/** What a kernel answers when another thread holds the lock. */
const LOCKED = -1;
/** How long a worker that holds the lock is waited for: one that gets no core for a while does let go of it. */
const LOCK_MILLISECONDS = 500;

export class SwitchFdb {
  /** Most entries it takes. */
  readonly capacity: number;
  /** Address of the table's header, for kernels. */
  readonly address: number;
  readonly #owner: FdbOwner;
  readonly #table: TableMemory;
  readonly #ageSeconds: number;
  readonly #events: FdbEvents | undefined;
  readonly #list: number;
  #next = 0;

  /** Made by the switch. */
  constructor(owner: FdbOwner, options: SwitchFdbOptions) {
    const { capacity, ageSeconds, whenFull, seed, events } = checkFields(
      "fdb",
      SWITCH_FDB_FIELDS,
      options,
      "fdb.",
    );
    const { memory } = owner;
    this.#owner = owner;
    this.capacity = capacity;
    this.#ageSeconds = ageSeconds;
    this.#table = reserveTable(memory.kernels, { capacity, seed, beside: 0 });
    this.address = this.#table.address;
    try {
      const slots = this.#table.buckets * BUCKET_SLOTS;
      const ports = memory.portsMaximum + 1;
      const domains = memory.domainsMaximum + 1;
      this.#set(FDB_CHAINS, memory.reserve("an FDB's lists", slots * CHAIN_LENGTH));
      this.#set(FDB_PORTS, memory.reserve("an FDB's ports", ports * FDB_PORT_LENGTH));
      this.#set(FDB_DOMAINS, memory.reserve("an FDB's bridge domains", domains * FDB_DOMAIN_LENGTH));
      this.#set(FDB_PORT_COUNT, ports);
      this.#set(FDB_DOMAIN_COUNT, domains);
      this.#set(FDB_POLICY, whenFull === "evict" ? FDB_POLICY_EVICT : 0);
      this.#set(FDB_READERS, memory.readers);
      this.#set(FDB_READER_COUNT, memory.readers === 0 ? 0 : memory.thread);
      this.#list = memory.reserve(
        "an FDB's listing",
        LIST_SLICE * BUCKET_SLOTS * (KEY_LENGTH + VALUE_LENGTH),
      );
      this.#events = events === 0 ? undefined : new FdbEvents(owner, events);
      this.#set(FDB_EVENTS, this.#events?.address ?? 0);
      memory.set(SWITCH_FDB, this.address);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Over how many buckets `sweep` goes; see there. */
  get buckets(): number {
    return this.#table.buckets;
  }

  /** How many entries it holds. */
  get size(): number {
    this.#owner.expectOpen();
    return this.#get(FDB_ENTRIES);
  }

  /** How often an address was not learned because a limit was reached or the table was full. */
  get refused(): number {
    this.#owner.expectOpen();
    return this.#owner.memory.kernels.counter(this.address + FDB_REFUSED);
  }

  /**
   * Fixes where `mac` is reached, or that nothing goes to it and comes from it. Replaces what was learned.
   * @throws RangeError if the port is not in the bridge domain, and if the table is full. WorkerLateError, as all that changes
   * or lists entries, if a worker holds the table for half a second, because it has died or gets no core: it can be
   * tried again in a later turn of the event loop.
   */
  set(entry: FdbEntryOptions): void {
    this.#owner.expectOpen();
    onlyFields("entry", FDB_ENTRY_FIELDS, entry);
    const { port: wanted, blackhole } = entry;
    const domain = this.#owner.expectDomain("bridgeDomain", entry.bridgeDomain);
    if (blackhole !== undefined && !trueOrFalse("blackhole", blackhole))
      throw new ArgumentRangeError("not-one-of", "blackhole", "expected true, or a port instead");
    if ((wanted === undefined) === (blackhole === undefined))
      throw new ArgumentTypeError("contradiction", "port", "expected either a port or blackhole: true");
    let destination = 0;
    if (wanted !== undefined) {
      const port = this.#owner.expectPort("port", wanted);
      const found = this.#owner.destination(port, domain);
      if (found === undefined)
        throw new ArgumentRangeError("not-found", "port", `${port.name} is not in ${domain.name}`);
      destination = found;
    }
    const { kernels, thread } = this.#owner.memory;
    this.#writeKey(domain, entry.mac);
    const value = this.#list + KEY_LENGTH;
    kernels.view.setUint32(value, destination, true);
    const flags = VALUE_PRESENT | (wanted === undefined ? VALUE_BLACKHOLE : VALUE_STATIC);
    kernels.view.setUint32(value + VALUE_FLAGS, flags, true);
    const done = this.#locked(() => kernels.functions.fdbSet(this.address, this.#list, 1, value, thread));
    if (done !== 1) throw new ArgumentRangeError("full", "fdb", `it is full (capacity ${this.capacity})`);
  }

  /** What is known of `mac`. */
  get(bridgeDomain: BridgeDomain, mac: MacAddress): FdbEntry | undefined {
    this.#owner.expectOpen();
    this.#writeKey(this.#owner.expectDomain("bridgeDomain", bridgeDomain), mac);
    const { kernels } = this.#owner.memory;
    const value = this.#list + KEY_LENGTH;
    const found = this.#reading(() => kernels.functions.fdbLookup(this.address, this.#list, 1, value));
    return found === 0 ? undefined : this.#entry(this.#list, value);
  }

  /** Takes an entry of any kind out; false if there was none. */
  remove(bridgeDomain: BridgeDomain, mac: MacAddress): boolean {
    this.#owner.expectOpen();
    this.#writeKey(this.#owner.expectDomain("bridgeDomain", bridgeDomain), mac);
    const { kernels, thread } = this.#owner.memory;
    return this.#locked(() => kernels.functions.fdbUnset(this.address, this.#list, 1, thread)) === 1;
  }

  /**
   * Forgets what was learned of a bridge domain, at a port or tunnel, or both, or all; `kinds: "all"` takes static and
   * blackhole entries, too. Returns how many entries went.
   */
  flush(which: FlushOptions = {}): number {
    this.#owner.expectOpen();
    onlyFields("flush", FLUSH_FIELDS, which);
    const { bridgeDomain, port } = which;
    const domain =
      bridgeDomain === undefined ? ANY : this.#owner.expectDomain("bridgeDomain", bridgeDomain).id;
    const number = port === undefined ? ANY : this.#owner.expectPort("port", port).number;
    const fixed = fieldOf(FLUSH_FIELDS, which, "kinds") === "all";
    return this.#flush(domain, number, fixed);
  }

  /**
   * Ageing: removes what was learned and not seen for `ageSeconds`, at the caller's time. With `buckets` it only goes
   * over so many, and on from there the next time: 4,096 take well under a millisecond. Returns how many entries went.
   */
  sweep(nowMs: number, options: SweepOptions = {}): number {
    this.#owner.expectOpen();
    onlyFields("options", SWEEP_FIELDS, options);
    const now = seconds(nowMs);
    const all = this.#table.buckets;
    let left = Math.min(all, fieldOf(SWEEP_FIELDS, options, "buckets") ?? all);
    if (this.#ageSeconds === 0) return 0;
    const { kernels, thread } = this.#owner.memory;
    let removed = 0;
    while (left > 0) {
      const slice = Math.min(SLICE, left, all - this.#next);
      removed += this.#locked(() =>
        kernels.functions.fdbAge(this.address, this.#next, slice, now, this.#ageSeconds, thread),
      );
      this.#next = (this.#next + slice) % all;
      left -= slice;
    }
    return removed;
  }

  /** All entries, in no particular order. What changes meanwhile may be seen or not. */
  *entries(): Generator<FdbEntry, void, undefined> {
    const { kernels, thread } = this.#owner.memory;
    for (let bucket = 0; bucket < this.#table.buckets; bucket += LIST_SLICE) {
      this.#owner.expectOpen();
      const count = Math.min(LIST_SLICE, this.#table.buckets - bucket);
      const found = this.#locked(() =>
        kernels.functions.fdbList(this.address, bucket, count, this.#list, thread),
      );
      // Copied at once: the room is used by others between two steps.
      const entries: FdbEntry[] = [];
      for (let i = 0; i < found; i++) {
        const key = this.#list + i * (KEY_LENGTH + VALUE_LENGTH);
        const entry = this.#entry(key, key + KEY_LENGTH);
        if (entry !== undefined) entries.push(entry);
      }
      yield* entries;
    }
  }

  [Symbol.iterator](): Generator<FdbEntry, void, undefined> {
    return this.entries();
  }

  /** What has happened since this was last asked, in order; what did not fit is counted by `lostEvents`. */
  takeEvents(): FdbEvent[] {
    this.#owner.expectOpen();
    return this.#events?.take() ?? [];
  }

  /** How many events were lost because nobody took them. */
  get lostEvents(): number {
    this.#owner.expectOpen();
    return this.#events?.lost ?? 0;
  }

  /** For the switch: forgets all of a port or bridge domain that goes. */
  forget(domain: number | undefined, port: number | undefined): void {
    this.#flush(domain ?? ANY, port ?? ANY, true);
    this.#events?.keep();
  }

  /** For the switch: how many addresses may be learned. */
  limitPort(port: number, limit: number | undefined): void {
    const at = this.#get(FDB_PORTS) + port * FDB_PORT_LENGTH + FDB_PORT_LIMIT;
    this.#owner.memory.kernels.words[at >>> 2] = limit ?? FDB_LIMIT_NONE;
  }

  limitDomain(domain: number, limit: number | undefined): void {
    const at = this.#get(FDB_DOMAINS) + domain * FDB_DOMAIN_LENGTH + FDB_DOMAIN_LIMIT;
    this.#owner.memory.kernels.words[at >>> 2] = limit ?? FDB_LIMIT_NONE;
  }

  /** For the switch, when it is closed. */
  close(): void {
    const { plan } = this.#owner.memory.kernels;
    plan.release(this.#table.table);
    plan.release(this.#table.address);
  }

  #flush(domain: number, port: number, fixed: boolean): number {
    const { kernels, thread } = this.#owner.memory;
    const all = this.#table.buckets;
    let removed = 0;
    for (let bucket = 0; bucket < all; bucket += SLICE) {
      const count = Math.min(SLICE, all - bucket);
      removed += this.#locked(() =>
        kernels.functions.fdbFlush(this.address, bucket, count, domain, port, fixed ? 1 : 0, thread),
      );
    }
    return removed;
  }

  /** For the switch, when a thread has died that may have held the lock: puts lists and counts in order. */
  repair(thread: number): void {
    const { kernels, readers } = this.#owner.memory;
    Atomics.store(kernels.signed, (readers + (thread - 1) * READER_LENGTH) >>> 2, READER_IDLE | 0);
    if (Atomics.load(kernels.signed, (this.address + FDB_LOCK) >>> 2) !== thread) return;
    kernels.functions.fdbRepair(this.address);
    Atomics.store(kernels.signed, (this.address + FDB_LOCK) >>> 2, 0);
  }

  /** As a reader, whose entries are not replaced meanwhile. */
  #reading(look: () => number): number {
    const { kernels, readers, thread } = this.#owner.memory;
    if (readers === 0) return look();
    const own = (readers + (thread - 1) * READER_LENGTH) >>> 2;
    const epoch = Atomics.load(kernels.signed, (this.address + FDB_EPOCH) >>> 2);
    Atomics.store(kernels.signed, own, epoch);
    try {
      return look();
    } finally {
      Atomics.store(kernels.signed, own, READER_IDLE | 0);
    }
  }

  /**
   * Calls a kernel that takes the lock, until it has got it.
   * @throws WorkerLateError if the worker that holds it does not let go. That it has died is known by the next turn of the
   * event loop, when `repair()` has been called: whoever tries again then succeeds.
   */
  #locked(call: () => number): number {
    let result = call();
    if (result !== LOCKED) return result;
    const begin = performance.now();
    do {
      result = call();
      if (result !== LOCKED) return result;
    } while (performance.now() - begin < LOCK_MILLISECONDS);
    const { signed } = this.#owner.memory.kernels;
    const holder = Atomics.load(signed, (this.address + FDB_LOCK) >>> 2);
    if (holder === 0) return this.#locked(call);
    throw new WorkerLateError(holder - 1, LOCK_MILLISECONDS, "let go of the FDB");
  }

  #writeKey(domain: BridgeDomain, mac: MacAddress): void {
    const { bytes, view } = this.#owner.memory.kernels;
    const parsed = parseMac("mac", mac);
    if (((parsed[0] as number) & 1) !== 0)
      throw new ArgumentRangeError(
        "malformed",
        "mac",
        "expected the address of one station, got a group address",
      );
    if (parsed.every((byte) => byte === 0))
      throw new ArgumentRangeError("malformed", "mac", "00:00:00:00:00:00 is nobody's address");
    bytes.set(parsed, this.#list);
    view.setUint16(this.#list + KEY_DOMAIN, domain.id, true);
  }

  #entry(key: number, value: number): FdbEntry | undefined {
    const { view, bytes } = this.#owner.memory.kernels;
    const bridgeDomain = this.#owner.domainById(view.getUint16(key + KEY_DOMAIN, true));
    if (bridgeDomain === undefined) return undefined;
    const flags = bytes[value + VALUE_FLAGS] as number;
    const kind =
      (flags & VALUE_BLACKHOLE) !== 0 ? "blackhole" : (flags & VALUE_STATIC) !== 0 ? "static" : "learned";
    const port = kind === "blackhole" ? undefined : this.#portOf(view.getUint32(value, true));
    const stamp = view.getUint32(value + VALUE_FLAGS, true) >>> 8;
    return {
      bridgeDomain,
      mac: formatMac(bytes, key),
      kind,
      port,
      seconds: kind === "learned" ? stamp : 0,
    };
  }

  #portOf(destination: number): SwitchPort | undefined {
    return this.#owner.portByNumber(destination & DESTINATION_PORT_MASK);
  }

  #set(field: number, value: number): void {
    this.#owner.memory.kernels.words[(this.address + field) >>> 2] = value;
  }

  #get(field: number): number {
    return this.#owner.memory.kernels.words[(this.address + field) >>> 2] as number;
  }
}

/** The caller's clock in whole seconds, as stamps keep it. */
export function seconds(nowMs: number): number {
  if (typeof nowMs !== "number") throw wrongType("nowMs", "a number", nowMs);
  if (!Number.isFinite(nowMs) || nowMs < 0 || nowMs > Number.MAX_SAFE_INTEGER)
    throw new ArgumentRangeError("out-of-range", "nowMs", `expected milliseconds from 0 on, got ${nowMs}`);
  return Math.floor(nowMs / 1000) % (STAMP_MASK + 1);
}
