// Anonymised frames: nothing of the addresses that were in them is left, whatever is wrapped in what and wherever it is cut;
// checksums are as right as they were; and who works on them makes no difference.
import { type Kernels, loadKernels, Pipeline } from "frameferry";
import { CaptureWriter } from "frameferry/pcap";
import { type AnonymiseOptions, anonymise } from "frameferry/stages";
import { compose, dissect } from "frameferry/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { Sink } from "../dataplane/capture-support.ts";
import { collect, dataplaneTest, modes } from "../dataplane/support.ts";
import { Random } from "../support/filter-expressions.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";
import { FRAME, frameOf, hex, IPV4, passenger, RECIPES } from "../support/wrapping-frames.ts";

const KEY = "00112233445566778899aabbccddeeff";
const SEED = 7;

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 64, frameBytes: 1984 });
});

interface Cut {
  readonly bytes: Uint8Array;
  readonly wireLength?: number;
}

function anonymised(frames: readonly Cut[], options: Partial<AnonymiseOptions> = {}) {
  using pipeline = new Pipeline(kernels, [anonymise({ key: KEY, ...options })]);
  return poisoned.run(pipeline, frames);
}

const text = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Parts of the addresses in the frames below: of MACs, IPv4, IPv6. */
const NEEDLES = ["0211223344", "0266778899", "c00002", "20010db8"].map((part) => hex(part));

function traces(bytes: Uint8Array): string[] {
  return NEEDLES.filter((needle) => {
    for (let at = 0; at + needle.length <= bytes.length; at++)
      if (needle.every((byte, i) => bytes[at + i] === byte)) return true;
    return false;
  }).map(text);
}

/** Everything that can be wrapped around anything, and some things twice. */
function nests(): { readonly kind: string; readonly bytes: Uint8Array }[] {
  const random = new Random(SEED);
  const draw = (most: number): number => random.next(most);
  return RECIPES.flatMap((recipe) =>
    recipe.carries.flatMap((type) => {
      const about = [FRAME, IPV4, 0x86dd].includes(type) ? type : IPV4;
      const inner = passenger(about, 20, draw);
      if (about !== type) return [];
      const once = recipe.wrap(inner, draw);
      const around = RECIPES.filter(({ carries }) => carries.includes(once.type));
      const twice = around[draw(around.length)]?.wrap(once, draw);
      return [once, ...(twice === undefined ? [] : [twice])].map((piece) => ({
        kind: recipe.kind,
        bytes: frameOf(piece),
      }));
    }),
  );
}

const ALL = nests();

describe.each(["zero", "cut"] as const)("with payload %s", (payload) => {
  test("nothing of an address is left in any wrapping, nor of the payload", () => {
    const results = anonymised(ALL, { payload });
    ALL.forEach(({ kind, bytes }, i) => {
      expect(traces(bytes).length, kind).toBeGreaterThan(0);
      const result = results[i]!.bytes!;
      expect(traces(result), `${kind} ${text(bytes)}\n${text(result)}`).toEqual([]);
      if (payload === "zero") expect(result.length).toBe(bytes.length);
      expect(results[i]!.wireLength).toBe(bytes.length);
    });
  });

  test("nor where a frame is cut, at every length", () => {
    const frames = ALL.filter((_, i) => i % 3 === 0).flatMap(({ bytes }) =>
      Array.from({ length: bytes.length }, (_, length) => ({
        bytes: bytes.slice(0, length),
        wireLength: bytes.length,
      })),
    );
    const results = anonymised(frames, { payload });
    results.forEach(({ bytes }, i) => void expect(traces(bytes!), text(frames[i]!.bytes)).toEqual([]));
  });
});

/** Of these the walk goes through, to the innermost packet. */
const KNOWN = [
  "vxlan",
  "vxlan-gpe",
  "geneve",
  "gre",
  "ipip",
  "6in4",
  "4in6",
  "6in6",
  "gtp-u",
  "mpls",
  "nsh",
  "pptp",
];

test("tunnels that are known are the same ones afterwards, with the same numbers in them", () => {
  const known = ALL.filter(({ kind }) => KNOWN.includes(kind));
  const results = anonymised(known);
  const shape = (bytes: Uint8Array): string =>
    dissect(bytes)
      .layers.map(
        (layer) => `${layer.name} ${"vni" in layer ? layer.vni : ""} ${"key" in layer ? layer.key : ""}`,
      )
      .join(", ");
  let same = 0;
  known.forEach(({ bytes }, i) => {
    if (shape(results[i]!.bytes!) === shape(bytes)) same++;
  });
  // What a wrapping of another kind stands around or inside may be unknown.
  expect(same).toBeGreaterThan(known.length / 2);
});

const ETHERNET = { name: "ethernet", destination: "02:11:22:33:44:55", source: "02:66:77:88:99:aa" } as const;
const IP = { name: "ipv4", source: "192.0.2.1", destination: "192.0.2.2" } as const;
const IP6 = { name: "ipv6", source: "2001:db8::1", destination: "2001:db8::2" } as const;
const data = Uint8Array.from({ length: 301 }, (_, i) => i);

const CHECKED = [IP, IP6].flatMap((ip) => {
  const udp = compose([ETHERNET, ip, { name: "udp", sourcePort: 5, destinationPort: 6 }], data);
  const inside = [ETHERNET, ip, { name: "udp", sourcePort: 5, destinationPort: 6 }] as const;
  const vxlan = compose(
    [
      ETHERNET,
      ip,
      { name: "udp", sourcePort: 5, destinationPort: 4789 },
      { name: "vxlan", vni: 5 },
      ...inside,
    ],
    data,
  );
  return [udp, vxlan];
});

/** Whether the checksums of IP and UDP are right, layer by layer. */
function verdicts(bytes: Uint8Array): (string | undefined)[] {
  return dissect(bytes, { checksums: true }).layers.map(
    ({ checksum }) => checksum && JSON.stringify(checksum),
  );
}

describe.each(["zero", "keep"] as const)("checksums, with payload %s", (payload) => {
  test("are right where they were right, and wrong where they were wrong", () => {
    const wrong = CHECKED.map((bytes) => {
      const copy = bytes.slice();
      copy[copy.length - 1]! ^= 0x55;
      return copy;
    });
    const frames = [...CHECKED, ...wrong];
    const results = anonymised(
      frames.map((bytes) => ({ bytes })),
      { payload },
    );
    frames.forEach((bytes, i) => {
      expect(verdicts(results[i]!.bytes!)).toEqual(verdicts(bytes));
      expect(traces(results[i]!.bytes!)).toEqual([]);
      if (payload === "keep") expect(results[i]!.bytes!.slice(-301)).toEqual(bytes.slice(-301));
    });
    expect(verdicts(CHECKED[0]!)).not.toEqual(verdicts(wrong[0]!));
  });

  test("of frames that were cut fit to what is kept, and say nothing where it is not", () => {
    const [whole] = CHECKED;
    const [result, kept] = anonymised(
      [{ bytes: whole!.slice(0, 60), wireLength: whole!.length }, { bytes: whole! }],
      {
        payload,
      },
    );
    const field = (bytes: Uint8Array): number => new DataView(bytes.buffer).getUint16(40);
    expect(field(result!.bytes!)).toBe(payload === "zero" ? 0 : field(kept!.bytes!));
  });
});

test("the MAC of an IP group goes with the group, and those of protocols stay", () => {
  const macs = "0211223344 55".replace(" ", "");
  const ask = "60000000 0018 3aff 20010db8000000000000000000000001";
  const solicited = "ff0200000000000000000001ff";
  const frames = [
    `01005e010203 ${macs} 0800 45000014000000000111 0000 c0000201 ef010203`,
    `01005e0000fb ${macs} 0800 45000014000000000111 0000 c0000201 e00000fb`,
    `3333ffabcdef ${macs} 86dd ${ask} ${solicited}abcdef 8700000000000000 20010db8000000000000000000abcdef`,
    `333300000001 ${macs} 86dd ${ask} ff020000000000000000000000000001 8600000000000000 ${"00".repeat(16)}`,
    `333312345678 ${macs} 86dd ${ask} ff3e0000000000000000000012345678 8600000000000000 ${"00".repeat(16)}`,
    `0180c2000000 ${macs} 0026 424203`,
    `ffffffffffff ${macs} 0806 00`,
    `00000cabcdef ${macs} 0806 00`,
  ].map((frame) => ({ bytes: hex(frame.replaceAll(" ", "")) }));
  const results = anonymised(frames).map(({ bytes }) => text(bytes!));
  const [private4, known4, asked, all, private6, bridges, everybody, vendor] = results;
  expect(private4!.slice(0, 6)).toBe("01005e");
  expect(private4!.slice(6, 12)).not.toBe("010203");
  // The lower 23 bits of the group, which is one still.
  const group = Number.parseInt(private4!.slice(60, 68), 16);
  expect(Math.floor(group / 2 ** 28)).toBe(14);
  expect(Number.parseInt(private4!.slice(6, 12), 16)).toBe(group & 0x7fffff);
  expect(known4!.startsWith("01005e0000fb")).toBe(true);
  expect(known4!.endsWith("e00000fb")).toBe(true);
  expect(asked).toMatch(/^3333ff/);
  expect(asked!.slice(4, 12)).toBe(asked!.slice(100, 108));
  expect(asked!.slice(4, 12)).not.toBe("ffabcdef");
  expect(all).toMatch(/^333300000001/);
  expect(private6!.slice(0, 4)).toBe("3333");
  expect(private6!.slice(4, 12)).toBe(private6!.slice(100, 108));
  expect(private6!.slice(4, 12)).not.toBe("12345678");
  expect(bridges).toMatch(/^0180c2000000.{12}0026000000$/);
  expect(everybody).toMatch(/^f{12}/);
  expect(vendor).not.toMatch(/^00000c/);
  for (const one of results) expect(one).not.toContain(macs);
});

const SENT = ALL.slice(0, 120).map(({ bytes }) => bytes);

describe.each(modes)("$name", (mode) => {
  dataplaneTest(mode, "the same becomes of frames in a channel and in a capture", async (dataplane) => {
    const expected = anonymised(
      SENT.map((bytes) => ({ bytes })),
      { payload: "cut" },
    ).map(({ bytes }) => text(bytes!));
    const stages = [anonymise({ key: KEY, payload: "cut" })];
    await using channel = await dataplane.open(stages);
    for (let at = 0; at < SENT.length; at += 40) await channel.sendAll(SENT.slice(at, at + 40));
    channel.end();
    const received: string[] = [];
    for (const burst of await collect(channel))
      for (let i = 0; i < burst.length; i++) received.push(text(burst.frame(i)));
    expect(received.sort()).toEqual([...expected].sort());
    expect(channel.counters().changed).toEqual([SENT.length]);
    const capture = new CaptureWriter({ format: "pcap" }).write(
      SENT.map((data) => ({ data, timestamp: 0n })),
    );
    const sink = new Sink();
    await dataplane.processCapture(capture, stages, sink);
    const written = text(Uint8Array.from(sink.parts.flatMap((part) => [...part])));
    for (const frame of expected) expect(written).toContain(frame);
  });
});
