// Timestamps: ticks of an interface's resolution, and nanoseconds since 1970.

const SECOND = 1000000000;

/** Ticks a second: base to the power of exponent. 10^6 is microseconds, 2^10 is 1,024 ticks a second. */
export interface TimeResolution {
  readonly base: 10 | 2;
  /** From 0 to 127. */
  readonly exponent: number;
}

/** Nanoseconds since 1970 of a tick count, rounded down. */
export function ticksToNanoseconds(ticks: bigint, resolution: TimeResolution, offsetSeconds: bigint): bigint {
  const exponent = BigInt(resolution.exponent);
  const offset = offsetSeconds * 1000000000n;
  if (resolution.base === 2) return ((ticks * 1000000000n) >> exponent) + offset;
  return exponent <= 9n ? ticks * 10n ** (9n - exponent) + offset : ticks / 10n ** (exponent - 9n) + offset;
}

/** The tick count of a time, negative if the time lies before the interface's offset. Down to nanoseconds and for
 * powers of two up to 2^29 a tick a second, the way from ticks to nanoseconds and back changes nothing. */
export function nanosecondsToTicks(
  nanoseconds: bigint,
  resolution: TimeResolution,
  offsetSeconds: bigint,
): bigint {
  const exponent = BigInt(resolution.exponent);
  const since = nanoseconds - offsetSeconds * 1000000000n;
  // A time before the offset is refused by the caller; divisions must not round it up to zero.
  if (since < 0n) return -1n;
  // Rounded up, because the way back rounds down.
  if (resolution.base === 2) return ((since << exponent) + 999999999n) / 1000000000n;
  return exponent <= 9n ? since / 10n ** (9n - exponent) : since * 10n ** (exponent - 9n);
}

/** Whether every tick is a whole number of nanoseconds, so that a timestamp alone says all. */
export function wholeNanoseconds(resolution: TimeResolution): boolean {
  return resolution.exponent <= 9; // for both bases: 10^9 is 2^9 times 5^9
}

/** Seconds and nanoseconds to a 64-bit bigint and back, without bigint arithmetic: five times faster, and there
 * is one for each record. */
export class TimeWords {
  readonly #view: DataView = new DataView(new ArrayBuffer(8));
  seconds = 0;
  nanoseconds = 0;

  /** The bigint of two 32-bit halves. */
  join(high: number, low: number): bigint {
    this.#view.setUint32(0, high);
    this.#view.setUint32(4, low);
    return this.#view.getBigUint64(0);
  }

  /** `seconds` (32 bits) times `unit` plus `fraction` (42 bits), `unit` at most 10^9. */
  combine(seconds: number, unit: number, fraction: number): bigint {
    const low = (Math.imul(seconds, unit) + fraction) >>> 0;
    // The double is off by at most a few hundred, which rounding to a multiple of 2^32 takes away.
    const high = Math.round((seconds * unit + fraction - low) / 4294967296);
    return this.join(high, low);
  }

  /** Splits a time into `seconds` and `nanoseconds`; false if it does not fit 32 bits of seconds. */
  split(time: bigint): boolean {
    if (time < 0n || time >= 4294967296000000000n) return false;
    this.#view.setBigUint64(0, time);
    const low = this.#view.getUint32(4);
    let seconds = Math.floor((this.#view.getUint32(0) * 4294967296 + low) / SECOND);
    // The quotient may be off by one; the remainder, computed modulo 2^32, tells.
    let nanoseconds = (low - Math.imul(seconds, SECOND)) | 0;
    if (nanoseconds < 0) {
      nanoseconds += SECOND;
      seconds--;
    } else if (nanoseconds >= SECOND) {
      nanoseconds -= SECOND;
      seconds++;
    }
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
    return true;
  }
}
