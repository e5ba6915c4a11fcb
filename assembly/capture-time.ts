// When a record was captured, in one unit for all captures.

import {
  INTERFACE_ENTRY_LENGTH,
  INTERFACE_ENTRY_OFFSET,
  INTERFACE_ENTRY_UNITS,
  INTERFACE_UNITS_FINE,
  STAMP_INTERFACE,
  STAMP_TICKS,
} from "../src/layout/capture.layout";
import {
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACES,
  FORMAT_NANOSECONDS,
  FORMAT_PCAPNG,
} from "../src/layout/cursor.layout";
import { TIME_POWER_OF_TWO } from "../src/layout/pcapng.layout";

/** Nanoseconds in a second. */
export const GIGA: u64 = 1000000000;

/** Nanoseconds since 1970 of a stamp, rounded down. */
export function toNanoseconds(cursor: usize, stamp: usize): u64 {
  const ticks = load<u64>(stamp, STAMP_TICKS);
  const format = load<u32>(cursor, CURSOR_IN_FORMAT);
  if ((format & FORMAT_PCAPNG) === 0) {
    const fraction = ticks & 0xffffffff;
    return (ticks >>> 32) * GIGA + ((format & FORMAT_NANOSECONDS) !== 0 ? fraction : fraction * 1000);
  }
  const entry: usize =
    load<u32>(cursor, CURSOR_INTERFACES) + load<u32>(stamp, STAMP_INTERFACE) * INTERFACE_ENTRY_LENGTH;
  const units = load<u64>(entry, INTERFACE_ENTRY_UNITS);
  const offset = load<u64>(entry, INTERFACE_ENTRY_OFFSET);
  if (units >>> 32 === INTERFACE_UNITS_FINE) return offset * GIGA + fineFraction(ticks, <u32>units);
  const seconds = ticks / units + offset;
  return seconds * GIGA + fractionOf(ticks % units, units);
}

/** Nanoseconds of `rest` ticks, where `units` make a second; rounded down. */
function fractionOf(rest: u64, units: u64): u64 {
  // Up to 2^34 units a second the product fits 64 bits.
  if (units <= 17179869184) return (rest * GIGA) / units;
  // Finer units are a multiple of a nanosecond's, being powers of ten,
  if ((units & (units - 1)) !== 0) return rest / (units / GIGA);
  // or a power of two.
  return fractionByPower(rest, ctz(units));
}

/** The same where more than 2^64 ticks make a second, so that all of them are less than one. */
function fineFraction(ticks: u64, resolution: u32): u64 {
  const exponent = resolution & ~TIME_POWER_OF_TWO;
  if ((resolution & TIME_POWER_OF_TWO) !== 0) return fractionByPower(ticks, exponent);
  for (let more: u32 = 9; more < exponent; more++) ticks /= 10;
  return ticks;
}

/** Nanoseconds of `rest` ticks, where 2^`exponent` make a second, 32 at least. */
function fractionByPower(rest: u64, exponent: u64): u64 {
  // The product takes 94 bits, and its lowest 32 are carried apart.
  const low = (rest & 0xffffffff) * GIGA;
  // Shifts go by their lowest six bits only.
  return exponent > 95 ? 0 : ((rest >>> 32) * GIGA + (low >>> 32)) >>> (exponent - 32);
}
