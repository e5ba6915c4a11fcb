// Counts of frames by their layers, and by kind and number of their wrappings.

import type { WrappingKind } from "../tunnel/wrappings.ts";
import { keysOf, vnisOf, wrappingsOf } from "../wire.ts";
import type { Telling } from "./frame-line.ts";
import { type FrameView, stackOf, unreadText } from "./frame-view.ts";
import { grouped } from "./summary.ts";
import { textTable } from "./text-table.ts";

/** Different keys that are counted; frames of more are counted together. */
const KEYS_MAXIMUM = 65536;
const OTHERS = "others";

interface Count {
  frames: number;
  bytes: number;
}

/** One table of counts. */
class Counts {
  readonly #counts = new Map<string, Count>();

  add(key: string, bytes: number): void {
    const known = this.#counts.has(key) || this.#counts.size < KEYS_MAXIMUM ? key : OTHERS;
    const count = this.#counts.get(known);
    if (count === undefined) this.#counts.set(known, { frames: 1, bytes });
    else {
      count.frames++;
      count.bytes += bytes;
    }
  }

  /** Most frames first. */
  sorted(): [string, Count][] {
    return [...this.#counts].sort(([, a], [, b]) => b.frames - a.frames);
  }
}

export class FrameCounts {
  readonly #telling: Telling;
  readonly #stacks: Counts = new Counts();
  readonly #kinds: Counts = new Counts();
  readonly #vnis: Counts = new Counts();
  readonly #keys: Counts = new Counts();
  readonly #unread: Counts = new Counts();

  constructor(telling: Telling) {
    this.#telling = telling;
  }

  add({ dissection: { layers, wireLength } }: FrameView): void {
    this.#stacks.add(stackOf(layers), wireLength);
    for (const kind of new Set<WrappingKind>(wrappingsOf(layers, this.#telling).map(({ kind }) => kind)))
      this.#kinds.add(kind, wireLength);
    for (const vni of new Set(vnisOf(layers, this.#telling))) this.#vnis.add(String(vni), wireLength);
    for (const key of new Set(keysOf(layers, this.#telling))) this.#keys.add(String(key), wireLength);
    const unread = unreadText(layers);
    if (unread !== undefined) this.#unread.add(unread, wireLength);
  }

  /** A table for each, most frames first. */
  text(): string {
    const tables = this.#tables().filter(({ rows }) => rows.length > 0);
    return tables
      .map(({ title, rows }) => {
        const lines = rows.map(([key, { frames, bytes }]) => [key, grouped(frames), grouped(bytes)]);
        return textTable([[title, "frames", "bytes"], ...lines], [1, 2]);
      })
      .join("\n");
  }

  json(): string {
    const tables = this.#tables().map(({ title, rows }) => [
      title,
      rows.map(([key, { frames, bytes }]) => ({ [title]: key, frames, bytes })),
    ]);
    return `${JSON.stringify(Object.fromEntries(tables))}\n`;
  }

  #tables(): { readonly title: string; readonly rows: [string, Count][] }[] {
    return [
      { title: "layers", rows: this.#stacks.sorted() },
      { title: "kind", rows: this.#kinds.sorted() },
      { title: "vni", rows: this.#vnis.sorted() },
      { title: "key", rows: this.#keys.sorted() },
      { title: "not read", rows: this.#unread.sorted() },
    ];
  }
}
