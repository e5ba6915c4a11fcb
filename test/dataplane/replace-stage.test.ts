// A stage of an open channel gives way to another while frames run: each burst is decided by one of them as a whole, nothing is
// lost, what the others remember stays, and what the old one needed is given back.
import type { FrameBurst, FrameChannel, Stage, WorkerLike } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { type RuleCounts, ruleCounts, ruleTable } from "frameferry/stages";
import { describe, expect, test } from "vitest";
import { startScript, workerScript } from "../support/frameferry-worker.ts";
import {
  dataplaneTest,
  expectConserved,
  flowFrame,
  flowOf,
  isolated,
  modes,
  random,
  until,
} from "./support.ts";

const FLOWS = 16;
/** Behind so many rules that match nothing. */
const IDLE = 200;

/** The table number `version`: each frame gets 2 * version, or 2 * version + 1, by its flow, by rules at its end. */
function tableOf(version: number): Stage {
  const idle = Array.from({ length: IDLE }, (_, i) => ({
    source: `192.0.2.${i % 256}`,
    sourcePort: i + version,
  }));
  return ruleTable([
    ...idle,
    { sourcePort: [1024, 1024 + FLOWS / 2 - 1], mark: 2 * version },
    { sourcePort: [1024 + FLOWS / 2, 1024 + FLOWS - 1], mark: 2 * version + 1 },
  ]);
}

interface Out {
  readonly flow: number;
  readonly sequence: number;
  readonly version: number;
}

/** What came out, and by which table; the mark must be one of that table. */
function read(burst: FrameBurst): Out[] {
  return Array.from({ length: burst.length }, (_, i) => {
    const { flow, sequence } = flowOf(burst.frame(i));
    const mark = burst.mark(i);
    expect(mark & 1).toBe(flow < FLOWS / 2 ? 0 : 1);
    return { flow, sequence, version: mark >>> 1 };
  });
}

async function readAll(channel: FrameChannel): Promise<Out[]> {
  const out: Out[] = [];
  for await (const burst of channel) out.push(...read(burst));
  return out;
}

const framesOf = ({ rules, unmatched }: RuleCounts): number =>
  rules.reduce((sum, { frames }) => sum + frames, unmatched.frames);

describe.each(modes)("$name", (mode) => {
  dataplaneTest(
    mode,
    "each frame by the old table or the new one, in order, and none is lost",
    async (dataplane) => {
      const VERSIONS = 60;
      await using channel = await dataplane.open([tableOf(0)], { ringBytes: 1 << 16 });
      const taking = readAll(channel);
      const below = random(25);
      /** The newest table that a flow's frame must have got, by its number: what had been said to be there when it was sent. */
      const least: number[] = [];
      let version = 0;
      let isOver = false;
      const replacing = (async () => {
        let counted = 0;
        while (version < VERSIONS) {
          const { module, counts } = await channel.replaceStage(0, tableOf(version + 1));
          version++;
          expect(counts).toBeUndefined();
          counted += framesOf(ruleCounts(module!));
          await new Promise((resolve) => setTimeout(resolve, below(3)));
        }
        return counted;
      })().finally(() => {
        isOver = true;
      });
      for (let sent = 0; !isOver; ) {
        const frames = Array.from({ length: 1 + below(100) }, (_, i) =>
          flowFrame((sent + i) % FLOWS, sent + i),
        );
        for (const _ of frames) least.push(version);
        await channel.sendAll(frames);
        sent += frames.length;
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      const counted = await replacing;
      channel.end();
      const out = await taking;
      const counters = channel.counters();
      expectConserved(counters, least.length, out.length);
      expect(counted + framesOf(ruleCounts(counters.modules[0]!))).toBe(least.length);
      const newest = new Map<number, number>();
      for (const { flow, sequence, version: got } of out) {
        // Sent while `least` was said to be there: that one, or one that came later.
        expect(got).toBeGreaterThanOrEqual(Math.max(newest.get(flow) ?? 0, least[sequence] as number));
        newest.set(flow, got);
      }
      // Tables were in use one after the other: this test sees more than a few of them.
      expect(new Set(out.map(({ version: got }) => got)).size).toBeGreaterThan(5);
    },
  );

  dataplaneTest(mode, "what no frame came to has counted nothing", async (dataplane) => {
    await using channel = await dataplane.open([tableOf(0), { stage: "count", by: "vid" }]);
    for (let version = 1; version <= 2; version++) {
      const { module } = await channel.replaceStage(0, tableOf(version));
      expect(ruleCounts(module!).rules.length).toBe(IDLE + 2);
      expect(framesOf(ruleCounts(module!))).toBe(0);
      const { counts } = await channel.replaceStage(1, { stage: "count", by: "vid" });
      expect(counts).toMatchObject({ by: ["vid"], entries: [], others: { frames: 0 } });
    }
  });

  dataplaneTest(mode, "what is sent when it is there goes through it", async (dataplane) => {
    await using channel = await dataplane.open([tableOf(0)]);
    const frames = Array.from({ length: FLOWS }, (_, flow) => flowFrame(flow, flow));
    const results = channel[Symbol.asyncIterator]();
    for (let version = 1; version <= 10; version++) {
      await channel.replaceStage(0, tableOf(version));
      await channel.sendAll(frames);
      for (let taken = 0; taken < FLOWS; ) {
        const out = read((await results.next()).value as FrameBurst);
        expect(out.every((frame) => frame.version === version)).toBe(true);
        taken += out.length;
      }
    }
  });

  dataplaneTest(mode, "what other stages remember stays, and so do counters", async (dataplane) => {
    const sampled: Stage = { stage: "sample", oneIn: 4 };
    const counted: Stage = { stage: "count", by: "sourcePort" };
    await using channel = await dataplane.open([
      { stage: "vlan-push", vid: 1 },
      tableOf(0),
      sampled,
      counted,
    ]);
    // One flow: one worker.
    for (let i = 0; i < 16; i++) {
      await channel.sendAll([flowFrame(3, i)]);
      await until(() => channel.counters().forwarded + channel.counters().dropped === i + 1, "it is through");
      const { module } = await channel.replaceStage(
        i % 2,
        i % 2 === 0 ? { stage: "vlan-push", vid: i + 2 } : tableOf(i),
      );
      if (i % 2 === 0) expect(module).toBeUndefined();
      // The table was there for two frames, the first for one more.
      else expect(framesOf(ruleCounts(module!))).toBe(2);
    }
    channel.end();
    const vids: number[] = [];
    for await (const burst of channel)
      for (let i = 0; i < burst.length; i++)
        vids.push(((burst.frame(i)[14] as number) << 8) | (burst.frame(i)[15] as number));
    // The first and each fourth behind it; each with the tag that was there then.
    expect(vids).toEqual([1, 4, 8, 12]);
    const { forwarded, drops, changed, stageDrops, counts } = channel.counters();
    expect({ forwarded, drops }).toEqual({ forwarded: 4, drops: { "not-sampled": 12 } });
    expect(changed).toEqual([16, 0, 0, 0]);
    expect(stageDrops).toEqual([0, 0, 12, 0]);
    expect(counts[0]?.entries).toEqual([{ sourcePort: 1027, frames: 4, bytes: 4 * 68 }]);
    const replaced = await channel.replaceStage(3, { stage: "count", by: "destinationPort" });
    expect(replaced.counts?.entries).toEqual(counts[0]?.entries);
    expect(channel.counters().counts.every(({ entries }) => entries.length === 0)).toBe(true);
  });

  dataplaneTest(mode, "a thousand tables need no more memory than a few", async (dataplane) => {
    await using channel = await dataplane.open([tableOf(0), { stage: "sample", oneIn: 1 }]);
    const taking = readAll(channel);
    let free = 0;
    const tables = [tableOf(0), tableOf(1)];
    for (let time = 1; time <= 1000; time++) {
      if (time % 10 === 0) await channel.sendAll([flowFrame(time % FLOWS, time)]);
      await channel.replaceStage(0, tables[time % 2] as Stage);
      if (time === 10) free = dataplane.freeBytes;
    }
    expect(dataplane.freeBytes).toBe(free);
    channel.end();
    expect((await taking).length).toBe(100);
    expect(dataplane.health.deaths).toBe(0);
  });

  dataplaneTest(mode, "what cannot be is refused by its name, and nothing is changed", async (dataplane) => {
    const channel = await dataplane.open([compileFilter("udp").stage, tableOf(1)]);
    const free = dataplane.freeBytes;
    const refused: readonly (readonly [number, unknown, object])[] = [
      [2, tableOf(2), { path: "index", code: "out-of-range" }],
      [-1, tableOf(2), { path: "index" }],
      [0.5, tableOf(2), { path: "index" }],
      [0, { stage: "filter", expression: 5 }, { path: "stage.expression" }],
      [0, { stage: "filters" }, { path: "stage.stage", code: "not-one-of" }],
      [0, undefined, { path: "stage.stage" }],
      [0, { stage: "vlan-push", vid: 5 }, { path: "stage", code: "full" }],
      [0, { stage: "decapsulate", kind: "vxlan", header: "bare" }, { path: "stage", code: "contradiction" }],
    ];
    for (const [index, stage, error] of refused)
      await expect(channel.replaceStage(index, stage as Stage), JSON.stringify(error)).rejects.toMatchObject(
        error,
      );
    expect(dataplane.freeBytes).toBe(free);
    await channel.sendAll([flowFrame(0, 0)]);
    for await (const burst of channel) {
      expect(read(burst)).toEqual([{ flow: 0, sequence: 0, version: 1 }]);
      break;
    }
    // One behind the other, however they are asked for; a refused one holds up none.
    const all = [tableOf(2), { stage: "filters" } as never, tableOf(3)].map((stage) =>
      channel.replaceStage(1, stage),
    );
    expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    await channel.sendAll([flowFrame(9, 1)]);
    channel.end();
    expect(await readAll(channel)).toEqual([{ flow: 9, sequence: 1, version: 3 }]);
    const late = channel.replaceStage(0, compileFilter("tcp").stage).catch((error: unknown) => error);
    await channel.close();
    // It was there in time, or it is said why not.
    const ended = await late;
    if (ended instanceof Error) expect(ended).toMatchObject({ path: "channel", code: "closed" });
    await expect(channel.replaceStage(0, tableOf(2))).rejects.toMatchObject({
      path: "channel",
      code: "closed",
    });
    await using empty = await dataplane.open([]);
    await expect(empty.replaceStage(0, tableOf(2))).rejects.toMatchObject({
      path: "index",
      code: "not-found",
    });
  });

  dataplaneTest(mode, "there is no memory for it", async (dataplane) => {
    if (mode.transport === "transfer") return;
    await using channel = await dataplane.open([tableOf(1)]);
    const free = dataplane.freeBytes;
    const { code } = tableOf(0) as Extract<Stage, { stage: "module" }>;
    const large: Stage = { stage: "module", name: "large", code, stateBytes: 1 << 30 };
    await expect(channel.replaceStage(0, large)).rejects.toMatchObject({ code: "out-of-memory" });
    expect(dataplane.freeBytes).toBe(free);
    await channel.sendAll([flowFrame(0, 0)]);
    channel.end();
    expect(await readAll(channel)).toEqual([{ flow: 0, sequence: 0, version: 1 }]);
  });
});

const transports = isolated ? (["shared", "transfer"] as const) : (["transfer"] as const);
describe.each(transports)("%s", (transport) => {
  test("a worker that dies meanwhile comes back with the newest table", async () => {
    const { createDataplane } = await import("frameferry");
    const script = await workerScript();
    const workers: WorkerLike[] = [];
    const spawnWorker = (): WorkerLike => {
      const worker = startScript(script);
      workers.push(worker);
      return worker;
    };
    await using dataplane = await createDataplane({ workers: 1, transport, spawnWorker });
    const free = dataplane.freeBytes;
    const channel = await dataplane.open([tableOf(0)]);
    const results = channel[Symbol.asyncIterator]();
    for (let round = 0; round < 3; round++) {
      void workers.at(-1)?.terminate();
      // One is under way when the end comes, the others while there is no worker or another is started.
      const versions = [1, 2, 3].map((step) => 3 * round + step);
      await Promise.all(versions.map((version) => channel.replaceStage(0, tableOf(version))));
      await until(
        () => dataplane.health.state === "running" && workers.length === round + 2,
        "another is there",
      );
      await channel.sendAll([flowFrame(1, round)]);
      const { value } = await results.next();
      expect(read(value as FrameBurst)).toEqual([{ flow: 1, sequence: round, version: 3 * round + 3 }]);
    }
    expect(dataplane.health.deaths).toBe(3);
    await channel.close();
    await until(() => dataplane.freeBytes === free, "all memory is given back");
  }, 30_000);
});
