// Frames from this thread through workers and back: how many a second, how soon after a sleep, and beside what
// else passes messages between threads.

import { Worker } from "node:worker_threads";
import { createDataplane, type Dataplane, type DataplaneOptions, type Stage } from "../src/index.ts";
import { type ChannelPasses, channelPasses } from "./channel-passes.ts";
import type { Contest } from "./contests.ts";
import { makeFrames, OUTER_LENGTH, tunnel } from "./frames.ts";
import { asyncContender, type Contender } from "./rounds.ts";

export const CHANNEL = "channel, VXLAN encapsulation there and results back";
export const WAKE = "one frame to a worker that sleeps, and back";
export const BATCH = "256 frames to a worker and back";
export const ONE_WORKER = "one worker, shared memory";
export const TWO_WORKERS = "two workers, shared memory";
const TRANSFER = "one worker, transfer";
export const INLINE = "inline";
const BURST = 256;
const BURSTS = 128;
/** Round trips before waking is measured. */
export const ROUND_TRIPS = 2000;
/** Milliseconds in which a worker falls asleep for certain. */
export const IDLE = 5;

const { vni, local, remote, localMac, remoteMac, port, ttl } = tunnel;
export const ENCAPSULATE: Stage = {
  stage: "encapsulate",
  kind: "vxlan",
  vni,
  local,
  remote,
  localMac,
  remoteMac,
  port,
  ttl,
};

export const MODES: readonly (readonly [string, DataplaneOptions])[] = [
  [ONE_WORKER, { workers: 1, transport: "shared" }],
  [TWO_WORKERS, { workers: 2, transport: "shared" }],
  [TRANSFER, { workers: 1, transport: "transfer" }],
  [INLINE, { workers: 0 }],
];

export async function* dataplaneContests(wanted: (group: string) => boolean): AsyncGenerator<Contest> {
  if (![CHANNEL, WAKE, BATCH].some(wanted)) return;
  const dataplanes: Dataplane[] = [];
  const echo = new EchoWorker();
  try {
    for (const [, options] of MODES) dataplanes.push(await createDataplane(options));
    const open = async (stages: readonly Stage[]): Promise<ChannelPasses[]> =>
      await Promise.all(
        dataplanes.map(async (dataplane) =>
          channelPasses(await dataplane.open(stages), stages.length === 0 ? 0 : OUTER_LENGTH),
        ),
      );
    const encapsulating = await open([ENCAPSULATE]);
    const through = await open([]);
    const inEachMode = (make: (name: string, index: number) => Contender): Contender[] =>
      MODES.map(([name], index) => make(name, index));
    for (const bytes of [64, 1500]) {
      const frames = makeFrames(BURST, bytes);
      yield {
        group: CHANNEL,
        bytes,
        contenders: inEachMode((name, i) =>
          asyncContender(name, BURST * BURSTS, () => encapsulating[i]!.stream(frames, BURSTS)),
        ),
      };
    }
    const frame = makeFrames(1, 64);
    const one = frame[0] as Uint8Array<ArrayBuffer>;
    // Waking is rare: without these all of it would be measured in code that is still interpreted.
    for (let i = 0; wanted(WAKE) && i < ROUND_TRIPS; i++) {
      for (const passes of [encapsulating[0], encapsulating[2]]) await passes!.roundTrip(frame);
      await echo.post(one, false);
    }
    yield {
      group: WAKE,
      bytes: 64,
      contenders: [
        waking(ONE_WORKER, () => encapsulating[0]!.wake(frame, IDLE)),
        waking(TRANSFER, () => encapsulating[2]!.wake(frame, IDLE)),
        waking("postMessage, structured clone", async () => {
          await new Promise((resolve) => setTimeout(resolve, IDLE));
          const start = performance.now();
          await echo.post(one, false);
          return (performance.now() - start) * 1e6;
        }),
      ],
    };
    for (const bytes of [64, 1500]) {
      const frames = makeFrames(BURST, bytes) as Uint8Array<ArrayBuffer>[];
      const total = BURST * bytes;
      const pack = (): Uint8Array<ArrayBuffer> => {
        const all = new Uint8Array(total);
        frames.forEach((each, i) => {
          all.set(each, i * bytes);
        });
        return all;
      };
      const unpack = (all: Uint8Array): void => {
        let length = 0;
        for (let at = 0; at < all.length; at += bytes) length += all.subarray(at, at + bytes).length;
        expectBytes(length, total);
      };
      const look = (each: readonly Uint8Array[]): void =>
        expectBytes(
          each.reduce((sum, { length }) => sum + length, 0),
          total,
        );
      yield {
        group: BATCH,
        bytes,
        contenders: [
          asyncContender("byte rings of a channel", BURST, () => through[0]!.roundTrip(frames)),
          asyncContender("channel without shared memory", BURST, () => through[2]!.roundTrip(frames)),
          asyncContender("transfer, packed into one buffer", BURST, async () =>
            unpack(await echo.post(pack(), true)),
          ),
          asyncContender("transfer, a buffer for each", BURST, async () =>
            look(
              await echo.post(
                frames.map((each) => each.slice()),
                true,
              ),
            ),
          ),
          asyncContender("structured clone, packed into one", BURST, async () =>
            unpack(await echo.post(pack(), false)),
          ),
          asyncContender("structured clone, an array", BURST, async () =>
            look(await echo.post(frames, false)),
          ),
        ],
      };
    }
  } finally {
    await Promise.all([...dataplanes, echo].map((each) => each.close()));
  }
}

/** What takes a pause before each pass, and measures without it. */
function waking(peer: string, wake: () => Promise<number>): Contender {
  return {
    peer,
    frames: 1,
    single: true,
    async measure(samples) {
      const figures: number[] = [];
      for (let sample = 0; sample < samples; sample++) figures.push(await wake());
      return figures;
    },
  };
}

class EchoWorker {
  readonly #worker = new Worker(new URL("peers/echo-worker.js", import.meta.url));

  async post<T extends Uint8Array<ArrayBuffer> | readonly Uint8Array<ArrayBuffer>[]>(
    message: T,
    transfer: boolean,
  ): Promise<T> {
    const buffers =
      message instanceof Uint8Array ? [message.buffer] : message.map(({ buffer }) => buffer as ArrayBuffer);
    return await new Promise((resolve) => {
      this.#worker.once("message", resolve);
      this.#worker.postMessage({ message, transfer }, transfer ? buffers : []);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function expectBytes(seen: number, wanted: number): void {
  if (seen !== wanted) throw new Error(`a batch came back with ${seen} bytes, not ${wanted}`);
}
