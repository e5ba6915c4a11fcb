// What captures cost in the long run: memory stays what it is over thousands of them, with a signal that lives as long as
// the program.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../support/run-program.ts";

const root = join(import.meta.dirname, "../..");

const SETUP = `
  import { createDataplane, loadKernels, Pipeline, processCapture } from "frameferry";
  const capture = new Uint8Array(24 + 16 + 64);
  const view = new DataView(capture.buffer);
  [0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1].forEach((word, i) => view.setUint32(4 * i, word, true));
  view.setUint32(24 + 8, 64, true);
  view.setUint32(24 + 12, 64, true);
  const { signal } = new AbortController();
  const sink = () => ({ write: async () => {}, close: async () => {}, abort: async () => {} });
  const input = () => {
    let left = capture;
    return {
      read: async (into) => {
        into.set(left);
        const { length } = left;
        left = left.subarray(length);
        return length;
      },
      close: async () => {},
    };
  };
  const kernels = await loadKernels();
  const pipeline = new Pipeline(kernels, []);
  const here = await createDataplane({ workers: 0 });
  const there = await createDataplane({ workers: 1 });
  const shared = new Uint8Array(new SharedArrayBuffer(capture.length));
  shared.set(capture);
  const ways = {
    processCapture: () => processCapture(capture, pipeline, sink(), { signal }),
    "without workers": () => here.processCapture(capture, [], sink(), { signal }),
    "over a worker": () => there.processCapture(capture, [], sink(), { signal }),
    "in shared memory": () => there.processCapture(shared, [], sink(), { signal }),
    "from an input": () => there.processCapture(input(), [], sink(), { signal }),
    "that fail": () =>
      there.processCapture({ read: async () => { throw 1; }, close: async () => {} }, [], sink(), { signal }).catch(() => {}),
    "that are aborted": async () => {
      const stop = new AbortController();
      const done = there.processCapture({ read: () => new Promise(() => {}), close: async () => {} }, [], sink(), { signal: stop.signal });
      stop.abort(new Error("enough"));
      await done.catch(() => {});
    },
  };
  const measure = async () => {
    for (let turn = 0; turn < 5; turn++) { gc(); await new Promise((resolve) => setTimeout(resolve, 50)); }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
`;

test.each([
  ["processCapture", 21_000],
  ["without workers", 21_000],
  ["over a worker", 21_000],
  ["in shared memory", 21_000],
  ["from an input", 6_000],
  ["that fail", 6_000],
  ["that are aborted", 6_000],
])("captures %s: %i keep nothing", { timeout: 240_000 }, (way, count) => {
  const source = `${SETUP}
    const work = ways[${JSON.stringify(way)}];
    for (let i = 0; i < 1000; i++) await work();
    const free = [here.freeBytes, there.freeBytes, kernels.plan.freeBytes];
    // What a capture keeps is kept in each of three parts; what the engine takes for itself, once, is not.
    const grown = [];
    for (let part = 0; part < 3; part++) {
      const before = await measure();
      for (let i = 0; i < ${count / 3}; i++) await work();
      grown.push((await measure()) - before);
    }
    const lost = [here.freeBytes, there.freeBytes, kernels.plan.freeBytes].map((bytes, i) => free[i] - bytes);
    console.log(JSON.stringify({ grown, lost }));
    process.exit(0);
  `;
  const { status, output } = run(
    process.execPath,
    ["--expose-gc", "--input-type=module", "-e", source],
    root,
  );
  expect({ status, output }).toMatchObject({ status: 0, output: expect.stringMatching(/^\{"grown":\[/) });
  const { grown, lost } = JSON.parse(output) as { grown: number[]; lost: number[] };
  console.log(`${way}: ${grown.join(", ")} bytes more after ${count / 3} captures each`);
  // A signal that is kept for each of them would be some 76 bytes.
  expect(Math.min(...grown)).toBeLessThan(30 * (count / 3));
  expect(Math.max(...lost)).toBeLessThanOrEqual(0);
});

test("a packed file keeps nothing of what has been written to it", { timeout: 240_000 }, () => {
  const writes = 20_000;
  const source = `${SETUP}
    const { createCaptureFile } = await import("frameferry/node");
    const output = await createCaptureFile(process.argv[1]);
    const write = async (count) => {
      for (let i = 0; i < count; i++) await output.write(capture);
    };
    await write(${writes});
    const grown = [];
    for (let part = 0; part < 3; part++) {
      const before = await measure();
      await write(${writes});
      grown.push((await measure()) - before);
    }
    await output.abort("enough");
    console.log(JSON.stringify(grown));
    process.exit(0);
  `;
  const folder = mkdtempSync(join(tmpdir(), "frameferry-packed-"));
  const { status, output } = run(
    process.execPath,
    ["--expose-gc", "--input-type=module", "-e", source, join(folder, "out.pcap.gz")],
    root,
  );
  rmSync(folder, { recursive: true });
  expect({ status, output }).toMatchObject({ status: 0, output: expect.stringMatching(/^\[/) });
  const grown = JSON.parse(output) as number[];
  console.log(`${grown.join(", ")} bytes more after ${writes} writes each`);
  expect(Math.min(...grown)).toBeLessThan(30 * writes);
});
