// What becomes what: `{ from, to }` in programs, `FROM=TO` or `TO` on a command line.

import { type IpAddress, type MacAddress, parseIp, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { wholeNumber, wrongType } from "../core/arguments.ts";
import { checkFields, type Fields, type Kind } from "../core/fields.ts";
import { type Prefix, parsePrefix } from "../core/prefixes.ts";
import {
  CHANGE_BITS,
  CHANGE_FIRST,
  CHANGE_KEEP,
  CHANGE_LENGTH,
  CHANGE_MASK,
  CHANGE_MORE,
  CHANGE_STEP,
  CHANGE_TO,
  CHANGE_WANTED,
} from "../layout/ready.layout.ts";

export interface Change<T> {
  /** What is changed. Default: whatever stands there. */
  readonly from?: T | undefined;
  /** What it becomes. */
  readonly to: T;
}

/** A number, or the first and the last of a range. */
export type NumberRange = number | readonly [number, number];

const ADDRESS_BYTES = 16;

/** Changes of numbers up to `most`: a range becomes one number, or a range as long. */
export function numberChange(most: number): Kind<Change<NumberRange>> {
  const expected = `a whole number from 0 to ${most}, or the first and the last of a range`;
  const check = (path: string, value: unknown): NumberRange => {
    if (!Array.isArray(value)) {
      if (typeof value !== "number") throw wrongType(path, expected, value);
      return wholeNumber(path, value, 0, most);
    }
    if (value.length !== 2) throw new ArgumentRangeError("malformed", path, `expected ${expected}`);
    const first = wholeNumber(`${path}[0]`, value[0], 0, most);
    const last = wholeNumber(`${path}[1]`, value[1], 0, most);
    if (first <= last) return [first, last];
    throw new ArgumentRangeError("out-of-range", path, `expected the lower one first, got ${first}, ${last}`);
  };
  const parse = (path: string, text: string): NumberRange => {
    const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
    if (first === undefined)
      throw new ArgumentRangeError("malformed", path, `expected ${expected}, got ${JSON.stringify(text)}`);
    return check(path, last === undefined ? Number(first) : [Number(first), Number(last)]);
  };
  return change({ expected, check, parse }, (path, { from, to }) => {
    if (typeof to === "number" || lastOf(to) - firstOf(to) === lastOf(from) - firstOf(from)) return;
    throw new ArgumentRangeError("contradiction", path, "a range can only come of one that is as long");
  });
}

/** Changes of IP addresses: the first bits become others, those behind them stay. */
export function addressChange(): Kind<Change<IpAddress>> {
  const check = (path: string, value: unknown): IpAddress => {
    prefixOf(path, value as IpAddress);
    return value as IpAddress;
  };
  const value = { expected: "an address or a prefix such as 10.0.0.0/8", check, parse: check };
  return change(value, (path, { from, to }) => {
    if (from === undefined || versionOf(from) === versionOf(to)) return;
    throw new ArgumentTypeError("contradiction", path, "one address is of IPv4, and the other of IPv6");
  });
}

/** Changes of MACs. */
export function macChange(): Kind<Change<MacAddress>> {
  const check = (path: string, value: unknown): MacAddress => {
    parseMac(path, value as MacAddress);
    return value as MacAddress;
  };
  return change({ expected: "a MAC address such as 02:00:00:00:00:01", check, parse: check });
}

/** A row about a number. */
export function numberRow({ from, to }: Change<NumberRange>): Uint8Array {
  const row = new DataView(new ArrayBuffer(CHANGE_LENGTH));
  row.setUint32(CHANGE_FIRST, firstOf(from), true);
  row.setUint32(CHANGE_MORE, lastOf(from) - firstOf(from), true);
  row.setUint32(CHANGE_TO, firstOf(to), true);
  row.setUint32(CHANGE_STEP, typeof to === "number" ? 0 : 1, true);
  return new Uint8Array(row.buffer);
}

export function addressRow({ from, to }: Change<IpAddress>): Uint8Array {
  return row(from === undefined ? undefined : prefixOf("from", from), prefixOf("to", to));
}

export function macRow({ from, to }: Change<MacAddress>): Uint8Array {
  const whole = (path: string, mac: MacAddress): Prefix => ({ bytes: parseMac(path, mac), length: 48 });
  return row(from === undefined ? undefined : whole("from", from), whole("to", to));
}

/** 4 or 6. */
export function versionOf(address: IpAddress): 4 | 6 {
  return prefixOf("address", address).bytes.length === 4 ? 4 : 6;
}

function row(from: Prefix | undefined, to: Prefix): Uint8Array {
  const bytes = new Uint8Array(CHANGE_LENGTH);
  bytes.set(from?.bytes ?? [], CHANGE_WANTED);
  bytes.set(maskOf(from?.length ?? 0), CHANGE_MASK);
  bytes.set(
    maskOf(to.length).map((byte) => ~byte),
    CHANGE_KEEP,
  );
  bytes.set(to.bytes, CHANGE_BITS);
  return bytes;
}

function maskOf(length: number): Uint8Array {
  return Uint8Array.from(
    { length: ADDRESS_BYTES },
    (_, i) => 0xff00 >> Math.min(8, Math.max(0, length - 8 * i)),
  );
}

function prefixOf(path: string, value: IpAddress): Prefix {
  if (typeof value === "string" && value.includes("/")) return parsePrefix(path, value);
  const bytes = parseIp(path, value);
  return { bytes, length: 8 * bytes.length };
}

/** Nothing given is every number. */
function firstOf(range: NumberRange | undefined): number {
  return range === undefined ? 0 : typeof range === "number" ? range : range[0];
}

function lastOf(range: NumberRange | undefined): number {
  return range === undefined ? 0xffffffff : typeof range === "number" ? range : range[1];
}

/** `agree` throws for two that do not go together. */
function change<T>(
  value: Kind<T> & Required<Pick<Kind<T>, "parse">>,
  agree: (path: string, change: Change<T>) => void = () => undefined,
): Kind<Change<T>> {
  const fields = { from: value, to: { ...value, required: true } } as Fields<Change<T>, "to">;
  const check = (path: string, given: unknown): Change<T> => {
    const checked = checkFields<Change<T>, "to">(path, fields, given, `${path}.`) as unknown as Change<T>;
    agree(path, checked);
    return checked;
  };
  const parse = (path: string, text: string): Change<T> => {
    const [first = "", ...rest] = text.split("=");
    const to = value.parse?.(path, rest.length === 0 ? first : rest.join("=")) as T;
    const made = rest.length === 0 ? { to } : { from: value.parse?.(path, first) as T, to };
    agree(path, made);
    return made;
  };
  return { expected: `{ from, to }, each ${value.expected}`, check, parse };
}
