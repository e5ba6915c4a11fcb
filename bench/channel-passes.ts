// Passes through a channel, in Node and in browsers alike: nothing is imported but types, so that a page can have it.

import type { FrameBurst, FrameChannel } from "../src/index.ts";

export interface ChannelPasses {
  /** Sends so many frames, burst by burst, while results are taken and each frame of them is looked at. */
  stream(frames: readonly Uint8Array[], bursts: number): Promise<void>;
  /** Sends one burst and waits until it is back. */
  roundTrip(frames: readonly Uint8Array[]): Promise<void>;
  /** Sleeps so many milliseconds, then measures a round trip: nanoseconds. */
  wake(frames: readonly Uint8Array[], idle: number): Promise<number>;
}

/** `growth` is how much longer frames come out, which is checked. */
export function channelPasses(channel: FrameChannel, growth: number): ChannelPasses {
  const results = channel[Symbol.asyncIterator]();
  const take = async (frames: number, bytes: number): Promise<void> => {
    let framesSeen = 0;
    let bytesSeen = 0;
    while (framesSeen < frames) {
      const { value, done } = await results.next();
      if (done === true) throw new Error("channel: it ended early");
      framesSeen += value.length;
      for (const frame of value as FrameBurst) bytesSeen += frame.length;
    }
    const wanted = bytes + frames * growth;
    if (framesSeen !== frames || bytesSeen !== wanted)
      throw new Error(`channel: ${framesSeen} frames of ${bytesSeen} bytes, not ${frames} of ${wanted}`);
  };
  const bytesOf = (frames: readonly Uint8Array[]): number => frames.reduce((sum, f) => sum + f.length, 0);
  const roundTrip = async (frames: readonly Uint8Array[]): Promise<void> => {
    const taking = take(frames.length, bytesOf(frames));
    await channel.sendAll(frames);
    await taking;
  };
  return {
    roundTrip,
    async stream(frames, bursts) {
      const taking = take(frames.length * bursts, bytesOf(frames) * bursts);
      for (let i = 0; i < bursts; i++) await channel.sendAll(frames);
      await taking;
    },
    async wake(frames, idle) {
      // Results are waited for all the time, as by `for await`.
      const taking = take(frames.length, bytesOf(frames));
      await new Promise((resolve) => setTimeout(resolve, idle));
      const start = performance.now();
      channel.send(frames);
      await taking;
      return (performance.now() - start) * 1e6;
    },
  };
}
