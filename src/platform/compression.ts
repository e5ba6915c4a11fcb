// What this platform compresses and decompresses: by zlib in Node, which takes large chunks and needs no web streams around
// them, and by the streams of the platform elsewhere.

/** What captures are packed in. */
export type Container = "gzip" | "zstd";

/** Bytes in, bytes out; leaving the iteration early leaves that of the source. */
export type ByteTransform = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Bytes that zlib gives at a time. With its 16 KiB the steps between chunks take longer than the work. */
const CHUNK = 256 * 1024;

type Zlib = Pick<typeof import("node:zlib"), "createGunzip" | "createGzip"> & {
  // Since Node 22.15 and 23.8.
  readonly createZstdCompress?: typeof import("node:zlib").createGzip;
  readonly createZstdDecompress?: typeof import("node:zlib").createGunzip;
};

/** What unpacks, or packs, on this platform; undefined if nothing does. */
export function compressionOf(container: Container, direction: "pack" | "unpack"): ByteTransform | undefined {
  // Not imported: browsers have no such module.
  const zlib = globalThis.process?.getBuiltinModule?.("node:zlib") as Zlib | undefined;
  if (zlib !== undefined) {
    const create =
      container === "gzip"
        ? direction === "pack"
          ? zlib.createGzip
          : zlib.createGunzip
        : direction === "pack"
          ? zlib.createZstdCompress
          : zlib.createZstdDecompress;
    return create && ((source) => throughNode(source, create({ chunkSize: CHUNK })));
  }
  const Stream = direction === "pack" ? globalThis.CompressionStream : globalThis.DecompressionStream;
  if (Stream === undefined) return undefined;
  try {
    const stream = new Stream(container as CompressionFormat);
    return (source) => throughWeb(source, stream);
  } catch {
    // The stream of this name does not know the format.
    return undefined;
  }
}

function throughNode(
  source: AsyncIterable<Uint8Array>,
  transform: import("node:zlib").Gunzip | import("node:zlib").Gzip,
): AsyncIterable<Uint8Array> {
  const { Readable, pipeline } = globalThis.process.getBuiltinModule("node:stream");
  // What goes wrong in either comes out where the transform is read.
  pipeline(Readable.from(source, { objectMode: true, highWaterMark: 1 }), transform, () => {});
  return transform as unknown as AsyncIterable<Uint8Array>;
}

async function* throughWeb(
  source: AsyncIterable<Uint8Array>,
  { readable, writable }: ReadableWritablePair<Uint8Array, BufferSource>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = writable.getWriter();
  const pump = async (): Promise<void> => {
    try {
      for await (const chunk of source) {
        await writer.ready;
        // Streams take no memory that is shared.
        await writer.write(chunk.slice() as Uint8Array<ArrayBuffer>);
      }
      await writer.close();
    } catch (error) {
      await writer.abort(error).catch(() => {});
    }
  };
  const pumped = pump();
  const reader = readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
    await pumped;
  }
}
