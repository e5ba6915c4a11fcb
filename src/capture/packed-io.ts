// Files that are packed captures: unpacked as they are read, packed as they are written.

import { CONTAINER_MAGIC_LENGTH, recogniseContainer, transformFor, unpacked } from "../pcap/container.ts";
import type { Container } from "../platform/compression.ts";
import type { CaptureInput, CaptureOutput } from "./capture-io.ts";
import { chunksOf } from "./chunks.ts";
import { inputOf } from "./lending.ts";

/**
 * The same input, unpacked if it turns out to be packed. What is not comes through as it is, straight into the memory it is
 * read to: whether it is packed is seen when it is first read, not before.
 */
export function unpackedInput(input: CaptureInput): CaptureInput {
  let source: CaptureInput | undefined;
  return {
    settles: input.settles,
    async read(into) {
      if (source !== undefined) return await source.read(into);
      let length = 0;
      while (length < Math.min(CONTAINER_MAGIC_LENGTH, into.length)) {
        const read = await input.read(into.subarray(length));
        if (read === 0) break;
        length += read;
      }
      const container = recogniseContainer(into.subarray(0, length));
      if (container === undefined) {
        source = input;
        return length;
      }
      source = inputOf(unpacked(behind(into.slice(0, length), input), container));
      return await source.read(into);
    },
    async close() {
      // First the file: a read of it that waits ends so.
      await input.close();
      if (source !== undefined && source !== input) await source.close();
    },
  };
}

async function* behind(first: Uint8Array, input: CaptureInput): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  yield* chunksOf(input);
}

/** The same output, behind a container. */
export function packedOutput(output: CaptureOutput, container: Container): CaptureOutput {
  const pipe = new BytePipe();
  const pack = transformFor(container, "pack");
  const pump = async (): Promise<void> => {
    for await (const chunk of pack(pipe)) await output.write(chunk);
  };
  const pumped = pump();
  pumped.catch((error) => pipe.fail(error));
  return {
    // A copy: the packing goes on when the memory holds something else.
    write: (bytes) => pipe.push(bytes.slice()),
    async close() {
      pipe.end();
      await pumped;
      await output.close();
    },
    async abort(reason) {
      pipe.end();
      await output.abort(reason);
    },
  };
}

/** Chunks from one side to the other, one at a time. */
class BytePipe implements AsyncIterable<Uint8Array> {
  #chunk: Uint8Array | undefined;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};
  #taken: () => void = () => {};
  #refused: (error: unknown) => void = () => {};

  /** Resolves when the chunk has been taken, and rejects when none is taken any more. */
  push(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure.error);
        return;
      }
      this.#chunk = chunk;
      this.#taken = resolve;
      // Kept here, and not by a race with one promise for all, which would remember each push: some 300 bytes, measured.
      this.#refused = reject;
      this.#wake();
    });
  }

  /** The other side takes nothing any more. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#refused(error);
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.#chunk;
      if (chunk !== undefined) {
        this.#chunk = undefined;
        this.#taken();
        yield chunk;
      } else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
