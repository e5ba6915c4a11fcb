// Frames and bytes over time, in bins whose width nobody needs to know beforehand.
//
// Bins begin at multiples of their width, and each width is a multiple of the one before. So where there would be too many,
// those of one wider bin are added up, and nothing that was counted is lost: memory stays within bounds however long a
// capture goes on. Only bins with frames are kept: one frame of another year takes one bin, and no detail of the others.

import { type FrameCount, plus } from "../pipeline/count-table.ts";

/** Bins that are kept at most. */
const BINS_MAXIMUM = 8192;

/** Widths in microseconds: 1, 2, 10, 20 and so on to 10 s, then as clocks and calendars go. */
export const WIDTHS: readonly number[] = [
  ...Array.from({ length: 8 }, (_, power) => [10 ** power, 2 * 10 ** power]).flat(),
  ...[60, 120, 600, 1200, 3600, 7200, 21600, 86400].map((seconds) => seconds * 1e6),
  ...Array.from({ length: 9 }, (_, power) => 864 * 10 ** (power + 9)),
];

export interface TimeBin extends FrameCount {
  /** Where it begins, in microseconds since 1970. */
  readonly start: number;
}

interface Bin {
  frames: number;
  bytes: number;
}

export class TimeBins {
  /** Frames without a time. */
  timeless = 0;
  /** Frames whose bin found no room: only where the width is given. */
  others: FrameCount = { frames: 0, bytes: 0 };
  readonly #given: number | undefined;
  #width: number;
  #bins: Map<number, Bin> = new Map();
  #last: Bin | undefined;
  #lastNumber = Number.NaN;
  #from: bigint | undefined;
  #to: bigint | undefined;

  /** `width` in microseconds, if somebody asked for one. */
  constructor(width?: number | undefined) {
    this.#given = width;
    this.#width = width ?? (WIDTHS[0] as number);
  }

  /** The first and the last time that was met. */
  get span(): { readonly from: bigint; readonly to: bigint } | undefined {
    if (this.#from === undefined || this.#to === undefined) return undefined;
    return { from: this.#from, to: this.#to };
  }

  add(timestamp: bigint | undefined, bytes: number): void {
    if (timestamp === undefined) {
      this.timeless++;
      return;
    }
    if (this.#from === undefined || timestamp < this.#from) this.#from = timestamp;
    if (this.#to === undefined || timestamp > this.#to) this.#to = timestamp;
    const number = Math.floor(Number(timestamp / 1000n) / this.#width);
    let bin = this.#last;
    if (bin === undefined || number !== this.#lastNumber) {
      bin = this.#bins.get(number);
      if (bin === undefined) {
        if (this.#bins.size >= BINS_MAXIMUM) {
          if (this.#given !== undefined) {
            this.others = plus(this.others, { frames: 1, bytes });
            return;
          }
          this.#widen();
          this.add(timestamp, bytes);
          return;
        }
        bin = { frames: 0, bytes: 0 };
        this.#bins.set(number, bin);
      }
      this.#last = bin;
      this.#lastNumber = number;
    }
    bin.frames++;
    bin.bytes += bytes;
  }

  /**
   * The bins that have frames, earliest first, and their width: of the width that was asked for, or the least at which no more
   * than `most` bins, with those in between, go over all.
   */
  told(most: number): { readonly width: number; readonly bins: readonly TimeBin[] } {
    let width = this.#width;
    let bins = this.#bins;
    while (this.#given === undefined && spanOf(bins) > most) {
      const wider = widthAfter(width);
      if (wider === undefined) break;
      bins = widened(bins, width, wider);
      width = wider;
    }
    const sorted = [...bins].sort(([a], [b]) => a - b);
    return { width, bins: sorted.map(([number, count]) => ({ start: number * width, ...count })) };
  }

  #widen(): void {
    while (this.#bins.size >= BINS_MAXIMUM) {
      // Beyond the last width all times that there can be are a few bins.
      const wider = widthAfter(this.#width) as number;
      this.#bins = widened(this.#bins, this.#width, wider);
      this.#width = wider;
    }
    this.#last = undefined;
    this.#lastNumber = Number.NaN;
  }
}

function widthAfter(width: number): number | undefined {
  return WIDTHS[WIDTHS.indexOf(width) + 1];
}

function widened(bins: ReadonlyMap<number, Bin>, width: number, wider: number): Map<number, Bin> {
  const sums = new Map<number, Bin>();
  for (const [number, { frames, bytes }] of bins) {
    const into = Math.floor((number * width) / wider);
    const sum = sums.get(into);
    if (sum === undefined) sums.set(into, { frames, bytes });
    else {
      sum.frames += frames;
      sum.bytes += bytes;
    }
  }
  return sums;
}

/** Bins from the first to the last, with those between. */
function spanOf(bins: ReadonlyMap<number, Bin>): number {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const number of bins.keys()) {
    first = Math.min(first, number);
    last = Math.max(last, number);
  }
  return last - first + 1;
}
