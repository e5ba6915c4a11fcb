// Numbers and names of the ports, or of the bridge domains, of a switch.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";

/** What both are told apart by: ports have a `number`, bridge domains an `id`. */
interface Numbered {
  readonly number?: number | undefined;
  readonly id?: number | undefined;
}

/** Hands out the lowest free number and keeps names apart. */
export class Names<T extends Numbered> {
  readonly #what: string;
  readonly #first: number;
  readonly #maximum: number;
  readonly #byNumber: (T | undefined)[] = [];
  readonly #byName: Map<string, T> = new Map();
  /** No number below it is free. */
  #lowest: number;

  constructor(what: string, first: number, maximum: number) {
    this.#what = what;
    this.#first = first;
    this.#maximum = maximum;
    this.#lowest = first;
  }

  /** The number that would be given next, and the name; nothing is taken yet. */
  choose(wanted: string | undefined, option: string, plural: string): { number: number; name: string } {
    if (wanted !== undefined && typeof wanted !== "string") throw wrongType("name", "a string", wanted);
    if (wanted === "")
      throw new ArgumentRangeError("out-of-range", "name", "expected at least one character");
    let number = this.#lowest;
    while (this.#byNumber[number] !== undefined) number++;
    this.#lowest = number;
    if (number > this.#maximum)
      throw new ArgumentRangeError(
        "full",
        option,
        `this switch has room for ${this.#maximum} ${plural} only`,
      );
    const name = wanted ?? `${this.#what}-${number}`;
    if (this.#byName.has(name))
      throw new ArgumentRangeError("taken", "name", `there is a ${JSON.stringify(name)} already`);
    return { number, name };
  }

  take(number: number, name: string, item: T): void {
    // Without gaps, which would make a slower array of it.
    while (this.#byNumber.length <= number) this.#byNumber.push(undefined);
    this.#byNumber[number] = item;
    this.#byName.set(name, item);
  }

  free(number: number, name: string): void {
    this.#byNumber[number] = undefined;
    this.#byName.delete(name);
    if (number >= this.#first) this.#lowest = Math.min(this.#lowest, number);
  }

  /** Returns `item` if it is one of these, and still there. */
  expect(argument: string, item: unknown, description: string): T {
    if (typeof item !== "object" || item === null) throw wrongType(argument, `${description}`, item);
    const { number, id } = item as Numbered;
    if (typeof number === "number" && this.#byNumber[number] === item) return item as T;
    if (typeof id === "number" && this.#byNumber[id] === item) return item as T;
    throw new ArgumentRangeError(
      "not-found",
      argument,
      `expected ${description} of this switch that has not been removed`,
    );
  }

  get(number: number): T | undefined {
    return this.#byNumber[number];
  }

  named(name: string): T | undefined {
    return this.#byName.get(name);
  }

  /** In the order of their numbers. */
  all(): T[] {
    return this.#byNumber.filter((item) => item !== undefined);
  }
}
