// Positions and what stands between layers, beside a slow model that walks the layers that the codecs read: whole frames,
// frames cut at each length, with other bytes behind, one by one and in bursts, and as a stage.
import { FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { dissect, type Layer } from "frameferry/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { DESCRIPTOR_LENGTH } from "../../src/layout/descriptor.layout.ts";

const half = (value: number): number[] => [value >> 8, value & 255];
const zeros = (count: number): number[] => new Array<number>(count).fill(0);

const tcp = (source: number, destination: number): number[] => [
  ...half(source),
  ...half(destination),
  ...zeros(8),
  0x50,
  2,
  ...zeros(6),
];
const udp = (destination: number, payload: readonly number[]): number[] => [
  ...half(49152),
  ...half(destination),
  ...half(8 + payload.length),
  ...zeros(2),
  ...payload,
];
function ipv4(last: number, protocol: number, payload: readonly number[], fragment = 0): number[] {
  const header = [
    ...[0x45, 0, ...half(20 + payload.length), 0, 1, ...half(fragment), 64, protocol, 0, 0],
    ...[10, 0, 0, last, 10, 0, 1, last],
  ];
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += (header[i] as number) * 256 + (header[i + 1] as number);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  header.splice(10, 2, ...half(~sum & 0xffff));
  return [...header, ...payload];
}
const ipv6 = (last: number, next: number, payload: readonly number[]): number[] => [
  ...[0x60, 0, 0, 0, ...half(payload.length), next, 64],
  ...[0xfd, ...zeros(14), last, 0xfd, ...zeros(13), 1, last, ...payload],
];
const ethernet = (type: number, payload: readonly number[], tags: readonly number[] = []): number[] => [
  ...[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2],
  ...tags.flatMap((vid) => [0x81, 0, ...half(vid)]),
  ...half(type),
  ...payload,
];
const vxlan = (vni: number, frame: readonly number[]): number[] => [8, 0, 0, 0, 0, ...half(vni), 0, ...frame];
const hopByHop = (next: number): number[] => [next, 0, 1, 4, 0, 0, 0, 0];

const web = ethernet(0x0800, ipv4(1, 6, tcp(4000, 80)), [7]);
const dns = ethernet(0x86dd, ipv6(2, 0, [...hopByHop(17), ...udp(53, [1, 2])]));
const arp = ethernet(0x0806, [0, 1, 8, 0, 6, 4, 0, 1, ...zeros(6), 10, 0, 0, 1, ...zeros(6), 10, 0, 1, 1]);
const over = (port: number, payload: readonly number[]): number[] =>
  ethernet(0x0800, ipv4(9, 17, udp(port, payload)));
const nested = over(4789, vxlan(5, over(6081, [0, 0, 0x65, 0x58, 0, 0, 6, 0, ...web])));

const FRAMES: readonly (readonly number[])[] = [
  web,
  dns,
  arp,
  over(4789, vxlan(5, web)),
  over(8472, vxlan(6, dns)),
  over(4789, [0, 0, 0, 0, 0, 0, 5, 0, ...web]),
  over(6081, [1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 0, ...arp]),
  over(6081, [3, 0, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 3, 2, ...zeros(8), ...web]),
  over(6081, [0, 0, 8, 0, 0, 0, 7, 0, ...ipv4(1, 6, tcp(80, 4000))]),
  over(4790, [12, 0, 0, 1, 0, 0, 8, 0, ...ipv4(2, 17, udp(53, []))]),
  ethernet(0x86dd, ipv6(9, 60, [...hopByHop(47), 0x20, 0, 0x65, 0x58, 0, 16, 5, 1, ...web])),
  ethernet(0x0800, ipv4(9, 47, [0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, ...ipv4(3, 1, zeros(8))])),
  ethernet(0x0800, ipv4(9, 4, ipv4(1, 6, tcp(1, 80)))),
  ethernet(0x0800, ipv4(9, 41, ipv6(2, 6, tcp(80, 1)))),
  ethernet(0x86dd, ipv6(9, 4, ipv4(3, 17, udp(53, [])))),
  ethernet(0x0800, ipv4(1, 6, tcp(4000, 80), 0x2001)),
  ethernet(0x0800, ipv4(1, 17, udp(4789, vxlan(5, web)), 0x00b9)),
  ethernet(0x8847, [0, 1, 1, 64, ...ipv4(1, 6, tcp(4000, 80))]),
  nested,
  over(4789, vxlan(9, nested)),
  over(4789, vxlan(10, over(4789, vxlan(9, nested)))),
];

/** One layer as the codecs see it: its kind of tunnel, its number, and its headers. */
interface Seen {
  readonly tunnel: string | undefined;
  readonly number: number | undefined;
  readonly layers: Layer[];
}

const TUNNELS: readonly string[] = ["vxlan", "geneve", "gre"];

function layersOf(frame: Uint8Array): Seen[] {
  const seen: Seen[] = [{ tunnel: undefined, number: undefined, layers: [] }];
  let announced: Pick<Seen, "tunnel" | "number"> | undefined;
  for (const layer of dissect(frame).layers) {
    if (TUNNELS.includes(layer.name)) {
      const header = layer.header as { vni?: number; key?: number; gpe?: unknown };
      const tunnel = header.gpe === undefined ? layer.name : "vxlan-gpe";
      announced = { tunnel, number: header.vni ?? header.key };
      continue;
    }
    const current = (seen.at(-1) as Seen).layers;
    const isIp = layer.name === "ipv4" || layer.name === "ipv6";
    const within = current.some(({ name }) => name === "ipv4" || name === "ipv6");
    if (announced !== undefined && layer.name !== "payload") seen.push({ ...announced, layers: [layer] });
    else if (isIp && within) seen.push({ tunnel: "ip", number: undefined, layers: [layer] });
    else current.push(layer);
    announced = undefined;
  }
  return seen.slice(0, 4);
}

type Judge = (seen: Seen) => boolean;
const has =
  (name: string): Judge =>
  ({ layers }) =>
    layers.some((layer) => layer.name === name);
const address =
  (last: number): Judge =>
  ({ layers }) =>
    layers.some(
      ({ name, header }) =>
        name === "ipv4" &&
        [header.source, header.destination].some(
          (a) => String(a) === `10.0.0.${last}` || String(a) === `10,0,0,${last}`,
        ),
    );
const port =
  (number: number): Judge =>
  ({ layers }) =>
    layers.some(
      ({ name, header }) =>
        (name === "tcp" || name === "udp") &&
        (header.sourcePort === number || header.destinationPort === number),
    );

/** Terms whose answer needs no byte of a header that was cut, and what the model says. */
const TERMS: readonly (readonly [string, Judge])[] = [
  ["port 80", port(80)],
  ["tcp port 80", (seen) => has("tcp")(seen) && port(80)(seen)],
  ["udp port in {50-60, 99}", (seen) => has("udp")(seen) && port(53)(seen)],
  ["ip host 10.0.0.1", address(1)],
  ["ip host in {10.0.0.2, 10.0.0.3, 10.0.0.9}", (seen) => [2, 3, 9].some((last) => address(last)(seen))],
  ["(host 10.0.0.1 and port 80)", (seen) => address(1)(seen) && port(80)(seen)],
  ["vni 5", ({ tunnel, number }) => tunnel !== "gre" && number === 5],
  ["tunnel vxlan", ({ tunnel }) => tunnel === "vxlan"],
  ["tunnel geneve", ({ tunnel }) => tunnel === "geneve"],
  ["tunnel gre", ({ tunnel }) => tunnel === "gre"],
  ["gre key 5", ({ tunnel, number }) => tunnel === "gre" && number === 5],
  ["vlan 7", ({ layers }) => layers.some(({ name, header }) => name === "vlan" && header.vid === 7)],
];

const POSITIONS: readonly (readonly [string, (seen: readonly Seen[], judge: Judge) => boolean])[] = [
  ["outer", ([first], judge) => first !== undefined && judge(first)],
  ["inner", (seen, judge) => judge(seen.at(-1) as Seen)],
  ["any", (seen, judge) => seen.some(judge)],
  ["layer 1", (seen, judge) => seen[1] !== undefined && judge(seen[1])],
  ["layer -2", (seen, judge) => seen.length > 1 && judge(seen.at(-2) as Seen)],
];

describe("positions beside the codecs", () => {
  let kernels: Kernels;
  beforeAll(async () => {
    kernels = await loadKernels();
  });

  test.each(POSITIONS)("%s", (position, at) => {
    let matches = 0;
    for (const [term, judge] of TERMS) {
      const filter = compileFilter(`${position} ${term}`);
      for (const [index, bytes] of FRAMES.entries()) {
        const frame = Uint8Array.from(bytes);
        const expected = at(layersOf(frame), judge);
        expect(filter.matches(frame), `${position} ${term}: frame ${index}`).toBe(expected);
        if (expected) matches++;
      }
    }
    expect(matches).toBeGreaterThan(8);
  });

  test("depth counts tunnels, of which three are opened", () => {
    for (const bytes of FRAMES) {
      const frame = Uint8Array.from(bytes);
      const depth = layersOf(frame).length - 1;
      for (const number of [0, 1, 2, 3])
        expect(compileFilter(`depth ${number}`).matches(frame)).toBe(depth === number);
      expect(compileFilter("depth > 1").matches(frame)).toBe(depth > 1);
      expect(compileFilter("inner").matches(frame)).toBe(depth > 0);
    }
  });

  test("on frames cut at each length no byte behind the end counts, and bursts and stages say the same", () => {
    const texts = TERMS.flatMap(([term]) => [`inner ${term}`, `not any ${term}`]).concat(
      "depth 1",
      "inner arp",
    );
    const frames = FRAMES.filter((_, index) => index % 3 === 0).flatMap((bytes) =>
      Array.from(bytes, (_, length) => Uint8Array.from(bytes.slice(0, length))),
    );
    using batch = new FrameBatch(kernels, { frames: frames.length, frameBytes: 512 });
    for (const text of texts) {
      const filter = compileFilter(text);
      using pipeline = new Pipeline(kernels, [filter.stage]);
      const verdicts = [0, 0xff, 0x08].map((filler) => {
        batch.fill(frames);
        for (const [index, { length }] of frames.entries()) {
          const word = (batch.descriptors + index * DESCRIPTOR_LENGTH) >>> 2;
          const end = (kernels.words[word] as number) + length;
          kernels.bytes.fill(filler, end, end + 64);
        }
        if (filler === 0) pipeline.run(batch);
        else filter.run(batch);
        return frames.map((_, index) => (batch.verdict(index) === "forward" ? "1" : "0")).join("");
      });
      expect(new Set(verdicts).size, text).toBe(1);
      const single = frames.map((frame) => (filter.matches(frame) ? "1" : "0"));
      expect(single.join(""), text).toBe(verdicts[0]);
    }
  });
});

test("after a decapsulation the number of the tunnel is the frame's", async () => {
  const kernels = await loadKernels();
  using batch = new FrameBatch(kernels);
  for (const [expression, expected] of [
    ["vni 5", 1],
    ["outer vni in {1, 4-6}", 1],
    ["vni 6", 0],
  ] as const) {
    batch.fill([Uint8Array.from(over(4789, vxlan(5, web)))]);
    using pipeline = new Pipeline(kernels, [
      { stage: "decapsulate", kind: "vxlan" },
      compileFilter(expression).stage,
    ]);
    expect(pipeline.run(batch)).toBe(expected);
  }
});

test("a bare value has the position of the last one, and ports may be others", () => {
  const frame = Uint8Array.from(over(4789, vxlan(5, web)));
  expect(compileFilter("inner port 53 or 80").matches(frame)).toBe(true);
  expect(compileFilter("outer port 53 or 80").matches(frame)).toBe(false);
  expect(compileFilter("vni 5", { tunnelPorts: { vxlan: [4000] } }).matches(frame)).toBe(false);
  const moved = Uint8Array.from(over(4000, vxlan(5, web)));
  expect(compileFilter("vni 5", { tunnelPorts: { vxlan: [4000] } }).matches(moved)).toBe(true);
});

test.each([
  ["inner outer ip", "at 6: a position does not stand behind another"],
  ["inner vxlan 5", "at 6: vxlan does not stand behind a position, which looks into tunnels itself"],
  ["vni 16777216", 'at 4: expected a VNI up to 16777215, got "16777216"'],
  [
    "tunnel foo",
    'at 7: expected one of vxlan, geneve, gre, nvgre, vxlan-gpe, erspan, ipip, 6in4, 4in6, 6in6, got "foo"',
  ],
  ["host in {10.0.0.1", 'at 17: expected "," or "}", got the end'],
  ["inner", undefined],
])("%s", (text, sentence) => {
  if (sentence === undefined) expect(compileFilter(text).explain()).toBe("depth >= 1");
  else expect(() => compileFilter(text)).toThrow(sentence);
});
