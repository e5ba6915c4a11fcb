// Rule tables: random ones against one rule after the other, on whole, cut and changed frames; text; refusals; new tables
// between bursts.
import { FrameBatch, isArgumentError, type Kernels, loadKernels, Pipeline } from "frameferry";
import { type Rule, ruleCounts, ruleTable } from "frameferry/stages";
import { compose } from "frameferry/wire";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { codecsAgree } from "../support/rule-model.ts";
import {
  expectLinear as expectLinearWith,
  MACS,
  PROTOCOLS,
  pick,
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

const expectLinear = (rules: readonly Rule[], frames: readonly Uint8Array[], otherwise: "forward" | "drop") =>
  expectLinearWith(kernels, rules, frames, otherwise);

describe("a rule table decides as one rule after the other does", () => {
  it.each([0, 1, 2, 3, 5, 8, 13, 40, 120, 400])("%i rules", (count) => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = randomOf(1000 * count + seed);
      const often = pick(random, [1, 3, 5, 8]);
      const rules = Array.from({ length: count }, () => randomRule(random, often));
      const frames = Array.from({ length: 512 }, () => randomFrame(random));
      expectLinear(rules, frames, seed % 2 === 0 ? "drop" : "forward");
    }
  });

  it("10,000 rules, most of which are about two addresses and a port", () => {
    const random = randomOf(77);
    const rules = Array.from(
      { length: 10_000 },
      (_, index): Rule => ({
        ...(random(4) > 0 && { source: `10.${random(4)}.${random(256)}.${random(256)}` }),
        ...(random(4) > 0 && { destination: `10.${random(4)}.${random(256)}.0/24` }),
        ...(random(4) > 0 && { protocol: pick(random, PROTOCOLS), destinationPort: random(65536) }),
        verdict: pick(random, ["drop", "forward"]),
        mark: index,
      }),
    );
    // Frames that rules are about, and some that none is.
    const frames = Array.from({ length: 256 }, () => {
      const rule = pick(random, rules);
      const source = (rule.source as string | undefined) ?? "10.9.9.9";
      const destination = ((rule.destination as string | undefined) ?? "10.8.8.0/24").replace("0/24", "7");
      const ethernet = { name: "ethernet", destination: MACS[0]!, source: MACS[1]! } as const;
      const transport = {
        name: "udp",
        sourcePort: 5,
        destinationPort: (rule.destinationPort as number | undefined) ?? 7,
      } as const;
      return compose([ethernet, { name: "ipv4", source, destination }, transport], new Uint8Array(4));
    });
    expect(frames.every(codecsAgree)).toBe(true);
    expectLinear(rules, frames, "forward");
  });

  it("rules none of which a tree can tell apart", () => {
    const random = randomOf(5);
    // Ranges within ranges, each about nearly all: no word divides them.
    const rules = Array.from(
      { length: 300 },
      (_, index): Rule => ({ sourcePort: [index, 65535 - index], mark: index }),
    );
    expectLinear(
      rules.reverse(),
      Array.from({ length: 256 }, () => randomFrame(random)),
      "drop",
    );
    const same = Array.from({ length: 300 }, (_, index): Rule => ({ source: "10.0.0.0/8", mark: index }));
    expectLinear(
      same,
      Array.from({ length: 128 }, () => randomFrame(random)),
      "drop",
    );
    // Each prefix within the one before, longest last.
    const nested = Array.from(
      { length: 33 },
      (_, length): Rule => ({
        source: `${length > 4 ? "8" : "0"}.0.0.0/${length}`,
        mark: length,
        priority: length,
      }),
    );
    expectLinear(
      nested,
      Array.from({ length: 256 }, () => randomFrame(random)),
      "drop",
    );
  });
});

describe("text", () => {
  it.each<[string, Rule]>([
    [
      "src net 10.0.0.0/8 and tcp dst port 80",
      { source: "10.0.0.0/8", protocol: "tcp", destinationPort: 80 },
    ],
    ["src host 10.1.2.3 and dst fd00::1", { source: "10.1.2.3", destination: "fd00::1" }],
    ["udp and src portrange 6000-6099", { protocol: "udp", sourcePort: [6000, 6099] }],
    ["vlan 5 and ip6 && proto 58", { vlan: 5, etherType: 0x86dd, protocol: 58 }],
    [
      "ether src 02:00:00:00:00:01 and ether dst host 02:00:00:00:00:02 and ether proto 0x88cc",
      { sourceMac: MACS[0]!, destinationMac: MACS[1]!, etherType: 0x88cc },
    ],
  ])("%s", (match, rule) => {
    const made = (each: Rule): unknown => {
      try {
        return ruleTable([each]).data;
      } catch (error) {
        return String(error);
      }
    };
    expect(made({ match })).toEqual(made(rule));
  });
});

describe("refusals", () => {
  it.each<[string, unknown, unknown, string]>([
    ["no list", 5, {}, "rules: expected an array"],
    ["an unknown field", [{ colour: 1 }], {}, 'rules[0]: unknown option "colour"'],
    ["bits behind a prefix", [{}, { source: "10.0.0.1/8" }], {}, "rules[1].source: expected 10.0.0.0/8"],
    [
      "IPv4 and IPv6",
      [{ source: "10.0.0.1", destination: "::1" }],
      {},
      "rules[0].destination: the other address",
    ],
    [
      "ports the wrong way round",
      [{ sourcePort: [5, 4] }],
      {},
      "rules[0].sourcePort: expected the lower port",
    ],
    ["a port", [{ sourcePort: 65536 }], {}, "rules[0].sourcePort: expected a whole number from 0 to 65535"],
    [
      "a protocol",
      [{ protocol: "gre" }],
      {},
      "rules[0].protocol: expected icmp, tcp, udp, icmp6, sctp or a number",
    ],
    ["text and a field", [{ match: "tcp", vlan: 1 }], {}, "rules[0].vlan: what a rule is about"],
    ["text that is no conjunction", [{ match: "tcp or udp" }], {}, "rules[0].match: expected terms such as"],
    ["text without a side", [{ match: "host 10.0.0.1" }], {}, "rules[0].match: expected terms such as"],
    ["text that says it twice", [{ match: "tcp and udp" }], {}, 'rules[0].match: "udp" says again'],
    ["text that is long", [{ match: "tcp and ".repeat(1000) }], {}, "rules[0].match: expected at most 1000"],
    ["another option", [], { otherwise: "punt" }, "otherwise: expected forward or drop"],
  ])("%s", (_name, rules, options, message) => {
    let thrown: unknown;
    try {
      ruleTable(rules as Rule[], options as object);
    } catch (error) {
      thrown = error;
    }
    expect(isArgumentError(thrown)).toBe(true);
    expect((thrown as Error).message).toContain(message);
  });
});

it("a new table takes the place of another between bursts, and counts for itself", () => {
  const batch = new FrameBatch(kernels, { frames: 8, frameBytes: 256 });
  const frame = Uint8Array.from([...new Uint8Array(12), 8, 6, ...new Uint8Array(46)]);
  const stage = (verdict: "forward" | "drop") => ruleTable([{ match: "arp", verdict }]);
  let pipeline = new Pipeline(kernels, [stage("forward")]);
  const run = (): number => {
    batch.fill([frame, frame, frame]);
    return pipeline.run(batch);
  };
  expect(run()).toBe(3);
  const next = new Pipeline(kernels, [stage("drop")]);
  expect(run()).toBe(3);
  expect(ruleCounts(pipeline.counters().modules[0]!).rules).toEqual([{ frames: 6, bytes: 360 }]);
  pipeline.close();
  pipeline = next;
  expect(run()).toBe(0);
  expect(ruleCounts(pipeline.counters().modules[0]!).rules).toEqual([{ frames: 3, bytes: 180 }]);
  pipeline.resetCounters();
  expect(ruleCounts(pipeline.counters().modules[0]!)).toEqual({
    rules: [{ frames: 0, bytes: 0 }],
    unmatched: { frames: 0, bytes: 0 },
  });
  pipeline.close();
  batch.close();
});
