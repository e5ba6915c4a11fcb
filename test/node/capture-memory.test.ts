// What captures cost in the long run: memory stays what it is over thousands of them, with a signal that lives as long as
// the program.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../support/run-program.ts";

const root = join(import.meta.dirname, "../..");

/** So many bytes of each call in a part are allowed. */
const KEPT = 30;

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
  // What a capture keeps is kept in each part; what the engine takes for itself, now and then, is not: it may come in
  // the first three parts, or in the sixth. So parts are measured until two of them stayed below what a signal would
  // take that is kept for each of their calls (76 bytes), and after ten of them that has not been seen.
  const grow = async (count, work) => {
    const grown = [];
    for (let flat = 0; flat < 2 && grown.length < 10; ) {
      const before = await measure();
      for (let i = 0; i < count; i++) await work();
      grown.push((await measure()) - before);
      if (grown.at(-1) < ${KEPT} * count) flat++;
    }
    return grown;
  };
`;

function expectFlat(grown: number[], count: number): void {
  expect(grown.filter((bytes) => bytes < KEPT * count)).toHaveLength(2);
}

test.each([
  ["processCapture", 7_000],
  ["without workers", 7_000],
  ["over a worker", 7_000],
  ["in shared memory", 7_000],
  ["from an input", 2_000],
  ["that fail", 2_000],
  ["that are aborted", 2_000],
])("captures %s: %i at a time keep nothing", { timeout: 240_000 }, (way, count) => {
  const source = `${SETUP}
    const work = ways[${JSON.stringify(way)}];
    for (let i = 0; i < 1000; i++) await work();
    const free = [here.freeBytes, there.freeBytes, kernels.plan.freeBytes];
    const grown = await grow(${count}, work);
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
  console.log(`${way}: ${grown.join(", ")} bytes more after ${count} captures each`);
  expectFlat(grown, count);
  expect(Math.max(...lost)).toBeLessThanOrEqual(0);
});

test("a packed file keeps nothing of what has been written to it", { timeout: 240_000 }, () => {
  const writes = 20_000;
  const source = `${SETUP}
    const { createCaptureFile } = await import("frameferry/node");
    const output = await createCaptureFile(process.argv[1]);
    const write = () => output.write(capture);
    for (let i = 0; i < ${writes}; i++) await write();
    const grown = await grow(${writes}, write);
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
  expectFlat(grown, writes);
});
