// Into tunnels and out again: decapsulation undoes encapsulation, byte for byte.
import fc from "fast-check";
import { type DecapsulateStage, FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { dissect, isTpid, vnisOf } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { passengerOf } from "../support/encapsulate-model.ts";
import { cook, longPassengerRecipe, noise, passengerRecipe } from "../support/passengers.ts";
import { expectBytes, PoisonedBatch } from "../support/poisoned-batch.ts";
import { decapsulateStage, defaultPort, encapsulateStage, KINDS } from "../support/tunnel-kinds.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const PLAIN: DecapsulateStage = { stage: "decapsulate", kind: "vxlan" };

describe.each(KINDS)("there and back by %s", (kind) => {
  const outer = fc.record(
    {
      ips: fc.constantFrom(["10.1.5.7", "10.1.5.8"] as const, ["fd00::5:7", "fd00::5:8"] as const),
      outerVid: fc.integer({ min: 1, max: 4094 }),
      udpChecksum: fc.boolean(),
      checksum: fc.boolean(),
      options: fc.constantFrom([], [{ class: 0x0102, type: 0x80, data: noise(4, 1) }]),
      vni: fc.integer({ min: 4096, max: 0xfffffe }),
      port: fc.constantFrom(defaultPort(kind), 8472),
      bare: fc.boolean(),
    },
    { requiredKeys: ["ips", "vni", "bare"] },
  );

  const property =
    (batch: () => PoisonedBatch) =>
    (
      recipes: Parameters<typeof cook>[0][],
      options: typeof outer extends fc.Arbitrary<infer Options> ? Options : never,
    ) => {
      const { ips, vni, bare, port = defaultPort(kind), outerVid, ...rest } = options;
      // A key uses all its bits.
      const number = kind === "gre" ? vni * 256 + 5 : vni;
      const frames = recipes.map((recipe) => ({ bytes: cook(recipe) }));
      const tagged = outerVid === undefined ? {} : { outerVid };
      const full = { local: ips[0], remote: ips[1], port, ...tagged, ...rest };
      const { udpChecksum: _, ...alone } = rest;
      using pipeline = new Pipeline(kernels, [
        encapsulateStage({ kind, vni, key: number, ...(bare ? { header: "bare", ...alone } : full) }),
        decapsulateStage({
          kind,
          vni,
          key: number,
          port,
          rule: "strict",
          udpChecksum: "verify",
          criticalOptions: "take",
          header: bare ? "bare" : "full",
        }),
      ]);
      batch()
        .run(pipeline, frames)
        .forEach((outcome, i) => {
          const frame = passengerOf({ kind }, frames[i]!.bytes);
          if (outcome.reason === "frame-too-long") {
            expect(frame.length).toBeGreaterThan(65480);
            return;
          }
          // A tag that was cut cannot be removed.
          if (kind === "nvgre" && isTpid((frame[12]! << 8) | frame[13]!)) {
            expect(frame.length).toBeLessThan(18);
            expect(outcome.reason).toBe("inner-tagged");
            return;
          }
          expect(outcome.reason).toBeUndefined();
          expectBytes(outcome.bytes, frame);
          expect(outcome.vni).toBe(number);
          expect(outcome.wireLength).toBe(frame.length);
        });
    };

  it("is every passenger what it was", () => {
    const roomy = new PoisonedBatch(kernels, { frames: 16 });
    const run = property(() => roomy);
    fc.assert(fc.property(fc.array(passengerRecipe, { minLength: 1, maxLength: 16 }), outer, run), {
      seed: 802,
      numRuns: 120,
    });
    roomy.close();
  });

  it("also the longest", () => {
    const roomy = new PoisonedBatch(kernels, { frames: 2, frameBytes: 65535 });
    fc.assert(
      fc.property(
        fc.array(longPassengerRecipe, { minLength: 1, maxLength: 2 }),
        outer,
        property(() => roomy),
      ),
      {
        seed: 803,
        numRuns: 20,
      },
    );
    roomy.close();
  });

  it("through eight tunnels, one in the other, with enough headroom", () => {
    const batch = new FrameBatch(kernels, { frames: 4, headroom: 8 * 78 });
    const passenger = noise(100, 9);
    const stages = Array.from({ length: 8 }, (_, i) =>
      encapsulateStage({
        kind,
        vni: 5000 + i,
        key: 5000 + i,
        ...(i % 2 === 0
          ? { local: "10.0.0.1", remote: "10.0.0.2" }
          : { local: "fd00::1", remote: "fd00::2", udpChecksum: true, checksum: true }),
      }),
    );
    using into = new Pipeline(kernels, stages);
    using out = new Pipeline(kernels, [decapsulateStage({ kind, depth: "all", udpChecksum: "verify" })]);
    batch.fill([passenger]);
    expect(into.run(batch)).toBe(1);
    const { layers, stop } = dissect(batch.frame(0), { checksums: true });
    expect(stop?.reason === undefined || layers.length > 23).toBe(true);
    const keys = layers.flatMap(({ name, header }) => (name === "gre" ? [header.key] : []));
    const numbers = kind === "gre" ? keys : vnisOf(layers, { nvgre: kind === "nvgre" });
    expect(numbers).toEqual([5007, 5006, 5005, 5004, 5003, 5002, 5001, 5000]);
    for (const layer of layers) if ("checksum" in layer) expect(["good", "absent"]).toContain(layer.checksum);
    expect(out.run(batch)).toBe(1);
    expectBytes(batch.frame(0), passenger);
    expect(batch.vni(0)).toBe(5000);
    batch.close();
  });
});

describe("the VNI filter", () => {
  it("lets through what came out of its tunnel, and nothing else", () => {
    const roomy = new PoisonedBatch(kernels, { frames: 4 });
    const packetOf = (vni: number) => {
      using into = new Pipeline(kernels, [
        { stage: "encapsulate", kind: "vxlan", vni, local: "10.0.0.1", remote: "10.0.0.2" },
      ]);
      return { bytes: roomy.run(into, [{ bytes: noise(60, 1) }])[0]!.bytes! };
    };
    const inputs = [packetOf(7), packetOf(8), { bytes: noise(60, 1) }];
    using pipeline = new Pipeline(kernels, [
      { ...PLAIN, others: "keep" },
      { stage: "filter-vni", vni: 7 },
    ]);
    const outcomes = roomy.run(pipeline, inputs);
    expect(outcomes.map(({ reason }) => reason)).toEqual([undefined, "other-vni", "other-vni"]);
    expect(pipeline.counters()).toMatchObject({ drops: { "other-vni": 2 }, changed: [2, 0] });
    roomy.close();
  });
});
