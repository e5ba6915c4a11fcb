// Text on standard output, with its failures: a full disk behind it must not pass for success.

import { createCaptureFile } from "../node.ts";

const encoder = new TextEncoder();

/** Prints; rejects with a FileError, EPIPE if the reader has gone. */
export async function print(text: string): Promise<void> {
  const output = await createCaptureFile("-");
  await output.write(encoder.encode(text));
}
