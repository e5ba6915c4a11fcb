// Reads bytes of the frame, after it has been made certain that they were captured. What was read and found to be there on
// all ways to a place is known there.

import { LINK_RADIOTAP, RADIOTAP_PRESENT, RADIOTAP_TOTAL_LENGTH } from "../layout/link.layout.ts";
import type { Code } from "./code.ts";
import type { Base, Load, Spot } from "./formula.ts";
import {
  I32_ADD,
  I32_AND,
  I32_EQ,
  I32_GT_U,
  I32_LOAD,
  I32_LOAD8_U,
  I32_LOAD16_U,
  I32_LT_U,
  I32_OR,
  I32_ROTL,
  I32_SHL,
  I32_SHR_U,
  IF,
} from "./wasm-bytes.ts";

/** What is known at a place: which locals hold what, and how many bytes there are behind each base. */
export interface Known {
  readonly held: ReadonlySet<string>;
  readonly lengths: ReadonlyMap<string, number>;
}

export const NOTHING_KNOWN: Known = { held: new Set(), lengths: new Map() };

/** What is known where two ways meet. */
export function meet(a: Known | undefined, b: Known): Known {
  if (a === undefined) return b;
  const lengths = new Map<string, number>();
  for (const [base, length] of a.lengths) {
    const other = b.lengths.get(base);
    if (other !== undefined) lengths.set(base, Math.min(length, other));
  }
  return { held: new Set([...a.held].filter((name) => b.held.has(name))), lengths };
}

/** Locals: where the entry of the layer lies in the walk's table, and where the type of what the frame carries. */
export const ENTRY = "entry";
export const TYPE_AT = "type at";
/** The local that says with what the frame begins: zero for Ethernet. */
export const LINK = "link";
/** Of the type in an Ethernet header. */
const TYPE_OFFSET = 12;

const INSTRUCTIONS = { 1: I32_LOAD8_U, 2: I32_LOAD16_U, 4: I32_LOAD } as const;

export class Reads {
  readonly #code: Code;
  readonly #held: Set<string>;
  readonly #lengths: Map<string, number>;

  constructor(code: Code, known: Known) {
    this.#code = code;
    this.#held = new Set(known.held);
    this.#lengths = new Map(known.lengths);
  }

  get known(): Known {
    return { held: this.#held, lengths: this.#lengths };
  }

  /** Whether this is the first time here that `key` is asked for: then it is held from now on. */
  hold(key: string): boolean {
    if (this.#held.has(key)) return false;
    this.#held.add(key);
    return true;
  }

  /** Puts what is read on the stack, as it lies in memory: the first byte is the lowest. */
  raw({ spot, size, key }: Load): void {
    const code = this.#code;
    const local = code.localOf(key);
    if (this.#held.has(key)) {
      code.get(local);
      return;
    }
    const { base, offset } = spot;
    if (base.kind === "entry") code.get(code.localOf(ENTRY)).load(INSTRUCTIONS[size], offset);
    else {
      this.#check(spot, size);
      if (base.kind === "frame" && offset === TYPE_OFFSET) {
        // It may stand elsewhere: see emit.ts.
        code.get(code.localOf(TYPE_AT)).load(INSTRUCTIONS[size], 0);
      } else {
        code.get(code.frameOf(base));
        if (this.variable(base)) code.add(I32_ADD);
        code.load(INSTRUCTIONS[size], fixed(spot));
      }
    }
    code.tee(local);
    this.#held.add(key);
  }

  /** The same as a number. */
  number(load: Load): void {
    this.raw(load);
    this.toNumber(load.size);
  }

  /** Turns what was read as it lies in memory into a number. */
  toNumber(size: 1 | 2 | 4): void {
    const code = this.#code;
    if (size === 1) return;
    const value = code.localOf("value");
    if (size === 2) {
      code.tee(value).number(8).add(I32_SHL).get(value).number(8).add(I32_SHR_U, I32_OR);
      code.number(0xffff).add(I32_AND);
      return;
    }
    code.tee(value).number(8).add(I32_ROTL).number(0x00ff00ff).add(I32_AND);
    code.get(value).number(24).add(I32_ROTL).number(0xff00ff00).add(I32_AND, I32_OR);
  }

  /** Puts the part of an offset on the stack that is known only where the filter runs; false if there is none. */
  variable(base: Base): boolean {
    const code = this.#code;
    if (base.kind === "frame" || base.kind === "start" || base.kind === "entry") return false;
    const local = code.localOf(base.key);
    if (base.kind === "layer") {
      if (this.hold(base.key)) code.get(code.localOf(ENTRY)).load(I32_LOAD, base.field).tee(local);
      else code.get(local);
      return true;
    }
    if (base.kind === "register" || this.#held.has(base.key)) {
      code.get(local);
      return true;
    }
    if (base.kind === "link") {
      // A radiotap header says how long it is.
      code.number(0).set(local);
      code.get(code.localOf(LINK)).number(LINK_RADIOTAP).add(I32_EQ).open(IF, "radiotap");
      code.get(code.whole).number(RADIOTAP_PRESENT).add(I32_LT_U).leapIf("no");
      code.get(code.start).load(I32_LOAD16_U, RADIOTAP_TOTAL_LENGTH).set(local);
      code.close();
      code.get(local);
      this.#held.add(base.key);
      return true;
    }
    const { header } = base;
    const first = { spot: header, size: 1, key: `${header.base.key}+${header.offset}:1` } as const;
    this.raw(first);
    code.number(15).add(I32_AND).number(2).add(I32_SHL);
    if (this.variable(header.base)) code.add(I32_ADD);
    code.tee(local);
    this.#held.add(base.key);
    return true;
  }

  /** Reads at a computed place: the index is on the stack, and is replaced by what is read. */
  dynamic(spot: Spot, size: 1 | 2 | 4): void {
    const code = this.#code;
    const place = code.local();
    // The sum may begin again from zero, as in libpcap: then it is a place within the frame.
    if (this.variable(spot.base)) code.add(I32_ADD);
    code.set(place);
    const behind = fixed(spot);
    const { outermost } = code.rootOf(spot.base);
    this.#checkLength(outermost, behind + size);
    code
      .get(place)
      .get(code.lengthOf(spot.base))
      .number(-(behind + size))
      .add(I32_ADD, I32_GT_U)
      .leapIf("no");
    code.get(code.frameOf(spot.base)).get(place).add(I32_ADD).load(INSTRUCTIONS[size], behind);
    this.toNumber(size);
  }

  /** Goes on only where so many bytes at `spot` were captured. */
  #check(spot: Spot, size: number): void {
    this.#checkLength(spot.base, fixed(spot) + size);
  }

  #checkLength(base: Base, length: number): void {
    if ((this.#lengths.get(base.key) ?? 0) >= length) return;
    const code = this.#code;
    const captured = code.lengthOf(base);
    if (this.variable(base)) code.number(length).add(I32_ADD).get(captured).add(I32_GT_U).leapIf("no");
    else code.get(captured).number(length).add(I32_LT_U).leapIf("no");
    this.#lengths.set(base.key, length);
  }
}

/** The part of an offset that is known from the start. */
export function fixed({ base, offset }: Spot): number {
  return base.kind === "ipv4" ? fixed(base.header) + offset : offset;
}
