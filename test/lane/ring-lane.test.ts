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

test("frames that wait when the first notes come have none, whatever lay in their place", async () => {
  const on = await kernels();
  const lane = new PipelineLane(new Program(on, compileStages([])), { ringBytes: RING, worker: 0, owner: 0 });
  const take = (): string[] => {
    const told: string[] = [];
    for (let burst = lane.take(); burst !== undefined; burst = lane.take())
      for (let i = 0; i < burst.length; i++) told.push(`${burst.mark(i)} ${burst.time(i)} ${burst.port(i)}`);
    return told;
  };
  // The ring goes round, and holds nothing but these bytes then, its fillers and headers apart.
  for (let i = 0; i < 20; i++) {
    lane.add(new Uint8Array(900).fill(0xa5), i);
    lane.publish();
    lane.workHere();
    expect(take()).toEqual([`${i} 0 0`]);
  }
  const notes = { marks: undefined, times: Uint32Array.of(1, 2, 3, 4), ports: [7, 8] };
  for (let i = 0; i < 20; i++) lane.add(new Uint8Array(20), i);
  lane.publish();
  lane.add(new Uint8Array(20), 20, notes, 1);
  lane.add(new Uint8Array(20), 21);
  lane.publish();
  lane.workHere();
  expect(take()).toEqual([
    ...Array.from({ length: 20 }, (_, i) => `${i} 0 0`),
    `20 ${(4n << 32n) | 3n} 8`,
    "21 0 0",
  ]);
  lane.close();
});
