// How long memory is held: until no thread can touch it any more, however late workers read what they are told.

import {
  createDataplane,
  type Dataplane,
  type FrameChannel,
  loadKernels,
  Pipeline,
  processCapture,
} from "frameferry";
import { openSwitch, type Switch } from "frameferry/switch";
import { expect, test, vi } from "vitest";
import { DOORBELL_ASLEEP, DOORBELL_CONTROL } from "../../src/layout/ring.layout.ts";
import { STAGE_LENGTH } from "../../src/layout/stage.layout.ts";
import { loadWorkerScript } from "../threads/death-support.ts";
import { expectSame, inline, Sink, WRAP } from "./capture-support.ts";
import { type Message, overhear } from "./message-support.ts";
import { PIECE, pcapOf, shared } from "./shared-captures-support.ts";
import { isolated, pause, until } from "./support.ts";

loadWorkerScript();

const openings: readonly [string, (dataplane: Dataplane) => Promise<FrameChannel | Switch>][] = [
  ["channel", (dataplane) => dataplane.open(WRAP)],
  ["switch", (dataplane) => openSwitch(dataplane, { ringBytes: 1 << 16 })],
];

test.skipIf(!isolated).each(openings)("a %s is held until all workers have let go of it", async (_, open) => {
  const held: Message[] = [];
  const { spawnWorker } = overhear((message) => message.call === "closeLane" && held.push(message) > 0);
  await using dataplane = await createDataplane({ workers: 2, spawnWorker });
  const free = dataplane.freeBytes;
  const opened = await open(dataplane);
  const less = dataplane.freeBytes;
  const closing = opened.close();
  await until(() => held.length === 2, "both workers are asked");
  await pause(0);
  // They may still ring where results are waited for.
  expect(dataplane.freeBytes).toBe(less);
  held[0]!.pass();
  await pause(20);
  expect(dataplane.freeBytes).toBe(less);
  held[1]!.pass();
  await closing;
  expect(dataplane.freeBytes).toBe(free);
});

test.skipIf(!isolated)(
  "pieces that were taken back are not looked for where others lie by then",
  async () => {
    // What the worker is told of the first capture, and what comes after: it reads that late.
    const held: Message[] = [];
    const { spawnWorker } = overhear(
      ({ call, ...rest }) => call.endsWith("Source") && held.push({ call, ...rest }) > 0,
    );
    await using dataplane = await createDataplane({ workers: 1, spawnWorker });
    const free = dataplane.freeBytes;
    const first = pcapOf({ seed: 31, most: 100, length: 3 * PIECE });
    const second = first.slice();
    // Records of the same lengths at other times: each is sound where the other one was.
    const view = new DataView(second.buffer);
    for (let at = 24; at < second.length; at += 16 + view.getUint32(at + 8, true))
      view.setUint32(at, 1e9 + at, true);
    const abort = new AbortController();
    const sink = new Sink();
    const firstWork = dataplane.processCapture(shared(first), WRAP, sink, { signal: abort.signal });
    await until(() => sink.bytes.length > 0, "pieces are handed out");
    await pause(20);
    abort.abort(new Error("enough"));
    await expect(firstWork).rejects.toThrow("enough");
    await until(() => held.length === 2, "it is over");
    await until(() => free - dataplane.freeBytes < 4096, "its pieces are given back");

    const wanted = await inline(second, WRAP, "same");
    const output = new Sink();
    const secondWork = dataplane.processCapture(shared(second), WRAP, output);
    await until(() => output.bytes.length > 0, "pieces are handed out");
    await pause(20);
    // The worker comes to know of the first capture, and looks for pieces of it.
    held[0]!.pass();
    await pause(100);
    for (const message of held.splice(1)) message.pass();
    await secondWork;
    expectSame(output.bytes, wanted.output);
  },
);

test.skipIf(!isolated)("a worker that starts while things are closed comes to rest", async () => {
  const setups: { memory: WebAssembly.Memory; doorbell: number }[] = [];
  const starting: Message[] = [];
  const { spawnWorker, workers } = overhear((message) => {
    if (message.call !== "start") return false;
    setups.push(message.values[0] as (typeof setups)[number]);
    return message.worker > 0 && starting.push(message) > 0;
  });
  await using dataplane = await createDataplane({ workers: 1, spawnWorker });
  const channel = await dataplane.open(WRAP);
  void workers[0]!.terminate();
  await until(() => starting.length === 1, "another is started");
  starting[0]!.pass();
  // It has been told of this before it is at work.
  await channel.close();
  await dataplane.processCapture(
    shared(pcapOf({ seed: 41, most: 100, length: 2 * PIECE })),
    WRAP,
    new Sink(),
  );
  const [, { memory, doorbell }] = setups as [unknown, (typeof setups)[number]];
  const words = new Int32Array(memory.buffer);
  // One that thought that there were messages would look for them for ever.
  await until(() => words[(doorbell + DOORBELL_CONTROL) >>> 2] === 0, "all messages are counted off", 5);
  await until(() => words[(doorbell + DOORBELL_ASLEEP) >>> 2] === 1, "it sleeps", 5);
});

test.skipIf(!isolated).each(openings)(
  "a dataplane closed while a %s is being opened keeps none of it",
  async (_, open) => {
    const plain = await createDataplane({ workers: 2 });
    await plain.close();
    const held: Message[] = [];
    const { spawnWorker } = overhear((message) => message.call === "openLane" && held.push(message) > 0);
    const dataplane = await createDataplane({ workers: 2, spawnWorker });
    const opening = open(dataplane);
    await until(() => held.length === 1, "a worker is asked");
    const refused = expect(opening).rejects.toThrow(/^dataplane: it has been closed$/);
    await dataplane.close();
    await refused;
    expect(dataplane.freeBytes).toBe(plain.freeBytes);
  },
);

test("a switch that cannot be opened leaves no timer behind", async () => {
  await using dataplane = await createDataplane({ workers: 0 });
  const free = dataplane.freeBytes;
  const timers = [vi.spyOn(globalThis, "setInterval"), vi.spyOn(globalThis, "clearInterval")] as const;
  try {
    const clock = (): number => {
      throw new Error("no time");
    };
    await expect(openSwitch(dataplane, { clock })).rejects.toThrow("no time");
    expect(timers[0].mock.results.length).toBe(timers[1].mock.calls.length);
    expect(dataplane.freeBytes).toBe(free);
  } finally {
    for (const timer of timers) timer.mockRestore();
  }
});

const broken = {
  read: () => Promise.reject(new Error("cannot be read")),
  close: () => {
    throw new Error("cannot be closed");
  },
};
test.each([0, 1])("a source that cannot be closed holds up nobody, %i workers", async (workers) => {
  await using dataplane = await createDataplane({ workers });
  const free = dataplane.freeBytes;
  await expect(dataplane.processCapture(broken as never, WRAP, new Sink())).rejects.toThrow("cannot be read");
  expect(dataplane.freeBytes).toBe(free);
});

test.each([0, 1])(
  "an abort ends the wait for a sink that does not come to its end, %i workers",
  async (workers) => {
    await using dataplane = await createDataplane({ workers });
    const free = dataplane.freeBytes;
    const abort = new AbortController();
    const sink = new Sink();
    sink.close = () => {
      setTimeout(() => abort.abort(new Error("enough")));
      return new Promise(() => {});
    };
    const bytes = pcapOf({ seed: 43, most: 100, length: 5000 });
    await expect(dataplane.processCapture(bytes, WRAP, sink, { signal: abort.signal })).rejects.toThrow(
      "enough",
    );
    await until(() => dataplane.freeBytes === free, "all memory is given back");
  },
);

test("a pipeline that is closed under way ends a capture", async () => {
  const kernels = await loadKernels();
  const before = kernels.plan.freeBytes;
  const pipeline = new Pipeline(kernels, WRAP);
  const bytes = pcapOf({ seed: 47, most: 100, length: 3 << 20 });
  let free = 0;
  let region = 0;
  const onProgress = (): void => {
    pipeline.close();
    free ||= kernels.plan.freeBytes;
    // What the capture works by is not given to anybody else as long as it does.
    region ||= kernels.plan.reserve("what comes next", STAGE_LENGTH);
    expect(region).not.toBe(pipeline.address);
  };
  await expect(processCapture(bytes, pipeline, new Sink(), { onProgress })).rejects.toThrow(
    /^pipeline: it has been closed$/,
  );
  expect(kernels.bytes.slice(region, region + STAGE_LENGTH).every((byte) => byte === 0)).toBe(true);
  kernels.plan.release(region);
  expect(free).toBeLessThan(before);
  expect(kernels.plan.freeBytes).toBe(before);
});

test.skipIf(!isolated)("what a pool that fails for good had in work is given back", async () => {
  let failing = false;
  let deaths = 0;
  const { spawnWorker, workers } = overhear(() => false);
  await using dataplane = await createDataplane({
    workers: 2,
    spawnWorker: () => {
      if (failing) throw new Error("no more threads");
      return spawnWorker();
    },
    onWorkerDied: () => void deaths++,
  });
  const free = dataplane.freeBytes;
  const opened = await Promise.all(openings.map(([, open]) => open(dataplane)));
  let writes = 0;
  // Until the pool has failed, so that there is more to do then.
  const write = async (): Promise<void> => {
    writes++;
    await until(() => deaths === 2, "the pool fails");
  };
  const sink = Object.assign(new Sink(), { write });
  const bytes = pcapOf({ seed: 59, most: 100, length: 8 * PIECE });
  const works = [shared(bytes), bytes].map((source) => dataplane.processCapture(source, WRAP, sink));
  const settled = Promise.allSettled(works);
  await until(() => writes === 2, "captures are under way");
  failing = true;
  void workers[0]!.terminate();
  for (const { status, reason } of (await settled) as PromiseRejectedResult[]) {
    expect(status).toBe("rejected");
    expect(`${reason}`).toMatch(/^WorkerDiedError: .*no more threads/);
  }
  expect(dataplane.freeBytes).toBeLessThan(free);
  for (let times = 0; times < 2; times++) await Promise.all(opened.map((each) => each.close()));
  await until(() => dataplane.freeBytes === free, "all memory is given back");
});
