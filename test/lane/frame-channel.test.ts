// What the sender does for having woken a worker: waking takes it so long that results may be there by then.
import { expect, test } from "vitest";
import { FrameChannel } from "../../build/js/src/lane/frame-channel.js";
import { PipelineLane } from "../../build/js/src/lane/pipeline-lane.js";
import { compileStages } from "../../build/js/src/pipeline/compile.js";
import { Program } from "../../build/js/src/pipeline/program.js";
import { LocalBell } from "../../build/js/src/ring/bell.js";
import { DOORBELL_ASLEEP, DOORBELL_LENGTH } from "../../src/layout/ring.layout.ts";
import { kernels } from "../capture/piece-support.ts";

const FRAME = new Uint8Array(1000).fill(2);

/** A channel to a worker that is always asleep, and what `published` does whenever frames were published. */
async function channelTo(published: (lane: PipelineLane) => void) {
  const on = await kernels();
  const worker = on.plan.reserve("a worker's doorbell", DOORBELL_LENGTH);
  on.words[(worker + DOORBELL_ASLEEP) >>> 2] = 1;
  const lane = new PipelineLane(new Program(on, compileStages([])), { ringBytes: 4096, worker, owner: 0 });
  const publish = lane.publish.bind(lane);
  lane.publish = () => {
    const woken = publish();
    published(lane);
    return woken;
  };
  const bell = new LocalBell();
  const media = { in: "ethernet", out: "ethernet" } as const;
  const failure = () => undefined;
  const replaceStage = () => Promise.reject(new Error("not here"));
  const parts = { lanes: [lane], bell, media, failure, release: async () => {}, spins: false, replaceStage };
  return { channel: new FrameChannel(parts), bell };
}

test("a result that is there when its worker has been woken is taken without a ring", async () => {
  const { channel } = await channelTo((lane) => void lane.workHere());
  const results = channel[Symbol.asyncIterator]();
  for (const burst of [1, 2]) {
    const next = results.next();
    // Waiting has begun.
    await Promise.resolve();
    expect(channel.send(new Array<Uint8Array>(burst).fill(FRAME))).toBe(burst);
    expect((await next).value?.length).toBe(burst);
  }
  await channel.close();
});

test("who waits for room does not look again for having woken a worker", async () => {
  let published = 0;
  const { channel, bell } = await channelTo(() => {
    if (++published > 100) throw new Error("it looks again and again");
  });
  const stop = new AbortController();
  const sending = channel.sendAll(new Array<Uint8Array>(10).fill(FRAME), { signal: stop.signal });
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(published).toBe(1);
  bell.ring();
  expect(published).toBe(2);
  stop.abort(new Error("enough"));
  await expect(sending).rejects.toThrow("enough");
  await channel.close();
});
