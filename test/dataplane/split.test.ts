// Captures told apart by what their frames came out of, on every transport: every frame in the part of its VNI, kind or remote
// address, in its order, in captures that are sound.
import { type CaptureOutput, type CapturePart, type FrameLabel, type Stage, splitCapture } from "frameferry";
import { readCapture } from "frameferry/pcap";
import { type ComposeLayer, checksum, compose } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import {
  Bytes,
  block,
  chunked,
  enhanced,
  iface,
  join,
  pcapHeader,
  pcapRecord,
  section,
} from "../pcap/capture-bytes.ts";
import { dataplaneTest, modes, random } from "./support.ts";

const MACS = { destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" } as const;
const ETHERNET = { name: "ethernet", ...MACS } as const;

/** What a frame is in, and what it is told apart by. */
interface Way {
  readonly layers: (random: number) => readonly ComposeLayer[];
  readonly labels: (random: number) => Readonly<Record<FrameLabel, string>>;
}

const remotes = ["192.0.2.1", "192.0.2.77", "2001:db8::1", "::fffe:1:2"] as const;
const remoteOf = (chosen: number): string => remotes[chosen % remotes.length] as string;
const outer = (chosen: number): ComposeLayer => {
  const source = remoteOf(chosen);
  return source.includes(":")
    ? { name: "ipv6", source, destination: "2001:db8::2" }
    : { name: "ipv4", source, destination: "192.0.2.2" };
};
const remoteName = (chosen: number): string => remoteOf(chosen).replaceAll(":", "-");
const vniOf = (chosen: number): number => [0, 7, 5001, 0xffffff][(chosen >> 3) % 4] as number;

const WAYS: readonly Way[] = [
  {
    layers: (n) => [
      ETHERNET,
      outer(n),
      { name: "udp", sourcePort: 1 },
      { name: "vxlan", vni: vniOf(n) },
      ETHERNET,
    ],
    labels: (n) => ({ vni: String(vniOf(n)), kind: "vxlan", remote: remoteName(n) }),
  },
  {
    // Inside of another tunnel: the outermost counts.
    layers: (n) =>
      [
        ...[ETHERNET, outer(n), { name: "udp", sourcePort: 1 }, { name: "geneve", vni: vniOf(n) }, ETHERNET],
        ...[outer(n + 1), { name: "udp", sourcePort: 1 }, { name: "vxlan", vni: 99 }, ETHERNET],
      ] as const as readonly ComposeLayer[],
    labels: (n) => ({ vni: String(vniOf(n)), kind: "geneve", remote: remoteName(n) }),
  },
  {
    // A key is no VNI.
    layers: (n) => [ETHERNET, outer(n), { name: "gre", key: vniOf(n) }, ETHERNET],
    labels: (n) => ({ vni: "none", kind: "gre", remote: remoteName(n) }),
  },
  {
    // An Ethernet header is made up, over the addresses of the tunnel.
    layers: (n) => [ETHERNET, outer(n & ~2), { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" }],
    labels: (n) => ({ vni: "none", kind: "ipip", remote: remoteName(n & ~2) }),
  },
  {
    layers: (n) =>
      [ETHERNET, { name: "pppoe", session: n & 3 }, { name: "ppp" }, outer(n)] as readonly ComposeLayer[],
    labels: () => ({ vni: "none", kind: "pppoe", remote: "none" }),
  },
  {
    // Nothing is taken off.
    layers: () => [ETHERNET],
    labels: () => ({ vni: "none", kind: "none", remote: "none" }),
  },
];

interface Drawn {
  readonly frame: Uint8Array;
  readonly mark: number;
  readonly labels: Readonly<Record<FrameLabel, string>>;
}

/** Frames that end in a number of their own. */
function drawn(count: number, seed: number): Drawn[] {
  const next = random(seed);
  return Array.from({ length: count }, (_, mark) => {
    const way = WAYS[next(WAYS.length)]!;
    const chosen = next(64);
    const payload = new Uint8Array(40);
    new DataView(payload.buffer).setUint32(36, mark);
    return { frame: compose(way.layers(chosen), payload), mark, labels: way.labels(chosen) };
  });
}

class Collected implements CaptureOutput {
  readonly written: Uint8Array[] = [];
  readonly ends: unknown[] = [];

  async write(bytes: Uint8Array): Promise<void> {
    this.written.push(bytes.slice());
  }

  async close(): Promise<void> {
    this.ends.push("closed");
  }

  async abort(reason: unknown): Promise<void> {
    this.ends.push(reason);
  }

  get bytes(): Uint8Array {
    return join(this.written).bytes;
  }
}

async function marksOf(bytes: Uint8Array): Promise<number[]> {
  const marks: number[] = [];
  for await (const { data } of readCapture(bytes))
    marks.push(new DataView(data.buffer, data.byteOffset).getUint32(data.length - 4));
  return marks;
}

/** Several sections of either byte order, with several interfaces and blocks of other kinds among the frames. */
function pcapngOf(frames: readonly Drawn[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const size = Math.ceil(frames.length / 3);
  for (let part = 0; part * size < frames.length; part++) {
    const big = part % 2 === 1;
    parts.push(
      section(big),
      iface(big, 1, 0),
      block(big, 4, new Bytes(big).number(4, 0).done),
      iface(big, 1, 0),
    );
    frames.slice(part * size, (part + 1) * size).forEach(({ frame, mark }, i) => {
      parts.push(enhanced(big, i & 1, BigInt(mark), frame));
      if (i === 20) parts.push(iface(big, 1, 0), block(big, 0xbad, new Uint8Array(600_000)));
    });
  }
  return join(parts).bytes;
}

const frames = drawn(9000, 5);
const captures: readonly (readonly [string, Uint8Array])[] = [
  [
    "pcap",
    join([pcapHeader(false, false), ...frames.map(({ frame, mark }) => pcapRecord(false, mark, 0, frame))])
      .bytes,
  ],
  ["pcapng", pcapngOf(frames)],
];
const stage = (label: FrameLabel): Stage => ({
  stage: "decapsulate",
  kind: "any",
  label,
  others: "keep",
  ports: {},
});

/** An IPv4 packet in two fragments, which names itself by `id`; any other frame as it is. */
function cutInTwo(frame: Uint8Array, id: number): Uint8Array[] {
  const isTunnel = frame[23] === 17 || frame[23] === 47;
  if (frame[12] !== 8 || frame[13] !== 0 || !isTunnel) return [frame];
  const piece = (offset: number, end: number): Uint8Array => {
    const one = Uint8Array.of(...frame.subarray(0, 34), ...frame.subarray(34 + offset, end));
    const view = new DataView(one.buffer);
    view.setUint16(16, one.length - 14);
    view.setUint16(18, id);
    view.setUint16(20, (end < frame.length ? 0x2000 : 0) | (offset >>> 3));
    view.setUint16(24, 0);
    view.setUint16(24, checksum(one.subarray(14, 34)));
    return one;
  };
  return [piece(0, 34 + 24), piece(24, frame.length)];
}

/** Which marks each part must have. */
function wantedBy(label: FrameLabel): Map<string, number[]> {
  const wanted = new Map<string, number[]>();
  for (const { mark, labels } of frames) {
    const name = labels[label];
    wanted.set(name, [...(wanted.get(name) ?? []), mark]);
  }
  return wanted;
}

function collecting(most?: number) {
  const outputs = new Map<string, Collected>();
  const open = (part: string): CaptureOutput => {
    expect(outputs.has(part)).toBe(false);
    const output = new Collected();
    outputs.set(part, output);
    return output;
  };
  return { outputs, split: splitCapture({ open, most }) };
}

describe.each(modes)("splitCapture, $name", (mode) => {
  for (const [name, bytes] of captures) {
    dataplaneTest(mode, `${name}: every frame is where it belongs`, async (dataplane) => {
      for (const label of ["vni", "kind", "remote"] as const) {
        const { outputs, split } = collecting();
        const summary = await dataplane.processCapture(chunked(bytes, 300_007), [stage(label)], split, {
          format: "pcapng",
        });
        expect(summary).toMatchObject({ received: frames.length, forwarded: frames.length, dropped: 0 });
        const wanted = wantedBy(label);
        expect([...outputs.keys()].sort()).toEqual([...wanted.keys()].sort());
        for (const [part, output] of outputs) {
          expect(output.ends).toEqual(["closed"]);
          expect(await marksOf(output.bytes), part).toEqual(wanted.get(part));
        }
        const told = split.parts.map(({ part, frames }): [string, number] => [part, frames]);
        expect(new Map(told)).toEqual(new Map([...wanted].map(([part, marks]) => [part, marks.length])));
        expect(told.map(([, count]) => count)).toEqual(told.map(([, count]) => count).sort((a, b) => b - a));
      }
    });
  }

  dataplaneTest(mode, "carriers in fragments: every frame is where it belongs", async (dataplane) => {
    const records = frames.flatMap(({ frame, mark }) => cutInTwo(frame, mark));
    const cut = records.length - frames.length;
    expect(cut).toBeGreaterThan(2000);
    const bytes = join([
      pcapHeader(false, false),
      ...records.map((frame, i) => pcapRecord(false, i, 0, frame)),
    ]).bytes;
    for (const label of ["vni", "kind", "remote"] as const) {
      const { outputs, split } = collecting();
      const summary = await dataplane.processCapture(chunked(bytes, 300_007), [stage(label)], split, {
        format: "pcapng",
      });
      expect(summary).toMatchObject({ received: records.length, forwarded: frames.length, joined: cut });
      const wanted = wantedBy(label);
      expect([...outputs.keys()].sort()).toEqual([...wanted.keys()].sort());
      for (const [part, output] of outputs)
        expect(await marksOf(output.bytes), part).toEqual(wanted.get(part));
    }
  });

  dataplaneTest(mode, "without a split the labels are blocks that readers pass over", async (dataplane) => {
    const output = new Collected();
    await dataplane.processCapture(captures[0]![1], [stage("vni")], output, { format: "pcapng" });
    expect(await marksOf(output.bytes)).toEqual(frames.map(({ mark }) => mark));
    const plain = new Collected();
    await dataplane.processCapture(captures[0]![1], [stage("vni")], plain, { format: "pcap" });
    expect(await marksOf(plain.bytes)).toEqual(frames.map(({ mark }) => mark));
  });

  dataplaneTest(mode, "what fails aborts every part", async (dataplane) => {
    const { outputs, split } = collecting();
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield captures[0]![1].subarray(0, 2_000_000);
      throw new Error("the source is gone");
    };
    const rejected = dataplane.processCapture(failing(), [stage("kind")], split, { format: "pcapng" });
    await expect(rejected).rejects.toThrow("the source is gone");
    for (const { ends } of outputs.values()) expect(ends).toMatchObject([{ message: "the source is gone" }]);
  });
});

describe("a split", () => {
  const labelled = async (options: { most?: number; size?: number } = {}) => {
    const { createDataplane } = await import("frameferry");
    const dataplane = await createDataplane({ workers: 0 });
    const stream = new Collected();
    await dataplane.processCapture(captures[1]![1], [stage("remote")], stream, { format: "pcapng" });
    await dataplane.close();
    const { outputs, split } = collecting(options.most);
    for (const chunk of chunked(stream.bytes, options.size ?? 1000)) await split.write(chunk);
    await split.close();
    return { outputs, split };
  };

  test("may be cut anywhere", async () => {
    const wanted = wantedBy("remote");
    for (const size of [29, 4096]) {
      const { outputs } = await labelled({ size });
      for (const [part, output] of outputs)
        expect(await marksOf(output.bytes), part).toEqual(wanted.get(part));
    }
  });

  test("has so many parts at most, and one for all others", async () => {
    const { outputs, split } = await labelled({ most: 2 });
    expect([...outputs.keys()]).toHaveLength(3);
    expect(outputs.has("others")).toBe(true);
    expect(split.parts.reduce((sum: number, { frames }: CapturePart) => sum + frames, 0)).toBe(frames.length);
    const wanted = wantedBy("remote");
    const [first, second] = [...outputs.keys()];
    expect(await marksOf(outputs.get("others")!.bytes)).toEqual(
      frames
        .filter(({ labels: { remote } }) => remote !== first && remote !== second)
        .map(({ mark }) => mark),
    );
    expect(wanted.has(first!)).toBe(true);
  });

  test("aborts what is left when a part cannot be closed", async () => {
    const outputs: Collected[] = [];
    const split = splitCapture({
      open: () => {
        const output = new Collected();
        if (outputs.push(output) === 2) output.close = () => Promise.reject(new Error("full"));
        return output;
      },
    });
    const { createDataplane } = await import("frameferry");
    const dataplane = await createDataplane({ workers: 0 });
    const process = dataplane.processCapture(captures[0]![1], [stage("kind")], split, { format: "pcapng" });
    await expect(process).rejects.toThrow("full");
    await dataplane.close();
    expect(outputs[0]!.ends[0]).toBe("closed");
    for (const { ends } of outputs.slice(2)) expect(ends[0]).toMatchObject({ message: "full" });
  });

  test("takes a pcapng, a function and a number of parts", async () => {
    const { split } = collecting();
    await expect(split.write(captures[0]![1].subarray(0, 100))).rejects.toThrow(/^format: only a pcapng/);
    expect(() => splitCapture({} as never)).toThrow(/^options\.open|^open/);
    expect(() => splitCapture({ open: () => new Collected(), most: 0 })).toThrow(/^most: /);
    expect(() => splitCapture({ open: () => new Collected(), other: 1 } as never)).toThrow(/other/);
  });
});
