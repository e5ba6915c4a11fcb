// Channels that are opened, filled, emptied, ended and closed in the middle of it, on every transport, on workers that
// die: what came in has gone out or was dropped with a reason.

import { createDataplane } from "../../src/dataplane/create-dataplane.ts";
import type { Dataplane } from "../../src/dataplane/dataplane.ts";
import type { FrameChannel } from "../../src/lane/frame-channel.ts";
import type { Stage } from "../../src/pipeline/stages.ts";
import { type Chapter, type ChapterContext, type ChapterTally, turn, until } from "./chapter.ts";
import { MortalWorkers } from "./workers.ts";

const DEATH_EVERY = 7_000;
const ENDS = {
  4: { local: "10.1.5.7", remote: "10.1.5.8" },
  6: { local: "fd00:1::7", remote: "fd00:1::8" },
} as const;

export interface ChannelSoakOptions {
  readonly workers: number;
  readonly transport: "shared" | "transfer";
}

export function channelChapter({ workers, transport }: ChannelSoakOptions): Chapter {
  const how = workers === 0 ? "inline" : `${transport}, ${workers} worker${workers === 1 ? "" : "s"}`;
  return {
    name: `channels, ${how}`,
    run: async (context) => {
      const mortal = new MortalWorkers();
      await using dataplane = await createDataplane({
        workers,
        transport: workers === 0 ? "auto" : transport,
        spawnWorker: mortal.spawn,
      });
      const free = dataplane.freeBytes;
      const tally = { frames: 0, copies: 0, pauses: 0, changes: 0, deaths: 0 };
      let death = 0;
      do {
        const busy: Promise<number>[] = [];
        for (let i = 0; i <= context.next(3); i++) busy.push(throughChannel(dataplane, context));
        if (performance.now() > death && workers > 0) {
          mortal.kill(context.next);
          death = performance.now() + DEATH_EVERY;
        }
        for (const frames of await Promise.all(busy)) tally.frames += frames;
        tally.changes += busy.length;
        tally.pauses++;
        if (!(await until(() => dataplane.freeBytes === free, 10)))
          context.fault(
            `${free - dataplane.freeBytes} bytes were not given back when all channels were closed`,
          );
      } while (performance.now() < context.end);
      tally.deaths = mortal.deaths;
      return tally satisfies ChapterTally;
    },
  };
}

/** Sends some thousands of frames through a channel of its own; returns how many it took. */
async function throughChannel(dataplane: Dataplane, { next, fault }: ChapterContext): Promise<number> {
  const { stages, name } = pairOf(next);
  const channel = await dataplane.open(stages, { ringBytes: 1 << (16 + next(4)) });
  const bursts = Array.from({ length: 4 }, () =>
    Array.from({ length: 1 + next(256) }, () => Uint8Array.from({ length: 60 + next(200) }, () => next(256))),
  );
  let received = 0;
  const taking = (async (): Promise<void> => {
    for await (const burst of channel) received += burst.length;
  })();
  const early = next(8) === 0;
  let sent = 0;
  const rounds = 20 + next(200);
  for (let round = 0; round < rounds; round++) {
    const burst = bursts[next(bursts.length)] as Uint8Array[];
    if (next(3) === 0) {
      await channel.sendAll(burst);
      sent += burst.length;
    } else sent += channel.send(burst);
    if (next(4) === 0) await turn();
    if (early && round === rounds >>> 1) break;
  }
  if (!early) {
    channel.end();
    await taking;
    expectConserved(name, channel, { sent, received }, fault);
  }
  await channel.close();
  await taking;
  return sent;
}

function expectConserved(
  name: string,
  channel: FrameChannel,
  { sent, received }: { readonly sent: number; readonly received: number },
  fault: (what: string) => void,
): void {
  const counters = channel.counters();
  const reasons = Object.values(counters.drops).reduce((sum, count) => sum + count, 0);
  const told = `${name}: ${JSON.stringify({ ...counters, changed: undefined, sent, cameOut: received })}`;
  if (counters.sent !== sent) fault(`not all that was sent was counted: ${told}`);
  if (counters.forwarded !== received) fault(`not all that was forwarded came out: ${told}`);
  if (received + counters.dropped !== sent || reasons !== counters.dropped)
    fault(`frames are missing: ${told}`);
}

/** A tunnel of every kind over both versions of IP, put on and taken off. */
function pairOf(next: (below: number) => number): {
  readonly stages: readonly Stage[];
  readonly name: string;
} {
  const version = next(2) === 0 ? 4 : 6;
  const ends = ENDS[version];
  const vni = 4096 + next(1000);
  const tag: Stage[] =
    next(3) === 0 ? [{ stage: "vlan-push", vid: 1 + next(4094) }, { stage: "vlan-pop" }] : [];
  const [name, pair] = (
    [
      [
        "vxlan",
        [
          { stage: "encapsulate", kind: "vxlan", vni, ...ends },
          { stage: "decapsulate", kind: "vxlan" },
        ],
      ],
      [
        "geneve",
        [
          { stage: "encapsulate", kind: "geneve", vni, ...ends },
          { stage: "decapsulate", kind: "geneve" },
        ],
      ],
      [
        "gre",
        [
          { stage: "encapsulate", kind: "gre", key: vni, ...ends },
          { stage: "decapsulate", kind: "gre" },
        ],
      ],
      [
        "nvgre",
        [
          { stage: "encapsulate", kind: "nvgre", vni, ...ends },
          { stage: "decapsulate", kind: "nvgre" },
        ],
      ],
      [
        "vxlan-gpe",
        [
          { stage: "encapsulate", kind: "vxlan-gpe", vni, ...ends },
          { stage: "decapsulate", kind: "vxlan-gpe" },
        ],
      ],
      ["none", []],
    ] satisfies readonly (readonly [string, readonly Stage[]])[]
  )[next(6)] as readonly [string, readonly Stage[]];
  return { stages: [...tag, ...pair], name: `${name} over IPv${version}` };
}
