// A capture on a SharedArrayBuffer that is longer than any in the tests: pieces are numbered, and numbers have bits.

import { createHash } from "node:crypto";
import { type CaptureSink, createDataplane } from "../../src/index.ts";
import { ENCAPSULATE } from "../dataplane-contests.ts";
import { memoryCapture } from "../memory-capture.ts";

/** Throws unless one to three workers give what none gives, byte for byte; returns the frames of one pass. */
export async function runLongCapture(mebibytes: number): Promise<number> {
  const { bytes, frames } = memoryCapture([64, 570, 1514, 1514], mebibytes * 2 ** 20);
  const pass = async (workers: number): Promise<string> => {
    const hash = createHash("sha1");
    const sink: CaptureSink = {
      write: async (piece) => void hash.update(piece),
      close: async () => {},
      abort: async () => {},
    };
    const dataplane = await createDataplane({ workers });
    try {
      const { received, forwarded, fileBytesIn } = await dataplane.processCapture(bytes, [ENCAPSULATE], sink);
      const seen = `${received} frames of ${fileBytesIn} bytes, ${forwarded} of them forwarded`;
      if (received !== frames || forwarded !== frames || fileBytesIn !== bytes.length)
        throw new Error(`${workers} workers: ${seen}, not ${frames} of ${bytes.length}`);
    } finally {
      await dataplane.close();
    }
    return hash.digest("hex");
  };
  const expected = await pass(0);
  for (const workers of [1, 2, 3]) {
    const found = await pass(workers);
    if (found !== expected) throw new Error(`${workers} workers: the output is not that of none`);
  }
  return frames;
}
