// The page's own worker: looks into captures, so that the page's thread need not.

import { answer } from "./answering.js";
import { breathing } from "./breathing.js";
import { dropReasons, FrameBatch, loadKernels, Pipeline } from "./frameferry/index.js";
import { readCapture } from "./frameferry/pcap.js";
import { dissect, vnisOf } from "./frameferry/wire.js";
import { boxesOf, dissectOptions } from "./layers.js";
import { makeCapture } from "./made-capture.js";

const FIRST_FRAMES = 12;
const NEWS_EVERY_MS = 200;
/** A dozen of the longest frames, and tables. */
const MEMORY = 16 * 1024 * 1024;

/** The records that the page shows. */
let first = [];
let loading;

answer({ first: readFirst, survey, preview, make: ({ bytes }) => makeCapture(bytes) });

/** Keeps the first frames of a capture and says how many there are. Rejects with a CaptureError for what is none. */
async function readFirst({ capture }) {
  first = [];
  const reader = readCapture(capture);
  const { format } = await reader.open();
  const records = [];
  try {
    for await (const record of reader) {
      // The record's bytes are a view of a whole chunk.
      records.push({
        frame: record.data.slice(),
        about: { linkType: record.interface.linkType, wireLength: record.originalLength },
        notes: { time: record.timestamp, port: record.interface.id },
      });
      if (records.length === FIRST_FRAMES) break;
    }
  } catch {
    // The survey, which comes next, says where the damage is.
  }
  first = records;
  return { format, frames: first.length };
}

/** Counts frames by their VNIs, outermost first, in the first `limit` frames. */
async function survey({ capture, limit, ports }, tell, signal) {
  const rows = new Map();
  const reader = readCapture(capture.stream().pipeThrough(breathing()), { signal });
  const count = { frames: 0, complete: true, unfinished: false, damage: undefined };
  let told = performance.now();
  try {
    for await (const batch of reader.batches()) {
      for (const record of batch) {
        if (count.frames === limit) {
          count.complete = false;
          break;
        }
        const about = { linkType: record.interface.linkType, wireLength: record.originalLength };
        const key = vnisOf(dissect(record.data, dissectOptions(about, ports)).layers).join(" › ");
        rows.set(key, (rows.get(key) ?? 0) + 1);
        count.frames++;
      }
      if (!count.complete) break;
      if (performance.now() - told > NEWS_EVERY_MS) {
        tell({ ...count, unfinished: true, rows: [...rows] });
        told = performance.now();
      }
    }
  } catch (error) {
    if (error.name !== "CaptureError") throw error;
    count.damage = error.message;
  }
  return { ...count, rows: [...rows] };
}

/** The first frames as they are, and as the stages leave them. Rejects with the error that names a stage's field. */
async function preview({ stages, ports }) {
  const kernels = await (loading ??= loadKernels({ memoryBytes: MEMORY }));
  const pipeline = new Pipeline(kernels, stages);
  const batch = new FrameBatch(kernels, {
    frames: FIRST_FRAMES,
    frameBytes: 65535,
    headroom: Math.max(128, pipeline.headroom),
  });
  try {
    for (const { frame, about, notes } of first) batch.add(frame, { wireLength: about.wireLength, ...notes });
    // As with the whole capture, where no stage goes by the clock.
    pipeline.run(batch, { time: 0n });
    return first.map(({ frame, about }, index) => ({
      before: boxesOf(frame, dissectOptions(about, ports)),
      ...afterwards(batch, index, about, ports),
    }));
  } finally {
    batch.close();
    pipeline.close();
  }
}

function afterwards(batch, index, { linkType }, ports) {
  // A batch holds Ethernet frames; a capture's records can be something else, and are dropped for that.
  const reason =
    linkType === 1 ? batch.dropReason(index) : dropReasons.find(({ name }) => name === "not-ethernet");
  if (reason !== undefined) return { dropped: { name: reason.name, sentence: reason.sentence } };
  const about = { linkType, wireLength: batch.wireLength(index) };
  return { after: boxesOf(batch.frame(index), dissectOptions(about, ports)) };
}
