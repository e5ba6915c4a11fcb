// emit then parse gives the header back, parse then emit gives the bytes back, for every protocol alike.

import fc from "fast-check";
import {
  arpLength,
  emitArp,
  emitEthernet,
  emitGeneve,
  emitGre,
  emitIcmp,
  emitIpv4,
  emitIpv6,
  emitLlc,
  emitTcp,
  emitUdp,
  emitVlan,
  emitVxlan,
  geneveLength,
  greLength,
  ipv4Length,
  ipv6Length,
  llcLength,
  type Parsed,
  parseArp,
  parseEthernet,
  parseGeneve,
  parseGre,
  parseIcmp,
  parseIpv4,
  parseIpv6,
  parseLlc,
  parseTcp,
  parseUdp,
  parseVlan,
  parseVxlan,
  tcpLength,
} from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { emitted } from "./support.ts";

const u = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const words = (maximum: number) => fc.nat(maximum).chain((count) => bytes(4 * count));
const etherType = fc.integer({ min: 0x600, max: 0xffff });

interface Protocol<Header> {
  name: string;
  headers: fc.Arbitrary<Header>;
  length(header: NoInfer<Header>): number;
  emit(header: NoInfer<Header>, into: Uint8Array, offset: number): number;
  parse(bytes: Uint8Array, offset: number, end: number): Parsed<unknown>;
  /** Offset of the byte where the payload ends, if a length field in the header says so. */
  end?(header: NoInfer<Header>): number;
}

function protocol<Header>(one: Protocol<Header>): Protocol<unknown> {
  return one as unknown as Protocol<unknown>;
}

const extension = fc.oneof(
  bytes(8).map((bytes) => ({
    type: 44,
    bytes: bytes.map((byte, at) => (at === 2 ? 0 : at === 3 ? byte & 7 : byte)),
  })),
  fc.tuple(fc.constantFrom(0, 43, 60), fc.nat(4)).chain(([type, units]) =>
    bytes((units + 1) * 8).map((bytes) => {
      bytes[1] = units;
      return { type, bytes };
    }),
  ),
);
/** Each extension's first byte names the next, as on the wire. */
const extensions = fc.array(extension, { maxLength: 3 });

const protocols = [
  protocol({
    name: "ethernet",
    headers: fc.record({ destination: bytes(6), source: bytes(6), etherType }),
    length: () => 14,
    emit: emitEthernet,
    parse: parseEthernet,
  }),
  protocol({
    name: "vlan",
    headers: fc.record({ tpid: fc.constant(0x8100), pcp: u(3), dei: fc.boolean(), vid: u(12), etherType }),
    length: () => 4,
    emit: emitVlan,
    parse: parseVlan,
  }),
  protocol({
    name: "llc",
    headers: fc.oneof(
      fc.record({ dsap: u(7), ssap: u(8), control: u(6).map((high) => (high << 2) | 3) }),
      fc.record({
        dsap: u(8),
        ssap: u(8),
        control: u(15).map((bits) => ((bits & 0x7f00) << 1) | (bits & 0xfd)),
      }),
      fc.record({
        dsap: fc.constant(0xaa),
        ssap: fc.constant(0xaa),
        control: fc.constant(3),
        snap: fc.record({ oui: u(24), protocol: u(16) }),
      }),
    ),
    length: llcLength,
    emit: emitLlc,
    parse: parseLlc,
  }),
  protocol({
    name: "arp",
    headers: fc.tuple(fc.nat(255), fc.nat(255)).chain(([mac, ip]) =>
      fc.record({
        hardwareType: u(16),
        protocolType: u(16),
        operation: u(16),
        senderMac: bytes(mac),
        senderIp: bytes(ip),
        targetMac: bytes(mac),
        targetIp: bytes(ip),
      }),
    ),
    length: arpLength,
    emit: emitArp,
    parse: parseArp,
  }),
  protocol({
    name: "ipv4",
    headers: fc.record({
      dscp: u(6),
      ecn: u(2),
      totalLength: fc.integer({ min: 60, max: 65535 }),
      identification: u(16),
      reservedFlag: fc.boolean(),
      dontFragment: fc.boolean(),
      moreFragments: fc.boolean(),
      fragmentOffset: u(13).map((units) => units * 8),
      ttl: u(8),
      protocol: u(8),
      checksum: u(16),
      source: bytes(4),
      destination: bytes(4),
      options: words(10),
    }),
    length: ipv4Length,
    emit: emitIpv4,
    parse: parseIpv4,
    end: ({ totalLength }) => totalLength,
  }),
  protocol({
    name: "ipv6",
    headers: fc
      .record({
        dscp: u(6),
        ecn: u(2),
        flowLabel: u(20),
        payloadLength: fc.integer({ min: 120, max: 65535 }),
        hopLimit: u(8),
        source: bytes(16),
        destination: bytes(16),
        extensions,
        protocol: fc.constantFrom(6, 17, 58, 59, 255),
      })
      .map((header) => {
        header.extensions.forEach(({ bytes }, index) => {
          bytes[0] = header.extensions[index + 1]?.type ?? header.protocol;
        });
        return header;
      }),
    length: ipv6Length,
    emit: emitIpv6,
    parse: parseIpv6,
    end: ({ payloadLength }) => 40 + payloadLength,
  }),
  protocol({
    name: "udp",
    headers: fc.record({
      sourcePort: u(16),
      destinationPort: u(16),
      length: fc.integer({ min: 8, max: 65535 }),
      checksum: u(16),
    }),
    length: () => 8,
    emit: emitUdp,
    parse: parseUdp,
    end: ({ length }) => length,
  }),
  protocol({
    name: "tcp",
    headers: fc.record({
      sourcePort: u(16),
      destinationPort: u(16),
      sequence: u(32),
      acknowledgement: u(32),
      flags: u(12),
      window: u(16),
      checksum: u(16),
      urgent: u(16),
      options: words(10),
    }),
    length: tcpLength,
    emit: emitTcp,
    parse: parseTcp,
  }),
  protocol({
    name: "icmp",
    headers: fc.record({ type: u(8), code: u(8), checksum: u(16) }),
    length: () => 4,
    emit: emitIcmp,
    parse: parseIcmp,
  }),
  protocol({
    name: "vxlan",
    headers: fc.record({ vni: u(24) }),
    length: () => 8,
    emit: emitVxlan,
    parse: (bytes, offset, end) => parseVxlan(bytes, offset, end, { rule: "strict" }),
  }),
  protocol({
    name: "vxlan with group policy",
    headers: fc.record({
      vni: u(24),
      groupPolicy: fc.record({ group: u(16), dontLearn: fc.boolean(), applied: fc.boolean() }),
    }),
    length: () => 8,
    emit: emitVxlan,
    parse: (bytes, offset, end) =>
      parseVxlan(bytes, offset, end, { rule: "strict", extension: "group-policy" }),
  }),
  protocol({
    name: "vxlan gpe",
    headers: fc.record({
      vni: u(24),
      gpe: fc.record({
        nextProtocol: fc.option(u(8), { nil: undefined }),
        bum: fc.boolean(),
        oam: fc.boolean(),
      }),
    }),
    length: () => 8,
    emit: emitVxlan,
    parse: (bytes, offset, end) => parseVxlan(bytes, offset, end, { rule: "strict", extension: "gpe" }),
  }),
  protocol({
    name: "geneve",
    headers: fc
      .record({
        vni: u(24),
        protocol: u(16),
        oam: fc.boolean(),
        critical: fc.boolean(),
        options: fc.array(fc.record({ class: u(16), type: u(8), data: words(11) }), { maxLength: 5 }),
      })
      .map((header) => ({
        ...header,
        critical: header.critical || header.options.some(({ type }) => type >= 0x80),
      })),
    length: geneveLength,
    emit: emitGeneve,
    parse: (bytes, offset, end) => parseGeneve(bytes, offset, end),
  }),
  protocol({
    name: "gre",
    headers: fc.record({
      protocol: u(16),
      checksum: fc.option(u(16), { nil: undefined }),
      key: fc.option(u(32), { nil: undefined }),
      sequence: fc.option(u(32), { nil: undefined }),
    }),
    length: greLength,
    emit: emitGre,
    parse: (bytes, offset, end) => parseGre(bytes, offset, end),
  }),
];

describe.each(protocols)("$name", ({ headers, length, emit, parse, end }) => {
  test("parse(emit(header)) is the header, and emit writes every byte and no other", () => {
    fc.assert(
      fc.property(headers, (header) => {
        const size = length(header);
        const written = emitted(size, (into, offset) => emit(header, into, offset));
        const offset = 3;
        const frame = new Uint8Array(offset + size);
        frame.set(written, offset);
        const rangeEnd = offset + (end?.(header) ?? size + 100) + 7;
        // The payload is beyond the bytes at hand, as in a capture that kept the headers only.
        const result = parse(frame, offset, rangeEnd);
        expect(result).toEqual({
          ok: true,
          header,
          payload: offset + size,
          end: end ? rangeEnd - 7 : rangeEnd,
        });
      }),
      { seed: 8926, numRuns: 300 },
    );
  });

  test("a header cut anywhere is a stop: by the range truncated, by the bytes cut by the capture", () => {
    fc.assert(
      fc.property(headers, (header) => {
        const size = length(header);
        const frame = new Uint8Array(size);
        emit(header, frame, 0);
        const whole = end?.(header) ?? size;
        for (let cut = 0; cut < size; cut += size > 100 ? 7 : 1) {
          const truncated = parse(frame, 0, cut);
          expect(truncated).toMatchObject({ ok: false });
          if (!truncated.ok) {
            expect(truncated.stop).not.toBe("cut-by-capture");
            expect(truncated.offset).toBeLessThanOrEqual(cut);
          }
          expect(parse(frame.subarray(0, cut), 0, whole)).toEqual({
            ok: false,
            offset: cut,
            stop: "cut-by-capture",
          });
        }
      }),
      { seed: 791, numRuns: 50 },
    );
  });

  test("never throws on bytes, and stays inside the range", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), fc.nat(400), (noise, start, more) => {
        const offset = Math.min(start, noise.length);
        const rangeEnd = offset + more;
        const result = parse(noise, offset, rangeEnd);
        if (result.ok) {
          expect(result.payload).toBeGreaterThan(offset);
          expect(result.payload).toBeLessThanOrEqual(Math.min(noise.length, result.end));
          expect(result.end).toBeLessThanOrEqual(rangeEnd);
        } else {
          expect(result.offset).toBeGreaterThanOrEqual(offset);
          expect(result.offset).toBeLessThanOrEqual(noise.length);
        }
      }),
      { seed: 826, numRuns: 1000 },
    );
  });

  test("bad arguments throw", () => {
    expect(() => parse([] as never, 0, 0)).toThrow(/^bytes: /);
    expect(() => parse(new Uint8Array(8), 9, 9)).toThrow(
      /^offset: expected a whole number from 0 to 8, got 9/,
    );
    expect(() => parse(new Uint8Array(8), 4, 3)).toThrow(/^end: /);
    expect(() => parse(new Uint8Array(8), -1, 8)).toThrow(RangeError);
    const [header] = fc.sample(headers, { seed: 1, numRuns: 1 });
    expect(() => emit(header, new Uint8Array(length(header) + 2), 3)).toThrow(/^into: expected room for /);
    expect(() => emit(header, [] as never, 0)).toThrow(/^into: expected a Uint8Array/);
  });
});

describe("values that do not fit their field", () => {
  const into = new Uint8Array(300);
  const macs = { destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" };
  const ips = { source: "10.0.0.1", destination: "10.0.0.2" };
  test.each<[string, () => unknown]>([
    ["etherType", () => emitEthernet({ ...macs, etherType: 0x10000 }, into)],
    ["vid", () => emitVlan({ vid: 4096, etherType: 0x800 }, into)],
    ["pcp", () => emitVlan({ vid: 1, pcp: 8, etherType: 0x800 }, into)],
    ["ttl", () => emitIpv4({ ...ips, totalLength: 20, protocol: 17, ttl: 256 }, into)],
    ["totalLength", () => emitIpv4({ ...ips, totalLength: 65536, protocol: 17 }, into)],
    ["fragmentOffset", () => emitIpv4({ ...ips, totalLength: 20, protocol: 17, fragmentOffset: 7 }, into)],
    ["options", () => emitIpv4({ ...ips, totalLength: 20, protocol: 17, options: new Uint8Array(41) }, into)],
    ["source", () => emitIpv4({ ...ips, source: "::1", totalLength: 20, protocol: 17 }, into)],
    [
      "destination",
      () => emitIpv6({ source: "::1", destination: "1.2.3.4", payloadLength: 0, protocol: 17 }, into),
    ],
    [
      "flowLabel",
      () =>
        emitIpv6(
          { source: "::1", destination: "::2", payloadLength: 0, protocol: 17, flowLabel: 2 ** 20 },
          into,
        ),
    ],
    [
      "extensions\\[0\\].bytes",
      () =>
        emitIpv6(
          {
            source: "::1",
            destination: "::2",
            payloadLength: 0,
            protocol: 17,
            extensions: [{ type: 0, bytes: new Uint8Array(9) }],
          },
          into,
        ),
    ],
    [
      "extensions\\[0\\].type",
      () =>
        emitIpv6(
          {
            source: "::1",
            destination: "::2",
            payloadLength: 0,
            protocol: 17,
            extensions: [{ type: 1, bytes: new Uint8Array(8) }],
          },
          into,
        ),
    ],
    ["length", () => emitUdp({ sourcePort: 1, destinationPort: 2, length: -1 }, into)],
    ["vni", () => emitVxlan({ vni: 2 ** 24 }, into)],
    [
      "groupPolicy",
      () =>
        emitVxlan(
          {
            vni: 1,
            groupPolicy: { group: 1, dontLearn: false, applied: false },
            gpe: { nextProtocol: 3, bum: false, oam: false },
          },
          into,
        ),
    ],
    ["vni", () => emitGeneve({ vni: -1 }, into)],
    [
      "options\\[1\\].data",
      () =>
        emitGeneve(
          {
            vni: 1,
            options: [
              { class: 1, type: 1, data: new Uint8Array(4) },
              { class: 1, type: 1, data: new Uint8Array(5) },
            ],
          },
          into,
        ),
    ],
    ["key", () => emitGre({ key: 2 ** 32 }, into)],
    [
      "targetMac.length",
      () =>
        emitArp(
          {
            operation: 1,
            senderMac: macs.source,
            senderIp: ips.source,
            targetMac: new Uint8Array(5),
            targetIp: ips.source,
          },
          into,
        ),
    ],
  ])("%s", (name, run) => {
    expect(run).toThrow(RangeError);
    expect(run).toThrow(new RegExp(`^${name}: `));
  });
});
