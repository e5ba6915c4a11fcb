// Loading the kernels: options, sources of the module, modules that are none or of another version.
import { FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { describe, expect, it, vi } from "vitest";
import { noise } from "../support/passengers.ts";
import { expectBytes } from "../support/poisoned-batch.ts";

const PAGE = 65536;

// biome-ignore lint/suspicious/noExplicitAny: what is wrong is the type
type Wrong = any;

/** A module by hand that exports `layoutVersion`, which returns `version` (0 to 63), and nothing else. */
function moduleOfVersion(version: number, name = "layoutVersion"): Uint8Array<ArrayBuffer> {
  const text = [...new TextEncoder().encode(name)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // \0asm, version 1
    ...[1, 5, 1, 0x60, 0, 1, 0x7f], // one type: () -> i32
    ...[3, 2, 1, 0], // one function of it
    ...[7, text.length + 4, 1, text.length, ...text, 0, 0], // exported
    ...[10, 6, 1, 4, 0, 0x41, version, 0x0b], // its body: i32.const version
  ]);
}

/** The bytes of the module that is part of the JavaScript, caught on their way to the compiler. */
async function ownBytes(): Promise<Uint8Array<ArrayBuffer>> {
  const compile = vi.spyOn(WebAssembly, "compile");
  await loadKernels({ memoryBytes: 2 * PAGE });
  const bytes = compile.mock.calls[0]![0] as Uint8Array<ArrayBuffer>;
  compile.mockRestore();
  return bytes;
}

function works(kernels: Kernels): void {
  using batch = new FrameBatch(kernels, { frames: 2 });
  using pipeline = new Pipeline(kernels, [{ stage: "vlan-push", vid: 7 }, { stage: "vlan-pop" }]);
  batch.fill([noise(60, 1)]);
  expect(pipeline.run(batch)).toBe(1);
  expectBytes(batch.frame(0), noise(60, 1));
}

async function rejection(options: Wrong): Promise<Error> {
  try {
    await loadKernels(options);
  } catch (error) {
    return error as Error;
  }
  throw new Error("loaded");
}

describe("loadKernels", () => {
  it("needs no options, and gives 64 MiB", async () => {
    const kernels = await loadKernels();
    expect(kernels.memory.buffer.byteLength).toBe(64 << 20);
    works(kernels);
  });

  it("takes the module as bytes, module, response, promise of a response and address", async () => {
    const bytes = await ownBytes();
    const address = new URL(`data:application/wasm;base64,${btoa(String.fromCharCode(...bytes))}`);
    const sources = [
      bytes,
      bytes.buffer,
      new DataView(bytes.buffer),
      await WebAssembly.compile(bytes),
      new Response(bytes),
      Promise.resolve(new Response(bytes, { headers: { "content-type": "text/plain" } })),
      address,
    ];
    for (const wasm of sources) works(await loadKernels({ wasm, memoryBytes: 2 << 20 }));
  });

  it.each([
    [{ memoryBytes: 0 }, RangeError, "memoryBytes"],
    [{ memoryBytes: PAGE }, RangeError, "memoryBytes"],
    [{ memoryBytes: 65536 * PAGE + 1 }, RangeError, "memoryBytes"],
    [{ memoryBytes: 2.5 * PAGE + 0.5 }, RangeError, "memoryBytes"],
    [{ memoryBytes: "64M" }, TypeError, "memoryBytes"],
    [{ memory: 5 }, TypeError, "options"],
    [{ wasm: 5 }, TypeError, "wasm"],
    [{ wasm: "frameferry.wasm" }, TypeError, "wasm"],
    [{ wasm: null }, TypeError, "wasm"],
    [{ wasm: {} }, TypeError, "wasm"],
    [{ wasm: Promise.resolve("bytes") }, TypeError, "wasm"],
    [{ wasm: new Uint8Array(100) }, RangeError, "wasm"],
    [{ wasm: new Uint8Array(0) }, RangeError, "wasm"],
  ] as Wrong[])("refuses %o", async (options, type, name) => {
    const error = await rejection(options);
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(new RegExp(`^${name}: `));
  });

  it("refuses a module that is cut short", async () => {
    const bytes = await ownBytes();
    const error = await rejection({ wasm: bytes.slice(0, bytes.length >> 1) });
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(/^wasm: /);
  });

  it("refuses an answer that is no success", async () => {
    const error = await rejection({ wasm: new Response("no", { status: 404 }) });
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe("wasm: the response answered 404");
  });

  it("refuses a module of another layout, of none, and of someone else", async () => {
    expect((await rejection({ wasm: moduleOfVersion(63) })).message).toMatch(
      /^wasm: the module is of layout \S+, this package needs \d+/,
    );
    const nameless = await rejection({ wasm: moduleOfVersion(1, "answer") });
    expect(nameless).toBeInstanceOf(RangeError);
    expect(nameless.message).toContain("layout unknown");
    // It imports what nobody has.
    const foreign = Uint8Array.from([
      0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 97, 1, 98, 0, 0,
    ]);
    const error = await rejection({ wasm: foreign });
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/^wasm: /);
  });

  it("rounds the memory up to pages, and never grows it", async () => {
    const kernels = await loadKernels({ memoryBytes: 2 * PAGE + 1 });
    expect(kernels.memory.buffer.byteLength).toBe(3 * PAGE);
    expect(() => kernels.memory.grow(1)).toThrow(RangeError);
  });

  it("gives instances that know nothing of one another", async () => {
    const first = await loadKernels({ memoryBytes: 2 << 20 });
    const second = await loadKernels({ memoryBytes: 2 << 20, wasm: first.module });
    const push = { stage: "vlan-push", vid: 7 } as const;
    using one = new FrameBatch(first, { frames: 2 });
    using two = new FrameBatch(second, { frames: 2 });
    using pipeline = new Pipeline(first, [push]);
    one.fill([noise(60, 1)]);
    two.fill([noise(60, 1)]);
    pipeline.run(one);
    expect(one.frame(0).length).toBe(64);
    expectBytes(two.frame(0), noise(60, 1));
    works(second);
    expect(pipeline.counters().received).toBe(1);
  });
});
