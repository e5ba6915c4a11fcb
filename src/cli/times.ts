// Times as people write them, in nanoseconds since 1970 (UTC).

import { ArgumentRangeError } from "../core/argument-error.ts";
import type { Kind } from "../core/fields.ts";

const EXPECTED = "a time such as 2026-11-29T20:48:09.5Z, 2026-11-29, or seconds since 1970";
const SECONDS = /^(\d{1,11})(?:\.(\d{1,9}))?$/;
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?$/i;
const GIGA = 1_000_000_000n;

/** A point in time; without a zone it is UTC, as everything that is printed. */
export function time(): Kind<bigint> {
  return { expected: EXPECTED, check: (_path, value) => value as bigint, parse: parseTime };
}

function parseTime(path: string, text: string): bigint {
  const seconds = SECONDS.exec(text);
  if (seconds !== null) return BigInt(seconds[1] as string) * GIGA + fraction(seconds[2]);
  const parts = DATE.exec(text);
  if (parts !== null) {
    const [, date = "", clock = "00:00", second = "00", digits, zone = "Z"] = parts;
    const milliseconds = Date.parse(`${date}T${clock}:${second}${zone.toUpperCase()}`);
    if (isDay(date) && !Number.isNaN(milliseconds))
      return BigInt(milliseconds) * 1_000_000n + fraction(digits);
  }
  throw new ArgumentRangeError("malformed", path, `expected ${EXPECTED}, got ${JSON.stringify(text)}`);
}

/** Whether there is such a day: engines take the 31st of February for the 3rd of March. */
function isDay(date: string): boolean {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
}

function fraction(digits = ""): bigint {
  return BigInt(digits.padEnd(9, "0"));
}

/** A time of so many microseconds since 1970 as text in UTC; plain seconds for times beyond what dates can say. */
export function binTime(microseconds: bigint): string {
  const million = 1_000_000n;
  const part = ((microseconds % million) + million) % million;
  const seconds = (microseconds - part) / million;
  const digits = String(part).padStart(6, "0");
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds}.${digits}`;
  return `${date.toISOString().slice(0, -".000Z".length)}.${digits}Z`;
}

/** Nanoseconds as seconds, without zeroes at the end. */
export function secondsText(nanoseconds: bigint): string {
  const digits = String(nanoseconds % GIGA)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${nanoseconds / GIGA}${digits === "" ? "" : `.${digits}`}`;
}
