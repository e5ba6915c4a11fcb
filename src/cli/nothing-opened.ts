// For whoever gets nothing out of a decapsulation: what was there, and which option opens it.

import { statSync } from "node:fs";
import { chunksOf } from "../capture/chunks.ts";
import { dropReasons } from "../core/drop-reasons.ts";
import type { DataplaneCaptureSummary } from "../dataplane/dataplane.ts";
import { openCaptureFile } from "../files/capture-files.ts";
import { CaptureError, type CaptureRecord, readCapture } from "../pcap.ts";
import { FileError } from "../platform/file-error.ts";
import { dissector, type Layer, wrappingsOf } from "../wire.ts";
import { stackOf, unreadText, viewOf } from "./frame-view.ts";
import { hintFor } from "./hints.ts";
import { grouped } from "./summary.ts";

/** Frames that are looked at again, and among how many they are searched. */
const LOOKED_AT = 1000;
const SEARCHED = 100_000;
/** Kinds of frames that are told of. */
const TOLD = 4;

/**
 * Sentences, one a line, the most frequent first. The records of `input` that `wanted` says are looked at again, if that can be
 * done: what comes through a pipe is gone.
 */
export async function nothingOpened(
  input: string,
  { drops }: Pick<DataplaneCaptureSummary, "drops">,
  wanted: (record: CaptureRecord) => boolean,
): Promise<string[]> {
  const lines = dropReasons.flatMap(({ name }) => {
    const count = drops[name];
    const hint = hintFor(name);
    return count === undefined || hint === undefined ? [] : [`${grouped(count)} ${name}: ${hint}`];
  });
  const seen = isFile(input) ? await whatIsThere(input, wanted) : new Map<string, number>();
  const most = [...seen].sort(([, a], [, b]) => b - a).slice(0, TOLD);
  return [...most.map(([what, count]) => `${grouped(count)} times ${what}`), ...lines];
}

function isFile(path: string): boolean {
  return path !== "-" && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

async function whatIsThere(
  input: string,
  wanted: (record: CaptureRecord) => boolean,
): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  const read = dissector();
  let left = LOOKED_AT;
  let searched = 0;
  try {
    const source = await openCaptureFile(input);
    try {
      for await (const record of readCapture(chunksOf(source))) {
        if (wanted(record)) {
          const what = told(viewOf(record, read).dissection.layers);
          seen.set(what, (seen.get(what) ?? 0) + 1);
          left--;
        }
        if (left === 0 || ++searched === SEARCHED) break;
      }
    } finally {
      await source.close();
    }
  } catch (error) {
    // What is wrong with the file has been said, or nobody needs to know: what became of it is told already.
    if (!(error instanceof CaptureError || error instanceof FileError)) throw error;
  }
  return seen;
}

/** The layers of a frame, and what may open it. */
function told(layers: readonly Layer[]): string {
  const stack = stackOf(layers);
  const [first] = wrappingsOf(layers);
  if (first !== undefined) return `${stack}: --kind ${first.kind} opens it`;
  const unread = unreadText(layers);
  if (unread !== undefined) return `${stack}: ${unread}, which is no wrapping that is known`;
  const udp = layers.findLast(({ name }) => name === "udp");
  if (udp?.name !== "udp") return `${stack}: no wrapping`;
  const { destinationPort } = udp.header;
  return `${stack} to UDP port ${destinationPort}: if that is a tunnel's, --port [KIND=]${destinationPort} says so`;
}
