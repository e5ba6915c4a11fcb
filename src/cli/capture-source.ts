// What a command reads: a capture as it is, or a choice of the frames of one or several, record by record.

import type { CaptureInput } from "../node.ts";
import { openCaptureFile } from "../node.ts";
import { CaptureError, type CaptureItem, CaptureWriter, readCapture, type WritableItem } from "../pcap.ts";
import { CaptureMerge, chunksOf, type MergedCapture, openMerged } from "./capture-merge.ts";
import { DamagedInput } from "./failures.ts";

/** Which frames are read, and in which order. */
export interface Selection {
  /** Of several captures. */
  readonly order: "time" | "given";
  /** Nanoseconds since 1970: from this time on. */
  readonly from: bigint | undefined;
  /** Before this time. */
  readonly to: bigint | undefined;
  /** So many at most. */
  readonly first: number | undefined;
}

/** Bytes that are collected before they go on. */
const ENOUGH = 256 * 1024;

export interface Source {
  readonly input: CaptureInput | AsyncIterable<Uint8Array>;
  /** Lets go of what is open, if nobody has come to read it. */
  close(): Promise<void>;
  /** The first that was damaged, once all has been read. */
  readonly damage: DamagedInput | undefined;
  /** Frames left out because they have no time, where it takes one to choose them or to put them in order. */
  readonly timeless: number;
}

/** What is said behind what is wrong with a capture. */
export const CONSEQUENCE = "; everything before has been worked on and written";

export async function openSource(paths: readonly string[], selection: Selection): Promise<Source> {
  const { from, to, first } = selection;
  if (paths.length > 1) return await openJoined(paths, selection);
  const input = await openCaptureFile(paths[0] as string);
  if ((from ?? to ?? first) === undefined)
    return { input, close: () => input.close(), damage: undefined, timeless: 0 };
  const chosen = new Chosen(selection);
  return chosen.over(items(paths[0] as string, input, chosen), new CaptureWriter(), () => input.close());
}

/** Frames of several captures in one pcapng: their interfaces and what is said of each frame come along. */
async function openJoined(paths: readonly string[], selection: Selection): Promise<Source> {
  const captures: MergedCapture[] = [];
  const close = async (): Promise<void> => {
    for (const capture of captures) await capture.close();
  };
  try {
    for (const [rank, path] of paths.entries())
      captures.push(await openMerged(path, 0, rank, () => {}, CONSEQUENCE));
  } catch (error) {
    await close();
    throw error;
  }
  const chosen = new Chosen(selection);
  const records = selection.order === "time" ? byTime(captures, chosen) : asGiven(captures, chosen);
  return chosen.over(records, new CaptureWriter({ format: "pcapng" }), close);
}

/** The frames that are wanted, and what was found out on the way. */
class Chosen {
  damage: DamagedInput | undefined;
  timeless = 0;
  readonly #from: bigint | undefined;
  readonly #to: bigint | undefined;
  #left: number;

  constructor({ from, to, first }: Selection) {
    this.#from = from;
    this.#to = to;
    this.#left = first ?? Number.POSITIVE_INFINITY;
  }

  /** A source of those of `items` that are wanted, as `writer` writes them. */
  over(
    items: AsyncIterable<readonly WritableItem[]>,
    writer: CaptureWriter,
    close: () => Promise<void>,
  ): Source {
    const self = this;
    return {
      input: this.#bytes(items, writer, close),
      close,
      get damage() {
        return self.damage;
      },
      get timeless() {
        return self.timeless;
      },
    };
  }

  async *#bytes(
    items: AsyncIterable<readonly WritableItem[]>,
    writer: CaptureWriter,
    close: () => Promise<void>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let parts: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const some of items) {
        const bytes = writer.write(some.filter((item) => this.#takes(item)));
        parts.push(bytes);
        length += bytes.length;
        if (length >= ENOUGH) {
          yield* parts;
          parts = [];
          length = 0;
        }
        if (this.#left === 0) break;
      }
      yield* parts;
      yield writer.finish();
    } finally {
      await close();
    }
  }

  #takes(item: WritableItem): boolean {
    if (item.kind !== undefined && item.kind !== "record") return true;
    if (this.#left === 0) return false;
    const { timestamp } = item;
    if (this.#from !== undefined || this.#to !== undefined) {
      if (timestamp === undefined) {
        this.timeless++;
        return false;
      }
      if (this.#from !== undefined && timestamp < this.#from) return false;
      if (this.#to !== undefined && timestamp >= this.#to) return false;
    }
    this.#left--;
    return true;
  }
}

/** All that is in one capture, up to where it is damaged. */
async function* items(
  path: string,
  input: CaptureInput,
  chosen: Chosen,
): AsyncGenerator<CaptureItem[], void, undefined> {
  try {
    yield* readCapture(chunksOf(input)).items();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    chosen.damage ??= new DamagedInput(path, error, CONSEQUENCE);
  }
}

async function* asGiven(
  captures: readonly MergedCapture[],
  chosen: Chosen,
): AsyncGenerator<WritableItem[], void, undefined> {
  for (const capture of captures)
    while (await readOn(capture, chosen)) {
      const records: WritableItem[] = [];
      do records.push(capture.record);
      while (advanced(capture, chosen));
      yield withTimes(records, chosen);
    }
}

async function* byTime(
  captures: readonly MergedCapture[],
  chosen: Chosen,
): AsyncGenerator<WritableItem[], void, undefined> {
  const merge = new CaptureMerge();
  for (const capture of captures) if (await readOn(capture, chosen)) merge.add(capture);
  for (let capture = merge.first; capture !== undefined; capture = merge.first) {
    const records: WritableItem[] = [];
    // Up to where one of them has to be read on.
    for (let next: MergedCapture | undefined = capture; next !== undefined; next = merge.first) {
      capture = next;
      records.push(next.record);
      if (!advanced(next, chosen)) break;
      merge.settle();
    }
    yield withTimes(records, chosen);
    if (await readOn(capture, chosen)) merge.settle();
    else merge.remove();
  }
}

/** Of several captures only frames with a time can be told in one: a simple block is of the first interface. */
function withTimes(records: readonly WritableItem[], chosen: Chosen): WritableItem[] {
  return records.filter((item) => {
    const timed = item.kind !== "record" || item.timestamp !== undefined;
    if (!timed) chosen.timeless++;
    return timed;
  });
}

/** Reads more of a capture; false at its end, also where it is damaged. */
async function readOn(capture: MergedCapture, chosen: Chosen): Promise<boolean> {
  try {
    return await capture.read();
  } catch (error) {
    return endsAt(error, chosen);
  }
}

function advanced(capture: MergedCapture, chosen: Chosen): boolean {
  try {
    return capture.advance();
  } catch (error) {
    return endsAt(error, chosen);
  }
}

function endsAt(error: unknown, chosen: Chosen): false {
  if (!(error instanceof DamagedInput)) throw error;
  chosen.damage ??= error;
  return false;
}
