// One thread of the ring litmus. Everything that comes out must be what is due next from its producer.

import { attachKernels, type Kernels } from "../../src/kernel/kernels.ts";
import { CURSOR_FORWARDED } from "../../src/layout/cursor.layout.ts";
import { RING_CONSUMER_DOORBELL, RING_PRODUCER_DOORBELL } from "../../src/layout/ring.layout.ts";
import { ownEndpoint } from "../../src/platform/threads.ts";
import { ByteRing } from "../../src/ring/byte-ring.ts";
import { DescriptorRing } from "../../src/ring/descriptor-ring.ts";
import { ringIfAsleep, sleepUntil } from "../../src/ring/doorbell.ts";
import { allKernels } from "../all-kernels.ts";
import { contentOf, FRAME_HEADER, type LitmusTask, numbers, pattern, SEQUENCE_BITS } from "./litmus-task.ts";

/** Longer than anything that is not stuck. */
const PATIENCE = 30_000;

const endpoint = ownEndpoint();
endpoint.addEventListener("message", ({ data }) => {
  work(data as LitmusTask).then(
    () => endpoint.postMessage({}),
    (error: unknown) => endpoint.postMessage({ failure: String(error) }),
  );
});

async function work(task: LitmusTask): Promise<void> {
  const kernels = await attachKernels(task.module, task.memory);
  const pause = pauses(task);
  if (task.role === "relay") return relay(kernels, task, pause);
  if (task.kind === "items")
    return task.role === "producer" ? pushItems(kernels, task, pause) : popItems(kernels, task, pause);
  return task.role === "producer" ? pushFrames(kernels, task, pause) : popFrames(kernels, task, pause);
}

/** Nothing most of the time, now and then a moment's work, seldom a sleep. */
function pauses({ pauses: wanted, seed }: LitmusTask): () => void {
  if (!wanted) return () => {};
  const next = numbers(seed + 77);
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  return () => {
    const kind = next(2000);
    if (kind === 0) Atomics.wait(nothing, 0, 0, 1);
    else if (kind < 100) for (let turn = next(3000); turn > 0; turn--) Atomics.load(nothing, 0);
  };
}

function open(
  kernels: Kernels,
  { kind, address, role, producer, producers }: LitmusTask,
): DescriptorRing | ByteRing {
  const options = role === "producer" && producers > 1 ? { producer: producer + 1 } : {};
  return kind === "items"
    ? DescriptorRing.open(kernels, address, options)
    : ByteRing.open(kernels, address, options);
}

function pushItems(kernels: Kernels, task: LitmusTask, pause: () => void): void {
  const { words } = kernels;
  const functions = allKernels(kernels);
  const { address, scratch, side, producer, producers, count } = task;
  const ring = open(kernels, task) as DescriptorRing;
  const next = numbers(task.seed);
  const items = new Uint32Array(task.burst);
  const push = (burst: Uint32Array): number => {
    if (side === "js") return ring.push(burst);
    words.set(burst, scratch >>> 2);
    const taken =
      producers > 1
        ? functions.ringPushShared(address, scratch, burst.length, producer + 1)
        : functions.ringPush(address, scratch, burst.length);
    ringIfAsleep(kernels, words[(address + RING_CONSUMER_DOORBELL) >>> 2] as number);
    return taken;
  };
  for (let sequence = 0; sequence < count; ) {
    const length = Math.min(1 + next(task.burst), count - sequence);
    for (let i = 0; i < length; i++) items[i] = (producer << SEQUENCE_BITS) | (sequence + i);
    for (let done = 0; done < length; ) {
      const taken = push(items.subarray(done, length));
      done += taken;
      if (taken === 0 && !ring.waitForRoom(PATIENCE))
        throw new Error(`producer ${producer}: no room at ${sequence}`);
    }
    sequence += length;
    pause();
  }
}

function popItems(kernels: Kernels, task: LitmusTask, pause: () => void): void {
  const { words } = kernels;
  const functions = allKernels(kernels);
  const { address, scratch, side, producers, count } = task;
  const ring = open(kernels, task) as DescriptorRing;
  const next = numbers(task.seed);
  const due = new Uint32Array(producers);
  const items = new Uint32Array(task.burst);
  const pop = (wanted: number): number => {
    if (side === "js") return ring.popInto(items.subarray(0, wanted));
    const taken = functions.ringPop(address, scratch, wanted);
    items.set(words.subarray(scratch >>> 2, (scratch >>> 2) + taken));
    ringIfAsleep(kernels, words[(address + RING_PRODUCER_DOORBELL) >>> 2] as number);
    return taken;
  };
  for (let received = 0; received < count * producers; ) {
    const taken = pop(1 + next(task.burst));
    for (let i = 0; i < taken; i++) {
      const item = items[i] as number;
      const producer = item >>> SEQUENCE_BITS;
      const sequence = item & (2 ** SEQUENCE_BITS - 1);
      if (sequence !== due[producer])
        throw new Error(
          `item ${received + i}: ${sequence} of producer ${producer}, due was ${due[producer]}`,
        );
      due[producer] = sequence + 1;
    }
    received += taken;
    if (taken === 0 && !ring.wait(PATIENCE)) throw new Error(`nothing came after ${received} items`);
    pause();
  }
  if (ring.length !== 0) throw new Error(`${ring.length} items too many`);
}

function pushFrames(kernels: Kernels, task: LitmusTask, pause: () => void): void {
  const ring = open(kernels, task) as ByteRing;
  const { producer, count } = task;
  const next = numbers(task.seed);
  const bytes = pattern();
  for (let sequence = 0; sequence < count; ) {
    const length = Math.min(1 + next(task.burst), count - sequence);
    let frames = Array.from({ length }, (_, i) => {
      const frame = new Uint8Array(FRAME_HEADER + next(task.longest - FRAME_HEADER + 1));
      const content = contentOf(producer, sequence + i);
      frame.set(bytes.subarray(content, content + frame.length - FRAME_HEADER), FRAME_HEADER);
      new DataView(frame.buffer).setUint32(0, producer);
      new DataView(frame.buffer).setUint32(4, sequence + i);
      new DataView(frame.buffer).setUint32(8, frame.length);
      return frame;
    });
    sequence += length;
    while (frames.length > 0) {
      const taken = ring.push(frames, { marks: frames.map(markOf) });
      frames = frames.slice(taken);
      if (taken === 0 && !ring.waitForRoom(PATIENCE, (frames[0] as Uint8Array).length))
        throw new Error(`producer ${producer}: no room at ${sequence}`);
    }
    pause();
  }
}

/** Comes along with the frame, and so must arrive with it. */
function markOf(frame: Uint8Array): number {
  return ((frame[7] as number) * 0x01010101 + frame.length) >>> 0;
}

function popFrames(kernels: Kernels, task: LitmusTask, pause: () => void): void {
  const ring = open(kernels, task) as ByteRing;
  const { producers, count } = task;
  const next = numbers(task.seed);
  const bytes = pattern();
  const due = new Uint32Array(producers);
  for (let received = 0; received < count * producers; ) {
    const burst = ring.pop(1 + next(4096));
    if (burst === undefined) {
      if (!ring.wait(PATIENCE)) throw new Error(`nothing came after ${received} frames`);
      continue;
    }
    for (let index = 0; index < burst.length; index++) {
      const frame = burst.frame(index);
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
      const producer = view.getUint32(0);
      const sequence = view.getUint32(4);
      if (sequence !== due[producer])
        throw new Error(`frame ${received}: ${sequence} of producer ${producer}, due was ${due[producer]}`);
      due[producer] = sequence + 1;
      const content = contentOf(producer, sequence) - FRAME_HEADER;
      let wrong = view.getUint32(8) === frame.length && burst.mark(index) === markOf(frame) ? 0 : 1;
      for (let i = FRAME_HEADER; i < frame.length; i++)
        wrong |= (frame[i] as number) ^ (bytes[content + i] as number);
      if (wrong !== 0) throw new Error(`frame ${received}: its bytes have changed`);
      received++;
    }
    pause();
  }
  if (ring.fill !== 0) throw new Error(`${ring.fill} bytes too many`);
}

/** The worker's loop between two byte rings. */
function relay(kernels: Kernels, task: LitmusTask, pause: () => void): void {
  const { address, transmit, cursor, doorbell, producers, count } = task;
  const { words } = kernels;
  const functions = allKernels(kernels);
  const next = numbers(task.seed);
  const turn = (): boolean => {
    if (functions.runRings(cursor, address, transmit, 1 + next(4)) === 0) return false;
    ringIfAsleep(kernels, words[(transmit + RING_CONSUMER_DOORBELL) >>> 2] as number);
    ringIfAsleep(kernels, words[(address + RING_PRODUCER_DOORBELL) >>> 2] as number);
    pause();
    return true;
  };
  while (kernels.counter(cursor + CURSOR_FORWARDED) < count * producers) {
    if (!sleepUntil(kernels, doorbell, turn, PATIENCE))
      throw new Error(`relay: nothing to do after ${kernels.counter(cursor + CURSOR_FORWARDED)} frames`);
  }
}
