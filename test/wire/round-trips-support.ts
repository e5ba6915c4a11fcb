// Every protocol alike: headers of any value, and how they are written and read.

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

export const u = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
export const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
export const words = (maximum: number) => fc.nat(maximum).chain((count) => bytes(4 * count));
export const etherType = fc.integer({ min: 0x600, max: 0xffff });

export interface Protocol<Header> {
  name: string;
  headers: fc.Arbitrary<Header>;
  length(header: NoInfer<Header>): number;
  emit(header: NoInfer<Header>, into: Uint8Array, offset: number): number;
  parse(bytes: Uint8Array, offset: number, end: number): Parsed<unknown>;
  /** Offset of the byte where the payload ends, if a length field in the header says so. */
  end?(header: NoInfer<Header>): number;
}

export function protocol<Header>(one: Protocol<Header>): Protocol<unknown> {
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

/** Every protocol: its headers, and what writes and reads them. */
export const protocols: readonly Protocol<unknown>[] = [
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
