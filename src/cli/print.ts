// Text on standard output, with its failures: a full disk behind it must not pass for success.

import { createCaptureFile } from "../files/capture-files.ts";
import { isStandardOutput } from "../platform/node-output.ts";
import { printable } from "./printable.ts";

const encoder = new TextEncoder();

/** Whom a text is for. Programs get JSON as it is; people get nothing that acts on their terminal. */
export type Reader = "people" | "programs";

/** Prints; rejects with a FileError, EPIPE if the reader has gone. */
export async function print(text: string, reader: Reader = "people"): Promise<void> {
  const output = await createCaptureFile("-");
  await output.write(encoder.encode(reader === "people" ? printable(text) : text));
}

/** Prints a summary, which keeps out of the way of a capture on standard output. */
export async function printSummary(text: string, reader: Reader, outputs: Iterable<string>): Promise<void> {
  if (![...outputs].some(isStandardOutput)) await print(text, reader);
  else process.stderr.write(reader === "people" ? printable(text) : text);
}
