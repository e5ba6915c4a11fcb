// What the JavaScript switch keeps, and the part of its work that seldom comes: new and moved sources, frames that
// are dropped, tags. The loops over whole bursts stand in typed-array-switch.ts.

import {
  DROP_BLACKHOLE,
  DROP_FRAME_TOO_SHORT,
  DROP_INNER_TAGGED,
  DROP_RESERVED_GROUP,
  DROP_SOURCE_GROUP,
  DROP_SOURCE_STATIC,
  DROP_SOURCE_ZERO,
  DROP_VLAN_NOT_ALLOWED,
} from "../../src/layout/drop.layout.ts";
import { VALUE_BLACKHOLE, VALUE_STATIC } from "../../src/layout/fdb.layout.ts";
import * as layout from "../switch-image.ts";
import { isTag } from "./any-packet.ts";

const MEMORY_LENGTH = 8 * 1024 * 1024;
const SLOTS_MAXIMUM = 524288;
const EVENTS = 1024;
const DROP = 3;

// Words of a descriptor.
const OFFSET = 0;
const LENGTH = 1;
const WIRE = 2;
const VERDICT = 4;
const WORDS = 8;

// Counters of a port and of a bridge domain.
const RECEIVED = 0;
const DROPPED = 2;

export class SwitchTables {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** The FDB: key and value, two words each. */
  readonly slots: Int32Array = new Int32Array(4 * SLOTS_MAXIMUM);
  /** Eight counters a port, eight a bridge domain. */
  readonly portCounts: Float64Array = new Float64Array(8 * 256);
  readonly domainCounts: Float64Array = new Float64Array(8 * 256);
  /** The descriptors as they were loaded. */
  fresh: Int32Array = new Int32Array(0);
  readonly #drops = new Float64Array(64);
  readonly #events = new Int32Array(6 * EVENTS);
  #eventCount = 0;
  #entries = 0;
  #length = 0;

  constructor() {
    const memory = new ArrayBuffer(MEMORY_LENGTH);
    this.view = new DataView(memory);
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
  }

  /** Copies an image in; its stations are left to `insert`. */
  load(image: Uint8Array, insert: (entry: Int32Array) => void): void {
    const { words } = this;
    this.bytes.set(image);
    this.#length = image.length;
    const table = words[layout.SWITCH_DESCRIPTORS]! >>> 2;
    this.fresh = words.slice(table, table + words[layout.SWITCH_COUNT]! * WORDS);
    for (const counts of [this.portCounts, this.domainCounts, this.#drops]) counts.fill(0);
    this.slots.fill(0);
    this.#entries = words[layout.SWITCH_STATION_COUNT]!;
    this.#eventCount = 0;
    for (let i = 0, s = words[layout.SWITCH_STATIONS]! >>> 2; i < this.#entries; i++, s += 4) {
      insert(words.subarray(s, s + 4));
      if ((words[s + 3]! & (VALUE_STATIC | VALUE_BLACKHOLE)) !== 0) continue;
      this.#add(this.#port(words[s + 2]!) + layout.PORT_LEARNED, 1);
      this.#add(this.#domain(words[s + 1]! >>> 16) + layout.DOMAIN_LEARNED, 1);
    }
  }

  /** A copy of the image as it is now. */
  image(): Uint8Array<ArrayBuffer> {
    const { words } = this;
    const copy = this.bytes.slice(0, this.#length);
    const out = new DataView(copy.buffer);
    const write = (counts: Float64Array, from: number, at: number, many: number): void => {
      for (let i = 0; i < many; i++) out.setBigUint64(at + i * 8, BigInt(counts[from + i]!), true);
    };
    for (let i = 0; i < words[layout.SWITCH_PORT_COUNT]!; i++)
      write(this.portCounts, i * 8, (this.#port(i) + layout.PORT_RECEIVED) * 4, 5);
    for (let i = 0; i < words[layout.SWITCH_DOMAIN_COUNT]!; i++) {
      write(this.domainCounts, i * 8 + RECEIVED, (this.#domain(i) + layout.DOMAIN_RECEIVED) * 4, 1);
      write(this.domainCounts, i * 8 + DROPPED, (this.#domain(i) + layout.DOMAIN_DROPPED) * 4, 2);
    }
    write(this.#drops, 0, layout.SWITCH_DROPS * 4, 48);
    out.setUint32(layout.SWITCH_EVENTS * 4, this.#eventCount, true);
    return copy;
  }

  drop(d: number, reason: number, port: number, domain: number): void {
    this.words[d + VERDICT] = DROP | (reason << 8);
    this.portCounts[port * 8 + DROPPED]!++;
    if (domain !== 0) this.domainCounts[domain * 8 + DROPPED]!++;
    this.#drops[reason]!++;
  }

  /**
   * A source whose entry, at slot `at`, is not what it should be, or is missing, and belongs at the slot whose
   * complement `at` is. Returns a drop reason or 0.
   */
  learn(low: number, high: number, port: number, at: number, valueHigh: number): number {
    const { words, slots } = this;
    const p = this.#port(port);
    const full = words[p + layout.PORT_LEARNED]! >= words[p + layout.PORT_LIMIT]! >>> 0;
    if (at < 0) {
      const n = this.#domain(high >>> 16);
      const closed = words[n + layout.DOMAIN_LEARNED]! >= words[n + layout.DOMAIN_LIMIT]! >>> 0;
      if (full || closed || this.#entries >= words[layout.SWITCH_CAPACITY]!) {
        this.#add(layout.SWITCH_REFUSED, 1);
        return 0;
      }
      slots[~at + 2] = port;
      slots[~at + 3] = valueHigh;
      slots[~at] = low;
      slots[~at + 1] = high;
      this.#entries++;
      this.#add(p + layout.PORT_LEARNED, 1);
      this.#add(n + layout.DOMAIN_LEARNED, 1);
      this.#tell(1, low, high, port, port);
      return 0;
    }
    const flags = slots[at + 3]!;
    if ((flags & VALUE_BLACKHOLE) !== 0) return DROP_BLACKHOLE;
    const before = slots[at + 2]!;
    if ((flags & VALUE_STATIC) !== 0) return before === port ? 0 : DROP_SOURCE_STATIC;
    if (before !== port) {
      if (full) {
        this.#add(layout.SWITCH_REFUSED, 1);
        return 0;
      }
      this.#add(this.#port(before) + layout.PORT_LEARNED, -1);
      this.#add(p + layout.PORT_LEARNED, 1);
      this.#tell(2, low, high, port, before);
    }
    slots[at + 2] = port;
    slots[at + 3] = valueHigh;
    return 0;
  }

  /** Frames that are not plain unicast without a tag; whether the frame goes on. */
  classifyAny(d: number, port: number, domain: number, tunnel: boolean): boolean {
    const reason = this.#whyNot(d, tunnel);
    if (reason !== 0) {
      this.drop(d, reason, port, 0);
      return false;
    }
    this.domainCounts[domain * 8 + RECEIVED]!++;
    const frame = this.words[d + OFFSET]!;
    const reserved =
      this.view.getUint32(frame) === 0x0180c200 && (this.view.getUint16(frame + 4) & 0xfff0) === 0;
    if (reserved) this.drop(d, DROP_RESERVED_GROUP, port, domain);
    return !reserved;
  }

  /** Also takes a priority tag off. */
  #whyNot(d: number, tunnel: boolean): number {
    const { view, bytes, words } = this;
    const frame = words[d + OFFSET]!;
    if (words[d + LENGTH]! < 14) return DROP_FRAME_TOO_SHORT;
    if ((bytes[frame + 6]! & 1) !== 0) return DROP_SOURCE_GROUP;
    if ((view.getInt32(frame + 6) | view.getUint16(frame + 10)) === 0) return DROP_SOURCE_ZERO;
    if (!isTag(view.getUint16(frame + 12))) return 0;
    if (tunnel) return DROP_INNER_TAGGED;
    if (words[d + LENGTH]! < 18) return DROP_FRAME_TOO_SHORT;
    if ((view.getUint16(frame + 14) & 0xfff) !== 0) return DROP_VLAN_NOT_ALLOWED;
    bytes.copyWithin(frame + 4, frame, frame + 12);
    this.#add(d + OFFSET, 4);
    this.#add(d + LENGTH, -4);
    this.#add(d + WIRE, -4);
    return 0;
  }

  #tell(kind: number, low: number, high: number, port: number, from: number): void {
    const at = (this.#eventCount++ % EVENTS) * 6;
    this.#events.set([low, high, port, from, kind, this.words[layout.SWITCH_SECONDS]!], at);
  }

  /** The first word of a port's record. */
  #port(number: number): number {
    return (this.words[layout.SWITCH_PORTS]! + number * layout.PORT_LENGTH) >>> 2;
  }

  #domain(number: number): number {
    return (this.words[layout.SWITCH_DOMAINS]! + number * layout.DOMAIN_LENGTH) >>> 2;
  }

  #add(word: number, difference: number): void {
    this.words[word] = this.words[word]! + difference;
  }
}
