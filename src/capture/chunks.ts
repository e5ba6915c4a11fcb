// A capture that is read into memory, as the chunks that whatever works record by record takes.

import type { CaptureInput } from "./capture-io.ts";

/** Bytes read at a time. */
const CHUNK = 256 * 1024;

/** All that is still to be read. Each chunk has memory of its own: records are views of it, and live as long as somebody holds
 * them. `onRead` is told how many bytes have come. */
export async function* chunksOf(
  input: Pick<CaptureInput, "read">,
  onRead: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const length = await input.read(chunk);
    if (length === 0) return;
    onRead(length);
    yield chunk.subarray(0, length);
  }
}
