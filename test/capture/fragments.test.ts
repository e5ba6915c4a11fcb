// Fragments of carriers that are put together, against a model of all that can happen to them.
import { type Kernels, loadKernels, Pipeline, type Stage } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { beforeAll, describe, expect, it } from "vitest";
import { processed, recordsOf } from "../support/capture-corpus.ts";
import {
  type Carrier,
  carrierFrame,
  cutsOf,
  fragmentHistory,
  pcapOf,
  seeded,
  udpOf,
} from "../support/fragment-frames.ts";
import { reassemble, type Seen } from "../support/fragment-model.ts";

const DECAP: Stage = { stage: "decapsulate", kind: "vxlan" };
const ANY: Stage = { stage: "decapsulate", kind: "any" };
const START = 1_700_000_000_000_000_000n;
const SECOND = 1_000_000_000n;

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 64 << 20 });
});

const latin1 = new TextDecoder("latin1");

/** As text: long arrays take vitest long to compare. */
function told({ time, data, wire }: Seen): string {
  return `${time} ${wire} ${data.length} ${latin1.decode(data)}`;
}

/** What comes of the records, and what was counted. */
async function through(records: readonly Seen[], stages: readonly Stage[], reassembly = true) {
  using pipeline = new Pipeline(kernels, stages);
  const { bytes, summary } = await processed(pcapOf(records), pipeline, { reassembly });
  const after = await recordsOf(bytes);
  expect(after.damage).toBeUndefined();
  const { received, forwarded, dropped, drops, joined, reassembled } = summary;
  expect(received).toBe(records.length);
  expect(forwarded + dropped + joined).toBe(received);
  expect(summary.frameBytesIn).toBe(records.reduce((sum, { data }) => sum + data.length, 0));
  return {
    written: after.records.map(({ timestamp, data, originalLength }) =>
      told({ time: timestamp ?? 0n, data, wire: originalLength }),
    ),
    drops,
    joined,
    reassembled,
  };
}

const carrier = (more: Partial<Carrier> = {}): Carrier => ({
  ipv6: false,
  options: false,
  tagged: false,
  id: 1,
  udp: udpOf(seeded(1), 4789, 3000),
  ...more,
});

/** Fragments of a packet, a millisecond apart. */
function sliced(of: Carrier, most = 1400, time = START): Seen[] {
  return cutsOf(() => (most >>> 3) - 1, of.udp, most).map((cut, i) => {
    const data = carrierFrame(of, cut);
    return { time: time + BigInt(i) * 1_000_000n, data, wire: data.length };
  });
}

function whole(of: Carrier, time: bigint): Seen {
  const data = carrierFrame(of);
  return { time, data, wire: data.length };
}

describe("random histories", () => {
  it.each(Array.from({ length: 24 }, (_, seed) => seed))("seed %i", async (seed) => {
    const records = fragmentHistory(seed, 150);
    for (const others of ["drop", "keep"] as const) {
      const wanted = reassemble(records, others === "keep");
      for (const stage of [DECAP, { ...ANY, kinds: ["vxlan"] } as Stage]) {
        const found = await through(records, [{ ...stage, others } as Stage]);
        expect(found).toEqual({ ...wanted, written: wanted.written.map(told) });
      }
    }
  });

  it("meet everything that can become of a fragment", () => {
    const met = new Set<string>();
    let joined = 0;
    for (let seed = 0; seed < 24; seed++) {
      const outcome = reassemble(fragmentHistory(seed, 150), false);
      joined += outcome.joined;
      for (const reason of Object.keys(outcome.drops)) met.add(reason);
    }
    expect(joined).toBeGreaterThan(1000);
    expect([...met].sort()).toEqual([
      "fragment-cropped",
      "fragment-incomplete",
      "fragment-invalid",
      "fragment-overlap",
      "not-tunnel",
      "outer-ip-checksum",
    ]);
  });
});

describe("one packet", () => {
  it.each([
    ["over IPv4", {}],
    ["over IPv6", { ipv6: true }],
    ["over IPv6 with options in front of the fragment header", { ipv6: true, options: true }],
    ["behind a tag", { tagged: true }],
    ["behind a tag, over IPv6", { ipv6: true, tagged: true }],
  ])("%s comes out as if it had not been cut", async (_, more) => {
    const one = carrier(more);
    const parts = sliced(one);
    const last = parts.at(-1)!.time;
    const { written } = await through([whole(one, last)], [DECAP]);
    expect(written).toHaveLength(1);
    for (const order of [parts, parts.toReversed(), [parts[1]!, parts[2]!, parts[0]!]]) {
      const records = order.map((part, i) => ({ ...part, time: parts[i]!.time }));
      for (const stage of [
        DECAP,
        ANY,
        { ...DECAP, others: "keep" } as Stage,
        { ...DECAP, udpChecksum: "verify" } as Stage,
      ])
        expect(await through(records, [stage])).toEqual({ written, drops: {}, joined: 2, reassembled: 1 });
    }
  });

  it("is a frame to the stages in front, and stages behind get its passenger", async () => {
    const one = carrier({ tagged: true });
    const stages: Stage[] = [
      { stage: "filter", expression: compileFilter("vlan and udp port 4789 and greater 3000") },
      { stage: "vlan-pop" },
      DECAP,
      { stage: "vlan-push", vid: 9 },
    ];
    const parts = sliced(one);
    const { written, joined } = await through(parts, stages);
    expect(joined).toBe(2);
    expect(written).toEqual((await through([whole(one, parts[2]!.time)], stages)).written);
  });

  it("is left in parts where nothing is decapsulated, behind an encapsulation, and where it is asked for", async () => {
    const parts = sliced(carrier());
    const copies = parts.map(told);
    expect((await through(parts, [])).written).toEqual(copies);
    const there: Stage = {
      stage: "encapsulate",
      kind: "vxlan",
      vni: 5,
      local: "10.0.0.1",
      remote: "10.0.0.2",
    };
    expect((await through(parts, [there, DECAP])).written).toEqual(copies);
    expect(await through(parts, [DECAP], false)).toMatchObject({
      drops: { "outer-ip-fragment": 3 },
      joined: 0,
      reassembled: 0,
    });
    expect((await through(parts, [{ ...DECAP, others: "keep" }], false)).written).toEqual(copies);
  });

  it("in a tunnel stays in parts", async () => {
    const parts = sliced(carrier()).map(({ time, data }) => {
      const udp = new Uint8Array(16 + data.length);
      udp.set(udpOf(seeded(1), 4789, 0));
      new DataView(udp.buffer).setUint16(4, udp.length);
      udp.set(data, 16);
      return { time, data, outer: whole(carrier({ udp }), time) };
    });
    const { written, joined } = await through(
      parts.map(({ outer }) => outer),
      [ANY],
    );
    expect(written).toEqual(parts.map(({ time, data }) => told({ time, data, wire: data.length })));
    expect(joined).toBe(0);
  });

  it("of 65,535 bytes comes whole, and one of more is refused", async () => {
    for (const [most, ipv6] of [
      [65535 - 20, false],
      [65535, true],
    ] as const) {
      const longest = carrier({ ipv6, udp: udpOf(seeded(2), 4789, most - 16) });
      const parts = sliced(longest);
      const passenger = { time: parts.at(-1)!.time, data: longest.udp.subarray(16), wire: most - 16 };
      expect((await through(parts, [DECAP])).written).toEqual([told(passenger)]);
      const longer = sliced(carrier({ ipv6, udp: udpOf(seeded(2), 4789, most - 15) }));
      const { written, drops } = await through(longer, [DECAP]);
      expect(written).toEqual([]);
      expect(drops).toEqual({ "fragment-invalid": longer.length });
    }
  });

  it("in 8,192 fragments of eight bytes comes whole, in any order", async () => {
    const one = carrier({ udp: udpOf(seeded(3), 4789, 65535 - 20 - 16) });
    const parts = sliced(one, 8, START).map((part) => ({ ...part, time: START }));
    expect(parts).toHaveLength(8190);
    const mixed = parts.map((part, i) => [(i * 4093) % 8190, part] as const).sort(([a], [b]) => a - b);
    for (const records of [parts, parts.toReversed(), mixed.map(([, part]) => part)]) {
      const { written, reassembled } = await through(records, [DECAP]);
      expect(reassembled).toBe(1);
      expect(written).toEqual([told({ time: START, data: one.udp.subarray(16), wire: one.udp.length - 16 })]);
    }
  });
});

describe("what waits", () => {
  /** The first halves of so many packets. */
  const halves = (count: number, length: number, step = 0n): Seen[] =>
    Array.from({ length: count }, (_, id) => {
      const one = carrier({ id, ipv6: true, udp: udpOf(seeded(id), 4789, 2 * length) });
      return sliced(one, length, START + BigInt(id) * step)[0]!;
    });

  it("is bounded by number: the oldest make way", async () => {
    const found = await through(halves(20_000, 64), [DECAP]);
    expect(found).toMatchObject({
      written: [],
      drops: { "fragment-incomplete": 4096, "fragment-table-full": 20_000 - 4096 },
    });
  });

  it("is bounded by bytes: the oldest make way, and are written first where they are kept", async () => {
    const records = halves(2000, 4096);
    const { drops } = await through(records, [DECAP]);
    expect(drops["fragment-table-full"]).toBeGreaterThan(900);
    expect(drops["fragment-table-full"]! + drops["fragment-incomplete"]!).toBe(2000);
    const kept = await through(records, [{ ...DECAP, others: "keep" }]);
    expect(kept.drops).toEqual({});
    expect(kept.written).toEqual(records.map(told));
  });

  it("holds what came within the last bytes, of whatever length, round after round", async () => {
    const random = seeded(7);
    const waiting: { readonly last: Seen; readonly at: number }[] = [];
    const records: Seen[] = [];
    let bytes = 0;
    const come = (one: Seen): void => {
      records.push({ ...one, time: START + BigInt(records.length) });
      // With what the table keeps beside a frame.
      bytes += one.data.length + 112;
    };
    for (let id = 0; bytes < 20 << 20; id++) {
      const length = 64 + 8 * random(1000);
      const of = carrier({ id, ipv6: true, udp: udpOf(seeded(id), 4789, length + 8) });
      const [first, last] = sliced(of, length) as [Seen, Seen];
      waiting.push({ last, at: bytes });
      come(first);
      // All but the longest frame and a part of the end that is left free.
      while (bytes - waiting[0]!.at > (4 << 20) - (18 << 10)) come(waiting.shift()!.last);
    }
    for (const { last } of waiting) come(last);
    const found = await through(records, [DECAP]);
    expect(found).toMatchObject({ drops: {}, reassembled: records.length / 2 });
  });

  it("waits for 30 seconds over IPv4 and 60 over IPv6, by the capture's clock", async () => {
    for (const [ipv6, seconds] of [
      [false, 30n],
      [true, 60n],
    ] as const) {
      const [first, ...rest] = sliced(carrier({ ipv6 }));
      const restAt = (time: bigint): Seen[] => [first!, ...rest.map((part) => ({ ...part, time }))];
      expect((await through(restAt(START + seconds * SECOND), [DECAP])).reassembled).toBe(1);
      expect((await through(restAt(START - 1000n * SECOND), [DECAP])).reassembled).toBe(1);
      const late = await through(restAt(START + seconds * SECOND + 1n), [DECAP]);
      expect(late).toMatchObject({ drops: { "fragment-incomplete": 3 }, reassembled: 0 });
    }
  });

  it("gives its memory back, also where the output is taken in pieces", async () => {
    using pipeline = new Pipeline(kernels, [{ ...DECAP, others: "keep" }]);
    const before = kernels.plan.freeBytes;
    const records = halves(4000, 1024);
    const { bytes } = await processed(pcapOf(records), pipeline);
    expect((await recordsOf(bytes)).records).toHaveLength(4000);
    expect(kernels.plan.freeBytes).toBe(before);
  });
});
