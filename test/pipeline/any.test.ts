// Decapsulation of any kind: every wrapping there is, over everything that carries it, in one another, cut and broken.
import fc from "fast-check";
import {
  type DecapsulateAny,
  FrameBatch,
  type Kernels,
  loadKernels,
  Pipeline,
  type WrappingKind,
  wrappingKinds,
} from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { expectBytes, PoisonedBatch, type PoisonedInput } from "../support/poisoned-batch.ts";
import {
  type Draw,
  FRAME,
  frameOf,
  hex,
  IPV4,
  IPV6,
  ipv4,
  join,
  MADE_UP,
  type Piece,
  passenger,
  RECIPES,
  type Recipe,
  words,
} from "../support/wrapping-frames.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 64, headroom: 0, frameBytes: 4096 });
});

const ANY: DecapsulateAny = { stage: "decapsulate", kind: "any" };
const ALL: DecapsulateAny = { ...ANY, depth: "all" };

function run(stage: DecapsulateAny, inputs: readonly PoisonedInput[]) {
  using pipeline = new Pipeline(kernels, [stage]);
  expect(pipeline.headroom).toBe(0);
  const outcomes = poisoned.run(pipeline, inputs);
  return { outcomes, counters: pipeline.counters() };
}

/** What a frame becomes that carries `inner`. */
const settled = (inner: Piece): Uint8Array => frameOf(inner, MADE_UP);

/** Numbers by a seed. */
function drawn(seed: number): Draw {
  let state = seed >>> 0 || 1;
  return (most) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % most;
  };
}

const cases = RECIPES.flatMap((recipe, index) =>
  recipe.carries
    .filter((type) => [FRAME, IPV4, IPV6].includes(type))
    .map((type) => ({ recipe, index, type })),
).map(({ recipe, index, type }) => ({
  name: `${recipe.kind} (${index}) with 0x${type.toString(16)}`,
  recipe,
  type,
}));

describe("every wrapping by itself", () => {
  it("has a recipe", () => {
    const told = wrappingKinds.map(({ kind }) => kind).filter((kind) => kind !== "nvgre");
    expect(new Set(RECIPES.map(({ kind }) => kind))).toEqual(new Set(told));
  });

  it.each(cases)("$name: taken off, counted, and nothing else", ({ recipe, type }) => {
    const draw = drawn(type + 7);
    const inputs: PoisonedInput[] = [];
    const inners: Piece[] = [];
    for (let i = 0; i < 64; i++) {
      const inner = passenger(type, draw(200), draw);
      inners.push(inner);
      inputs.push({ bytes: frameOf(recipe.wrap(inner, draw)) });
    }
    const number = recipe.number?.(draw) ?? {};
    for (const stage of [ANY, { ...ANY, kinds: [recipe.kind] }]) {
      const { outcomes, counters } = run(stage, inputs);
      outcomes.forEach(({ reason, bytes, vni, wireLength }, i) => {
        expect(reason).toBeUndefined();
        expectBytes(bytes, settled(inners[i]!));
        expect(wireLength).toBe(bytes!.length);
        expect(vni).toBe(number.vni ?? number.key);
      });
      expect(counters.changed).toEqual([64]);
      expect(counters.counts[0]).toMatchObject({ frames: 64, complete: true });
      expect(counters.counts[0]?.entries).toEqual([
        expect.objectContaining({ kind: recipe.kind, ...number, frames: 64 }),
      ]);
    }
    // None but this kind takes it off.
    const others = wrappingKinds
      .map(({ kind }) => kind)
      .filter((kind) => kind !== recipe.kind && kind !== "nvgre");
    const { outcomes } = run({ ...ANY, kinds: others, others: "keep" }, inputs);
    outcomes.forEach(({ bytes }, i) => {
      expectBytes(bytes, inputs[i]!.bytes);
    });
  });

  it.each(cases)("$name: raw IP, where that was asked for", ({ recipe, type }) => {
    const draw = drawn(3);
    const inner = passenger(type, 50, draw);
    const { outcomes } = run({ ...ANY, link: "raw" }, [{ bytes: frameOf(recipe.wrap(inner, draw)) }]);
    expectBytes(outcomes[0]?.bytes, inner.bytes);
  });

  it.each(cases)("$name: cut at every byte", ({ recipe, type }) => {
    for (let seed = 1; seed <= 6; seed++) {
      const draw = drawn(seed);
      const inner = passenger(type, 20, draw);
      const expected = settled(inner);
      const piece = recipe.wrap(inner, draw);
      const whole = frameOf(piece);
      const headers = whole.length - inner.bytes.length;
      const cut = Array.from({ length: whole.length + 1 }, (_, length) => whole.slice(0, length));
      const inputs = cut.flatMap((bytes) => [{ bytes }, { bytes, wireLength: whole.length }]);
      run(ANY, inputs).outcomes.forEach(({ bytes, wireLength, reason }, i) => {
        const { length } = inputs[i]!.bytes;
        if (bytes === undefined) {
          expect(reason).toBeDefined();
          // With the passenger's own header nothing is missing but where another length says what is behind it.
          if (length >= headers + (type === IPV6 ? 40 : 20) && i % 2 === 1) expect(reason).toBe("nothing");
          return;
        }
        // Nothing that was not there, and as long as it was.
        expect(bytes.length).toBeLessThanOrEqual(expected.length);
        expectBytes(bytes, expected.subarray(0, bytes.length));
        // What says no length of its own is as long as what is there.
        const told = i % 2 === 1 || [IPV4, IPV6].includes(piece.type) || recipe.kind === "pppoe";
        if (told) expect(wireLength).toBe(expected.length);
        else expect(wireLength).toBe(bytes.length);
      });
    }
  });
});

/** Wrappings around a passenger, the outermost first, and what is left behind each of them. */
interface Nest {
  readonly bytes: Uint8Array;
  readonly kinds: readonly WrappingKind[];
  /** By level: a level ends with a frame or an IP packet. */
  readonly levels: readonly Piece[];
}

function nest(seed: number, depth: number): Nest {
  const draw = drawn(seed);
  let piece = passenger([FRAME, IPV4, IPV6][draw(3)]!, 20 + draw(100), draw);
  const kinds: WrappingKind[] = [];
  const levels: Piece[] = [];
  for (let i = 0; i < depth; i++) {
    const able: readonly Recipe[] = RECIPES.filter(({ carries }) => carries.includes(piece.type));
    const recipe = able[draw(able.length)]!;
    if ([FRAME, IPV4, IPV6].includes(piece.type)) levels.unshift(piece);
    piece = recipe.wrap(piece, draw);
    kinds.unshift(recipe.kind);
    // Tags are passed over, wherever there is a frame.
    if (piece.type === FRAME && draw(4) === 0 && kinds[0] !== "vn-tag" && kinds[0] !== "802.1br")
      piece = {
        type: FRAME,
        bytes: join(piece.bytes.subarray(0, 12), words(0x8100, draw(4096)), piece.bytes.subarray(12)),
      };
    else if (piece.type !== FRAME && draw(3) === 0) piece = { type: FRAME, bytes: frameOf(piece) };
  }
  return { bytes: frameOf(piece), kinds, levels };
}

describe("wrappings in one another", () => {
  it("are taken off level by level, mixed as they may be", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.integer({ min: 1, max: 6 }), (seed, depth) => {
        const { bytes, kinds, levels } = nest(seed, depth);
        for (let level = 1; level <= levels.length; level++) {
          const { outcomes, counters } = run({ ...ANY, depth: level === levels.length ? "all" : level }, [
            { bytes },
          ]);
          expect(outcomes[0]?.reason, kinds.join(" ")).toBeUndefined();
          expectBytes(outcomes[0]?.bytes, settled(levels[level - 1]!), `${level} of ${kinds.join(" ")}`);
          if (level < levels.length) continue;
          const counted = counters.counts[0]!.entries.map(({ kind, frames }) => [kind, frames]);
          const sums = new Map<string, number>();
          for (const [kind, frames] of counted as [string, number][])
            sums.set(kind, (sums.get(kind) ?? 0) + frames);
          const expected = new Map<string, number>();
          for (const kind of kinds) expected.set(kind, (expected.get(kind) ?? 0) + 1);
          expect(sums).toEqual(expected);
        }
      }),
      { seed: 14, numRuns: 1500 },
    );
  });

  it("trap nowhere and are all accounted for, whatever is broken in them", () => {
    const reasons = new Set<string>();
    // Several at once: to poison and look over a batch takes longer than to open what is in it.
    const broken = fc.record({
      seed: fc.integer({ min: 1, max: 2 ** 31 }),
      depth: fc.integer({ min: 1, max: 4 }),
      changes: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
      cut: fc.nat(600),
    });
    fc.assert(
      fc.property(fc.array(broken, { minLength: 8, maxLength: 8 }), (nests) => {
        const inputs = nests.flatMap(({ seed, depth, changes, cut }) => {
          const whole = nest(seed, depth).bytes;
          const bytes = whole.slice(0, Math.min(whole.length, cut));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          return [{ bytes }, { bytes, wireLength: whole.length }];
        });
        for (const stage of [ANY, ALL, { ...ALL, others: "keep" as const, lengths: "strict" as const }]) {
          const { outcomes, counters } = run(stage, inputs);
          expect(counters.received).toBe(inputs.length);
          outcomes.forEach(({ reason, bytes: result }, i) => {
            if (reason !== undefined) reasons.add(reason);
            // At most a header that is made up is longer than what was there.
            else expect(result!.length).toBeLessThanOrEqual(inputs[i]!.bytes.length);
          });
        }
      }),
      { seed: 15, numRuns: 1200 },
    );
    expect([...reasons].sort()).toEqual(
      expect.arrayContaining([
        "geneve-protocol",
        "gre-protocol",
        "gre-reserved",
        "gre-truncated",
        "gre-version",
        "inner-truncated",
        "inner-unknown",
        "not-tunnel",
        "outer-ip-checksum",
        "outer-ip-fragment",
        "outer-ip-header",
        "outer-ip-truncated",
        "tunnel-control",
        "tunnel-truncated",
        "tunnel-version",
        "udp-length",
        "udp-truncated",
      ]),
    );
  });
});

describe("what is chosen", () => {
  const draw = drawn(5);
  const inner = passenger(FRAME, 40, draw);
  const by = (kind: WrappingKind): Recipe => RECIPES.find((recipe) => recipe.kind === kind)!;
  const usual: Draw = () => 7; // IPv4 without anything to pass over
  const vxlan = frameOf(by("vxlan").wrap(inner, usual)); // VNI 42
  const gre = frameOf(by("gre").wrap(inner, usual)); // key 77
  const inIpip = frameOf(by("ipip").wrap(by("vxlan").wrap(inner, usual), usual));
  const all = [vxlan, gre, inIpip].map((bytes) => ({ bytes }));
  const reasons = (stage: Partial<DecapsulateAny>) =>
    run({ ...ALL, ...stage }, all).outcomes.map(({ reason = "taken" }) => reason);

  it("by VNI and key, one or several", () => {
    expect(reasons({ vni: 42 })).toEqual(["taken", "other-key", "taken"]);
    expect(reasons({ vni: [41, 43] })).toEqual(["other-vni", "other-key", "other-vni"]);
    expect(reasons({ key: [5, 77] })).toEqual(["other-vni", "taken", "other-vni"]);
    expect(reasons({ vni: [1, 42], key: 77 })).toEqual(["taken", "taken", "taken"]);
    // No number was seen at this depth.
    expect(reasons({ vni: 42, depth: 1 })).toEqual(["taken", "other-key", "other-vni"]);
  });

  it("by the addresses of the outermost tunnel", () => {
    expect(reasons({ local: "192.0.2.2" })).toEqual(["taken", "taken", "taken"]);
    expect(reasons({ local: "192.0.2.1" })).toEqual(["other-address", "other-address", "other-address"]);
    expect(reasons({ remote: ["10.0.0.1", "192.0.2.1", "::1"], local: "192.0.2.2" })).toEqual([
      "taken",
      "taken",
      "taken",
    ]);
    const pppoe = { bytes: frameOf(by("pppoe").wrap(passenger(IPV4, 20, draw), usual)) };
    expect(run({ ...ALL, remote: "192.0.2.1" }, [pppoe]).outcomes[0]?.reason).toBe("other-address");
    const six = { bytes: frameOf(by("vxlan").wrap(inner, (most) => (most === 8 ? 2 : 1))) };
    expect(
      run({ ...ALL, remote: "2001:db8::1", local: "2001:db8::2" }, [six]).outcomes[0]?.reason,
    ).toBeUndefined();
    expect(run({ ...ALL, remote: "2001:db8::2" }, [six]).outcomes[0]?.reason).toBe("other-address");
  });

  it("by kinds, and by ports that somebody names", () => {
    expect(reasons({ kinds: ["vxlan"] })).toEqual(["taken", "not-tunnel", "not-tunnel"]);
    expect(reasons({ kinds: ["gre", "vxlan"] })).toEqual(["taken", "taken", "not-tunnel"]);
    expect(reasons({ ports: { vxlan: [5000] } })).toEqual(["not-tunnel", "taken", "taken"]);
    expect(reasons({ ports: { vxlan: [5000, 4789, 8472] } })).toEqual(["taken", "taken", "taken"]);
    // A port that is named is no other's.
    expect(reasons({ ports: { geneve: [4789, 8472] } })[0]).not.toBe("taken");
  });

  it("NVGRE only where it is asked for, and then without tags in it", () => {
    const stage: DecapsulateAny = { ...ANY, kinds: ["nvgre"] };
    const one = run(stage, [{ bytes: gre }]);
    expect(one.outcomes[0]?.vni).toBe(0);
    expect(one.counters.counts[0]?.entries).toMatchObject([{ kind: "nvgre", vni: 0 }]);
    const tagged = join(inner.bytes.subarray(0, 12), words(0x8100, 5), inner.bytes.subarray(12));
    const other = frameOf(by("gre").wrap({ type: FRAME, bytes: tagged }, usual));
    expect(run(stage, [{ bytes: other }]).outcomes[0]?.reason).toBe("inner-tagged");
    expect(() => run({ ...ANY, kinds: ["gre", "nvgre"] }, [])).toThrow(
      /kinds: GRE with a key and NVGRE look alike/,
    );
  });
});

describe("lengths that cannot be", () => {
  const draw: Draw = () => 7;
  const inner = passenger(FRAME, 60, draw);
  const udp = join(words(50000, 4789, inner.bytes.length + 16, 0, 0x0800, 0, 0, 0x2a00), inner.bytes);

  it("zero is all that is there, more is what a mirror has cut", () => {
    const zero = frameOf(
      ipv4(17, join(words(50000, 4789, 0, 0, 0x0800, 0, 0, 0x2a00), inner.bytes), { total: 0 }),
    );
    const cut = frameOf(ipv4(17, udp)).subarray(0, 90);
    const { outcomes } = run(ANY, [{ bytes: zero }, { bytes: cut }]);
    expectBytes(outcomes[0]?.bytes, inner.bytes);
    expectBytes(outcomes[1]?.bytes, inner.bytes.subarray(0, 40));
    expect(outcomes[1]?.wireLength).toBe(inner.bytes.length);
    const strict = run({ ...ANY, lengths: "strict" }, [{ bytes: zero }, { bytes: cut }]).outcomes;
    expect(strict.map(({ reason }) => reason)).toEqual(["outer-ip-header", "outer-ip-truncated"]);
  });

  it("fragments of one packet have one fate", () => {
    const payload = new Uint8Array(64).fill(1);
    const first = frameOf(ipv4(17, udp.subarray(0, 64), { fragment: 0x2000 }));
    const last = frameOf(ipv4(17, payload, { fragment: 8 }));
    for (const others of ["drop", "keep"] as const) {
      const { outcomes } = run({ ...ANY, others }, [{ bytes: first }, { bytes: last }]);
      const reason = others === "drop" ? "outer-ip-fragment" : undefined;
      expect(outcomes.map((outcome) => outcome.reason)).toEqual([reason, reason]);
    }
  });
});

describe("what carries no passenger, or a part of one", () => {
  const draw: Draw = () => 7;
  const over = (port: number, ...bytes: readonly Uint8Array[]): Uint8Array => {
    const payload = join(...bytes);
    return frameOf(ipv4(17, join(words(50000, port, payload.length + 8, 0), payload)));
  };
  const inner = passenger(FRAME, 60, draw).bytes;
  const gre = (...bytes: readonly Uint8Array[]): Uint8Array => frameOf(ipv4(47, join(...bytes)));

  it.each([
    ["CAPWAP, a fragment", over(5247, hex("0010028000000000"), inner), "tunnel-fragment"],
    ["CAPWAP, keep-alive", over(5247, hex("0010020800000000"), inner), "tunnel-control"],
    ["CAPWAP, encrypted", over(5247, hex("01000000"), inner), "inner-unknown"],
    ["GTP-U, echo", over(2152, hex("30010000 00000000")), "tunnel-control"],
    ["GTP-U, neither IPv4 nor IPv6", over(2152, hex("30ff0004 00000001 00112233")), "inner-unknown"],
    ["GTP prime", over(2152, hex("20ff0004 00000001 45112233")), "tunnel-version"],
    ["TZSP, keep-alive", over(37008, hex("01040000 01")), "tunnel-control"],
    ["TZSP, token ring", over(37008, hex("01000002 01"), inner), "inner-unknown"],
    ["L2TP, control", over(1701, words(0xc802, 12, 1, 2, 3, 4)), "tunnel-control"],
    ["L2TP, version 1", over(1701, words(0x0001, 12, 1, 2, 3, 4)), "tunnel-version"],
    ["L2TPv3, control", frameOf(ipv4(115, join(new Uint8Array(4), inner))), "tunnel-control"],
    ["L2TPv3, nothing known", frameOf(ipv4(115, new Uint8Array(60).fill(9))), "inner-unknown"],
    ["EtherIP, version 4", frameOf(ipv4(97, join(hex("4000"), inner))), "tunnel-version"],
    ["PPPoE, discovery", frameOf({ type: 0x8863, bytes: hex("110900000000") }), "tunnel-control"],
    [
      "PPPoE, link control",
      frameOf({ type: 0x8864, bytes: hex("110000010006c02101010004") }),
      "inner-unknown",
    ],
    ["PPTP, acknowledgement", gre(hex("2081880b 00000009 00000001")), "tunnel-control"],
    [
      "MPLS, channel",
      frameOf({ type: 0x8847, bytes: join(hex("00010140 10000007"), inner) }),
      "tunnel-control",
    ],
    [
      "MPLS, nothing known",
      frameOf({ type: 0x8847, bytes: join(hex("00010140"), new Uint8Array(40).fill(0x77)) }),
      "inner-unknown",
    ],
    [
      "NSH, of another version",
      frameOf({ type: 0x894f, bytes: join(hex("4fc20203 000001ff"), inner) }),
      "tunnel-version",
    ],
    ["NSH, OAM", frameOf({ type: 0x894f, bytes: join(hex("2fc20203 000001ff"), inner) }), "tunnel-control"],
    ["ERSPAN II, of version 2", gre(hex("100088be 00000001 2064000700000001"), inner), "tunnel-version"],
    [
      "ERSPAN III, infiniband",
      gre(hex("100022eb 00000001 2064000700000001 00030400"), inner),
      "inner-unknown",
    ],
    ["GRE, ARP", gre(hex("00000806"), inner), "gre-protocol"],
    ["GRE that says IPv4 of IPv6", gre(hex("00000800"), passenger(IPV6, 20, draw).bytes), "inner-unknown"],
    ["VXLAN-GPE, next protocol 7", over(4790, hex("0c000007 00002b00"), inner), "gpe-protocol"],
    ["Geneve, ARP", over(6081, hex("00000806 00002c00"), inner), "geneve-protocol"],
  ])("%s", (_, bytes, reason) => {
    expect(run(ANY, [{ bytes }]).outcomes[0]?.reason).toBe(reason);
    const { outcomes } = run({ ...ANY, others: "keep" }, [{ bytes }]);
    // What is broken is no other's.
    if (reason === "tunnel-version") expect(outcomes[0]?.reason).toBe(reason);
    else expectBytes(outcomes[0]?.bytes, bytes);
  });
});

describe("plain packets and others in turn", () => {
  it("come out the same whatever stands beside them", () => {
    const draw = drawn(77);
    const batch = new FrameBatch(kernels, { frames: 256, headroom: 0 });
    const nests = Array.from({ length: 200 }, () => nest(draw(2 ** 30) + 1, 1 + draw(3)));
    const plain = ["vxlan", "geneve", "gre", "vxlan-gpe"].map((kind) =>
      frameOf(RECIPES.find((recipe) => recipe.kind === kind)!.wrap(passenger(FRAME, 30, draw), () => 7)),
    );
    const frames = nests.map(({ bytes }) => (draw(2) ? bytes : plain[draw(plain.length)]!));
    using together = new Pipeline(kernels, [ALL]);
    batch.fill(frames);
    together.run(batch);
    const results = frames.map((_, i) => batch.frame(i).slice());
    frames.forEach((bytes, i) => {
      expectBytes(run(ALL, [{ bytes }]).outcomes[0]?.bytes, results[i]!);
    });
    batch.close();
  });
});

it("says what is wrong with its options", () => {
  const wrong =
    (stage: object): (() => unknown) =>
    () =>
      run({ ...ANY, ...stage } as DecapsulateAny, []);
  expect(wrong({ kind: "qinq" })).toThrow(/kind: expected any, vxlan, .*erspan.* got "qinq"/);
  expect(wrong({ kinds: [] })).toThrow(/kinds: expected one kind at least/);
  expect(wrong({ kinds: ["vxlan", "any"] })).toThrow(/kinds\[1\]: expected .* got "any"/);
  expect(wrong({ kind: "erspan", kinds: ["erspan"] })).toThrow(
    /kinds: a decapsulation of kind erspan has no such option/,
  );
  expect(wrong({ vni: [1, 2 ** 24] })).toThrow(/vni\[1\]: expected a whole number/);
  expect(wrong({ key: Array.from({ length: 33 }, () => 1) })).toThrow(/key: expected at most 32/);
  expect(
    wrong({ vni: Array.from({ length: 20 }, () => 1), key: Array.from({ length: 20 }, () => 1) }),
  ).toThrow(/key: .* 32/);
  expect(
    wrong({ local: Array.from({ length: 9 }, () => "::1"), remote: Array.from({ length: 9 }, () => "::1") }),
  ).toThrow(/remote: expected at most 16/);
  expect(wrong({ ports: { gre: [1] } })).toThrow(/ports: unknown option "gre"/);
  expect(wrong({ ports: { vxlan: [1], geneve: [1] } })).toThrow(
    /ports\.geneve: 1 is a port of VXLAN already/,
  );
  expect(wrong({ kinds: ["geneve"], ports: { vxlan: [1] } })).toThrow(/ports\.vxlan: it is not taken off/);
  expect(wrong({ header: "bare" })).toThrow(/header/);
});
