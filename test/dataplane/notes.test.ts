// What is said of a frame beside its bytes comes out with it, whatever stages did; and who asks hears of each frame that does not.
import type { DropNotice, DropNotices, FrameBurst, FrameChannel, Stage } from "frameferry";
import { loadStage } from "frameferry/own-stages";
import { describe, expect } from "vitest";
import { dataplaneTest, flowFrame, modes, pause, random, until } from "./support.ts";

const ENDS = { local: "10.0.0.1", remote: "10.0.0.2" } as const;
const MISBEHAVING = new URL("../fixtures/own-stages/misbehaves.js", import.meta.url);
const FRAMES = 3000;
const SHORT = 5;

/** Frames get longer, shorter and longer again; some are dropped first, some last. */
const STAGES: readonly Stage[] = [
  { stage: "vlan-push", vid: 7 },
  { stage: "encapsulate", kind: "vxlan", vni: 99, ...ENDS },
  { stage: "decapsulate", kind: "vxlan" },
  { stage: "sample", oneIn: 3 },
  { stage: "encapsulate", kind: "geneve", vni: 1, ...ENDS },
];

interface Said {
  readonly mark: number;
  readonly time: bigint;
  readonly port: number;
}

/** What is said of frame i: numbers of all lengths, none like another. */
function saidOf(i: number): Said {
  return {
    mark: (0xffff_ff00 + i) >>> 0,
    time: (BigInt(i) << 45n) | BigInt(0xffff_ffff - i),
    port: i % 2 === 0 ? 0xffff_ffff - i : i,
  };
}

const text = ({ mark, time, port }: Said): string => `${mark} ${time} ${port}`;

function listsOf(said: readonly Said[]) {
  return {
    marks: said.map(({ mark }) => mark),
    times: BigUint64Array.from(said, ({ time }) => time),
    ports: Uint32Array.from(said, ({ port }) => port),
  };
}

function saidIn(burst: FrameBurst): Said[] {
  return Array.from({ length: burst.length }, (_, i) => ({
    mark: burst.mark(i),
    time: burst.time(i),
    port: burst.port(i),
  }));
}

/** How many there were of each reason. */
function byReason(notices: readonly DropNotice[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of notices) counts[reason.name] = (counts[reason.name] ?? 0) + 1;
  return counts;
}

async function takeAll(channel: FrameChannel): Promise<Said[]> {
  const out: Said[] = [];
  for await (const burst of channel) out.push(...saidIn(burst));
  return out;
}

describe.each(modes)("$name", (mode) => {
  dataplaneTest(mode, "each frame comes out as it was named, or is told of once", async (dataplane) => {
    const told: DropNotice[] = [];
    const onDrops = (notices: DropNotices): void => {
      expect(notices.length).toBeGreaterThan(0);
      told.push(...notices);
    };
    // Small: the rings go round many times.
    await using channel = await dataplane.open(STAGES, { ringBytes: 1 << 16, onDrops });
    const below = random(22);
    const taking = takeAll(channel);
    const said = Array.from({ length: FRAMES }, (_, i) => saidOf(i));
    const lengths: number[] = [];
    for (let at = 0; at < FRAMES; ) {
      const some = said.slice(at, at + 1 + below(200));
      const frames = some.map((_, i) => {
        // Too short for a tag, and so dropped by the first stage; and too long for the channel.
        if (i % 10 === 3) return new Uint8Array(SHORT);
        if (i % 50 === 7) return new Uint8Array(40_000);
        return flowFrame(i, at + i, 60 + below(1000));
      });
      lengths.push(...frames.map(({ length }) => length));
      if (at % 2 === 0) await channel.sendAll(frames, listsOf(some));
      else {
        const taken = channel.send(frames, { ...listsOf(some), times: some.map(({ time }) => time) });
        await channel.sendAll(frames.slice(taken), listsOf(some.slice(taken)));
      }
      at += some.length;
    }
    channel.end();
    const out = await taking;
    await pause(0);
    const all = [...out, ...told].map(text).sort();
    expect(all).toEqual(said.map(text).sort());

    const { drops, dropped, stageDrops, forwarded } = channel.counters();
    expect(out.length).toBe(forwarded);
    expect(told.length).toBe(dropped);
    expect(byReason(told)).toEqual(drops);
    const stageOf: Readonly<Record<string, number | undefined>> = { "frame-too-short": 0, "not-sampled": 3 };
    expect(Object.keys(drops).sort()).toEqual(["frame-too-long", "frame-too-short", "not-sampled"]);
    for (const { reason, stage } of told) expect(stage).toBe(stageOf[reason.name]);
    expect(stageDrops).toEqual([drops["frame-too-short"], 0, 0, drops["not-sampled"], 0]);
    const wireOf = new Map(said.map((each, i) => [text(each), lengths[i] as number]));
    for (const notice of told) {
      const before = wireOf.get(text(notice)) as number;
      // The tag was on by the time of the sample.
      expect(notice.wireLength).toBe(notice.stage === 3 ? before + 4 : before);
    }
  });

  dataplaneTest(mode, "without any, all is 0, also where there was something before", async (dataplane) => {
    await using channel = await dataplane.open([{ stage: "vlan-push", vid: 7 }], { ringBytes: 1 << 16 });
    const frames = Array.from({ length: 100 }, (_, i) => flowFrame(i, i, 500));
    const lists = listsOf(frames.map((_, i) => saidOf(i)));
    // The ring goes round: each place has been used by a frame of which something was said.
    for (const options of [lists, lists, lists, {}, { marks: lists.marks }, { ports: lists.ports }]) {
      await channel.sendAll(frames, options);
      let out: Said[] = [];
      for await (const burst of channel) {
        out = [...out, ...saidIn(burst)];
        if (out.length === frames.length) break;
      }
      const wanted = frames.map((_, i) => ({
        mark: "marks" in options ? saidOf(i).mark : 0,
        time: "times" in options ? saidOf(i).time : 0n,
        port: "ports" in options ? saidOf(i).port : 0,
      }));
      expect(out.map(text).sort()).toEqual(wanted.map(text).sort());
    }
  });

  dataplaneTest(
    mode,
    "a burst takes along what it brings, and what is given counts more",
    async (dataplane) => {
      await using first = await dataplane.open([]);
      await using second = await dataplane.open([{ stage: "vlan-push", vid: 7 }]);
      const frames = Array.from({ length: 20 }, (_, i) => flowFrame(i, i));
      const said = frames.map((_, i) => saidOf(i));
      const other = said.map(({ port }) => (port ^ 0xff) >>> 0);
      await first.sendAll(frames, listsOf(said));
      first.end();
      for await (const burst of first) {
        const { marks, times, ports } = burst.notes();
        expect([...(marks as Uint32Array)]).toEqual(saidIn(burst).map(({ mark }) => mark));
        expect([...(times as BigUint64Array)]).toEqual(saidIn(burst).map(({ time }) => time));
        expect([...(ports as Uint32Array)]).toEqual(saidIn(burst).map(({ port }) => port));
        await second.sendAll(burst);
        await second.sendAll(burst, {
          ports: Array.from(ports as Uint32Array, (port) => (port ^ 0xff) >>> 0),
        });
      }
      second.end();
      const out = await takeAll(second);
      const wanted = [...said, ...said.map((each, i) => ({ ...each, port: other[i] as number }))];
      expect(out.map(text).sort()).toEqual(wanted.map(text).sort());
    },
  );

  dataplaneTest(mode, "a rule of the stages' own may set the mark, and nothing else", async (dataplane) => {
    const edits = await loadStage<{ add: number }>(
      new URL("../fixtures/own-stages/edits.js", import.meta.url),
    );
    const told: DropNotice[] = [];
    await using channel = await dataplane.open([edits.stage({ add: 100 })], {
      onDrops: (notices) => void told.push(...notices),
    });
    const frames = Array.from({ length: 7 }, (_, i) => flowFrame(0, i));
    const times = frames.map((_, i) => BigInt(i));
    await channel.sendAll(frames, { marks: [0, 1, 2, 3, 4, 5, 6], ports: [0, 1, 2, 3, 4, 5, 6], times });
    channel.end();
    const out = await takeAll(channel);
    await pause(0);
    expect(out.map(({ mark, port, time }) => [mark, port, time])).toEqual([
      ...[0, 1, 2, 4, 5].map((i) => [i, i, BigInt(i)]),
      [106, 6, 6n],
    ]);
    expect(told).toEqual([
      { mark: 3, port: 3, time: 3n, wireLength: 64, reason: expect.anything(), stage: 0 },
    ]);
    expect(told[0]?.reason.name).toBe("not-wanted");
  });

  dataplaneTest(
    mode,
    "frames whose worker dies are told of as they are counted",
    async (dataplane) => {
      const stage = (await loadStage<{ what: string }>(MISBEHAVING)).stage({ what: "throw" });
      const told: DropNotice[] = [];
      const channel = await dataplane.open([stage], { onDrops: (notices) => void told.push(...notices) });
      const frames = Array.from({ length: 10 }, (_, i) => flowFrame(i, i));
      await channel.sendAll(frames, listsOf(frames.map((_, i) => saidOf(i))));
      const receive = (): void => {
        try {
          expect(channel.receive()).toBeUndefined();
        } catch (error) {
          expect(error).toMatchObject({ name: "StageError" });
        }
      };
      await until(() => {
        receive();
        return told.length === 10;
      }, "all are told of");
      expect(told.map(text).sort()).toEqual(frames.map((_, i) => text(saidOf(i))).sort());
      expect(byReason(told)).toEqual(channel.counters().drops);
      await until(() => dataplane.health.state !== "recovering", "another is there");
      await channel.close();
    },
    { stuckMs: 0 },
  );
});

describe("what cannot be said", () => {
  const inline = modes[0]!;
  dataplaneTest(inline, "is refused by the name of its list, and nothing is sent", async (dataplane) => {
    await using channel = await dataplane.open([]);
    const frames = [flowFrame(0, 0), flowFrame(0, 1)];
    const wrong: readonly (readonly [string, object])[] = [
      ["marks", { marks: [1] }],
      ["marks", { marks: [1, 2 ** 32] }],
      ["marks", { marks: 7 }],
      ["ports", { ports: [1, -1] }],
      ["ports", { ports: [1, 0.5] }],
      ["times", { times: [1n] }],
      ["times", { times: [1n, 2] }],
      ["times", { times: [1n, -1n] }],
      ["times", { times: [1n, 2n ** 64n] }],
      ["times", { times: new BigUint64Array(1) }],
      ["times", { times: new Float64Array(2) }],
      ["options", { mark: [1, 2] }],
      ["options", [1, 2]],
    ];
    for (const [path, options] of wrong) {
      expect(() => channel.send(frames, options), JSON.stringify(path)).toThrow(new RegExp(`^${path}: `));
      await expect(channel.sendAll(frames, options)).rejects.toMatchObject({ path });
    }
    expect(channel.counters().sent).toBe(0);
    await expect(dataplane.open([], { onDrops: 5 as never })).rejects.toMatchObject({ path: "onDrops" });
  });
});
