// Fragments of carriers on every transport: what one thread makes of a capture comes out, byte for byte, however it is cut.
import type { Stage } from "frameferry";
import { describe, expect, it } from "vitest";
import { chunked, enhanced, iface, join, section } from "../pcap/capture-bytes.ts";
import { recordsOf } from "../support/capture-corpus.ts";
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
import { expectSame, inline, Sink } from "./capture-support.ts";
import { shared } from "./shared-captures-support.ts";
import { dataplaneTest, isolated, modes } from "./support.ts";

const DROP: Stage = { stage: "decapsulate", kind: "vxlan" };
const KEEP: Stage = { ...DROP, others: "keep" };
/** A pipeline with a staging area, since frames grow behind it. */
const TAGGED: readonly Stage[] = [KEEP, { stage: "vlan-push", vid: 3 }];

const carrier = (id: number, length: number, more: Partial<Carrier> = {}): Carrier => ({
  ipv6: false,
  options: false,
  tagged: false,
  id,
  udp: udpOf(seeded(id), 4789, length),
  ...more,
});

/** Stretches with fragments, and stretches of more than a piece without. */
function mixed(seed: number): Seen[] {
  const records: Seen[] = [];
  for (let part = 0; part < 3; part++) {
    const history = fragmentHistory(seed * 10 + part, 250);
    records.push(...history);
    const { time } = history.at(-1)!;
    for (let i = 0; i < 900; i++) {
      const data = carrierFrame(carrier(i, 1000 + (i % 400)));
      records.push({ time: time + BigInt(i), data, wire: data.length });
    }
  }
  return records;
}

const records = mixed(1);
const mixedPcap = pcapOf(records);

/** The parts of a packet over an Ethernet interface, one of raw IP and a cooked one, each with a comment of its own. */
function parts(big: boolean, id: number, ticks: number, more: Partial<Carrier> = {}): Uint8Array[] {
  const of = carrier(id, 3000, more);
  return cutsOf(() => 174, of.udp, 1400).map((cut, i) => {
    const frame = carrierFrame(of, cut);
    const at = of.tagged ? 18 : 14;
    const cooked = new Uint8Array(16 + frame.length - at);
    cooked.set([0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, frame[at - 2]!, frame[at - 1]!]);
    cooked.set(frame.subarray(at), 16);
    const data = [frame, frame.subarray(at), cooked][i]!;
    return enhanced(big, i, BigInt(ticks + i), data, data.length, (bytes) =>
      bytes.option(1, [65 + i]).number(4, 0),
    );
  });
}

function linksPcapng(): Uint8Array {
  const out: Uint8Array[] = [];
  for (let part = 0; part < 4; part++) {
    const big = part % 2 === 1;
    out.push(section(big), iface(big, 1, 1600), iface(big, 101, 1600), iface(big, 113, 0));
    // Of one packet some parts are in the section before.
    if (part > 0) out.push(...parts(big, 70 + part, 5).slice(1));
    for (let i = 0; i < 200; i++) {
      const orders = parts(big, 1000 + i, 100 + 10 * i, { ipv6: i % 2 === 1, tagged: i % 3 === 0 });
      const turn = i % 3;
      out.push(...orders.slice(turn), ...orders.slice(0, turn));
    }
    out.push(...parts(big, 71 + part, 5000).slice(0, 1));
  }
  return join(out).bytes;
}

const linksBytes = linksPcapng();

describe.each(modes)("$name", (mode) => {
  for (const [name, bytes] of [
    ["stretches with fragments and without", mixedPcap],
    ["interfaces of several link types, and several sections", linksBytes],
  ] as const)
    dataplaneTest(mode, name, async (dataplane) => {
      const sources = (): (Uint8Array | Iterable<Uint8Array>)[] => [
        bytes,
        chunked(bytes, 100_003),
        ...(isolated ? [shared(bytes), shared(bytes, 3)] : []),
      ];
      for (const [stages, format, reassembly] of [
        [[DROP], "same", true],
        [[KEEP], "same", true],
        [[KEEP], "same", false],
        [TAGGED, "pcapng", true],
      ] as const) {
        const wanted = await inline(bytes, stages, format, reassembly);
        for (const source of sources()) {
          const sink = new Sink();
          const { workers, ...summary } = await dataplane.processCapture(source, stages, sink, {
            format,
            reassembly,
          });
          expectSame(sink.bytes, wanted.output);
          expect(summary).toEqual(wanted.summary);
          // What has no fragments in it is shared out all the same.
          if (bytes === mixedPcap && dataplane.workers > 0) expect(workers.length).toBeGreaterThan(0);
        }
      }
    });
});

describe("one thread", () => {
  it.each([false, true])("makes of stretches what the model does; kept: %s", async (keep) => {
    const { written, ...wanted } = reassemble(records, keep);
    const { output, summary } = await inline(mixedPcap, [keep ? KEEP : DROP]);
    expect(summary).toMatchObject(wanted);
    expect(summary.received).toBe(summary.forwarded + summary.dropped + summary.joined);
    const found = (await recordsOf(output)).records;
    expect(found.map(({ timestamp, data }) => [timestamp, data.length])).toEqual(
      written.map(({ time, data }) => [time, data.length]),
    );
  });

  it("writes a packet in the place of its last part: by its interface, with its comment", async () => {
    const { output, summary } = await inline(linksBytes, [DROP]);
    expect(summary).toMatchObject({ reassembled: 800, joined: 1600, forwarded: 800 });
    // The packet whose parts are in several sections is none.
    expect(summary.drops).toEqual({ "fragment-incomplete": 4 + 3 * 2 });
    const { records: found, damage } = await recordsOf(output);
    expect(damage).toBeUndefined();
    found.forEach(({ data, originalLength, interface: seenOn, options }, i) => {
      expect([data.length, originalLength, seenOn.linkType]).toEqual([3000, 3000, 1]);
      const last = (2 + ((i % 200) % 3)) % 3;
      expect(options).toEqual([expect.objectContaining({ value: new Uint8Array([65 + last]) })]);
    });
  });
});
