import fc from "fast-check";
import {
  type ComposeLayer,
  compose,
  dissect,
  isTunnel,
  type LayerName,
  stopReasons,
  tunnelTitle,
  vnisOf,
} from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { fixture, fixtures, names } from "../wire/support.ts";

const macs = { destination: "02:00:00:00:00:0b", source: "02:00:00:00:00:0a" };
const ethernet: ComposeLayer = { name: "ethernet", ...macs };
const ipv4: ComposeLayer = { name: "ipv4", source: "10.1.5.7", destination: "10.1.5.8" };
const udp: ComposeLayer = { name: "udp" };

describe("truncation", () => {
  test.each(fixtures)("of $name at every length is a stop within the bytes", ({ frame }) => {
    const whole = names(dissect(frame).layers);
    for (let length = 0; length < frame.length; length++) {
      const { layers, stop } = dissect(frame.subarray(0, length));
      expect(stop, `${length} bytes`).toBeDefined();
      expect(stop!.offset).toBeLessThanOrEqual(length);
      expect(stop!.sentence).toBe(stopReasons[stop!.reason]);
      expect(whole.slice(0, layers.length)).toEqual(names(layers));
    }
  });

  test.each(fixtures)("of $name by a capture keeps all layers that are whole", ({ frame }) => {
    const whole = dissect(frame).layers;
    for (let length = 0; length < frame.length; length++) {
      const { layers, stop } = dissect(frame.subarray(0, length), {
        wireLength: frame.length,
        checksums: true,
      });
      expect(stop).toMatchObject({ offset: length, reason: "cut-by-capture" });
      const expected = whole.filter((layer) =>
        layer.name === "payload" ? layer.offset < length : layer.offset + layer.length <= length,
      );
      expect(names(layers)).toEqual(names(expected));
      for (const layer of layers) if (layer.name === "udp") expect(layer.checksum).not.toBe("bad");
    }
  });

  test("a wire length below the frame's counts as the frame's", () => {
    expect(dissect(fixture("vxlan"), { wireLength: 1 })).toEqual(dissect(fixture("vxlan")));
  });
});

describe("any bytes", () => {
  test("never throw, and layers lie behind one another inside the frame", () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // Damage to a real frame reaches further in than noise does.
      fc
        .tuple(fc.constantFrom(...fixtures), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
        .map(([{ frame }, damage]) => {
          const copy = frame.slice();
          for (const [at, value] of damage) copy[at % copy.length] = value;
          return copy;
        }),
    );
    const linkType = fc.constantFrom(0, 1, 9, 101, 105, 108, 113, 127, 147, 228, 229, 239, 276);
    fc.assert(
      fc.property(frame, linkType, fc.nat(100_000), (frame, linkType, wireLength) => {
        for (const options of [{ linkType }, { linkType, wireLength, checksums: true }]) {
          const { layers, stop } = dissect(frame, options);
          let at = 0;
          for (const layer of layers) {
            expect(layer.offset).toBe(at);
            at += layer.length;
          }
          expect(at).toBeLessThanOrEqual(frame.length);
          if (stop) expect(stop.offset).toBeLessThanOrEqual(frame.length);
        }
      }),
      { seed: 7348, numRuns: 3000 },
    );
  });
});

describe("nesting", () => {
  test("tunnels to a depth of ten", () => {
    let frame = compose([ethernet, { ...ipv4, protocol: 253 }]);
    for (let vni = 1; vni <= 10; vni++) {
      const tunnel: ComposeLayer = vni % 2 ? { name: "vxlan", vni } : { name: "geneve", vni };
      frame = compose([ethernet, ipv4, udp, tunnel], frame);
    }
    const { layers, stop } = dissect(frame);
    expect(stop).toBeUndefined();
    expect(layers).toHaveLength(42);
    expect(vnisOf(layers)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  test("ends at the limit", () => {
    const tags: ComposeLayer[] = Array.from({ length: 100 }, (_, i) => ({ name: "vlan", vid: i }));
    const frame = compose([ethernet, ...tags]);
    const { layers, stop } = dissect(frame);
    expect(layers).toHaveLength(64);
    expect(stop).toMatchObject({ reason: "layer-limit", offset: 14 + 63 * 4 });
    expect(dissect(frame, { maximumLayers: 200 }).stop).toBeUndefined();
  });
});

describe("stops and ends", () => {
  const inner = fixture("ipv4-in-ipv4");
  const stopOf = (frame: Uint8Array, options = {}) => {
    const { stop } = dissect(frame, options);
    return stop && [stop.reason, stop.offset];
  };
  const packet = (...layers: ComposeLayer[]) => compose([ethernet, ...layers], new Uint8Array(16));
  const changed = (name: string, at: number, value: number) => {
    const frame = fixture(name).slice();
    frame[at] = value;
    return frame;
  };

  test.each<[string, Uint8Array, unknown]>([
    ["wrong IP version", changed("ipv4-in-ipv4", 14, 0x65), ["ipv4-version", 14]],
    ["short IHL", changed("ipv4-in-ipv4", 14, 0x44), ["ipv4-header-length", 14]],
    ["total length below the header", packet({ ...ipv4, totalLength: 19 }), ["ipv4-length", 16]],
    ["IPv6 version", changed("ipv6-odd-udp", 14, 0x45), ["ipv6-version", 14]],
    [
      "UDP length below 8",
      packet(ipv4, { name: "udp", sourcePort: 1, destinationPort: 2, length: 7 }),
      ["udp-length", 38],
    ],
    ["VXLAN without I", changed("vxlan", 42, 0), ["vxlan-no-vni", 42]],
    ["GPE version", changed("vxlan-gpe-ipv4", 42, 0x1c), ["vxlan-version", 42]],
    ["Geneve version 1", changed("geneve", 42, 0x40), ["geneve-version", 42]],
    ["Geneve version 2", changed("geneve", 42, 0x80), ["geneve-version", 42]],
    ["GRE version 1", changed("gre", 35, 1), ["gre-version", 35]],
    ["GRE routing", changed("gre", 34, 0x40), ["gre-reserved", 34]],
    ["first fragment", packet({ ...ipv4, moreFragments: true }), ["ip-fragment", 34]],
    ["later fragment", packet({ ...ipv4, fragmentOffset: 8 }), ["ip-fragment", 34]],
    ["TCP offset", changed("tcp-options", 46, 0x40), ["tcp-header-length", 46]],
  ])("%s", (_, frame, expected) => {
    expect(stopOf(frame)).toEqual(expected);
  });

  const datagram: ComposeLayer = { name: "udp", sourcePort: 1, destinationPort: 2 };
  const ipv6: ComposeLayer = { name: "ipv6", source: "::1", destination: "::2" };

  test.each<[string, Uint8Array, [string, number, string], number]>([
    ["IPv4 0", packet({ ...ipv4, totalLength: 0 }, datagram), ["ipv4-no-length", 16, "ipv4"], 58],
    ["IPv6 0", packet({ ...ipv6, payloadLength: 0 }, datagram), ["ipv6-no-length", 18, "ipv6"], 78],
    ["UDP 0", packet(ipv4, { ...datagram, length: 0 }), ["udp-no-length", 38, "udp"], 58],
    ["UDP beyond IP", packet(ipv4, { ...datagram, length: 25 }), ["udp-length", 38, "udp"], 58],
    ["IPv4 beyond IPv4", packet(ipv4, { ...ipv4, totalLength: 37 }), ["ipv4-length", 36, "ipv4"], 70],
  ])("a length that cannot be is told and read over: %s", (_, frame, expected, wireLength) => {
    const { layers, stop, oddities, ...rest } = dissect(frame, { checksums: true });
    expect(stop).toBeUndefined();
    expect(oddities).toEqual([
      { reason: expected[0], offset: expected[1], layer: expected[2], sentence: expect.any(String) },
    ]);
    expect(rest).toEqual({ wireLength });
    expect(layers.at(-1)).toMatchObject({ name: "payload", length: 16 });
  });

  test.each<[string, Uint8Array, [string, number, string], number]>([
    ["IPv4", packet({ ...ipv4, totalLength: 37 }), ["ipv4-length", 16, "ipv4"], 51],
    ["IPv6", changed("ipv6-odd-udp", 19, 0xff), ["ipv6-length", 18, "ipv6"], 54 + 0xff],
    ["802.3", changed("stp", 13, 0x27), ["ethernet-length", 12, "ethernet"], 53],
  ])("a length beyond the end says how long a cropped frame was: %s", (_, frame, expected, wireLength) => {
    const { stop, oddities, ...rest } = dissect(frame);
    expect(stop).toMatchObject({ reason: "cut-by-capture", offset: frame.length });
    expect(oddities).toMatchObject([{ reason: expected[0], offset: expected[1], layer: expected[2] }]);
    expect(rest.wireLength).toBe(wireLength);
  });

  test("of a cropped frame all layers are read, and nothing inside is odd", () => {
    const whole = compose([ethernet, ipv4, udp, { name: "vxlan", vni: 9 }, ethernet, ipv4, datagram], inner);
    for (let length = 34; length < whole.length; length++) {
      const { layers, oddities, wireLength } = dissect(whole.subarray(0, length));
      expect(oddities).toHaveLength(1);
      expect(wireLength).toBe(whole.length);
      const { layers: told } = dissect(whole.subarray(0, length), { wireLength: whole.length });
      expect(layers).toEqual(told);
    }
  });

  test("an IPv6 fragment", () => {
    const extension = { type: 44, bytes: new Uint8Array([0, 0, 0, 9, 0, 0, 0, 1]) };
    const frame = packet({
      name: "ipv6",
      source: "::1",
      destination: "::2",
      extensions: [extension],
      protocol: 17,
    });
    expect(names(dissect(frame).layers)).toEqual(["ethernet", "ipv6", "payload"]);
    expect(stopOf(frame)).toEqual(["ip-fragment", 62]);
  });

  test("link types", () => {
    const raw = inner.subarray(14);
    expect(names(dissect(raw, { linkType: 101 }).layers)).toEqual(["ipv4", "ipv4", "icmp", "payload"]);
    expect(names(dissect(fixture("ipv6-odd-udp").subarray(14), { linkType: 101 }).layers)[0]).toBe("ipv6");
    expect(stopOf(new Uint8Array([0x10]), { linkType: 101 })).toEqual(["ip-version", 0]);
    expect(dissect(raw, { linkType: 147 })).toMatchObject({
      layers: [{ name: "unknown", offset: 0, length: raw.length, header: { linkType: 147 } }],
      stop: { reason: "link-type", offset: 0 },
    });
  });

  test.each<[string, Uint8Array, LayerName[], object]>([
    ["an unknown type", packet(), ["ethernet", "payload"], { etherType: 0x88b5 }],
    ["an unknown protocol", packet(ipv4), ["ethernet", "ipv4", "payload"], { protocol: 253 }],
    [
      "CDP in GRE",
      packet(ipv4, { name: "gre", protocol: 0x2000 }),
      ["ethernet", "ipv4", "gre", "payload"],
      { etherType: 0x2000 },
    ],
    [
      "another protocol over GPE",
      packet(ipv4, udp, { name: "vxlan", vni: 1, gpe: { nextProtocol: 9, bum: false, oam: false } }),
      ["ethernet", "ipv4", "udp", "vxlan", "payload"],
      { nextProtocol: 9 },
    ],
    [
      "OAM over GPE",
      packet(ipv4, udp, { name: "vxlan", vni: 1, gpe: { nextProtocol: 3, bum: false, oam: true } }),
      ["ethernet", "ipv4", "udp", "vxlan", "payload"],
      {},
    ],
    [
      "OAM over Geneve",
      packet(ipv4, udp, { name: "geneve", vni: 1, oam: true }),
      ["ethernet", "ipv4", "udp", "geneve", "payload"],
      { etherType: 0x6558 },
    ],
  ])("%s ends as a payload, which is no stop", (_, frame, expected, header) => {
    const { layers, stop } = dissect(frame);
    expect(stop).toBeUndefined();
    expect(names(layers)).toEqual(expected);
    expect(layers.at(-1)).toMatchObject({ length: 16, header });
  });

  test("padding behind a packet is no layer, and length fields end what is inside", () => {
    const padded = new Uint8Array(80);
    padded.set(fixture("ipv4-options"));
    const { layers, stop } = dissect(padded);
    expect(stop).toBeUndefined();
    expect(names(layers)).toEqual(["ethernet", "ipv4", "icmp", "payload"]);
    expect(layers.at(-1)!.length).toBe(4);
    const short: ComposeLayer = { ...datagram, length: 12 };
    expect(dissect(packet(ipv4, short)).layers.at(-1)!.length).toBe(4);
    // The padding has room for the datagram, but the packet has not.
    const { oddities } = dissect(packet({ ...ipv4, totalLength: 31 }, short));
    expect(oddities).toMatchObject([{ reason: "udp-length", offset: 38 }]);
  });

  test("a stop names the layer that could not be read", () => {
    expect(dissect(changed("vxlan", 42, 0)).stop).toMatchObject({ layer: "vxlan" });
    expect(dissect(packet({ ...ipv4, moreFragments: true })).stop).not.toHaveProperty("layer");
  });

  test("a packet too long for its length fields (segmentation offload)", () => {
    const big = compose(
      [
        ethernet,
        { ...ipv4, totalLength: 0 },
        { name: "udp", sourcePort: 1, length: 0 },
        { name: "vxlan", vni: 9 },
        ethernet,
      ],
      new Uint8Array(70_000),
    );
    const { layers, stop } = dissect(big, { checksums: true });
    expect(stop).toBeUndefined();
    expect(names(layers)).toEqual(["ethernet", "ipv4", "udp", "vxlan", "ethernet", "payload"]);
    expect(layers[2]).toMatchObject({ checksum: "good" });
  });

  test("ports are settable", () => {
    const frame = compose(
      [ethernet, ipv4, { name: "udp", destinationPort: 5555 }, { name: "vxlan", vni: 9 }],
      inner,
    );
    expect(vnisOf(dissect(frame).layers)).toEqual([]);
    expect(vnisOf(dissect(frame, { tunnelPorts: { vxlan: [5555] } }).layers)).toEqual([9]);
    expect(names(dissect(frame, { tunnelPorts: { geneve: [5555] } }).layers)[3]).toBeUndefined();
    expect(stopOf(frame, { tunnelPorts: { geneve: [5555] } })).toEqual(["geneve-options", 61]);
  });

  test("a port says how a VXLAN header is read", () => {
    const gpe = { nextProtocol: 1, bum: false, oam: false };
    const frame = (destinationPort?: number) =>
      compose([
        ethernet,
        ipv4,
        { name: "udp", destinationPort },
        { name: "vxlan", vni: 9, gpe },
        { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
      ]);
    expect(names(dissect(frame()).layers).slice(3)).toEqual(["vxlan", "ipv4"]);
    expect(names(dissect(frame(5555)).layers)[3]).toBe("payload");
    const { layers } = dissect(frame(5555), { tunnelPorts: { "vxlan-gpe": [5555] } });
    expect(names(layers).slice(3)).toEqual(["vxlan", "ipv4"]);
    expect(layers.filter(isTunnel).map(tunnelTitle)).toEqual(["VXLAN-GPE"]);
    // What is named for one kind counts more than what is usual for another.
    expect(names(dissect(frame(), { tunnelPorts: { vxlan: [4790] } }).layers)[4]).toBe("ethernet");
  });

  test("GRE in UDP", () => {
    const frame = compose([
      ethernet,
      ipv4,
      udp,
      { name: "gre" },
      { name: "ethernet", ...macs, etherType: 0x88b5 },
    ]);
    expect(names(dissect(frame).layers)).toEqual(["ethernet", "ipv4", "udp", "gre", "ethernet"]);
  });
});

describe("bad arguments throw and name the argument", () => {
  const frame = fixture("vxlan");
  test.each<[() => unknown, ErrorConstructor, RegExp]>([
    [() => dissect("x" as never), TypeError, /^frame: /],
    [() => dissect(frame, { linktype: 1 } as never), TypeError, /^options: unknown option "linktype"/],
    [() => dissect(frame, { tunnelPorts: { vxlan: [70_000] } }), RangeError, /^tunnelPorts\.vxlan\[0\]: /],
    [() => dissect(frame, { tunnelPorts: { vxlan: 4789 as never } }), TypeError, /^tunnelPorts\.vxlan: /],
    [() => dissect(frame, { maximumLayers: 0 }), RangeError, /^maximumLayers: /],
    [() => dissect(frame, { wireLength: -1 }), RangeError, /^wireLength: /],
    [() => compose([{ name: "wccp" } as never]), RangeError, /^layers\[0\]\.name: expected ethernet, /],
    [() => compose([ethernet, udp]), RangeError, /no Ethernet type|port/],
    [
      () => compose([ethernet, ipv4, udp]),
      RangeError,
      /^layers\[2\]\.(?:sourcePort|destinationPort): missing; /,
    ],
    [() => compose([ethernet], "x" as never), TypeError, /^payload: /],
  ])("%s", (run, type, message) => {
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});
