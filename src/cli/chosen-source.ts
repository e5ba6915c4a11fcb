// A choice of the frames of one capture or of several, record by record.

import { chunksOf } from "../capture/chunks.ts";
import { openCaptureFile } from "../files/capture-files.ts";
import { type CaptureFormat, CaptureWriter, readCapture, type WritableItem } from "../pcap.ts";
import { CaptureMerge, type MergedCapture, openMerged } from "./capture-merge.ts";
import { CONSEQUENCE, type Joined, type Selection, type Source } from "./capture-source.ts";
import { DamagedInput } from "./failures.ts";

/** Frames that `selection` chooses. */
export async function openChosen(paths: readonly string[], selection: Selection): Promise<Source> {
  if (paths.length > 1) return await openJoined(paths, selection);
  const input = await openCaptureFile(paths[0] as string);
  const close = (): Promise<void> => input.close();
  const choice = new Choice(selection);
  return {
    // Damage comes through where it is met, as it does without a choice.
    input: written(readCapture(chunksOf(input)).items(), choice, new CaptureWriter(), close),
    close,
    joined: undefined,
    get timeless() {
      return choice.timeless;
    },
  };
}

/** Frames of several captures in one pcapng: their interfaces and what is said of each frame come along. */
async function openJoined(paths: readonly string[], selection: Selection): Promise<Source> {
  const captures: MergedCapture[] = [];
  const close = async (): Promise<void> => {
    for (const capture of captures) await capture.close();
  };
  try {
    for (const [rank, path] of paths.entries())
      captures.push(
        await openMerged(
          path,
          0,
          rank,
          () => {},
          (format) => (format && CONSEQUENCE) ?? "",
        ),
      );
  } catch (error) {
    await close();
    throw error;
  }
  const choice = new Choice(selection);
  const merged = new Merged(captures, selection.order);
  return {
    input: written(merged.records(), choice, new CaptureWriter({ format: "pcapng" }), close),
    close,
    joined: merged,
    get timeless() {
      return choice.timeless + merged.timeless;
    },
  };
}

/** The items that are chosen, as `writer` writes them: what has been read goes on before more is waited for. */
async function* written(
  items: AsyncIterable<readonly WritableItem[]>,
  choice: Choice,
  writer: CaptureWriter,
  close: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const some of items) {
      const bytes = writer.write(some.filter((item) => choice.takes(item)));
      if (bytes.length > 0) yield bytes;
      if (choice.isOver) break;
    }
    yield writer.finish();
  } finally {
    await close();
  }
}

/** Says of one item after the other whether it is chosen. */
export class Choice {
  /** Frames left out because it takes a time to choose them. */
  timeless = 0;
  readonly #from: bigint | undefined;
  readonly #to: bigint | undefined;
  #left: number;

  constructor({ from, to, first }: Selection) {
    this.#from = from;
    this.#to = to;
    this.#left = first ?? Number.POSITIVE_INFINITY;
  }

  /** Whether no frame is taken any more. */
  get isOver(): boolean {
    return this.#left === 0;
  }

  /** Of a record whether it is wanted; what is none always is. */
  takes(item: WritableItem): boolean {
    if (item.kind !== undefined && item.kind !== "record") return true;
    if (this.isOver) return false;
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

/** The frames of several captures; one that is damaged ends there, and the others go on. */
class Merged implements Joined {
  damage: DamagedInput | undefined;
  /** Frames left out because of several captures only frames with a time can be told in one. */
  timeless = 0;
  readonly #captures: readonly MergedCapture[];
  readonly #order: Selection["order"];
  readonly #ended: Set<MergedCapture> = new Set();

  constructor(captures: readonly MergedCapture[], order: Selection["order"]) {
    this.#captures = captures;
    this.#order = order;
  }

  get formats(): (CaptureFormat | undefined)[] {
    return this.#captures.map(({ format }) => format);
  }

  /** @throws DamagedInput if none of them is a capture. */
  async *records(): AsyncGenerator<WritableItem[], void, undefined> {
    for await (const records of this.#order === "time" ? this.#byTime() : this.#asGiven())
      yield records.filter((record) => this.#hasTime(record));
    if (this.damage !== undefined && this.formats.every((format) => format === undefined)) throw this.damage;
  }

  async *#asGiven(): AsyncGenerator<WritableItem[], void, undefined> {
    for (const capture of this.#captures)
      while (await this.#reads(capture)) {
        const records: WritableItem[] = [];
        do records.push(capture.record);
        while (this.#advances(capture));
        yield records;
      }
  }

  async *#byTime(): AsyncGenerator<WritableItem[], void, undefined> {
    const merge = new CaptureMerge();
    for (const capture of this.#captures) if (await this.#reads(capture)) merge.add(capture);
    for (let capture = merge.first; capture !== undefined; capture = merge.first) {
      const records: WritableItem[] = [];
      // Up to where one of them has to be read on.
      for (let next: MergedCapture | undefined = capture; next !== undefined; next = merge.first) {
        capture = next;
        records.push(next.record);
        if (!this.#advances(next)) break;
        merge.settle();
      }
      yield records;
      if (await this.#reads(capture)) merge.settle();
      else merge.remove();
    }
  }

  /** A simple block is of the first interface, and there are several. */
  #hasTime(item: WritableItem): boolean {
    if (item.kind !== "record" || item.timestamp !== undefined) return true;
    this.timeless++;
    return false;
  }

  /** Reads more of a capture; false at its end, also where it is damaged. */
  async #reads(capture: MergedCapture): Promise<boolean> {
    if (this.#ended.has(capture)) return false;
    try {
      return await capture.read();
    } catch (error) {
      return this.#ends(capture, error);
    }
  }

  #advances(capture: MergedCapture): boolean {
    try {
      return capture.advance();
    } catch (error) {
      return this.#ends(capture, error);
    }
  }

  #ends(capture: MergedCapture, error: unknown): false {
    if (!(error instanceof DamagedInput)) throw error;
    this.damage ??= error;
    this.#ended.add(capture);
    return false;
  }
}
