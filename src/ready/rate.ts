// The stage that limits how many frames, and how many bits, go on in a time.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { checkFields, choice, type Fields, whole } from "../core/fields.ts";
import {
  BUCKET_LENGTH,
  LIMIT_FILL,
  LIMIT_MOST,
  LIMIT_RATE,
  RATE_BITS,
  RATE_BY,
  RATE_BY_ALL,
  RATE_BY_DESTINATION,
  RATE_BY_FLOW,
  RATE_BY_MARK,
  RATE_BY_PORT,
  RATE_BY_SOURCE,
  RATE_BY_VNI,
  RATE_FRAMES,
  RATE_KEY,
  RATE_KEY_LENGTH,
  RATE_MASK,
  RATE_STATE_BUCKETS,
  RATE_STATE_COUNTED,
  RATE_WAYS,
  READY_RATE,
} from "../layout/ready.layout.ts";
import type { ModuleStage } from "../pipeline/stages.ts";
import { readyStage } from "./ready-stage.ts";

export interface RateOptions {
  /** Frames a second that go on, 1 to 10^9. */
  readonly framesPerSecond?: number | undefined;
  /** Bits a second of frames as they were on the wire, without preamble and gap: 1 to 10^12. With both a frame needs room in both. */
  readonly bitsPerSecond?: number | undefined;
  /** How many frames may go on at once after a pause, 1 to 10^9. Default: those of a tenth of a second, 1 at least. */
  readonly burstFrames?: number | undefined;
  /**
   * How many bytes may go on at once after a pause, 1 to 2^28; a frame that is longer never does. Default: those of a tenth of a
   * second, 65,536 at least.
   */
  readonly burstBytes?: number | undefined;
  /**
   * What has such a limit of its own: `"all"` frames together (default); each `"flow"`, of one protocol, two addresses and two
   * ports; each `"source"` or `"destination"` address; each `"port"` or `"mark"` that goes with frames; each `"vni"`.
   */
  readonly by?: RateKey | undefined;
  /**
   * Of how many flows, addresses, ports or VNIs a thread keeps account, 4 to 1,048,576: rounded up to a power of two. Default
   * 4,096.
   */
  readonly capacity?: number | undefined;
}

/** What may have a limit of its own. */
export type RateKey = "all" | "flow" | "source" | "destination" | "port" | "vni" | "mark";

/** What a rate stage has to tell beside what was dropped. */
export interface RateCounts {
  /** How often something lost its place in the table before it could have gone on with a whole burst again. */
  readonly forgotten: number;
}

const CODES: Readonly<Record<RateKey, number>> = {
  all: RATE_BY_ALL,
  flow: RATE_BY_FLOW,
  source: RATE_BY_SOURCE,
  destination: RATE_BY_DESTINATION,
  port: RATE_BY_PORT,
  vni: RATE_BY_VNI,
  mark: RATE_BY_MARK,
};
const GIGA = 1_000_000_000;
const CAPACITY_MAXIMUM = 1 << 20;
// With these nothing that the kernel multiplies or adds up is more than 64 bits.
const BITS_MAXIMUM = 1e12;
const BURST_BYTES_MAXIMUM = 2 ** 28;
const BURST_BYTES_LEAST = 65536;

export const RATE_FIELDS: Fields<RateOptions, "by" | "capacity"> = {
  framesPerSecond: {
    ...whole(1, GIGA),
    flag: "--frames-per-second <N>",
    help: "frames a second that go on",
  },
  bitsPerSecond: {
    ...whole(1, BITS_MAXIMUM),
    flag: "--bits-per-second <N>",
    help: "bits a second that go on",
  },
  burstFrames: {
    ...whole(1, GIGA),
    flag: "--burst-frames <N>",
    help: "frames that may go on at once; those of a tenth of a second unless given",
  },
  burstBytes: {
    ...whole(1, BURST_BYTES_MAXIMUM),
    flag: "--burst-bytes <N>",
    help: "bytes that may go on at once; those of a tenth of a second unless given, at least 65536",
  },
  by: {
    ...choice(...(Object.keys(CODES) as RateKey[])),
    fallback: "all",
    flag: "--by <WHAT>",
    help: "what has such a limit of its own: all frames together, or each flow, source, destination, port, vni, mark",
  },
  capacity: {
    ...whole(RATE_WAYS, CAPACITY_MAXIMUM),
    fallback: 4096,
    flag: "--capacity <N>",
    help: "of how many flows or addresses account is kept at a time",
  },
};

/**
 * A stage that lets so many frames, or bits, through in a second, and drops the others as `rate-exceeded`. It goes by the times of
 * frames, where they have one; each thread keeps account of what came to it.
 * @throws ArgumentError that names the option.
 */
export function rate(options: RateOptions): ModuleStage {
  const { framesPerSecond, bitsPerSecond, burstFrames, burstBytes, by, capacity } = checkFields<
    RateOptions,
    "by" | "capacity"
  >("rate", RATE_FIELDS, options);
  if (framesPerSecond === undefined && bitsPerSecond === undefined)
    throw new ArgumentTypeError("missing", "rate", "no limit: give framesPerSecond, bitsPerSecond or both");
  needs("burstFrames", burstFrames, "framesPerSecond", framesPerSecond);
  needs("burstBytes", burstBytes, "bitsPerSecond", bitsPerSecond);
  const frames = framesPerSecond ?? 0;
  const bits = bitsPerSecond ?? 0;
  const usualBytes = Math.min(Math.max(Math.ceil(bits / 80), BURST_BYTES_LEAST), BURST_BYTES_MAXIMUM);
  const sets = by === "all" ? 1 : 2 ** Math.ceil(Math.log2(capacity / RATE_WAYS));
  // Whoever could tell which flows share a place could have others' flows forgotten.
  const key = crypto.getRandomValues(new Uint8Array(RATE_KEY_LENGTH));
  return readyStage(
    "rate",
    READY_RATE,
    (parameters) => {
      parameters.setUint32(RATE_BY, CODES[by], true);
      writeLimit(parameters, RATE_FRAMES, frames, burstFrames ?? Math.max(Math.ceil(frames / 10), 1));
      writeLimit(parameters, RATE_BITS, bits, 8 * (burstBytes ?? usualBytes));
      key.forEach((byte, i) => void parameters.setUint8(RATE_KEY + i, byte));
      parameters.setUint32(RATE_MASK, sets - 1, true);
    },
    {
      stateBytes: RATE_STATE_BUCKETS + sets * RATE_WAYS * BUCKET_LENGTH,
      countedBytes: RATE_STATE_COUNTED,
    },
  );
}

/**
 * What a rate stage has counted, summed over all threads: `modules` of the counters of a pipeline or a channel, or of the summary
 * of a capture, has what each stage of one's own has counted.
 */
export function rateCounts({ values }: { readonly values: readonly number[] }): RateCounts {
  return { forgotten: values[0] ?? 0 };
}

function needs(name: string, value: unknown, other: string, otherValue: unknown): void {
  if (value !== undefined && otherValue === undefined)
    throw new ArgumentTypeError("contradiction", name, `it says nothing without ${other}`);
}

/** Without a rate there is no limit, and all of its numbers are zero. */
function writeLimit(parameters: DataView, at: number, rate: number, burst: number): void {
  if (rate === 0) return;
  const most = BigInt(burst) * BigInt(GIGA);
  parameters.setBigUint64(at + LIMIT_RATE, BigInt(rate), true);
  parameters.setBigUint64(at + LIMIT_MOST, most, true);
  parameters.setBigUint64(at + LIMIT_FILL, (most + BigInt(rate) - 1n) / BigInt(rate), true);
}
