// Writes the code of one function: instructions, blocks by name, locals by what they hold.

import { type Base, FRAME, START } from "./formula.ts";
import {
  BR,
  BR_IF,
  CALL,
  END,
  I32_CONST,
  LOCAL_GET,
  LOCAL_SET,
  LOCAL_TEE,
  signed,
  unsigned,
  VOID,
} from "./wasm-bytes.ts";

interface Root {
  readonly frame: number;
  readonly length: number;
  /** What has no part that is known only where the filter runs. */
  readonly outermost: Base;
}

export class Code {
  readonly bytes: number[] = [];
  readonly #parameters: number;
  readonly #blocks: unknown[] = [];
  readonly #named: Map<string, number> = new Map();
  #locals = 0;
  /** Locals: where the frame begins, and how many bytes of it there are. */
  readonly start: number;
  readonly whole: number;
  /** The same as if it began with an Ethernet header, whatever it begins with. */
  readonly frame: number;
  readonly length: number;

  constructor(parameters: number) {
    this.#parameters = parameters;
    this.start = this.local();
    this.whole = this.local();
    this.frame = this.local();
    this.length = this.local();
  }

  /** From where the offsets of a base count. */
  frameOf(base: Base): number {
    return this.rootOf(base).frame;
  }

  lengthOf(base: Base): number {
    return this.rootOf(base).length;
  }

  rootOf(base: Base): Root {
    if (base.kind === "ipv4") return this.rootOf(base.header.base);
    return base.kind === "start" || base.kind === "link" || base.kind === "layer"
      ? { frame: this.start, length: this.whole, outermost: START }
      : { frame: this.frame, length: this.length, outermost: FRAME };
  }

  /** How many locals there are beside the parameters. */
  get locals(): number {
    return this.#locals;
  }

  /** A new local. */
  local(): number {
    return this.#parameters + this.#locals++;
  }

  /** The local that holds what is called so. */
  localOf(name: string): number {
    let local = this.#named.get(name);
    if (local === undefined) this.#named.set(name, (local = this.local()));
    return local;
  }

  add(...instructions: readonly number[]): this {
    this.bytes.push(...instructions);
    return this;
  }

  get(local: number): this {
    return this.add(LOCAL_GET, ...unsigned(local));
  }

  set(local: number): this {
    return this.add(LOCAL_SET, ...unsigned(local));
  }

  tee(local: number): this {
    return this.add(LOCAL_TEE, ...unsigned(local));
  }

  number(value: number): this {
    return this.add(I32_CONST, ...signed(value));
  }

  /** Reads so far behind the address on the stack, which need not be aligned. */
  load(instruction: number, offset: number): this {
    return this.add(instruction, 0, ...unsigned(offset));
  }

  /** Begins a block, a loop or a condition, which whoever is within can leap to by `name`. */
  open(instruction: number, name: unknown): this {
    this.#blocks.push(name);
    return this.add(instruction, VOID);
  }

  close(): this {
    this.#blocks.pop();
    return this.add(END);
  }

  /** Goes on behind the block of that name, or at the start of the loop. */
  leap(name: unknown): this {
    return this.add(BR, ...unsigned(this.#depth(name)));
  }

  leapIf(name: unknown): this {
    return this.add(BR_IF, ...unsigned(this.#depth(name)));
  }

  call(index: number): this {
    return this.add(CALL, ...unsigned(index));
  }

  #depth(name: unknown): number {
    return this.#blocks.length - 1 - this.#blocks.lastIndexOf(name);
  }
}
