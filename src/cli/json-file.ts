// A JSON file: read, with its failures as people need to be told of them.

import { openCaptureFile } from "../files/capture-files.ts";
import { BadConfiguration } from "./failures.ts";

/** More is no configuration that somebody wrote: a wrong file, a device. */
const LENGTH_MAXIMUM = 64 * 1024 * 1024;
const CHUNK = 64 * 1024;

/**
 * Reads a JSON file; `-` is standard input.
 * @throws FileError if it cannot be read, BadConfiguration if it is not JSON.
 */
export async function readJson(file: string): Promise<unknown> {
  return parseJson(file, await readText(file));
}

async function readText(file: string): Promise<string> {
  const input = await openCaptureFile(file);
  const chunks: Uint8Array[] = [];
  try {
    for (let length = 0; ; ) {
      const chunk = new Uint8Array(CHUNK);
      const read = await input.read(chunk);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      length += read;
      if (length > LENGTH_MAXIMUM) throw new BadConfiguration(file, "too long for a configuration");
    }
  } finally {
    await input.close();
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as SyntaxError;
    // Where, in words that differ from one version of Node to the next; for some errors it shows what is around.
    const position = message.endsWith("end of JSON input")
      ? text.length
      : /at position ([0-9]+)/.exec(message)?.[1];
    const reason = message.replace(/ (?:(?:in JSON )?at position .*|is not valid JSON)$/s, "");
    const place = position === undefined ? "" : `${placeIn(text, Number(position))}: `;
    throw new BadConfiguration(file, `${place}not JSON: ${reason.replace(/\s+/g, " ")}`);
  }
}

function placeIn(text: string, position: number): string {
  const lines = text.slice(0, position).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}`;
}
