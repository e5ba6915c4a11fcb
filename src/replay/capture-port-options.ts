// What a port over captures is told.

import { type CaptureInput, type CaptureSink, isInput } from "../capture/capture-io.ts";
import { chunksOf } from "../capture/chunks.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { checkFields, choice, type Fields, given, type Kind, text, whole } from "../core/fields.ts";
import type { CaptureSource } from "../pcap/byte-source.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";

/** A capture that is played: as `processCapture` takes it, or what opens one, for each time that it is played. */
export type PlayedCapture =
  | CaptureSource
  | CaptureInput
  | (() => CaptureSource | CaptureInput | Promise<CaptureSource | CaptureInput>);

export interface CapturePortOptions {
  /** What comes out of the port: the Ethernet frames of a pcap or pcapng, with their times. */
  readonly in?: PlayedCapture | undefined;
  /** Where what is sent into the port is written, with the time at which it is. */
  readonly out?: CaptureSink | undefined;
  /** Of `out`: `"pcapng"` (default) or `"pcap"`. */
  readonly format?: "pcapng" | "pcap" | undefined;
  /**
   * Frames come at the distances that their times have: 1 as they were captured, 10 ten times as fast; 0.001 to
   * 1,000,000. Without it they come as fast as they are taken.
   */
  readonly speed?: number | undefined;
  /** How often `in` is played: 0 to 2^31, where 0 is until the port is closed. Default 1. */
  readonly repeat?: number | undefined;
  /** Bounds what is sent: 46 to 65,535, the default. */
  readonly mtu?: number | undefined;
  /** Default `"capture"`. */
  readonly name?: string | undefined;
  /** Most frames that wait to be taken: 1 to 2^31, default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Most bytes that wait to be taken, and to be written: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
}

type Defaults = "format" | "repeat" | "mtu" | "name" | "queueFrames" | "queueBytes";

/** Opens the capture anew each time. */
export type Opening = () => Promise<CaptureSource>;

export interface CapturePortPlan {
  readonly open: Opening | undefined;
  readonly out: CaptureSink | undefined;
  readonly format: "pcapng" | "pcap";
  readonly speed: number | undefined;
  readonly repeat: number;
  readonly mtu: number;
  readonly name: string;
  readonly queueFrames: number;
  readonly queueBytes: number;
}

const SLOWEST = 0.001;
const FASTEST = 1_000_000;

function speed(): Kind<number> {
  const expected = `a number from ${SLOWEST} to ${FASTEST}`;
  const check = (path: string, value: unknown): number => {
    if (typeof value !== "number") throw wrongType(path, expected, value);
    if (value >= SLOWEST && value <= FASTEST) return value;
    throw new ArgumentRangeError("out-of-range", path, `expected ${expected}, got ${value}`);
  };
  return { expected, check };
}

export const capturePortFields: Fields<CapturePortOptions, Defaults> = {
  in: given("a capture"),
  out: given("where a capture is written"),
  format: { ...choice("pcapng", "pcap"), fallback: "pcapng" },
  speed: speed(),
  repeat: { ...whole(0, 2 ** 31), fallback: 1 },
  mtu: { ...whole(46, 65535), fallback: 65535 },
  name: { ...text(), fallback: "capture" },
  ...QUEUE_FIELDS,
};

/** @throws ArgumentError that names the option. */
export function capturePortPlan(options: CapturePortOptions): CapturePortPlan {
  const checked = checkFields<CapturePortOptions, Defaults>("options", capturePortFields, options);
  const { in: played, out, speed, ...rest } = checked;
  if (played === undefined && out === undefined)
    throw new ArgumentTypeError("missing", "options.in", "expected in, out or both, got neither");
  if (played !== undefined && rest.repeat !== 1 && !isRepeatable(played)) {
    const sentence = "what can be read once cannot be played again: give a function that opens it";
    throw new ArgumentRangeError("contradiction", "repeat", sentence);
  }
  return { ...rest, out, speed, open: played === undefined ? undefined : openingOf(played) };
}

function isRepeatable(played: PlayedCapture): boolean {
  return typeof played === "function" || played instanceof Uint8Array || played instanceof Blob;
}

function openingOf(played: PlayedCapture): Opening {
  return async () => {
    const opened = typeof played === "function" ? await played() : played;
    return isInput(opened) ? bytesOf(opened) : opened;
  };
}

/** All that an input holds; it is closed at the end, or when nobody reads on. */
async function* bytesOf(input: CaptureInput): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunksOf(input);
  } finally {
    await input.close();
  }
}
