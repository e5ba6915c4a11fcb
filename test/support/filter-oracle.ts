// libpcap as a judge of filters, where gcc and its headers are. Node only.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Frame } from "./filter-expressions.ts";

/** What libpcap says of one expression: an error, or for each frame whether it matches. */
export interface Judgement {
  readonly error?: string;
  /** By the program as it was generated: digits, 1 for a match. */
  readonly plain: string;
  /** By the optimised one; undefined if the optimiser refused it. */
  readonly optimised?: string | undefined;
}

/** Where the library's number of a link type is another one on Linux. */
const NUMBERS_OF_LIBRARY: Readonly<Record<number, number>> = { 101: 12 };

export class FilterOracle {
  readonly #folder = mkdtempSync(join(tmpdir(), "frameferry-filter-"));
  readonly #program = join(this.#folder, "oracle");
  /** Why there is none here. */
  readonly missing: string | undefined;

  constructor() {
    const source = join(import.meta.dirname, "filter-oracle.c");
    const { status, stderr, error } = spawnSync("gcc", ["-O2", "-o", this.#program, source, "-lpcap"], {
      encoding: "utf8",
    });
    if (error !== undefined || status !== 0)
      this.missing = error === undefined ? (stderr.split("\n")[0] ?? "") : "there is no gcc";
  }

  /** `linkType` is the number of captures. */
  judge(expressions: readonly string[], frames: readonly Frame[], linkType = 1): Judgement[] {
    const path = join(this.#folder, "frames");
    writeFileSync(path, framesAsBytes(frames));
    const { stdout, error } = spawnSync(
      this.#program,
      [path, String(NUMBERS_OF_LIBRARY[linkType] ?? linkType)],
      {
        input: `${expressions.join("\n")}\n`,
        encoding: "utf8",
        maxBuffer: 1 << 30,
      },
    );
    if (error !== undefined) throw error;
    return stdout
      .split("\n")
      .slice(0, expressions.length)
      .map((line) => {
        if (line.startsWith("E ")) return { error: line.slice(2), plain: "" };
        const [plain = "", optimised] = line.split(" ");
        return { plain, optimised };
      });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function framesAsBytes(frames: readonly Frame[]): Uint8Array {
  const length = frames.reduce((sum, { bytes }) => sum + 8 + bytes.length, 4);
  const all = new Uint8Array(length);
  const view = new DataView(all.buffer);
  view.setUint32(0, frames.length, true);
  let at = 4;
  for (const { bytes, wireLength } of frames) {
    view.setUint32(at, bytes.length, true);
    view.setUint32(at + 4, wireLength, true);
    all.set(bytes, at + 8);
    at += 8 + bytes.length;
  }
  return all;
}
