// Small captures that a user's day brings, on one thread and on workers, from chunks and from shared memory.
import { createDataplane, type Dataplane, type Stage } from "frameferry";
import { readCapture } from "frameferry/pcap";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chunked } from "../pcap/capture-bytes.ts";
import { recordsOf } from "../support/capture-corpus.ts";
import { loadFixture } from "../support/fixtures.ts";
import { expectSame, inline, Sink } from "./capture-support.ts";
import { shared } from "./shared-captures-support.ts";
import { isolated } from "./support.ts";

const DECAP: Stage = { stage: "decapsulate", kind: "vxlan" };
const ANY: Stage = { stage: "decapsulate", kind: "any", depth: "all" };
const KEEP: Stage = { ...DECAP, others: "keep" };
const ENCAP: Stage = {
  stage: "encapsulate",
  kind: "vxlan",
  vni: 5,
  local: "198.51.100.1",
  remote: "198.51.100.2",
};
/** To the type, and the ports and the length of UDP behind IPv4. */
const HEAD = "0200000000020200000000010800";
const PORTS = "03e807d0001c";

const WAYS: Readonly<Record<string, Parameters<typeof createDataplane>[0]>> = {
  "one thread": { workers: 0 },
  "two workers": { workers: 2, ...(isolated ? {} : { transport: "transfer" }) },
  "two workers that get copies": { workers: 2, transport: "transfer" },
};

describe.each(Object.keys(WAYS))("%s", (way) => {
  let dataplane: Dataplane;
  beforeAll(async () => {
    dataplane = await createDataplane({ memoryBytes: 128 << 20, ...WAYS[way] });
  });
  afterAll(() => dataplane.close());

  async function through(name: string, stages: readonly Stage[], reassembly = true) {
    const bytes = await loadFixture(`field/${name}`);
    const wanted = await inline(bytes, stages, "same", reassembly);
    const sources = [bytes, chunked(bytes, 7), ...(isolated ? [shared(bytes)] : [])];
    for (const source of sources) {
      const sink = new Sink();
      const { workers: _, ...summary } = await dataplane.processCapture(source, stages, sink, { reassembly });
      expect(summary).toEqual(wanted.summary);
      expectSame(sink.bytes, wanted.output);
    }
    return (await recordsOf(wanted.output)).records.map(({ data, originalLength, interface: seenOn }) => ({
      head: [...data.subarray(0, 42)].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
      length: data.length,
      wire: originalLength,
      linkType: seenOn.linkType,
      fcs: seenOn.fcsLength ?? 0,
    }));
  }

  it.each(["fcs-tunnel.pcap", "fcs-tunnel.pcapng", "sll.pcap", "raw.pcap", "null.pcap"])(
    "%s gives its passenger",
    async (name) => {
      const [one, ...others] = await through(name, [DECAP]);
      expect(others).toEqual([]);
      expect(one).toMatchObject({ length: 62, wire: 62, linkType: 1, fcs: 0 });
      expect(one!.head.slice(0, 28)).toBe(HEAD);
      expect(one!.head.slice(68, 80)).toBe(PORTS);
    },
  );

  it("two-link-types.pcapng gives both", async () => {
    const found = await through("two-link-types.pcapng", [DECAP]);
    expect(found.map(({ length, linkType }) => [length, linkType])).toEqual([
      [62, 1],
      [62, 1],
    ]);
  });

  // An IP packet that a tunnel carried gets an Ethernet header with the same addresses.
  it.each([
    ...["fcs-tunnel.pcap", "fcs-tunnel.pcapng", "sll.pcap", "raw.pcap", "null.pcap"],
    ...["gpe-ipv4.pcap", "geneve-ipv4.pcap", "gre-ipv4.pcap", "gre-in-udp.pcap", "gre-key77.pcap"],
    ...["vxlan-in-ipip.pcap", "vxlan-8472-in-4789.pcap", "erspan.pcap", "two-link-types.pcapng"],
    ...["ipv6-atomic-fragment.pcap", "ipv4-ah.pcap"],
  ])("%s gives what is in it, whatever is around that", async (name) => {
    const found = await through(name, [ANY]);
    expect(found.length).toBe({ "erspan.pcap": 3, "two-link-types.pcapng": 2 }[name] ?? 1);
    for (const one of found) {
      expect(one).toMatchObject({ length: 62, wire: 62, linkType: 1, fcs: 0 });
      expect(one.head.slice(0, 28)).toBe(HEAD);
      expect(one.head.slice(68, 80)).toBe(PORTS);
    }
  });

  it("what a mirror has cut, and what a card has yet to segment, comes as far as it goes", async () => {
    expect(await through("cropped-no-origlen.pcap", [ANY])).toMatchObject([
      { length: 40, wire: 62 },
      { length: 50, wire: 62 },
    ]);
    expect(await through("tso-inner-length0.pcap", [ANY])).toMatchObject([{ length: 74, wire: 74 }]);
  });

  it("fragments of one packet are put together, or have one fate", async () => {
    const keep: Stage = { ...ANY, others: "keep" };
    for (const stage of [ANY, keep]) {
      const [passenger, ...more] = await through("ipv4-fragments.pcap", [stage]);
      expect(passenger).toMatchObject({ length: 1362, wire: 1362, linkType: 1 });
      expect(passenger?.head.slice(0, 28)).toBe(HEAD);
      expect(more).toEqual([]);
    }
    expect(await through("ipv4-fragments.pcap", [ANY], false)).toEqual([]);
    expect(await through("ipv4-fragments.pcap", [keep], false)).toHaveLength(2);
  });

  it("fcs-plain.pcapng: the check sequence stays where it is right, and nowhere else", async () => {
    expect(await through("fcs-plain.pcapng", [KEEP])).toMatchObject([{ length: 66, wire: 66, fcs: 4 }]);
    expect(await through("fcs-plain.pcapng", [ENCAP])).toMatchObject([{ length: 112, wire: 112, fcs: 0 }]);
    expect(await through("fcs-plain.pcapng", [{ stage: "vlan-push", vid: 5 }])).toMatchObject([
      { length: 66, wire: 66, fcs: 0 },
    ]);
    expect(await through("fcs-plain.pcapng", [{ stage: "vlan-pop" }])).toMatchObject([
      { length: 66, fcs: 4 },
    ]);
  });
});

it("fcs-plain.pcapng: the outer packet of a tunnel counts no check sequence", async () => {
  const { output } = await inline(await loadFixture("field/fcs-plain.pcapng"), [ENCAP]);
  for await (const { data } of readCapture(output)) expect((data[16]! << 8) | data[17]!).toBe(98);
});
