// Captures that are packed: told by their first bytes, unpacked and packed by what the platform has for it.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { type ByteTransform, type Container, compressionOf } from "../platform/compression.ts";
import { type CaptureSource, openSource } from "./byte-source.ts";
import { CaptureError } from "./capture-error.ts";

/** The first bytes of each; those of zstd stand in this order (RFC 8878 §3.1.1). */
const MAGICS: readonly (readonly [Container, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];
/** As many bytes as tell all of them. */
export const CONTAINER_MAGIC_LENGTH = 4;

/** The container that begins with these bytes, which are all there are or as many as tell; undefined if none does. */
export function recogniseContainer(bytes: Uint8Array): Container | undefined {
  return MAGICS.find(([, magic]) => magic.every((byte, i) => bytes[i] === byte))?.[0];
}

/** The container that a file of this name is expected to be. */
export function containerOfName(name: string): Container | undefined {
  if (/\.gz$/i.test(name)) return "gzip";
  return /\.zst$/i.test(name) ? "zstd" : undefined;
}

/** The name of what is in the container: without its ending, if it has one. */
export function nameInContainer(name: string): string {
  return containerOfName(name) === undefined ? name : name.replace(/\.[^.]*$/, "");
}

/**
 * The bytes of a capture, unpacked if they are packed with gzip or zstd: for `readCapture`, `processCapture`, or anything
 * that takes bytes.
 *
 * A stream that is damaged or ends too early gives what could be unpacked, and then throws a `CaptureError`, as a damaged
 * capture does. Throws an argument error of the code `unsupported` where the platform does not know the container: zstd
 * takes Node 22.15 or 23.8, or an engine whose DecompressionStream has it.
 */
export async function* unpackCapture(source: CaptureSource): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = openSource(source);
  let ended = false;
  const more = async (): Promise<Uint8Array | undefined> => {
    const chunk = await bytes.read();
    ended = chunk === undefined;
    return chunk;
  };
  try {
    let start = (await more()) ?? new Uint8Array(0);
    while (!ended && start.length < CONTAINER_MAGIC_LENGTH)
      start = joined(start, (await more()) ?? start.subarray(0, 0));
    const all = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield start;
      while (!ended) {
        const chunk = await more();
        if (chunk !== undefined) yield chunk;
      }
    };
    const container = recogniseContainer(start);
    yield* container === undefined ? all() : unpacked(all(), container);
  } finally {
    if (!ended) await bytes.close();
  }
}

/** Bytes packed with gzip or zstd, for files and uploads. Throws as `unpackCapture` does where the platform cannot. */
export function packCapture(source: CaptureSource, container: Container): AsyncIterable<Uint8Array> {
  const pack = transformFor(container, "pack");
  const bytes = openSource(source);
  return pack(
    (async function* () {
      let ended = false;
      try {
        for (;;) {
          const chunk = await bytes.read();
          ended = chunk === undefined;
          if (chunk === undefined) return;
          yield chunk;
        }
      } finally {
        if (!ended) await bytes.close();
      }
    })(),
  );
}

/** Unpacks; what is wrong with the packed bytes is a CaptureError at the place that was reached. */
export async function* unpacked(
  source: AsyncIterable<Uint8Array>,
  container: Container,
): AsyncGenerator<Uint8Array, void, undefined> {
  let failure: { readonly error: unknown } | undefined;
  const guarded = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* source;
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  let offset = 0;
  const unpack = transformFor(container, "unpack");
  try {
    for await (const chunk of unpack(guarded())) {
      offset += chunk.length;
      yield chunk;
    }
  } catch (error) {
    // What the source says is its own business.
    if (failure !== undefined) throw failure.error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CaptureError(
      offset,
      `the ${container} stream around the capture is damaged or cut short (${reason})`,
    );
  }
}

/** @throws ArgumentError of the code `unsupported` where the platform has none. */
export function transformFor(container: Container, direction: "pack" | "unpack"): ByteTransform {
  const transform = compressionOf(container, direction);
  if (transform !== undefined) return transform;
  const hint = direction === "pack" ? "write gzip, or pack it afterwards" : "unpack it first";
  throw new ArgumentTypeError(
    "unsupported",
    "container",
    `this platform has no ${container} (Node has it from 22.15 and 23.8 on): ${hint}`,
  );
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
