// What IP headers of tunnels and passengers take over from each other: ECN (RFC 6040), DSCP and TTL.
import fc from "fast-check";
import { type EncapsulateStage, type Kernels, loadKernels, Pipeline, type Stage } from "frameferry";
import { type ComposeLayer, compose, dissect, ipv4ChecksumIsGood } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { expectBytes, PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
let batch: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  batch = new PoisonedBatch(kernels, { frames: 64, headroom: 256 });
});

type Family = "ipv4" | "ipv6";
const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];
const NAMES = ["Not-ECT", "ECT(1)", "ECT(0)", "CE"] as const;

/** Figure 4 of RFC 6040, its rows in its order: inner field, and what comes of it by outer Not-ECT, ECT(0), ECT(1), CE. */
const FIGURE_4 = [
  ["Not-ECT", ["Not-ECT", "Not-ECT", "Not-ECT", "drop"]],
  ["ECT(0)", ["ECT(0)", "ECT(0)", "ECT(1)", "CE"]],
  ["ECT(1)", ["ECT(1)", "ECT(1)", "ECT(1)", "CE"]],
  ["CE", ["CE", "CE", "CE", "CE"]],
] as const;
const COLUMNS = ["Not-ECT", "ECT(0)", "ECT(1)", "CE"] as const;
const codeOf = (name: string): number => NAMES.indexOf(name as (typeof NAMES)[number]);

interface Says {
  readonly ecn: number;
  readonly dscp: number;
  readonly ttl: number;
}

function ip(family: Family, { ecn, dscp, ttl }: Says, host: number): ComposeLayer {
  return family === "ipv4"
    ? { name: "ipv4", ecn, dscp, ttl, source: `10.9.0.${host}`, destination: "10.9.0.99" }
    : { name: "ipv6", ecn, dscp, hopLimit: ttl, source: `fd09::${host}`, destination: "fd09::99" };
}

const ETHERNET: ComposeLayer = {
  name: "ethernet",
  source: "02:00:00:00:00:01",
  destination: "02:00:00:00:00:02",
};
const PAYLOAD = Uint8Array.from({ length: 40 }, (_, i) => i * 7);
const datagram = (port: number) => ({ name: "udp", sourcePort: 7000, destinationPort: port }) as const;

function passenger(family: Family, says: Says, tags = 0): Uint8Array {
  const vlans = Array.from({ length: tags }, (_, i): ComposeLayer => ({ name: "vlan", vid: 10 + i }));
  return compose([ETHERNET, ...vlans, ip(family, says, 1), datagram(9999)], PAYLOAD);
}

function around(family: Family, says: Says, inner: Uint8Array): Uint8Array {
  return compose(
    [ETHERNET, ip(family, says, 7), { ...datagram(4789), checksum: 0 }, { name: "vxlan", vni: 5 }],
    inner,
  );
}

/** What the IP header number `index` of a frame says, whose checksum is right. */
function saysOf(bytes: Uint8Array, index = 0): Says {
  const found = dissect(bytes).layers.filter(({ name }) => name === "ipv4" || name === "ipv6")[index]!;
  if (found.name === "ipv4") {
    expect(ipv4ChecksumIsGood(bytes, found.offset, 20)).toBe(true);
    const { ecn, dscp, ttl } = found.header;
    return { ecn, dscp, ttl };
  }
  const { ecn, dscp, hopLimit } = (found as Extract<typeof found, { name: "ipv6" }>).header;
  return { ecn, dscp, ttl: hopLimit };
}

const SAYS = fc.record({
  ecn: fc.integer({ min: 0, max: 3 }),
  dscp: fc.integer({ min: 0, max: 63 }),
  ttl: fc.integer({ min: 0, max: 255 }),
});
const FAMILY = fc.constantFrom(...FAMILIES);
const CHOICE = fc.record({
  ecn: fc.constantFrom("ignore" as const, "rfc6040" as const),
  dscp: fc.constantFrom("pipe" as const, "uniform" as const),
  ttl: fc.constantFrom("pipe" as const, "uniform" as const),
});
type Choice = typeof CHOICE extends fc.Arbitrary<infer T> ? T : never;

/** What the passenger says afterwards; undefined: it is dropped. */
function expected(outer: Says, inner: Says, choice: Choice): Says | undefined {
  let { ecn } = inner;
  if (choice.ecn === "rfc6040") {
    const row = FIGURE_4.find(([name]) => codeOf(name) === inner.ecn)!;
    const cell = row[1][COLUMNS.findIndex((name) => codeOf(name) === outer.ecn)]!;
    if (cell === "drop") return undefined;
    ecn = codeOf(cell);
  }
  return {
    ecn,
    dscp: choice.dscp === "uniform" ? outer.dscp : inner.dscp,
    ttl: choice.ttl === "uniform" ? Math.min(inner.ttl, outer.ttl) : inner.ttl,
  };
}

/** Frames whose headers say something else, and nothing else does: what they said stands there again. */
function put(bytes: Uint8Array, family: Family, says: Says, tags: number): Uint8Array {
  const wanted = passenger(family, says, tags);
  expect(wanted.length).toBe(bytes.length);
  return wanted;
}

const KINDS = [
  { stage: "decapsulate", kind: "vxlan" },
  { stage: "decapsulate", kind: "any" },
] as const;

describe.each(KINDS)("out of a tunnel, kind $kind", (stage) => {
  describe.each(FAMILIES.flatMap((outer) => FAMILIES.map((inner) => ({ outer, inner }))))(
    "$inner in $outer",
    ({ outer, inner }) => {
      it.each(FIGURE_4.flatMap(([own, cells]) => cells.map((cell, i) => [own, COLUMNS[i]!, cell] as const)))(
        "inner %s, outer %s: %s",
        (own, told, cell) => {
          using pipeline = new Pipeline(kernels, [{ ...stage, ecn: "rfc6040" }]);
          const says = { ecn: codeOf(own), dscp: 10, ttl: 3 };
          const bytes = around(outer, { ecn: codeOf(told), dscp: 20, ttl: 2 }, passenger(inner, says));
          const [outcome] = batch.run(pipeline, [{ bytes }]);
          if (cell === "drop") expect(outcome!.reason).toBe("ecn-not-capable");
          else expectBytes(outcome!.bytes, passenger(inner, { ...says, ecn: codeOf(cell) }));
        },
      );
    },
  );

  it("is ECN, DSCP and TTL as asked for, and nothing else changes", () => {
    fc.assert(
      fc.property(FAMILY, FAMILY, SAYS, SAYS, CHOICE, fc.nat(4), (outer, inner, told, own, choice, tags) => {
        using pipeline = new Pipeline(kernels, [{ ...stage, ...choice }]);
        const bytes = around(outer, told, passenger(inner, own, tags));
        const [outcome] = batch.run(pipeline, [{ bytes }]);
        const wanted = expected(told, own, choice);
        if (wanted === undefined) expect(outcome!.reason).toBe("ecn-not-capable");
        else expectBytes(outcome!.bytes, put(outcome!.bytes!, inner, wanted, tags));
      }),
      { seed: 6040, numRuns: 400 },
    );
  });

  it("goes from the outermost to the innermost", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(FAMILY, SAYS), { minLength: 3, maxLength: 5 }),
        CHOICE,
        (levels, choice) => {
          const own = levels.at(-1)!;
          const bytes = levels
            .slice(0, -1)
            .reduceRight((inside, [family, says]) => around(family, says, inside), passenger(...own));
          using pipeline = new Pipeline(kernels, [{ ...stage, ...choice, depth: "all" }]);
          const [outcome] = batch.run(pipeline, [{ bytes }]);
          // One by one; what cannot be opened stays closed.
          let depth = 1;
          let says: Says | undefined = levels[0]![1];
          for (; depth < levels.length; depth++) {
            const next = expected(says, levels[depth]![1], choice);
            if (next === undefined) break;
            says = next;
          }
          if (depth === 1) expect(outcome!.reason).toBe("ecn-not-capable");
          else expect(saysOf(outcome!.bytes!)).toEqual(says);
        },
      ),
      { seed: 2983, numRuns: 300 },
    );
  });

  it("leaves passengers alone that are no IP packets, or not all there", () => {
    const all = { ...stage, ecn: "rfc6040", dscp: "uniform", ttl: "uniform" } as const;
    using pipeline = new Pipeline(kernels, [all]);
    const told = { ecn: 3, dscp: 63, ttl: 1 };
    const arp = compose([
      ETHERNET,
      {
        name: "arp",
        operation: 1,
        senderMac: "02:00:00:00:00:01",
        senderIp: "10.0.0.1",
        targetMac: "00:00:00:00:00:00",
        targetIp: "10.0.0.2",
      },
    ]);
    for (const family of FAMILIES) {
      const whole = passenger(family, { ecn: 2, dscp: 1, ttl: 99 }, 2);
      const ends = 14 + 8 + (family === "ipv4" ? 20 : 40);
      const wrong = whole.slice();
      wrong[22] = 0x15 * 3;
      const inputs = [arp, wrong, ...Array.from({ length: ends - 14 }, (_, i) => whole.slice(0, 14 + i))];
      const outcomes = batch.run(
        pipeline,
        inputs.map((inner) => ({ bytes: around("ipv4", told, inner) })),
      );
      inputs.forEach((inner, i) => {
        expectBytes(outcomes[i]!.bytes, inner);
      });
      const [there] = batch.run(pipeline, [{ bytes: around("ipv4", told, whole.slice(0, ends)) }]);
      expect(there!.bytes).not.toEqual(whole.slice(0, ends));
    }
  });

  it("is nothing, unless it is asked for", () => {
    using pipeline = new Pipeline(kernels, [stage]);
    const inner = passenger("ipv4", { ecn: 0, dscp: 1, ttl: 99 });
    const [outcome] = batch.run(pipeline, [{ bytes: around("ipv4", { ecn: 3, dscp: 9, ttl: 1 }, inner) }]);
    expectBytes(outcome!.bytes, inner);
  });
});

describe("into a tunnel", () => {
  const ENDS = { ipv4: ["10.1.5.7", "10.1.5.8"], ipv6: ["fd00::5:7", "fd00::5:8"] } as const;
  const stages = (family: Family): readonly EncapsulateStage[] => {
    const [local, remote] = ENDS[family];
    const outer = {
      stage: "encapsulate",
      local,
      remote,
      ecn: "rfc6040",
      dscp: "uniform",
      ttl: "uniform",
    } as const;
    return [
      { ...outer, kind: "vxlan", vni: 5 },
      { ...outer, kind: "geneve", vni: 5, udpChecksum: true, outerVid: 9 },
      { ...outer, kind: "vxlan-gpe", vni: 5 },
      { ...outer, kind: "gre", key: 5, checksum: true },
      { ...outer, kind: "nvgre", vni: 5000 },
      { ...outer, kind: "etherip" },
      { ...outer, kind: "gre", carries: "ip" },
      { ...outer, kind: "mpls-in-udp", label: 7 },
    ];
  };

  describe.each(FAMILIES)("over %s", (family) => {
    it.each(
      stages(family).map(
        (stage) => [`${stage.kind} ${"carries" in stage ? stage.carries : ""}`, stage] as const,
      ),
    )("%s: outer headers say what the passenger does", (_name, stage) => {
      fc.assert(
        fc.property(FAMILY, SAYS, CHOICE, fc.nat(2), (inner, own, choice, tags) => {
          const given = {
            ...stage,
            ...(choice.ecn === "ignore" && { ecn: "zero" }),
            ...(choice.dscp === "pipe" && { dscp: 46 }),
            ...(choice.ttl === "pipe" && { ttl: 9 }),
          } as EncapsulateStage;
          if (stage.kind === "nvgre") tags = 0;
          using pipeline = new Pipeline(kernels, [given]);
          const [outcome] = batch.run(pipeline, [{ bytes: passenger(inner, own, tags) }]);
          expect(saysOf(outcome!.bytes!)).toEqual({
            ecn: choice.ecn === "ignore" ? 0 : own.ecn,
            dscp: choice.dscp === "pipe" ? 46 : own.dscp,
            ttl: choice.ttl === "pipe" ? 9 : own.ttl || 64,
          });
          // And the passenger is what it was.
          expect(saysOf(outcome!.bytes!, 1)).toEqual(own);
        }),
        { seed: 3443, numRuns: 60 },
      );
    });

    it("frames that are no IP packets get what is usual", () => {
      const [stage] = stages(family);
      using pipeline = new Pipeline(kernels, [stage as Stage]);
      const [outcome] = batch.run(pipeline, [{ bytes: Uint8Array.from({ length: 60 }, () => 0x45) }]);
      expect(saysOf(outcome!.bytes!)).toEqual({ ecn: 0, dscp: 0, ttl: 64 });
    });
  });

  it.each([
    [{ kind: "mpls", label: 1, ttl: "uniform" }, "ttl"],
    [{ kind: "mpls", label: 1, ecn: "rfc6040" }, "ecn"],
    [{ kind: "vxlan", vni: 1, header: "bare", ecn: "rfc6040" }, "ecn"],
    [{ kind: "vxlan", vni: 1, local: "10.0.0.1", remote: "10.0.0.2", dscp: "pipe" }, "dscp"],
  ])("%j is refused: %s", (options, path) => {
    const stage = { stage: "encapsulate", ...options } as unknown as Stage;
    expect(() => new Pipeline(kernels, [stage])).toThrow(
      expect.objectContaining({ path: expect.stringContaining(path) }),
    );
  });
});
