// What a dataplane refuses, and how: typed errors that name the argument and say what to change.
import { createDataplane, type DataplaneOptions, loadKernels } from "frameferry";
import { describe, expect, test } from "vitest";
import { flowFrame, isolated, modes } from "./support.ts";

const refused: readonly (readonly [string, DataplaneOptions, RegExp, "TypeError" | "RangeError"])[] = [
  [
    "workers below 0",
    { workers: -1 },
    /^workers: expected a whole number from 0 to 64, got -1/,
    "RangeError",
  ],
  ["too many workers", { workers: 65 }, /^workers: /, "RangeError"],
  ["workers in words", { workers: "2" as never }, /^workers: expected a number/, "TypeError"],
  [
    "shared without workers",
    { workers: 0, transport: "shared" },
    /^workers: transport "shared" needs at least 1/,
    "RangeError",
  ],
  ["transfer without workers", { workers: 0, transport: "transfer" }, /^workers: .* got 0/, "RangeError"],
  [
    "another transport",
    { transport: "tcp" as never },
    /^transport: expected auto, shared or transfer/,
    "RangeError",
  ],
  ["an option there is not", { worker: 1 } as never, /^options: unknown option "worker"/, "TypeError"],
  [
    "a spawnWorker that is none",
    { spawnWorker: 5 as never },
    /^spawnWorker: expected a function/,
    "TypeError",
  ],
  ["an onWorkerDied that is none", { onWorkerDied: {} as never }, /^onWorkerDied: /, "TypeError"],
  ["a signal that is none", { signal: 1 as never }, /^signal: expected an AbortSignal/, "TypeError"],
  [
    "a spawnWorker that gives no worker",
    { workers: 1, spawnWorker: () => ({}) as never },
    /^spawnWorker: expected it to return a Worker/,
    "TypeError",
  ],
  ["memory in words", { memoryBytes: "1" as never }, /^memoryBytes: /, "TypeError"],
  ["more memory than there is", { memoryBytes: 2 ** 33 }, /^memoryBytes: /, "RangeError"],
  ["bytes that are no module", { wasm: new Uint8Array(9) }, /^wasm: cannot be compiled: /, "RangeError"],
];

for (const [what, options, message, name] of refused) {
  test(what, async () => {
    const error = (await createDataplane(options).catch((cause: unknown) => cause)) as Error;
    expect(error.name).toBe(name);
    expect(error.message).toMatch(message);
  });
}

test("a spawnWorker that throws", async () => {
  const reason = new Error("no workers today");
  const spawnWorker = (): never => {
    throw reason;
  };
  await expect(createDataplane({ workers: 2, spawnWorker })).rejects.toBe(reason);
});

test.runIf(!isolated)("shared memory on a page that is not isolated", async () => {
  await expect(createDataplane({ workers: 1, transport: "shared" })).rejects.toThrow(
    /^transport: "shared" needs a cross-origin isolated page/,
  );
});

test("a module of another version", async () => {
  const { module } = await loadKernels();
  expect(module).toBeInstanceOf(WebAssembly.Module);
  // (module (import "env" "memory" (memory 1 65536 shared)) (func (export "layoutVersion") (result i32) i32.const 99))
  const other = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 5, 1, 0x60, 0, 1, 0x7f],
    ...[2, 18, 1, 3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 3, 1, 0x80, 0x80, 4],
    ...[3, 2, 1, 0],
    ...[7, 17, 1, 13, ...new TextEncoder().encode("layoutVersion"), 0, 0],
    ...[10, 7, 1, 5, 0, 0x41, 0xe3, 0, 0x0b],
  ]);
  await expect(createDataplane({ workers: 1, wasm: other })).rejects.toThrow(
    /^wasm: the module is of layout 99, this package needs \d+: use the file of the same version/,
  );
});

describe.each(modes)("$name", ({ options, transport }) => {
  test("memory that is too small says by how much to raise it", async () => {
    await using dataplane = await createDataplane({ ...options, memoryBytes: 1 << 20 });
    const free = dataplane.freeBytes;
    if (transport !== "transfer") {
      await expect(dataplane.open([])).rejects.toThrow(/^memoryBytes: .* raise memoryBytes by \d+/);
      expect(dataplane.freeBytes).toBe(free);
      await using channel = await dataplane.open([], { ringBytes: 1 << 16 });
      expect(channel.longest).toBeGreaterThan(0);
    }
    const sink = new WritableStream<Uint8Array>();
    await expect(dataplane.processCapture(new Uint8Array(9), [], sink)).rejects.toThrow(/^memoryBytes: /);
  });

  test("what channels refuse", async () => {
    await using dataplane = await createDataplane(options);
    const free = dataplane.freeBytes;
    for (const ringBytes of [0, 1 << 15, (1 << 16) + 1, 2 ** 29, 1.5])
      await expect(dataplane.open([], { ringBytes })).rejects.toThrow(/^ringBytes: /);
    await expect(dataplane.open([], { ring: 1 } as never)).rejects.toThrow(/^options: unknown option "ring"/);
    await expect(dataplane.open("decapsulate" as never)).rejects.toThrow(/^stages: expected an array/);
    await expect(dataplane.open([{ stage: "vlan-push", vid: 5000 }])).rejects.toThrow(/^stages\[0\]\.vid: /);
    expect(dataplane.freeBytes).toBe(free);
  });

  test("a dataplane that has been closed", async () => {
    const dataplane = await createDataplane(options);
    const channel = await dataplane.open([]);
    await dataplane.close();
    await dataplane.close();
    expect(() => channel.send([flowFrame(1, 1)])).toThrow(/^channel: it has been closed/);
    await channel.close();
    const closed = /^dataplane: it has been closed/;
    await expect(dataplane.open([])).rejects.toThrow(closed);
    await expect(dataplane.processCapture(new Uint8Array(0), [], new WritableStream())).rejects.toThrow(
      closed,
    );
    expect(() => dataplane.frames([])).toThrow(closed);
    expect(() => dataplane.captures([])).toThrow(closed);
  });
});
