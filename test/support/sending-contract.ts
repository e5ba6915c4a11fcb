// How frames are handed over, at every kind of port alike: what `send` and `sendAll` take, refuse, count and copy.
import { FrameBurst, type FramePort, isArgumentError } from "frameferry";
import { describe, expect, test } from "vitest";

export interface Ends {
  /** Has room for ten frames of 64 bytes at least, and takes none of 40,000. */
  readonly from: FramePort;
  /** The next burst that comes out of it. */
  readonly take: () => Promise<FrameBurst>;
  readonly close: () => Promise<void>;
}

/** A frame that goes to everybody. */
export function broadcast(sequence: number, length = 64): Uint8Array {
  const frame = new Uint8Array(length);
  frame.set([255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, sequence]);
  return frame;
}

type Send = (port: FramePort, frames: unknown, options?: object) => Promise<void>;

/** Either way of handing frames over. What is thrown and what a promise is rejected with are the same here. */
const WAYS: Readonly<Record<string, Send>> = {
  send: async (port, frames, options) => {
    const all = frames as readonly Uint8Array[];
    expect(port.send(all, options)).toBe(all.length);
  },
  sendAll: (port, frames, options) => port.sendAll(frames as never, options),
};

async function failureOf(sending: Promise<void>): Promise<string> {
  try {
    await sending;
  } catch (error) {
    return isArgumentError(error) ? `${error.code} ${error.path} ${error.message}` : String(error);
  }
  return "none";
}

/** A suite over a kind of port. */
export function sendingContract(kind: string, open: () => Promise<Ends>): void {
  const ends = (name: string, body: (ends: Ends) => Promise<void>): void =>
    test(name, async () => {
      const it = await open();
      try {
        await body(it);
      } finally {
        await it.close();
      }
    });

  describe(`sending into ${kind}`, () => {
    for (const [name, send] of Object.entries(WAYS)) {
      ends(`${name} takes an array or a burst, and copies`, async ({ from, take }) => {
        const frames = [broadcast(1), broadcast(2, 100)];
        const before = frames.map((frame) => frame.slice());
        await send(from, []);
        await send(from, frames);
        for (const frame of frames) frame.fill(0xa5);
        await send(from, FrameBurst.of(before));
        const got: number[][] = [];
        while (got.length < 4) for (const frame of await take()) got.push([...frame]);
        expect(got).toEqual([...before, ...before].map((frame) => [...frame]));
        expect(from.counters()).toMatchObject({ sent: 4, sentBytes: 328 });
      });

      ends(`${name} is done with what is too long, which is counted`, async ({ from, take }) => {
        await send(from, [broadcast(1), broadcast(2, 2 ** 21), broadcast(3)]);
        const got: number[] = [];
        while (got.length < 2) for (const frame of await take()) got.push(frame[14] as number);
        expect(got).toEqual([1, 3]);
        const { sent, drops } = from.counters();
        expect({ sent, drops }).toEqual({ sent: 2, drops: { "frame-too-long": 1 } });
      });

      ends(`${name} says of frames what the port carries, and nothing else`, async ({ from, take }) => {
        const lists = { marks: [5, 0xffffffff], times: [7n, 2n ** 64n - 1n], ports: [9, 0xfffffffe] };
        const frames = [broadcast(1), broadcast(2)];
        if (!from.carriesNotes) {
          for (const list of ["marks", "times", "ports"] as const)
            expect(await failureOf(send(from, frames, { [list]: lists[list] }))).toMatch(
              `unknown-option options options: unknown option "${list}"`,
            );
          expect(from.counters().sent).toBe(0);
          return;
        }
        await send(from, frames, lists);
        await send(from, await take());
        const burst = await take();
        expect([0, 1].map((i) => [burst.mark(i), burst.time(i), burst.port(i)])).toEqual(
          [0, 1].map((i) => [lists.marks[i], lists.times[i], lists.ports[i]]),
        );
      });
    }

    ends("both refuse the same, in the same words, before anything is sent", async ({ from }) => {
      const good = broadcast(1);
      const wrong: readonly (readonly [unknown, object?])[] = [
        [undefined],
        [good],
        ["frames"],
        [[good, "frame"]],
        [[good, [1, 2]]],
        [[good], { whatever: 1 }],
        [[good], null as never],
        [[good], { marks: [-1] }],
        [[good], { times: [1] }],
      ];
      for (const [frames, options] of wrong) {
        const [one, other] = await Promise.all(
          Object.values(WAYS).map((send) => failureOf(send(from, frames, options))),
        );
        expect(one).not.toBe("none");
        // What `sendAll` knows beside is named as well.
        const withoutNames = (text = ""): string => text.replace(/(unknown option "\w+").*/s, "$1");
        expect(withoutNames(one)).toBe(withoutNames(other));
      }
      expect(from.counters()).toMatchObject({ sent: 0, dropped: 0 });
    });

    ends("only sendAll waits, and so only sendAll can be told to stop", async ({ from }) => {
      const signal = AbortSignal.abort(new Error("enough"));
      expect(() => from.send([broadcast(1)], { signal } as never)).toThrow(
        /^options: unknown option "signal"/,
      );
      await expect(from.sendAll([broadcast(1)], { signal })).rejects.toThrow("enough");
      const progress = { sent: -1 };
      await from.sendAll([broadcast(1), broadcast(2, 2 ** 21), broadcast(3)], { progress });
      expect(progress.sent).toBe(3);
    });
  });
}
