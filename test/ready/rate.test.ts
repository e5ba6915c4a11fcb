// Limits of rates: the frames that a slow model lets through, and no others.
import { FrameBatch, type Kernels, loadKernels, Pipeline, type Stage } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { CaptureWriter } from "frameferry/pcap";
import { mark, type RateOptions, rate, rateCounts } from "frameferry/stages";
import { compose } from "frameferry/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { largePcap, Sink } from "../dataplane/capture-support.ts";
import { dataplaneTest, flowFrame, flowOf, modes } from "../dataplane/support.ts";
import { recordsOf } from "../support/capture-corpus.ts";
import { Random } from "../support/filter-expressions.ts";
import { noise } from "../support/passengers.ts";
import { type ModelLimit, RateModel } from "../support/rate-model.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 32 << 20 });
});

interface Sent {
  readonly bytes: Uint8Array;
  readonly time: bigint;
  readonly key?: string;
  readonly wireLength?: number;
  readonly port?: number;
  readonly mark?: number;
}

const SECOND = 1_000_000_000n;
const START = 1_700_000_000n * SECOND;

/** Runs the frames in bursts of all lengths, and expects of each what the model says. Returns how many went on. */
function expectLikeModel(
  stages: readonly Stage[],
  sent: readonly Sent[],
  model: RateModel,
  random: Random,
): number {
  using pipeline = new Pipeline(kernels, stages);
  using batch = new FrameBatch(kernels, { frames: 64 });
  let forwarded = 0;
  for (let at = 0; at < sent.length; ) {
    const some = sent.slice(at, at + 1 + random.next(64));
    batch.clear();
    for (const { bytes, time, key: _, ...notes } of some) batch.add(bytes, { time, ...notes });
    forwarded += pipeline.run(batch, { time: 0n });
    some.forEach(({ bytes, time, key = "", wireLength = bytes.length }, i) => {
      const goesOn = model.takes(key, time, wireLength);
      expect(batch.dropReason(i)?.name, `frame ${at + i}`).toBe(goesOn ? undefined : "rate-exceeded");
    });
    at += some.length;
  }
  const { received, drops, changed, modules } = pipeline.counters();
  expect({ received, drops }).toEqual({
    received: sent.length,
    drops: forwarded === sent.length ? {} : { "rate-exceeded": sent.length - forwarded },
  });
  expect(changed.at(-1)).toBe(0);
  expect(rateCounts(modules.at(-1)!)).toEqual({ forgotten: model.forgotten });
  return forwarded;
}

/** Frames some nanoseconds, or many, behind one another; now and then one that is early, or has no time. */
function framesOf(random: Random, count: number, apart: number): Sent[] {
  let time = START;
  return Array.from({ length: count }, () => {
    time += BigInt(random.next(random.of([1, apart, 3 * apart])));
    const bytes = noise(random.next(1500), 1 + random.next(100));
    const kind = random.next(30);
    const early = kind === 0 ? BigInt(random.next(2_000_000_000)) : 0n;
    return {
      bytes,
      time: kind === 1 ? 0n : time - early,
      ...(kind < 10 && { wireLength: bytes.length + random.next(9000) }),
    };
  });
}

const LIMITS: readonly (readonly [RateOptions, ModelLimit | undefined, ModelLimit | undefined])[] = [
  [{ framesPerSecond: 1 }, { perSecond: 1n, burst: 1n }, undefined],
  [{ framesPerSecond: 1000 }, { perSecond: 1000n, burst: 100n }, undefined],
  [{ framesPerSecond: 999_999_937, burstFrames: 7 }, { perSecond: 999_999_937n, burst: 7n }, undefined],
  [{ framesPerSecond: 3, burstFrames: 1_000_000_000 }, { perSecond: 3n, burst: 1_000_000_000n }, undefined],
  [{ bitsPerSecond: 1_000_000 }, undefined, { perSecond: 1_000_000n, burst: 8n * 65536n }],
  [{ bitsPerSecond: 10_000_000 }, undefined, { perSecond: 10_000_000n, burst: 1_000_000n }],
  [{ bitsPerSecond: 7, burstBytes: 2 ** 28 }, undefined, { perSecond: 7n, burst: 8n * 2n ** 28n }],
  [{ bitsPerSecond: 1e12, burstBytes: 1514 }, undefined, { perSecond: 10n ** 12n, burst: 8n * 1514n }],
  [
    { framesPerSecond: 2000, bitsPerSecond: 8_000_000, burstFrames: 20, burstBytes: 20_000 },
    { perSecond: 2000n, burst: 20n },
    { perSecond: 8_000_000n, burst: 160_000n },
  ],
];

test.each(LIMITS)("%j", (options, frames, bits) => {
  const random = new Random(LIMITS.findIndex(([each]) => each === options));
  const rates = [frames && 1e9 / Number(frames.perSecond), bits && 6e12 / Number(bits.perSecond)];
  // About twice as many as may go on.
  const apart = Math.max(2, Math.ceil(Math.max(...rates.map((each) => each ?? 0)) / 4));
  const sent = framesOf(random, 3000, Math.min(apart, 2 ** 31));
  const forwarded = expectLikeModel([rate(options)], sent, new RateModel(frames, bits), random);
  expect(forwarded).toBeGreaterThan(2);
});

/** A frame that says all that there may be a limit for, and what its key is for each. */
function tellingFrame(random: Random): {
  readonly bytes: Uint8Array;
  readonly keys: Readonly<Record<string, string>>;
} {
  const version = random.of([4, 6, 0]);
  const [from, to] = [random.next(3), random.next(3)];
  const [sourcePort, destinationPort] = [1000 + random.next(2), 2000 + random.next(2)];
  const protocol = random.of(["tcp", "udp"] as const);
  const ethernet = {
    name: "ethernet",
    source: `02:00:00:00:00:0${from}`,
    destination: `02:00:00:00:01:0${to}`,
  } as const;
  // A tag is no part of any key.
  const tags = random.next(2) === 0 ? [] : ([{ name: "vlan", vid: 1 + random.next(2) }] as const);
  if (version === 0) {
    const type = 0x9000 + random.next(2);
    return {
      bytes: compose([{ ...ethernet, etherType: type }], noise(50, 1)),
      keys: { flow: `mac ${from} ${to} ${type}`, source: `mac ${from}`, destination: `mac ${to}` },
    };
  }
  const address = (end: number): string => (version === 4 ? `10.0.0.${end}` : `fd00::${end}`);
  const ip = {
    name: version === 4 ? "ipv4" : "ipv6",
    source: address(from),
    destination: address(to),
  } as const;
  return {
    bytes: compose([ethernet, ...tags, ip, { name: protocol, sourcePort, destinationPort }], noise(20, 1)),
    keys: {
      flow: `${version} ${from} ${to} ${protocol} ${sourcePort} ${destinationPort}`,
      source: `${version} ${from}`,
      destination: `${version} ${to}`,
    },
  };
}

describe.each(["flow", "source", "destination", "port", "mark"] as const)("by %s", (by) => {
  test("each has a limit of its own", () => {
    const random = new Random(77);
    let time = START;
    const sent = Array.from({ length: 4000 }, (): Sent => {
      time += BigInt(random.next(20_000_000));
      const { bytes, keys } = tellingFrame(random);
      const numbers = { port: random.next(5), mark: random.next(5) };
      const all: Readonly<Record<string, string>> = {
        ...keys,
        port: `${numbers.port}`,
        mark: `${numbers.mark}`,
      };
      return { bytes, time, key: all[by] as string, ...numbers };
    });
    const model = new RateModel({ perSecond: 2n, burst: 3n }, undefined);
    const stage = rate({ framesPerSecond: 2, burstFrames: 3, by, capacity: 65536 });
    const forwarded = expectLikeModel([stage], sent, model, random);
    expect(forwarded).toBeGreaterThan(100);
    expect(forwarded).toBeLessThan(3900);
  });
});

test("by vni it is that of the tunnel that was taken off, and flows of two tunnels are two", () => {
  const ends = { local: "10.0.0.1", remote: "10.0.0.2" } as const;
  using batch = new FrameBatch(kernels);
  const encapsulated = (vni: number): Uint8Array => {
    using around = new Pipeline(kernels, [{ stage: "encapsulate", kind: "vxlan", vni, ...ends }]);
    batch.fill([flowFrame(1, 1)]);
    around.run(batch);
    return batch.frame(0).slice();
  };
  const [one, other] = [encapsulated(1), encapsulated(2)];
  for (const by of ["vni", "flow", "source"] as const) {
    using pipeline = new Pipeline(kernels, [
      { stage: "decapsulate", kind: "vxlan" },
      rate({ framesPerSecond: 1, by }),
    ]);
    batch.fill([one, one, other, other, one]);
    pipeline.run(batch, { time: START });
    expect(Array.from({ length: 5 }, (_, i) => batch.verdict(i))).toEqual([
      "forward",
      "drop",
      "forward",
      "drop",
      "drop",
    ]);
  }
});

test("behind a stage that sets marks, classes have limits of their own", () => {
  using pipeline = new Pipeline(kernels, [
    mark({ mark: 7 }),
    rate({ framesPerSecond: 2, burstFrames: 2, by: "mark" }),
  ]);
  using batch = new FrameBatch(kernels);
  batch.fill([noise(60, 1), noise(60, 1), noise(60, 1)]);
  expect(pipeline.run(batch, { time: START })).toBe(2);
});

test("of what has no room, what was not used for longest is forgotten, and that is counted", () => {
  const random = new Random(5);
  let time = START;
  const sent = Array.from({ length: 3000 }, (): Sent => {
    // Strictly: of two of one time nobody says which gives way.
    time += 1n + BigInt(random.next(random.of([1000, 300_000_000])));
    const port = random.next(random.of([4, 9]));
    return { bytes: noise(60, 1), time, port, key: `${port}` };
  });
  const model = new RateModel({ perSecond: 10n, burst: 4n }, { perSecond: 9000n, burst: 4000n }, 4);
  const stage = rate({
    framesPerSecond: 10,
    burstFrames: 4,
    bitsPerSecond: 9000,
    burstBytes: 500,
    by: "port",
    capacity: 4,
  });
  expectLikeModel([stage], sent, model, random);
  expect(model.forgotten).toBeGreaterThan(100);
});

test("a clock that was set back begins anew, and gives nothing away", () => {
  const times = [
    START,
    START,
    START - 5n * SECOND,
    START - 5n * SECOND + 999_999_999n,
    START - 4n * SECOND,
    START,
  ];
  using pipeline = new Pipeline(kernels, [rate({ framesPerSecond: 1 })]);
  using batch = new FrameBatch(kernels);
  for (const time of times) batch.add(noise(60, 1), { time });
  pipeline.run(batch);
  expect(times.map((_, i) => batch.verdict(i) === "forward")).toEqual([
    true,
    false,
    false,
    false,
    true,
    true,
  ]);
});

test("what was dropped before costs nothing", () => {
  using pipeline = new Pipeline(kernels, [
    compileFilter("udp").stage,
    rate({ framesPerSecond: 10, burstFrames: 2 }),
  ]);
  using batch = new FrameBatch(kernels);
  batch.fill([noise(60, 1), flowFrame(0, 0), noise(60, 1), flowFrame(0, 1), flowFrame(0, 2)]);
  pipeline.run(batch, { time: START });
  expect(pipeline.counters().drops).toEqual({ filtered: 2, "rate-exceeded": 1 });
  // Without a time it is the clock that counts.
  batch.fill([flowFrame(0, 0), flowFrame(0, 0), flowFrame(0, 0)]);
  expect(pipeline.run(batch)).toBe(2);
});

describe.each(modes)("$name", (mode) => {
  dataplaneTest(mode, "by flow a channel lets through what one thread does", async (dataplane) => {
    const random = new Random(9);
    const sent = Array.from({ length: 3000 }, (_, i) => ({
      flow: random.next(20),
      time: START + BigInt(i) * 10_000_000n,
    }));
    const frames = sent.map(({ flow }, i) => flowFrame(flow, i, 60 + (i % 100)));
    const model = new RateModel({ perSecond: 3n, burst: 4n }, undefined);
    const wanted = sent.flatMap(({ flow, time }, i) => (model.takes(`${flow}`, time, 1) ? [i] : []));
    await using channel = await dataplane.open(
      [
        { stage: "vlan-push", vid: 1 },
        rate({ framesPerSecond: 3, burstFrames: 4, by: "flow", capacity: 65536 }),
      ],
      { ringBytes: 1 << 16 },
    );
    const out: number[] = [];
    const taking = (async () => {
      for await (const burst of channel) for (const frame of burst) out.push(flowOf(frame, 4).sequence);
    })();
    for (let at = 0; at < frames.length; at += 100)
      await channel.sendAll(frames.slice(at, at + 100), {
        times: sent.slice(at, at + 100).map(({ time }) => time),
      });
    channel.end();
    await taking;
    expect(out.sort((a, b) => a - b)).toEqual(wanted);
    expect(channel.counters().drops).toEqual({ "rate-exceeded": frames.length - wanted.length });
  });

  dataplaneTest(
    mode,
    "a capture goes by its own times; with workers a piece begins with a burst",
    async (dataplane) => {
      const bytes = largePcap();
      const { records } = await recordsOf(bytes);
      const model = new RateModel({ perSecond: 100n, burst: 25n }, undefined);
      const frames = records.map(({ data }, i) => ({ data, timestamp: START + BigInt(i) * 1_000_000n }));
      const wanted = frames.filter(({ timestamp, data }) => model.takes("", timestamp, data.length)).length;
      const capture = new CaptureWriter({ format: "pcap", nanoseconds: true }).write(frames);
      const stages = [rate({ framesPerSecond: 100, burstFrames: 25 })];
      const { forwarded } = await dataplane.processCapture(capture, stages, new Sink());
      const pieces = mode.options.workers === 0 ? 0 : Math.ceil(capture.length / 262_144) + 1;
      expect(forwarded).toBeGreaterThanOrEqual(wanted);
      expect(forwarded).toBeLessThanOrEqual(wanted + 25 * pieces);
    },
  );
});

test.each([
  [{}, "rate: no limit: give framesPerSecond, bitsPerSecond or both"],
  [{ framesPerSecond: 0 }, "framesPerSecond: expected a whole number from 1 to 1000000000, got 0"],
  [{ bitsPerSecond: 1e12 + 1 }, "bitsPerSecond: expected a whole number from 1 to 1000000000000"],
  [{ framesPerSecond: 1, burstBytes: 1 }, "burstBytes: it says nothing without bitsPerSecond"],
  [{ bitsPerSecond: 1, burstFrames: 1 }, "burstFrames: it says nothing without framesPerSecond"],
  [{ bitsPerSecond: 1, burstBytes: 2 ** 28 + 1 }, "burstBytes: expected a whole number from 1 to 268435456"],
  [{ framesPerSecond: 1, by: "host" }, "by: expected"],
  [{ framesPerSecond: 1, capacity: 3 }, "capacity: expected a whole number from 4 to 1048576, got 3"],
  [{ perSecond: 1 }, "rate: unknown option"],
])("%j is refused", (options, sentence) => {
  expect(() => rate(options as RateOptions)).toThrow(sentence);
});
