// Stages of users' own, in JavaScript and in WebAssembly, through every entry that a dataplane has, with workers and without;
// and what becomes of those that fail there.
import { type ModuleStage, type Stage, StageError, WorkerDiedError } from "frameferry";
import { defineStage, loadStage } from "frameferry/own-stages";
import { describe, expect } from "vitest";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import {
  INNER_PORT as INNER_PORT_MODULE,
  MISBEHAVES,
  MISDEEDS,
  SHORT_FRAMES,
  word,
} from "../support/own-modules.ts";
import { Sink } from "./capture-support.ts";
import { collect, count, dataplaneTest, expectConserved, flowFrame, modes, until } from "./support.ts";

const INNER_PORT = new URL("../../examples/own-stages/inner-port.js", import.meta.url);
const MISBEHAVING = new URL("../fixtures/own-stages/misbehaves.js", import.meta.url);
const COUNTS = new URL("../fixtures/own-stages/counts.js", import.meta.url);
const EDITS = new URL("../fixtures/own-stages/edits.js", import.meta.url);

const FRAMES = 900;
/** A third goes to port 4001; a ninth has 60 bytes. */
const frames = Array.from({ length: FRAMES }, (_, i) => {
  const frame = flowFrame(i % 9, i, 60 + (i % 9));
  new DataView(frame.buffer).setUint16(36, 4000 + (i % 3));
  return frame;
});
const { bytes: capture } = join([
  pcapHeader(false, false, 1, 65535),
  ...frames.map((frame, i) => pcapRecord(false, i, 0, frame, frame.length)),
]);

const SHORT: ModuleStage = {
  stage: "module",
  name: "short-frames",
  code: SHORT_FRAMES,
  parameters: word(62),
  reasons: ["short-frame"],
};
/** Drops nothing. */
const SHORT_NONE: ModuleStage = { ...SHORT, parameters: word(0) };
const THROUGH_A_TUNNEL: readonly Stage[] = [
  { stage: "encapsulate", kind: "vxlan", vni: 7, local: "192.0.2.1", remote: "192.0.2.2" },
  { stage: "decapsulate", kind: "vxlan" },
];
const DROPS = {
  // Of nine frames in a row the first two are too short; of the others 2, 3, 5, 6 and 8 go elsewhere.
  "short-frame": (FRAMES / 9) * 2,
  "blocked-port": (FRAMES / 9) * 2,
};
const LET_THROUGH = (FRAMES / 9) * 5;

async function stages(): Promise<readonly Stage[]> {
  const innerPort = await loadStage<{ port: number }>(INNER_PORT);
  return [SHORT, ...THROUGH_A_TUNNEL, innerPort.stage({ port: 4001 })];
}

describe.each(modes)("$name", (mode) => {
  dataplaneTest(mode, "a channel runs both kinds, and tells their reasons by name", async (dataplane) => {
    for (let round = 0; round < 2; round++) {
      await using channel = await dataplane.open(await stages());
      for (let at = 0; at < FRAMES; at += 100) await channel.sendAll(frames.slice(at, at + 100));
      channel.end();
      const received = count(await collect(channel));
      expect(received).toBe(LET_THROUGH);
      const counters = channel.counters();
      expectConserved(counters, FRAMES, received);
      expect(counters.drops).toEqual(DROPS);
    }
  });

  dataplaneTest(mode, "a capture goes through both", async (dataplane) => {
    const summary = await dataplane.processCapture(capture, await stages(), new Sink());
    expect(summary).toMatchObject({ received: FRAMES, forwarded: LET_THROUGH });
    expect(summary.drops).toEqual(DROPS);
  });

  dataplaneTest(mode, "AssemblyScript drops what JavaScript drops", async (dataplane) => {
    const innerPort: Stage = {
      stage: "module",
      name: "inner-port",
      code: INNER_PORT_MODULE,
      parameters: word(4001),
      reasons: ["blocked-port"],
      debug: true,
    };
    const summary = await dataplane.processCapture(
      capture,
      [SHORT, ...THROUGH_A_TUNNEL, innerPort],
      new Sink(),
    );
    expect(summary.drops).toEqual(DROPS);
  });

  dataplaneTest(mode, "a capture on shared memory goes through both", async (dataplane) => {
    if (typeof SharedArrayBuffer !== "function") return;
    const shared = new Uint8Array(new SharedArrayBuffer(capture.length));
    shared.set(capture);
    const summary = await dataplane.processCapture(shared, await stages(), new Sink());
    expect(summary.drops).toEqual(DROPS);
  });

  dataplaneTest(mode, "frames are changed in each way, and come out with their marks", async (dataplane) => {
    const edits = await loadStage<{ add: number }>(EDITS);
    await using channel = await dataplane.open([edits.stage({ add: 100 })]);
    const sent = Array.from({ length: 7 }, (_, i) => flowFrame(0, i, 64));
    await channel.sendAll(sent, { marks: [0, 1, 2, 3, 4, 5, 6] });
    channel.end();
    const received = new Map<number, { bytes: Uint8Array; wire: number }>();
    for (const burst of await collect(channel))
      for (let i = 0; i < burst.length; i++)
        received.set(burst.mark(i), { bytes: burst.frame(i), wire: burst.wireLength(i) });
    const bytes = (i: number, ...cut: [number?, number?]): number[] => [...sent[i]!.subarray(...cut)];
    expect([...received.keys()]).toEqual([0, 1, 2, 4, 5, 106]);
    const of = (mark: number): number[] => [...received.get(mark)!.bytes];
    expect(of(0)).toEqual(bytes(0));
    expect(of(1)).toEqual([...bytes(1, 0, 12), 0x81, 0, 0, 9, ...bytes(1, 12)]);
    expect(of(2)).toEqual([...bytes(2, 0, 12), ...bytes(2, 16)]);
    expect(of(4)).toEqual(bytes(4, 0, 40));
    expect(of(5)).toEqual(bytes(5, 0, 48));
    expect(of(106)).toEqual(bytes(6));
    expect([...received.values()].map(({ wire }) => wire)).toEqual([64, 68, 60, 64, 48, 64]);
    const { drops, changed } = channel.counters();
    expect({ drops, changed }).toEqual({ drops: { "not-wanted": 1 }, changed: [4] });
  });

  dataplaneTest(mode, "counters of its own are summed, in channels and in captures", async (dataplane) => {
    const counts = (await loadStage(COUNTS)).stage();
    const even = frames.filter(({ length }) => length % 2 === 0);
    const values = [FRAMES, even.reduce((sum, { length }) => sum + length, 0), 0];
    const wanted = [{ stage: 1, values, names: ["frames", "even-bytes", "never"] }];
    await using channel = await dataplane.open([SHORT_NONE, counts]);
    for (let at = 0; at < FRAMES; at += 100) await channel.sendAll(frames.slice(at, at + 100));
    channel.end();
    await collect(channel);
    expect(channel.counters().modules).toEqual(wanted);
    const summary = await dataplane.processCapture(
      capture,
      [SHORT_NONE, counts, THROUGH_A_TUNNEL[0]!],
      new Sink(),
    );
    expect(summary.modules).toEqual(wanted);
    expect(summary.changed).toEqual([0, 0, FRAMES]);
  });

  dataplaneTest(mode, "drops of a capture are told by stage", async (dataplane) => {
    const { drops, stageDrops } = await dataplane.processCapture(capture, await stages(), new Sink());
    expect(stageDrops).toEqual([drops["short-frame"], 0, 0, drops["blocked-port"]]);
  });

  const failing: readonly (readonly [string, () => Promise<Stage>])[] = [
    [
      "module",
      async () => ({
        stage: "module",
        name: "misbehaves",
        code: MISBEHAVES,
        parameters: word(MISDEEDS.trap),
      }),
    ],
    ["script", async () => (await loadStage<{ what: string }>(MISBEHAVING)).stage({ what: "throw" })],
  ];
  for (const [name, make] of failing) {
    const deaths: WorkerDiedError[] = [];
    dataplaneTest(
      mode,
      `a ${name} that fails says which stage it was, and its frames are counted`,
      async (dataplane) => {
        const channel = await dataplane.open([await make()]);
        if (mode.transport === "inline") {
          expect(channel.send(frames.slice(0, 10))).toBe(10);
          expect(() => channel.receive()).toThrow(StageError);
          expect(channel.receive()).toBeUndefined();
          expect(channel.counters()).toMatchObject({ sent: 10, dropped: 10 });
          expect(channel.counters().drops["stage-failed"]).toBe(name === "module" ? 9 : 10);
        } else {
          await channel.sendAll(frames.slice(0, 10));
          await until(() => channel.counters().dropped === 10, "all are counted");
          await until(() => deaths.length > 0, "it is noticed");
          expect(deaths[0]).toBeInstanceOf(WorkerDiedError);
          expect(deaths[0]!.reason).toMatch(/^(Uncaught StageError: |Uncaught )?stage misbehaves failed: /);
          const { drops } = channel.counters();
          const failed = (drops["stage-failed"] ?? 0) + (drops.rule ?? 0);
          expect(mode.transport === "shared" ? failed : drops["worker-died"]).toBe(10);
          await until(() => dataplane.health.state !== "recovering", "another is there");
        }
        await channel.close();
      },
      // Where others use the cores, the error of a worker may take longer than one that is stuck may.
      { onWorkerDied: (error) => void deaths.push(error), stuckMs: 0 },
    );
  }

  dataplaneTest(mode, "a worker in a dead one's seat has loaded the scripts", async (dataplane) => {
    if (mode.transport === "inline") return;
    const stage = (await loadStage<{ what: string }>(MISBEHAVING)).stage({ what: "throw" });
    const channel = await dataplane.open([stage]);
    await channel.sendAll(frames.slice(0, 1));
    await until(() => dataplane.health.deaths > 0, "it dies");
    await until(() => dataplane.health.state === "running", "another is there");
    await channel.close();
    await using other = await dataplane.open(await stages());
    for (let at = 0; at < FRAMES; at += 100) await other.sendAll(frames.slice(at, at + 100));
    other.end();
    expect(count(await collect(other))).toBe(LET_THROUGH);
  });

  dataplaneTest(mode, "a stage that is defined here runs here only", async (dataplane) => {
    const here = defineStage<undefined, { frames: number }>({
      name: "here",
      createState: () => ({ frames: 0 }),
      run(burst, state) {
        state.frames += burst.length;
      },
    });
    const opening = dataplane.open([here.stage()]);
    if (mode.transport === "inline") await (await opening).close();
    else await expect(opening).rejects.toMatchObject({ code: "not-for-this", path: "stages" });
  });

  dataplaneTest(mode, "a script that is not there, or defines no stage, is refused", async (dataplane) => {
    const nowhere = new URL("../fixtures/own-stages/nowhere.js", import.meta.url);
    await expect(loadStage(nowhere)).rejects.toMatchObject({ code: "not-found", path: "url" });
    await expect(loadStage("data:text/javascript,export default 5")).rejects.toMatchObject({
      code: "not-found",
      sentence: expect.stringContaining("defineStage()"),
    });
    if (mode.transport === "inline") return;
    const script = nowhere.href;
    const opening = dataplane.open([{ stage: "javascript", name: "nowhere", script }]);
    await expect(opening).rejects.toMatchObject({ code: "not-found", path: "stages" });
  });

  dataplaneTest(
    mode,
    "a script that takes its time is waited for, and its worker is well",
    async (dataplane) => {
      if (mode.transport === "inline") return;
      // It computes, and then it waits, both for longer than a burst may take: as what is large, or comes from far away.
      const script = `data:text/javascript,
      for (const end = performance.now() + 700; performance.now() < end; );
      await new Promise((resolve) => setTimeout(resolve, 700));`;
      const opening = dataplane.open([{ stage: "javascript", name: "slow", script }]);
      await expect(opening).rejects.toMatchObject({ code: "not-found", path: "stages" });
      expect(dataplane.health).toEqual({ state: "running", deaths: 0, lastDeath: undefined });
    },
  );
});
