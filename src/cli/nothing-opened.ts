// For whoever gets nothing out of a decapsulation: what was there, and which option opens it.

import { dropReasons } from "../core/drop-reasons.ts";
import type { DataplaneCaptureSummary } from "../dataplane/dataplane.ts";
import { openCaptureFile } from "../node.ts";
import { readCapture } from "../pcap.ts";
import { dissector, type Layer, wrappingsOf } from "../wire.ts";
import { stackOf, unreadText } from "./frame-view.ts";
import { hintFor } from "./hints.ts";
import { grouped } from "./summary.ts";

/** Frames from the start of the capture that are looked at again. */
const LOOKED_AT = 1000;
/** Kinds of frames that are told of. */
const TOLD = 4;
const CHUNK = 64 * 1024;

/** Sentences, one a line, the most frequent first. `input` is looked at again, if it can be. */
export async function nothingOpened(
  input: string,
  { drops }: Pick<DataplaneCaptureSummary, "drops">,
): Promise<string[]> {
  const lines = dropReasons.flatMap(({ name }) => {
    const count = drops[name];
    const hint = hintFor(name);
    return count === undefined || hint === undefined ? [] : [`${grouped(count)} ${name}: ${hint}`];
  });
  const seen = input === "-" ? new Map<string, number>() : await whatIsThere(input);
  const most = [...seen].sort(([, a], [, b]) => b - a).slice(0, TOLD);
  return [...most.map(([what, count]) => `${grouped(count)} times ${what}`), ...lines];
}

async function whatIsThere(input: string): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  const read = dissector();
  let left = LOOKED_AT;
  const source = await openCaptureFile(input);
  try {
    for await (const record of readCapture(chunks(source))) {
      const { data, originalLength, interface: from } = record;
      const what = told(read(data, from.linkType, originalLength).layers);
      seen.set(what, (seen.get(what) ?? 0) + 1);
      if (--left === 0) break;
    }
  } finally {
    await source.close();
  }
  return seen;

  async function* chunks(from: typeof source): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = new Uint8Array(CHUNK);
      const length = await from.read(chunk);
      if (length === 0) return;
      yield chunk.subarray(0, length);
    }
  }
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
