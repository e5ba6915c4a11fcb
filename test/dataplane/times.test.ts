// Times and ports as stages in workers are told them: the same sums, whoever summed up.
import type { ModuleStage, Stage } from "frameferry";
import { loadStage } from "frameferry/own-stages";
import { describe, expect } from "vitest";
import { enhanced, iface, join, section } from "../pcap/capture-bytes.ts";
import { SUMS } from "../support/own-modules.ts";
import { Sink } from "./capture-support.ts";
import { collect, dataplaneTest, flowFrame, modes } from "./support.ts";

const SUMS_SCRIPT = new URL("../fixtures/own-stages/sums.js", import.meta.url);
const FROM = 1_700_000_000_000_000_000n;

async function summing(from: bigint): Promise<readonly Stage[]> {
  const parameters = new Uint8Array(8);
  new DataView(parameters.buffer).setBigUint64(0, from, true);
  const module: ModuleStage = {
    stage: "module",
    name: "sums",
    code: SUMS,
    parameters,
    stateBytes: 32,
    countedBytes: 24,
  };
  const script = await loadStage<{ from: string }>(SUMS_SCRIPT);
  return [module, { stage: "vlan-push", vid: 5 }, script.stage({ from: `${from}` })];
}

/** What both stages have summed up. */
function sums({ modules }: { readonly modules: readonly { readonly values: readonly number[] }[] }): unknown {
  return modules.map(({ values }) => values);
}

const frames = Array.from({ length: 1000 }, (_, i) => flowFrame(i % 50, i, 60 + (i % 200)));
const sum = (of: (i: number) => number): number => frames.reduce((all, _, i) => all + of(i), 0);

describe.each(modes)("$name", (mode) => {
  dataplaneTest(mode, "a channel tells what was sent along", async (dataplane) => {
    await using channel = await dataplane.open(await summing(FROM), { ringBytes: 1 << 16 });
    const taking = collect(channel);
    const timeOf = (i: number): number => 1 + i * 1001;
    for (let at = 0; at < frames.length; at += 100) {
      const some = frames.slice(at, at + 100);
      await channel.sendAll(some, {
        times: some.map((_, i) => FROM + BigInt(timeOf(at + i))),
        ports: some.map((_, i) => at + i),
      });
    }
    channel.end();
    await taking;
    const wanted = [sum(timeOf), sum((i) => i)];
    expect(sums(channel.counters())).toEqual([wanted, wanted]);
  });

  dataplaneTest(mode, "a channel goes by the clock where nothing was sent along", async (dataplane) => {
    const before = BigInt(Math.floor(performance.timeOrigin + performance.now())) * 1_000_000n;
    // Clocks of threads may differ a little.
    const slack = 1_000_000_000n;
    await using channel = await dataplane.open(await summing(before - slack));
    await channel.sendAll(frames.slice(0, 10));
    channel.end();
    await collect(channel);
    const [[times = 0, ports] = [], others] = sums(channel.counters()) as number[][];
    const after = BigInt(Math.ceil(performance.timeOrigin + performance.now())) * 1_000_000n;
    expect(ports).toBe(0);
    expect(times).toBeGreaterThan(0);
    expect(times).toBeLessThan(10 * Number(after - before + 2n * slack));
    // One burst has one time, and for both stages the same.
    expect(others).toEqual([times, 0]);
  });

  dataplaneTest(mode, "captures tell what stands in them", async (dataplane) => {
    const { bytes } = join([
      section(false),
      ...[0, 1, 2].map(() => iface(false, 1, 0)),
      ...frames.map((frame, i) => enhanced(false, i % 3, 1_700_000_000_000_000n + BigInt(i), frame)),
    ]);
    const summary = await dataplane.processCapture(bytes, await summing(FROM), new Sink());
    const wanted = [sum((i) => 1000 * i), sum((i) => i % 3)];
    expect(sums(summary)).toEqual([wanted, wanted]);
  });
});
