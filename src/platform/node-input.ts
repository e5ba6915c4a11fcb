// Captures read in Node: files straight into the kernels' memory, standard input as it comes.

import { close as closeFile, fstatSync, open as openFile, read as readFile } from "node:fs";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { fileError } from "./file-error.ts";

const open = promisify(openFile);
const read = promisify(readFile);
const close = promisify(closeFile);

const STDIN = 0;
/** Standard input under other names: opening these anew fails where it is a socket. */
const STDIN_NAMES = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/** Fills memory from a file, from where the last read ended. */
export interface NodeInput {
  read(into: Uint8Array): Promise<number>;
  close(): Promise<void>;
  /** Whether reads settle soon after `close()`, whatever happens: a pipe's may wait for ever. */
  readonly settles: boolean;
}

export async function openInputFile(path: string): Promise<NodeInput> {
  if (STDIN_NAMES.includes(path)) return openStandardInput();
  try {
    const file = await open(path, "r");
    const status = fstatSync(file);
    if (!status.isDirectory()) return new FileInput(file, path, status.isFile());
    await close(file);
  } catch (cause) {
    throw fileError("read", path, cause);
  }
  throw fileError("read", path, Object.assign(new Error(), { code: "EISDIR" }));
}

function openStandardInput(): NodeInput {
  try {
    if (fstatSync(STDIN).isFile()) return new FileInput(STDIN, "-", true);
  } catch (cause) {
    throw fileError("read", "-", cause);
  }
  return new StreamInput(process.stdin);
}

class FileInput implements NodeInput {
  readonly settles: boolean;
  readonly #file: number;
  readonly #path: string;
  #reading: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(file: number, path: string, settles: boolean) {
    this.#file = file;
    this.#path = path;
    this.settles = settles;
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#closed) return 0;
    try {
      const reading = read(this.#file, into, 0, into.length, null);
      this.#reading = reading;
      return (await reading).bytesRead;
    } catch (cause) {
      throw fileError("read", this.#path, cause);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // The number of a closed file may stand for another one before a read that is under way gets to it.
    await this.#reading.catch(() => {});
    if (this.#file !== STDIN) await close(this.#file);
  }
}

/** A pipe, a socket or a terminal. Not its async iterator: closing that would wait for the read under way. */
class StreamInput implements NodeInput {
  /** What waits is woken when the stream is destroyed. */
  readonly settles: boolean = true;
  readonly #stream: Readable;
  #chunk: Uint8Array = new Uint8Array(0);
  #failure: unknown;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on("error", (error) => {
      this.#failure = error;
    });
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#chunk.length === 0) {
      if (this.#failure !== undefined) throw fileError("read", "-", this.#failure);
      const chunk: Uint8Array | null = this.#stream.read();
      if (chunk !== null) this.#chunk = chunk;
      else if (this.#stream.readableEnded || this.#stream.destroyed) return 0;
      else await this.#more();
    }
    const part = this.#chunk.subarray(0, into.length);
    into.set(part);
    this.#chunk = this.#chunk.subarray(part.length);
    return part.length;
  }

  async close(): Promise<void> {
    this.#stream.destroy();
  }

  #more(): Promise<void> {
    const stream = this.#stream;
    const events = ["readable", "end", "error", "close"];
    return new Promise((resolve) => {
      const wake = (): void => {
        for (const event of events) stream.removeListener(event, wake);
        resolve();
      };
      for (const event of events) stream.on(event, wake);
    });
  }
}
