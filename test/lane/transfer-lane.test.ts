// The lane without shared memory, between a worker that does as the test says and an owner that takes when it says.
import { expect, test } from "vitest";
import type { TransferJob, TransferResult } from "../../build/js/src/lane/lane-job.js";
import { TransferLane } from "../../build/js/src/lane/transfer-lane.js";
import { compileStages } from "../../build/js/src/pipeline/compile.js";
import { sumCounters } from "../../build/js/src/pipeline/counters.js";
import { NO_COUNTERS } from "../../build/js/src/pipeline/tally.js";
import { expectConserved } from "../dataplane/support.ts";

const RING = 1 << 16;
/** Half of the ring is a buffer: two of them are all that may be under way, or come back. */
const BUFFERS = 2;
const FRAME = new Uint8Array(1000);

function subject() {
  const jobs: { job: TransferJob; done: (result: TransferResult) => void; fail: (error: Error) => void }[] =
    [];
  let changes = 0;
  const lane = new TransferLane(compileStages([]), {
    ringBytes: RING,
    work: (job) => new Promise((done, fail) => jobs.push({ job, done, fail })),
    onChange: () => changes++,
  });
  /** Adds frames until the lane has no room; returns how many. */
  const fill = (): number => {
    let frames = 0;
    while (frames < 10_000 && lane.add(FRAME, 0)) frames++;
    return frames;
  };
  /** The worker gives the first job back as it came. */
  const finish = async (): Promise<void> => {
    const { job, done } = jobs.shift()!;
    const received = job.bytes.length / (job.bytes.length === 0 ? 1 : RECORD);
    const tally = { ...NO_COUNTERS, forwarded: received };
    const bytes = job.bytes.slice() as Uint8Array<ArrayBuffer>;
    done({ bytes, tally, consumed: bytes.length, frameBytesIn: 0, frameBytesOut: 0, trailersLeftOut: 0 });
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { lane, jobs, fill, finish, changes: () => changes };
}

const RECORD = 1040;

test("so many buffers are under way or have come back, and one is packed; then there is no room", async () => {
  const { lane, jobs, fill, finish } = subject();
  const perBuffer = Math.floor(RING / BUFFERS / RECORD);
  expect(fill()).toBe((BUFFERS + 1) * perBuffer);
  expect(jobs.length).toBe(BUFFERS);
  // What has come back, and nobody takes, holds its place as long as that.
  await finish();
  expect(fill()).toBe(0);
  await finish();
  expect(fill()).toBe(0);
  expect(jobs.length).toBe(0);
  // A burst that is taken makes room for one more, which is sent off.
  expect(lane.take()?.length).toBe(perBuffer);
  expect(jobs.length).toBe(1);
  expect(fill()).toBe(perBuffer);
  expect(jobs.length).toBe(1);
  expect(lane.empty).toBe(false);
});

test("a worker that dies makes room, and what it had is counted", async () => {
  const { lane, jobs, fill, finish } = subject();
  let sent = fill();
  for (let death = 0; death < 5; death++) {
    jobs.shift()!.fail(new Error("died"));
    await new Promise((resolve) => setTimeout(resolve, 0));
    sent += fill();
    expect(jobs.length).toBe(BUFFERS);
  }
  let received = 0;
  while (!lane.empty) {
    if (jobs.length > 0) await finish();
    for (let burst = lane.take(); burst !== undefined; burst = lane.take()) received += burst.length;
  }
  expect(sumCounters([lane.tally()]).drops["worker-died"]).toBe(5 * Math.floor(RING / BUFFERS / RECORD));
  expectConserved(sumCounters([lane.tally()]), sent, received);
});
