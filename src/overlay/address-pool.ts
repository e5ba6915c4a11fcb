// IPv4 addresses of a network, and networks of a larger one, given out lowest first.

import { formatIp, type IpAddress, parseIp } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { formatPrefix, type Prefix, parsePrefix, prefixHolds } from "../core/prefixes.ts";

const LENGTH_MAXIMUM = 30;

/** Numbers from `first` to `last`, lowest free first. */
class NumberPool {
  readonly #taken = new Set<number>();
  readonly #last: number;
  /** All below it are taken. */
  #lowest: number;

  constructor(first: number, last: number) {
    this.#lowest = first;
    this.#last = last;
  }

  /** Undefined if all are taken. */
  lowest(): number | undefined {
    while (this.#taken.has(this.#lowest)) this.#lowest++;
    return this.#lowest > this.#last ? undefined : this.#lowest;
  }

  /** False if it is taken. */
  take(number: number): boolean {
    if (this.#taken.has(number)) return false;
    this.#taken.add(number);
    return true;
  }

  release(number: number): void {
    if (this.#taken.delete(number)) this.#lowest = Math.min(this.#lowest, number);
  }
}

/** The addresses of one IPv4 network; its first and its last are nobody's. */
export class AddressPool {
  readonly prefix: Prefix;
  readonly #name: string;
  readonly #base: number;
  readonly #numbers: NumberPool;

  /** `name` is what messages call the network, `cidr` is such as 172.20.0.0/16, of at most 30 bits. */
  constructor(name: string, cidr: string) {
    this.prefix = parseNetwork(name, cidr);
    this.#name = name;
    this.#base = toNumber(this.prefix.bytes);
    this.#numbers = new NumberPool(1, 2 ** (32 - this.prefix.length) - 2);
  }

  /**
   * Takes `ip`, or the lowest that is free.
   * @throws RangeError that begins with `argument` if it is no host's address in this network, or taken; or if all are.
   */
  take(argument: string, ip?: IpAddress): string {
    if (ip === undefined) {
      const lowest = this.#numbers.lowest();
      if (lowest === undefined)
        throw new ArgumentRangeError(
          "full",
          this.#name,
          `all addresses of ${formatPrefix(this.prefix)} are taken`,
        );
      this.#numbers.take(lowest);
      return formatIp(fromNumber(this.#base + lowest));
    }
    const bytes = parseIp(argument, ip);
    const number = prefixHolds(this.prefix, bytes) ? toNumber(bytes) - this.#base : 0;
    if (number === 0 || number === 2 ** (32 - this.prefix.length) - 1)
      throw new ArgumentRangeError(
        "out-of-range",
        argument,
        `expected a host's address in ${formatPrefix(this.prefix)}, got ${formatIp(bytes)}`,
      );
    if (!this.#numbers.take(number))
      throw new ArgumentRangeError("taken", argument, `${formatIp(bytes)} is taken`);
    return formatIp(bytes);
  }

  release(ip: string): void {
    this.#numbers.release(toNumber(parseIp("ip", ip)) - this.#base);
  }
}

/** The networks of `length` bits in a larger one. As flannel does, the first is given to nobody. */
export class SubnetPool {
  readonly prefix: Prefix;
  readonly length: number;
  readonly #name: string;
  readonly #numbers: NumberPool;

  /** `name` and `lengthName` are what messages call the arguments. */
  constructor(name: string, cidr: string, lengthName: string, length: number) {
    this.prefix = parseNetwork(name, cidr);
    if (typeof length !== "number") throw wrongType(lengthName, "a number", length);
    if (!Number.isInteger(length) || length <= this.prefix.length || length > LENGTH_MAXIMUM)
      throw new ArgumentRangeError(
        "out-of-range",
        lengthName,
        `expected a whole number from ${this.prefix.length + 1} to ${LENGTH_MAXIMUM}, got ${length}`,
      );
    this.#name = name;
    this.length = length;
    this.#numbers = new NumberPool(1, 2 ** (length - this.prefix.length) - 1);
  }

  /** Takes the lowest that is free. */
  take(): string {
    const lowest = this.#numbers.lowest();
    if (lowest === undefined)
      throw new ArgumentRangeError(
        "full",
        this.#name,
        `all networks of ${this.length} bits in ${formatPrefix(this.prefix)} are taken`,
      );
    this.#numbers.take(lowest);
    const bytes = fromNumber(toNumber(this.prefix.bytes) + lowest * 2 ** (32 - this.length));
    return formatPrefix({ bytes, length: this.length });
  }

  release(subnet: string): void {
    const offset = toNumber(parseNetwork("subnet", subnet).bytes) - toNumber(this.prefix.bytes);
    this.#numbers.release(offset / 2 ** (32 - this.length));
  }
}

/** Whether two networks have an address in common. */
export function overlap(a: Prefix, b: Prefix): boolean {
  return prefixHolds(a, b.bytes) || prefixHolds(b, a.bytes);
}

/** An IPv4 network with room for hosts. */
export function parseNetwork(name: string, cidr: string): Prefix {
  const prefix = parsePrefix(name, cidr);
  if (prefix.bytes.length !== 4)
    throw new ArgumentRangeError("not-for-this", name, `expected an IPv4 network, got ${cidr}`);
  if (prefix.length === 0 || prefix.length > LENGTH_MAXIMUM)
    throw new ArgumentRangeError(
      "out-of-range",
      name,
      `expected a length from 1 to ${LENGTH_MAXIMUM}, got ${cidr}`,
    );
  return prefix;
}

function toNumber(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

function fromNumber(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}
