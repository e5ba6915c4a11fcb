// Lines that are read straight out of usual frames are those that a dissection gives, byte for byte; and whatever is odd
// in such frames is left to that.
import { readCapture } from "frameferry/pcap";
import { type ComposeLayer, compose, dissector } from "frameferry/wire";
import { describe, expect, it } from "vitest";
import { frameJson, frameLine } from "../../src/cli/frame-line.ts";
import { viewOf } from "../../src/cli/frame-view.ts";
import { LineBytes } from "../../src/cli/line-bytes.ts";
import { PlainFrame } from "../../src/cli/plain-frame.ts";
import { plainJson, plainLine } from "../../src/cli/plain-line.ts";
import { random } from "../dataplane/support.ts";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";

const SEED = 20261130;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const telling = { nvgre: false };
const read = dissector();
const plain = new PlainFrame();
const written = new LineBytes(16);

async function recordsOf(frames: readonly Uint8Array[]) {
  const { bytes } = join([
    pcapHeader(false, false, 1),
    ...frames.map((frame, i) => pcapRecord(false, 1700000000 + i, i, frame, frame.length)),
  ]);
  const records = [];
  for await (const record of readCapture(bytes)) records.push(record);
  return records;
}

/** How many of the frames are usual ones; the lines of those must be right. */
async function usual(frames: readonly Uint8Array[]): Promise<number> {
  let count = 0;
  for (const record of await recordsOf(frames)) {
    if (!plain.read(record.data)) continue;
    count++;
    const view = viewOf(record, read);
    for (const [tell, tellPlain] of [
      [frameLine, plainLine],
      [frameJson, plainJson],
    ] as const) {
      written.clear();
      tellPlain(record, plain, written);
      expect(new TextDecoder().decode(written.written)).toBe(`${tell(view, telling)}\n`);
    }
  }
  return count;
}

/** `others`: what is sent to ports of other tunnels is noise. */
function nested(next: (below: number) => number, others = false): Uint8Array {
  const layers: ComposeLayer[] = [];
  const depth = next(5);
  const lastPort = others && next(3) === 0 ? [4790, 6081, 2152, 6635][next(4)]! : 1 + next(1000);
  for (let level = 0; level <= depth; level++) {
    layers.push({ name: "ethernet", source: MAC, destination: MAC });
    for (let tags = Math.max(0, next(5) - 2); tags > 0; tags--)
      layers.push({ name: "vlan", vid: next(4096) });
    const last = level === depth;
    layers.push({ name: "ipv4", source: `10.0.${level}.${next(256)}`, destination: `10.1.0.${next(256)}` });
    const ports = { sourcePort: next(65536), destinationPort: last ? lastPort : 4789 };
    layers.push(last && next(2) === 0 ? { name: "tcp", ...ports } : { name: "udp", ...ports });
    if (!last) layers.push({ name: "vxlan", vni: next(1 << 24) });
  }
  return compose(layers, new Uint8Array(next(40)));
}

describe("lines of usual frames", () => {
  it("are those of a dissection", async () => {
    const next = random(SEED);
    const frames = Array.from({ length: 500 }, () => nested(next));
    expect(await usual(frames)).toBe(500);
  });

  it("are those of a dissection, or are left to one, whatever was changed", async () => {
    const next = random(SEED + 1);
    let count = 0;
    for (let round = 0; round < 40; round++) {
      const frames = Array.from({ length: 250 }, () => {
        const frame = nested(next, true);
        for (let changes = 1 + next(3); changes > 0; changes--) frame[next(frame.length)] = next(256);
        if (next(4) === 0) return frame.subarray(0, next(frame.length + 1));
        return frame;
      });
      count += await usual(frames);
    }
    // Most changes fall on what is not told.
    expect(count).toBeGreaterThan(2000);
    expect(count).toBeLessThan(9000);
  });
});

describe("bytes of lines", () => {
  it("are those of the text", () => {
    const line = new LineBytes(4);
    const texts = ["", "a", "ü", "plain and ünusual €", "x".repeat(100)];
    for (const text of texts) line.text(text);
    for (const [number, width] of [
      [0, 0],
      [0, 3],
      [9, 1],
      [10, 1],
      [99999, 6],
      [123456, 6],
      [1234567, 6],
      [2 ** 40, 0],
    ] as const) {
      line.number(number, width);
      texts.push(String(number).padStart(width));
    }
    expect(new TextDecoder().decode(line.written)).toBe(texts.join(""));
    line.clear();
    expect(line.written.length).toBe(0);
  });
});
