// Decapsulation of any kind on what somebody made to mislead it: lengths that no wire has, packets that claim more than is
// around them, headers that stand where they cannot, and bytes that look like something else. Frames are written out.
import { type Kernels, loadKernels, Pipeline } from "frameferry";
import { dissect } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { processed, recordsOf } from "../support/capture-corpus.ts";
import { hex, MADE_UP } from "../support/wrapping-frames.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const MACS = "02000000000a02000000000b";
const IP_HEAD = "4500003a00010000401166b00a0000010a000002";
/** An IPv4 packet of UDP, 58 bytes. */
const PACKET = `${IP_HEAD}c350000900260000${"78".repeat(30)}`;
const PASSENGER = `${MACS}0800${PACKET}`;
const text = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const madeUp = `${text(MADE_UP)}0800`;

interface Sent {
  readonly frame: string | Uint8Array;
  readonly wire?: number;
}

async function through(frames: readonly Sent[], linkType = 1) {
  using pipeline = new Pipeline(kernels, [{ stage: "decapsulate", kind: "any", depth: "all" }]);
  const records = frames.map(({ frame, wire }) => {
    const bytes = typeof frame === "string" ? hex(frame) : frame;
    return pcapRecord(false, 1, 0, bytes, wire ?? bytes.length);
  });
  const { bytes } = join([pcapHeader(false, false, linkType), ...records]);
  const { bytes: out, summary } = await processed(bytes, pipeline, { format: "pcapng" });
  const found = (await recordsOf(out)).records.map(({ data }) => text(data));
  expect(summary.received).toBe(frames.length);
  expect(summary.forwarded).toBe(found.length);
  expect(summary.dropped).toBe(frames.length - found.length);
  return { found, summary };
}

describe("wire lengths of 2 GiB and more, around a packet that says length zero", () => {
  const GOOD = `${MACS}8100000708004500006c000100004011667e0a0000010a000002c35012b5005800000800000000000500${PASSENGER}`;
  const ZERO = "4500000000010000400466f70a0000010a000002";

  it("take nothing over from the frame before, and count under a reason that there is", async () => {
    const wires = [0, 5, 13, 14, 15, 33, 34, 100].map((more) => 0x80000000 + more);
    const frames = wires.flatMap((wire) => [{ frame: GOOD }, { frame: `${MACS}0800${ZERO}${PACKET}`, wire }]);
    const { found, summary } = await through([...frames, { frame: GOOD, wire: 0xffffffff }]);
    const known = new Set([PASSENGER, `${madeUp}${PACKET}`]);
    for (const one of found) expect(known).toContain(one);
    expect(found.filter((one) => one === PASSENGER).length).toBe(wires.length + 1);
    expect(summary.counts[0]?.entries.find(({ kind }) => kind === "vxlan")?.frames).toBe(wires.length + 1);
  });

  it("do not, where the packet stands far behind in the frame", async () => {
    const packet = hex(`${ZERO}${PACKET}`);
    const padding = 20000;
    const frame = new Uint8Array(4 + 4 + padding + 4 + packet.length);
    const view = new DataView(frame.buffer);
    frame[0] = 2; // AF_INET
    view.setUint16(4, 4 + padding, true);
    view.setUint16(6, 10, true);
    view.setUint16(8 + padding, 4 + packet.length, true);
    view.setUint16(10 + padding, 9, true);
    frame.set(packet, 12 + padding);
    const wires = [0, 71, 72, 100, 1000, 19000, 20011, 20012].map((more) => 0x80000000 + more);
    const { found } = await through(
      wires.map((wire) => ({ frame, wire })),
      239,
    );
    for (const one of found) expect(one).toBe(`${madeUp}${PACKET}`);
  });
});

describe("a passenger that claims more than the tunnel around it carries", () => {
  const OUTER = "45000080000100004011666a0a0000010a000002c35012b5006c00000800000000000500";
  const LONGER = "45000190000100004004 65670a0000010a000002".replace(" ", "");
  const inside = `${OUTER}${MACS}0800${LONGER}${PACKET}`;
  const TRAILER = "545241494c4552".repeat(2);

  it.each([
    ["plain", `${MACS}0800${inside}${TRAILER}`],
    ["tagged", `${MACS}810000070800${inside}${TRAILER}`],
  ])("gets nothing of what lies behind that: %s", async (_, frame) => {
    const { found } = await through([{ frame }]);
    expect(found).toEqual([`${madeUp}${PACKET}`]);
  });
});

describe("tags of fabric extenders where there are no addresses", () => {
  it("are taken off to what they carry", async () => {
    const cooked = "0000000100060a0b0c0d0e0f0000893f";
    const { found } = await through([{ frame: `${cooked}0000006400000800${PACKET}` }], 113);
    expect(found).toEqual([`${madeUp}${PACKET}`]);
  });

  it("are dropped where there is no room for the header of Ethernet, which is longer than all that was in front", async () => {
    const { found, summary } = await through([{ frame: `0f00893f0000006400000800${PACKET}` }], 104);
    expect(found).toEqual([]);
    expect(summary.drops).toEqual({ "no-headroom": 1 });
  });
});

describe("what only looks like a frame", () => {
  it("does not count in an L2TPv3 session with a cookie and a sublayer", async () => {
    const inner = `0800270102030200000000 0b0800${PACKET}`.replace(" ", "");
    const head = "4500006c000100004073661c0a0000010a000002";
    const frame = `${MACS}0800${head}00000007${"434f4f4b49453838"}40000001${inner}`;
    expect((await through([{ frame }])).found).toEqual([inner]);
  });

  it("does not count behind an MPLS label, to kernels and to dissect alike", async () => {
    const inner = `001b21010203${"02000000000b"}810000070800${PACKET}`;
    const frame = `${MACS}8847000641ff${inner}`;
    expect((await through([{ frame }])).found).toEqual([inner]);
    const { layers } = dissect(hex(frame));
    expect(layers.map(({ name }) => name)).toEqual([
      ...["ethernet", "mpls", "ethernet", "vlan", "ipv4", "udp", "payload"],
    ]);
  });
});
