// Rule tables by how their rules are found: tuples, intervals of ports, rounded prefixes, crowded rules and trees; against one
// rule after the other, on frames that rules are about, cut and changed ones among them.
import { FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { type Rule, ruleCounts, ruleTable } from "frameferry/stages";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  damaged,
  expectLinear,
  frameOfRule,
  MACS,
  PROTOCOLS,
  pick,
  type Random,
  randomFrame,
  randomOf,
  randomRule,
} from "../support/rule-random.ts";

let kernels: Kernels;
let free: number;

beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 64 << 20 });
  free = kernels.plan.freeBytes;
});
afterEach(() => {
  expect(kernels.plan.freeBytes).toBe(free);
});

/** An IPv4 prefix of so many bits. */
function prefix(random: Random, length: number): string {
  const bits = length === 0 ? 0 : (((10 << 24) | random(1 << 24)) & (0xffffffff << (32 - length))) >>> 0;
  return `${[24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".")}/${length}`;
}

function prefix6(random: Random, length: number): string {
  const words = [0xfd00, random(4), random(2), random(4), random(2), 0, random(2), random(65536)];
  const cut = words.map((word, i) => {
    const bits = Math.min(16, Math.max(0, length - 16 * i));
    return word & (0xffff << (16 - bits)) & 0xffff;
  });
  return `${cut.map((word) => word.toString(16)).join(":")}/${length}`;
}

function range(random: Random, most: number): [number, number] {
  const first = random(65536 - most);
  return [first, first + random(most)];
}

const verdict = (random: Random): "drop" | "forward" => pick(random, ["drop", "forward"] as const);

/** Kinds of tables: each has rules that are found in another way. */
const SETS: Readonly<Record<string, (random: Random, index: number) => Rule>> = {
  "prefixes, ports and ranges": (random) => ({
    source: prefix(random, pick(random, [16, 24, 32])),
    destination: prefix(random, pick(random, [16, 24, 32])),
    protocol: pick(random, ["tcp", "udp"]),
    destinationPort: random(3) === 0 ? range(random, 1000) : random(60_000),
    verdict: verdict(random),
  }),
  "prefixes of all lengths on both sides": (random, index) => ({
    ...(random(8) > 0 && { source: prefix(random, random(33)) }),
    ...(random(8) > 0 && { destination: prefix(random, random(33)) }),
    ...(random(2) === 0 && { destinationPort: pick(random, [22, 53, 80, 443, 8080]) }),
    ...(random(4) === 0 && { sourcePort: pick(random, [53, [1024, 65535]] as const) }),
    mark: index,
    priority: random(3),
  }),
  "two IP versions, MACs, VLANs and types": (random, index) => {
    const six = random(2) === 0;
    const end = (): string => (six ? prefix6(random, random(129)) : prefix(random, random(33)));
    return {
      ...(random(4) > 0 && { source: end() }),
      ...(random(4) > 0 && { destination: end() }),
      ...(random(3) === 0 && { sourceMac: pick(random, MACS) }),
      ...(random(3) === 0 && { destinationMac: pick(random, MACS) }),
      ...(random(3) === 0 && { vlan: random(5) }),
      ...(random(4) === 0 && { etherType: six ? 0x86dd : 0x0800 }),
      ...(random(2) === 0 && { protocol: pick(random, PROTOCOLS) }),
      ...(random(3) === 0 && { destinationPort: range(random, 3) }),
      mark: index,
      verdict: verdict(random),
    };
  },
  "wide ranges of ports with few addresses": (random, index) => ({
    ...(random(3) > 0 && { source: prefix(random, pick(random, [8, 16, 24])) }),
    ...(random(3) > 0 && { destination: prefix(random, pick(random, [8, 16, 24])) }),
    ...(random(2) === 0 && { protocol: pick(random, PROTOCOLS) }),
    ...(random(3) > 0 && { destinationPort: range(random, 20_000) }),
    ...(random(3) === 0 && { sourcePort: range(random, 20_000) }),
    mark: index,
    verdict: verdict(random),
  }),
  "crowded ones that ask for more words than have fields": (random, index) => ({
    ...(random(2) === 0 && { sourceMac: pick(random, MACS) }),
    ...(random(2) === 0 && { destinationMac: pick(random, MACS) }),
    ...(random(2) === 0 && { vlan: random(2) }),
    ...(random(2) === 0 && { etherType: pick(random, [0x0800, 0x86dd]) }),
    ...(random(4) === 0 && { protocol: pick(random, PROTOCOLS) }),
    ...(random(2) === 0 && { destinationPort: range(random, 30_000) }),
    ...(random(2) === 0 && { sourcePort: range(random, 30_000) }),
    ...(random(3) === 0 && { destination: prefix6(random, pick(random, [8, 32, 48, 64])) }),
    mark: index,
  }),
  "ranges next to each other": (random, index) => ({
    destinationPort: [20 * (index % 3000), 20 * (index % 3000) + 19],
    ...(random(2) === 0 && { sourcePort: range(random, 2) }),
    ...(random(2) === 0 && { protocol: pick(random, PROTOCOLS) }),
    mark: index,
  }),
  "the same again and again": (random, index) => ({
    ...(index % 50 === 0 ? {} : { source: "10.0.0.0/8", destinationPort: [1, 60_000] }),
    verdict: verdict(random),
    mark: index,
    priority: index % 50 === 0 ? 0 : 1,
  }),
  "no condition at all": (_, index) => ({ mark: index }),
};

describe.each(Object.entries(SETS))("%s", (_name, ruleOf) => {
  it.each([1, 2, 6, 100, 1000])("%i rules", (count) => {
    for (const seed of [1, 2]) {
      const random = randomOf(100 * count + seed);
      const rules = Array.from({ length: count }, (_, index) => ruleOf(random, index));
      const frames = Array.from({ length: 300 }, (_, index) =>
        index % 5 === 0 ? randomFrame(random) : damaged(random, frameOfRule(random, pick(random, rules))),
      );
      expectLinear(kernels, rules, frames, seed === 1 ? "drop" : "forward");
    }
  });

  it("10,000 rules", () => {
    const random = randomOf(9);
    const rules = Array.from({ length: 10_000 }, (_, index) => ruleOf(random, index));
    const frames = Array.from({ length: 130 }, () =>
      damaged(random, frameOfRule(random, pick(random, rules))),
    );
    expectLinear(kernels, rules, frames, "drop");
  }, 60_000);
});

it("the ends of all words: the first and the last address, port and VLAN", () => {
  const random = randomOf(3);
  const rules: Rule[] = [
    ...[0, 1, 31, 32].flatMap((length) => [
      { source: `0.0.0.0/${length}`, destination: "255.255.255.255", mark: length },
      {
        destination:
          length === 0
            ? "0.0.0.0/0"
            : `${length === 1 ? "128.0.0.0" : "255.255.255.25"}${length === 1 ? "" : length === 31 ? 4 : 5}/${length}`,
        destinationPort: 65535,
        mark: 100 + length,
      },
    ]),
    { source: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", mark: 7 },
    { sourcePort: 0, protocol: 255, mark: 8 },
    { sourcePort: [65535, 65535], vlan: 4095, mark: 9 },
    { sourcePort: 0, vlan: 0, mark: 10 },
  ];
  const frames = rules.flatMap((rule) => Array.from({ length: 40 }, () => frameOfRule(random, rule)));
  expectLinear(kernels, rules, frames, "drop");
});

it("bursts of all lengths round a chunk, with frames between that a stage before has dropped", () => {
  const random = randomOf(11);
  const first = Array.from({ length: 30 }, () => randomRule(random, 2));
  const second = Array.from({ length: 200 }, () => ({ ...randomRule(random, 4), mark: undefined }));
  const batch = new FrameBatch(kernels, { frames: 256, frameBytes: 256 });
  for (const count of [0, 1, 63, 64, 65, 127, 128, 129, 256]) {
    const frames = Array.from({ length: count }, () => randomFrame(random));
    const run = (rules: readonly (readonly Rule[])[]) => {
      const pipeline = new Pipeline(
        kernels,
        rules.map((each) => ruleTable(each)),
      );
      batch.fill(frames);
      pipeline.run(batch);
      const on = frames.map((_, index) => batch.verdict(index) === "forward");
      const counts = pipeline.counters().modules.map((each) => ruleCounts(each));
      pipeline.close();
      return { on, counts };
    };
    const [alone, other, both] = [run([first]), run([second]), run([first, second])];
    expect(both.on).toEqual(alone.on.map((on, index) => on && other.on[index]));
    const asked = both.counts[1]!.rules.reduce(
      (sum, each) => sum + each.frames,
      both.counts[1]!.unmatched.frames,
    );
    expect(asked).toBe(alone.on.filter(Boolean).length);
    expect(both.counts[0]).toEqual(alone.counts[0]);
  }
  batch.close();
});

it("a table of 10,000 rules is made within seconds and takes less than three megabytes", () => {
  for (const ruleOf of Object.values(SETS)) {
    const random = randomOf(21);
    const rules = Array.from({ length: 10_000 }, (_, index) => ruleOf(random, index));
    const start = performance.now();
    const { data, stateBytes } = ruleTable(rules);
    // On a quiet machine it is 0.2 to 0.9 s; this one may be shared.
    expect(performance.now() - start).toBeLessThan(5000);
    expect(data!.length).toBeLessThan(3 << 20);
    expect(stateBytes).toBeLessThan(10_000 * 16 + (100 << 10));
  }
}, 60_000);
