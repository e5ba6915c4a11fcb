// Captures in files, packed ones too. Apart from ports over sockets, so that who only has files loads no network.

import type { CaptureInput, CaptureOutput } from "../capture/capture-io.ts";
import { packedOutput, unpackedInput } from "../capture/packed-io.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { containerOfName, transformFor } from "../pcap/container.ts";
import { openInputFile } from "../platform/node-input.ts";
import { createOutputFile } from "../platform/node-output.ts";

/**
 * Opens a capture for reading; `"-"` is standard input. One that is packed with gzip, or with zstd where Node has it (22.15,
 * 23.8), is unpacked, whatever its name.
 *
 *     await processCapture(await openCaptureFile("in.pcap"), pipeline, await createCaptureFile("out.pcap"));
 *
 * @throws FileError if the file cannot be opened; reading rejects with one as well.
 */
export async function openCaptureFile(path: string): Promise<CaptureInput> {
  return unpackedInput(await openInputFile(checkedPath(path)));
}

/**
 * Makes a capture file; `"-"` is standard output. A name that ends in `.gz` or `.zst` packs it.
 *
 * The file appears under its name when it is closed, complete, in place of one that was there, whose permissions it
 * takes over; the bytes are with the system then, which may take its time to bring them to the disk. Until then
 * they stand in a hidden file in the same folder, which is deleted on abort and when the process ends, by a signal
 * too unless the program listens to it itself. A symbolic link stays, and the file behind it is replaced. A device or
 * a named pipe is written to directly.
 *
 * @throws FileError if it cannot be made; writing and closing reject with one as well.
 */
export async function createCaptureFile(path: string): Promise<CaptureOutput> {
  const container = containerOfName(checkedPath(path));
  // What the platform cannot do is said before a file is touched.
  if (container !== undefined) transformFor(container, "pack");
  const output = await createOutputFile(path);
  return container === undefined ? output : packedOutput(output, container);
}

function checkedPath(path: string): string {
  if (typeof path !== "string") throw wrongType("path", "a string", path);
  if (path === "" || path.includes("\0")) {
    throw new ArgumentRangeError(
      "malformed",
      "path",
      `expected the name of a file, got ${JSON.stringify(path)}`,
    );
  }
  return path;
}
