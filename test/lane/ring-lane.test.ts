// Whom the thread wakes that takes results: a worker that waits for room, and none that merely has nothing to do.
import { expect, test } from "vitest";
import { PipelineLane } from "../../build/js/src/lane/pipeline-lane.js";
import { compileStages } from "../../build/js/src/pipeline/compile.js";
import { Program } from "../../build/js/src/pipeline/program.js";
import { CURSOR_STATUS, STATUS_NEED_INPUT, STATUS_OUTPUT_FULL } from "../../src/layout/cursor.layout.ts";
import { DOORBELL_ASLEEP, DOORBELL_COUNT, DOORBELL_LENGTH } from "../../src/layout/ring.layout.ts";
import { kernels } from "../capture/piece-support.ts";

const RING = 4096;
const FRAME = new Uint8Array(1000).fill(2);

test("a worker is woken by who takes results if it waits for room", async () => {
  const on = await kernels();
  const worker = on.plan.reserve("a worker's doorbell", DOORBELL_LENGTH);
  const lane = new PipelineLane(new Program(on, compileStages([])), { ringBytes: RING, worker, owner: 0 });
  const rung = (): number => on.words[(worker + DOORBELL_COUNT) >>> 2] as number;
  const status = (): number => on.words[(lane.addresses.cursor + CURSOR_STATUS) >>> 2] as number;
  const fill = (): void => {
    while (lane.add(FRAME, 0));
    lane.publish();
  };
  fill();
  lane.workHere();
  expect(status()).toBe(STATUS_NEED_INPUT);
  on.words[(worker + DOORBELL_ASLEEP) >>> 2] = 1;
  expect(lane.take()?.length).toBe(3);
  expect(rung()).toBe(0);

  on.words[(worker + DOORBELL_ASLEEP) >>> 2] = 0;
  for (let turn = 0; turn < 2; turn++) {
    fill();
    lane.workHere();
  }
  expect(status()).toBe(STATUS_OUTPUT_FULL);
  on.words[(worker + DOORBELL_ASLEEP) >>> 2] = 1;
  expect(lane.take()?.length).toBeGreaterThan(0);
  expect(rung()).toBe(1);
  lane.close();
});
