// One thread of the FDB litmus: learns, refreshes, moves, ages, flushes, sets and looks up the keys that all the others
// do, too. Whatever it finds must belong to the key it looked for.

import { attachKernels, type Kernels } from "../../src/kernel/kernels.ts";
import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_WIRE_LENGTH,
} from "../../src/layout/descriptor.layout.ts";
import {
  BUCKET_LENGTH,
  BUCKET_SLOTS,
  BUCKET_VALUES,
  FDB_EPOCH,
  KEY_LENGTH,
  READER_IDLE,
  STAMP_MASK,
  VALUE_BLACKHOLE,
  VALUE_FLAGS,
  VALUE_PRESENT,
  VALUE_STATIC,
} from "../../src/layout/fdb.layout.ts";
import {
  CONTEXT_OUT,
  CONTEXT_OUT_COUNT,
  CONTEXT_STAMP,
  SWITCH_DONE,
} from "../../src/layout/switch.layout.ts";
import { ownEndpoint } from "../../src/platform/threads.ts";
import {
  BURST,
  belongs,
  type FdbTask,
  FRAME,
  KEYS,
  OWN,
  portOf,
  roomOf,
  SLOT,
  STATIONS,
  writeKey,
} from "./fdb-task.ts";
import { numbers } from "./litmus-task.ts";

const LOCKED = -1;
const ANY = 0xffffffff;
/** Nobody's number: the owner of the addresses that are blackholes, and most bridge domains that have one. */
const BLACKHOLE = 0xffff;
const BLACKHOLES = 4;

const endpoint = ownEndpoint();
endpoint.addEventListener("message", ({ data }) => {
  work(data as FdbTask).then(
    (found) => endpoint.postMessage({ found }),
    (error: unknown) => endpoint.postMessage({ failure: String(error) }),
  );
});

async function work(task: FdbTask): Promise<number> {
  const thread = new FdbThread(await attachKernels(task.module, task.memory), task);
  for (let turn = 0; turn < task.turns; turn++) thread.turn();
  thread.expectOwn();
  return thread.found;
}

class FdbThread {
  /** How many frames and lookups found their key. */
  found = 0;
  readonly #kernels: Kernels;
  readonly #task: FdbTask;
  readonly #next: (below: number) => number;
  readonly #room: ReturnType<typeof roomOf>;
  /** The stamps of its own entries; undefined: it has been taken out. */
  readonly #own: (number | undefined)[] = new Array<number | undefined>(OWN).fill(undefined);
  #stamp = 1000;

  constructor(kernels: Kernels, task: FdbTask) {
    this.#kernels = kernels;
    this.#task = task;
    this.#next = numbers(task.seed);
    this.#room = roomOf(task.scratch);
  }

  turn(): void {
    const { functions } = this.#kernels;
    const { fdb, thread, buckets, domains } = this.#task;
    const { keys, values } = this.#room;
    const what = this.#next(100);
    if (what < 40) this.#forward();
    else if (what < 55) this.#look();
    else if (what < 80) this.#peek();
    else if (what < 86) this.#changeOwn();
    else if (what < 90) {
      const first = this.#next(buckets);
      functions.fdbAge(fdb, first, 1 + this.#next(buckets - first), this.#stamp, 2, thread);
    } else if (what < 92) {
      const domain = this.#next(2) === 0 ? ANY : 1 + this.#next(domains);
      functions.fdbFlush(fdb, 0, buckets, domain, 1 + this.#next(STATIONS * 2), 0, thread);
    } else if (what < 93) {
      functions.fdbFlush(fdb, 0, buckets, 1 + this.#next(domains), ANY, 1, thread);
    } else {
      const domain = 1 + this.#next(domains);
      const station = this.#next(STATIONS);
      writeKey(this.#kernels.view, keys, domain, station);
      if (what < 96) functions.fdbUnset(fdb, keys, 1, thread);
      else {
        const flags = what === 96 ? VALUE_PRESENT | VALUE_STATIC : VALUE_PRESENT;
        this.#writeValue(values, portOf(station, this.#next(2)) | (domain << 16), flags, this.#stamp);
        functions.fdbSet(fdb, keys, 1, values, thread);
      }
    }
    if (this.#next(20) === 0) this.#stamp++;
  }

  /** What only this thread touches must be as it was left. */
  expectOwn(): void {
    for (let entry = 0; entry < OWN; entry++) this.#expectOwn(entry);
  }

  /** A burst of the switch: sources are learned, and what leaves must leave where its destination is. */
  #forward(): void {
    const { functions, words, bytes, view } = this.#kernels;
    const { context } = this.#task;
    const { descriptors, frames } = this.#room;
    // Where all destinations are known, new sources are learned ahead of the frames.
    const ahead = this.#next(2) === 0;
    const domains = ahead ? this.#prepareAhead() : this.#task.domains;
    for (let i = 0; i < BURST; i++) {
      const domain = 1 + this.#next(domains);
      const source = this.#next(STATIONS);
      const start = frames + i * SLOT + 128;
      const d = descriptors + i * DESCRIPTOR_LENGTH;
      bytes.fill(0, d, d + DESCRIPTOR_LENGTH);
      if (ahead) writeKey(view, start, 0, 0, BLACKHOLE);
      else writeKey(view, start, 0, (source + 1 + this.#next(STATIONS - 1)) % STATIONS);
      writeKey(view, start + 6, 0, source);
      view.setUint32(start + 12, 0x81000000 | domain);
      view.setUint16(start + 16, 0x88b5);
      words[(d + DESCRIPTOR_OFFSET) >>> 2] = start;
      words[(d + DESCRIPTOR_FLOOR) >>> 2] = frames + i * SLOT;
      words[(d + DESCRIPTOR_FRAME_LENGTH) >>> 2] = FRAME;
      words[(d + DESCRIPTOR_WIRE_LENGTH) >>> 2] = FRAME;
      words[(d + DESCRIPTOR_MARK) >>> 2] = portOf(source, !ahead && this.#next(8) === 0 ? 1 : 0);
    }
    words[(context + CONTEXT_STAMP) >>> 2] = this.#stamp & STAMP_MASK;
    if (functions.runSwitch(context, descriptors, BURST) !== SWITCH_DONE)
      throw new Error("it was interrupted");
    const out = words[(context + CONTEXT_OUT) >>> 2] as number;
    for (let i = 0; i < (words[(context + CONTEXT_OUT_COUNT) >>> 2] as number); i++) {
      const d = words[(out >>> 2) + i] as number;
      const frame = words[(d + DESCRIPTOR_OFFSET) >>> 2] as number;
      const domain = view.getUint16(frame + 14);
      const destination = (words[(d + DESCRIPTOR_MARK) >>> 2] as number) | (domain << 16);
      this.#expect("a frame", destination, domain, view.getUint16(frame + 4));
    }
  }

  /** Forgets what was learned in a few bridge domains, and makes an address a blackhole there; returns in how many. */
  #prepareAhead(): number {
    const { fdb, thread, domains, buckets } = this.#task;
    const { keys, values } = this.#room;
    const few = Math.min(domains, BLACKHOLES);
    for (let domain = 1; domain <= few; domain++) {
      writeKey(this.#kernels.view, keys, domain, 0, BLACKHOLE);
      this.#writeValue(values, 0, VALUE_PRESENT | VALUE_BLACKHOLE, 0);
      this.#kernels.functions.fdbSet(fdb, keys, 1, values, thread);
      this.#kernels.functions.fdbFlush(fdb, 0, buckets, domain, ANY, 0, thread);
    }
    return few;
  }

  /** As a reader: says so, looks, and says that it is idle again. */
  #look(): void {
    const { view } = this.#kernels;
    const { keys, values } = this.#room;
    const wanted: [number, number][] = [];
    for (let i = 0; i < KEYS; i++) {
      const key: [number, number] = [1 + this.#next(this.#task.domains), this.#next(STATIONS)];
      writeKey(view, keys + i * 8, ...key);
      wanted.push(key);
    }
    this.#lookUp(KEYS);
    wanted.forEach(([domain, station], i) => {
      const flags = view.getUint8(values + i * 8 + VALUE_FLAGS);
      const destination = view.getUint32(values + i * 8, true);
      if (flags !== 0) this.#expect("a lookup", destination, domain, station);
      else if (destination !== 0) throw new Error(`half a value: ${destination}`);
    });
  }

  /** The same slowly: between its look at a key and that at the value the others have time for a lot. */
  #peek(): void {
    const { signed, memory } = this.#kernels;
    const { fdb, reader, table, buckets } = this.#task;
    const longs = new BigInt64Array(memory.buffer);
    const slot = table + this.#next(buckets) * BUCKET_LENGTH + this.#next(BUCKET_SLOTS) * KEY_LENGTH;
    const valueFirst = this.#next(2) === 0;
    Atomics.store(signed, reader >>> 2, Atomics.load(signed, (fdb + FDB_EPOCH) >>> 2));
    const first = Atomics.load(longs, (slot + (valueFirst ? BUCKET_VALUES : 0)) >>> 3);
    for (let delay = this.#next(2000); delay > 0; delay--) Atomics.load(signed, fdb >>> 2);
    const second = Atomics.load(longs, (slot + (valueFirst ? 0 : BUCKET_VALUES)) >>> 3);
    Atomics.store(signed, reader >>> 2, READER_IDLE | 0);
    const entry = new DataView(new ArrayBuffer(16));
    entry.setBigInt64(0, valueFirst ? second : first, true);
    entry.setBigInt64(8, valueFirst ? first : second, true);
    const absent = entry.getUint8(8 + VALUE_FLAGS) === 0;
    // A key that was taken out meanwhile, or was not there yet, tells nothing; those of one thread have their own check.
    if (absent || entry.getUint8(0) !== 2 || entry.getUint16(2) !== 0) return;
    this.#expect("a slow look", entry.getUint32(8, true), entry.getUint16(6, true), entry.getUint16(4));
  }

  #lookUp(count: number): void {
    const { functions, signed } = this.#kernels;
    const { fdb, reader } = this.#task;
    const { keys, values } = this.#room;
    Atomics.store(signed, reader >>> 2, Atomics.load(signed, (fdb + FDB_EPOCH) >>> 2));
    functions.fdbLookup(fdb, keys, count, values);
    Atomics.store(signed, reader >>> 2, READER_IDLE | 0);
  }

  #expect(what: string, destination: number, domain: number, station: number): void {
    if (!belongs(destination, domain, station)) {
      const key = `station ${station} of domain ${domain}`;
      throw new Error(`${what}: ${key} is said to be at ${destination & 0xffff}, VLAN ${destination >>> 16}`);
    }
    this.found++;
  }

  #changeOwn(): void {
    const { functions } = this.#kernels;
    const { fdb, thread } = this.#task;
    const { keys, values } = this.#room;
    const entry = this.#next(OWN);
    this.#expectOwn(entry);
    this.#writeOwn(entry);
    if (this.#own[entry] !== undefined && this.#next(2) === 0) {
      const gone = functions.fdbUnset(fdb, keys, 1, thread);
      if (gone === 0) throw new Error(`its own entry ${entry} was not there to be taken out`);
      if (gone === 1) this.#own[entry] = undefined;
    } else {
      const stamp = this.#next(STAMP_MASK);
      this.#writeValue(values, 1, VALUE_PRESENT | VALUE_STATIC, stamp);
      // The lock, or room in the table, may not be to be had.
      const done = functions.fdbSet(fdb, keys, 1, values, thread);
      if (done === 1) this.#own[entry] = stamp;
      else if (done !== LOCKED && this.#own[entry] !== undefined)
        throw new Error(`its own entry ${entry} was not there to be changed`);
    }
    this.#expectOwn(entry);
  }

  #expectOwn(entry: number): void {
    const { view } = this.#kernels;
    const { values } = this.#room;
    this.#writeOwn(entry);
    this.#lookUp(1);
    const flags = view.getUint8(values + VALUE_FLAGS);
    const stamp = flags === 0 ? undefined : view.getUint32(values + VALUE_FLAGS, true) >>> 8;
    if (stamp !== this.#own[entry])
      throw new Error(`its own entry ${entry} holds ${stamp}, and should hold ${this.#own[entry]}`);
  }

  #writeOwn(entry: number): void {
    const { domains, thread } = this.#task;
    writeKey(this.#kernels.view, this.#room.keys, domains + 1, entry, thread);
  }

  #writeValue(at: number, destination: number, flags: number, stamp: number): void {
    const { view } = this.#kernels;
    view.setUint32(at, destination, true);
    view.setUint32(at + VALUE_FLAGS, (flags | (stamp << 8)) >>> 0, true);
  }
}
