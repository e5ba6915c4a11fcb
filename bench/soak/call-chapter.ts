// The same call a great many times, with what its user would keep for as long: a signal, a stream, a switch. None may
// leave anything behind.

import type { CaptureOutput } from "../../src/capture/capture-io.ts";
import { createDataplane } from "../../src/dataplane/create-dataplane.ts";
import type { Dataplane } from "../../src/dataplane/dataplane.ts";
import type { LivePort } from "../../src/live/live-port.ts";
import type { Switch } from "../../src/live/live-switch.ts";
import { openSwitch } from "../../src/live/open-switch.ts";
import type { BridgeDomain } from "../../src/switch/switch-types.ts";
import { memoryCapture } from "../memory-capture.ts";
import { type Chapter, turn } from "./chapter.ts";
import { leftBehind } from "./meter.ts";

/** Calls of each kind in a chapter, where there is time for them. */
const CALLS = 300_000;
/** So many calls at a time, between looks at the clock. */
const AT_A_TIME = 500;

interface Bench {
  readonly dataplane: Dataplane;
  readonly sw: Switch;
  readonly domain: BridgeDomain;
  readonly port: LivePort;
  /** As long-lived as the program. */
  readonly signal: AbortSignal;
}

type Call = (bench: Bench) => Promise<() => Promise<unknown>>;

const FRAME = new Uint8Array(64).fill(255, 0, 6);
FRAME.set([2, 0, 0, 0, 0, 1, 8, 0], 6);
const NOWHERE: CaptureOutput = { write: async () => {}, close: async () => {}, abort: async () => {} };

/** Each is made ready once, and gives what is called again and again. */
const KINDS: readonly (readonly [name: string, share: number, call: Call])[] = [
  [
    "port.send",
    1,
    async ({ port }) =>
      async () =>
        port.send([FRAME]),
  ],
  [
    "port.sendAll with a signal",
    1,
    async ({ port, signal }) =>
      () =>
        port.sendAll([FRAME], { signal }),
  ],
  [
    "a write into port.writable",
    1,
    async ({ port }) => {
      const writer = port.writable.getWriter();
      return () => writer.write(FRAME);
    },
  ],
  [
    "channel.sendAll with a signal",
    1,
    async ({ dataplane, signal }) => {
      const channel = await dataplane.open([]);
      return async () => {
        await channel.sendAll([FRAME], { signal });
        while (channel.receive() !== undefined);
      };
    },
  ],
  [
    "opening and closing a channel",
    1 / 100,
    async ({ dataplane }) =>
      async () =>
        (await dataplane.open([{ stage: "vlan-pop" }])).close(),
  ],
  [
    "a capture with a signal",
    1 / 300,
    async ({ dataplane, signal }) => {
      const { bytes } = memoryCapture([64], 8192);
      return () => dataplane.processCapture(bytes.slice(), [], NOWHERE, { signal });
    },
  ],
  [
    "a change of a switch",
    1 / 30,
    async ({ sw, domain: bridgeDomain }) =>
      async () => {
        const port = await sw.addPort({ bridgeDomain });
        await sw.addNeighbour({ bridgeDomain, ip: "10.0.0.9", mac: "02:00:00:00:00:09" });
        await sw.removeNeighbour({ bridgeDomain, ip: "10.0.0.9" });
        await sw.removePort(port);
      },
  ],
  [
    "asking a switch for its counters",
    1 / 30,
    async ({ sw }) =>
      async () =>
        sw.counters(),
  ],
];

/** All kinds of calls, each for its share of the time. */
export function callChapter(workers: number): Chapter {
  return {
    name: `the same calls again and again, ${workers === 0 ? "inline" : `${workers} worker`}`,
    run: async ({ fault, end }) => {
      let all = 0;
      for (const [index, [name, share, make]] of KINDS.entries()) {
        const until = performance.now() + (end - performance.now()) / (KINDS.length - index);
        await using dataplane = await createDataplane({ workers });
        await using sw = await openSwitch(dataplane, { sweepSeconds: 0 });
        const domain = await sw.addBridgeDomain();
        const [port, other] = [
          await sw.addPort({ bridgeDomain: domain }),
          await sw.addPort({ bridgeDomain: domain }),
        ];
        const taking = (async (): Promise<void> => {
          for await (const burst of other) all += burst.length;
        })();
        const call = await make({ dataplane, sw, domain, port, signal: new AbortController().signal });
        let parts = 3;
        const calls = async (atLeast: number): Promise<number> => {
          const stop = performance.now() + (until - performance.now()) / parts--;
          let done = 0;
          while (done < atLeast && performance.now() < stop) {
            for (let i = 0; i < Math.min(AT_A_TIME, Math.ceil(AT_A_TIME * share)); i++, done++) await call();
            await turn();
          }
          return done;
        };
        const left = await leftBehind(calls, CALLS * share);
        all += left.calls;
        if (left.fault !== undefined) fault(`${name}: ${left.fault}`);
        await sw.close();
        await taking;
      }
      return { frames: 0, copies: 0, pauses: KINDS.length, changes: all, deaths: 0 };
    },
  };
}
