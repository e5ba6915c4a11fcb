// Headers of tags, wrappings and tunnels of any value, and how they are written and read.

import fc from "fast-check";
import {
  ahLength,
  capwapLength,
  emitAh,
  emitCapwap,
  emitControlWord,
  emitErspan,
  emitETag,
  emitEtherIp,
  emitGtpU,
  emitHdlc,
  emitITag,
  emitL2tpv3,
  emitMpls,
  emitNflog,
  emitNsh,
  emitNull,
  emitPpp,
  emitPppoe,
  emitPptp,
  emitRadiotap,
  emitSll,
  emitSll2,
  emitTzsp,
  emitVnTag,
  emitWlan,
  erspanLength,
  gtpULength,
  l2tpv3Length,
  nflogLength,
  nshLength,
  parseAh,
  parseCapwap,
  parseControlWord,
  parseErspan,
  parseETag,
  parseEtherIp,
  parseGtpU,
  parseHdlc,
  parseITag,
  parseL2tpv3,
  parseMpls,
  parseNflog,
  parseNsh,
  parseNull,
  parsePpp,
  parsePppoe,
  parsePptp,
  parseRadiotap,
  parseSll,
  parseSll2,
  parseTzsp,
  parseVnTag,
  parseWlan,
  pppLength,
  pptpLength,
  radiotapLength,
  tzspLength,
  wlanLength,
} from "frameferry/wire";
import { bytes, etherType, type Protocol, protocol, u, words } from "./round-trips-support.ts";

const flag = fc.boolean();
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const mirrored = { vlan: u(12), cos: u(3), truncated: flag, session: u(10) };

const byteOrder = fc.constantFrom("little" as const, "big" as const);
const cooked = { hardwareType: u(16), address: bytes(8), protocol: u(16) };

/** Without it there is nothing more in the header. */
const NO_BYTES = new Uint8Array(0);

export const wrappings: readonly Protocol<unknown>[] = [
  protocol({
    name: "ah",
    headers: fc.record({ protocol: u(8), spi: u(32), sequence: u(32), icv: words(254) }),
    length: ahLength,
    emit: emitAh,
    parse: parseAh,
  }),
  protocol({
    name: "vn-tag",
    headers: fc.record({
      toInterface: flag,
      pointer: flag,
      destinationVif: u(14),
      looped: flag,
      version: u(2),
      sourceVif: u(12),
      etherType,
    }),
    length: () => 6,
    emit: emitVnTag,
    parse: parseVnTag,
  }),
  protocol({
    name: "e-tag",
    headers: fc.record({
      pcp: u(3),
      dei: flag,
      ingressEcid: u(12),
      group: u(2),
      ecid: u(12),
      ingressExtension: u(8),
      extension: u(8),
      etherType,
    }),
    length: () => 8,
    emit: emitETag,
    parse: parseETag,
  }),
  protocol({
    name: "i-tag",
    headers: fc.record({ pcp: u(3), dei: flag, useCustomerAddresses: flag, isid: u(24) }),
    length: () => 4,
    emit: emitITag,
    parse: parseITag,
  }),
  protocol({
    name: "mpls",
    headers: fc.record({ label: u(20), trafficClass: u(3), bottom: flag, ttl: u(8) }),
    length: () => 4,
    emit: emitMpls,
    parse: parseMpls,
  }),
  protocol({
    name: "control word",
    headers: fc.record({ flags: u(4), fragmentation: u(2), length: u(6), sequence: u(16) }),
    length: () => 4,
    emit: emitControlWord,
    parse: parseControlWord,
  }),
  protocol({
    name: "pppoe",
    headers: fc.record({ code: u(8), session: u(16), length: u(16) }),
    length: () => 6,
    emit: emitPppoe,
    parse: parsePppoe,
    end: ({ length }) => 6 + length,
  }),
  protocol({
    name: "ppp",
    headers: fc.oneof(
      fc.record({
        protocol: u(15).map((number) => ((number & 0x7f00) << 1) | (number & 0xff)),
        addressControl: flag,
        compressed: fc.constant(false),
      }),
      fc.record({
        protocol: u(7).map((number) => (number === 127 ? 1 : number * 2 + 1)),
        addressControl: flag,
        compressed: fc.constant(true),
      }),
    ),
    length: pppLength,
    emit: emitPpp,
    parse: parsePpp,
  }),
  protocol({
    name: "pptp",
    headers: fc.record({
      protocol: u(16),
      payloadLength: u(16),
      call: u(16),
      sequence: maybe(u(32)),
      acknowledgement: maybe(u(32)),
    }),
    length: pptpLength,
    emit: emitPptp,
    parse: parsePptp,
    end: (header) => pptpLength(header) + header.payloadLength,
  }),
  protocol({
    name: "erspan",
    headers: fc.oneof(
      fc.record({ type: fc.constant(2 as const), ...mirrored, encapsulation: u(2), index: u(20) }),
      fc.record({
        type: fc.constant(3 as const),
        ...mirrored,
        state: u(2),
        timestamp: u(32),
        securityGroup: u(16),
        ethernet: flag,
        frameType: u(5),
        hardware: u(6),
        egress: flag,
        granularity: u(2),
        platform: maybe(bytes(8)),
      }),
    ),
    length: erspanLength,
    emit: emitErspan,
    parse: (bytes, offset, end) => parseErspan(bytes, offset, end),
  }),
  protocol({
    name: "etherip",
    headers: fc.record({ version: fc.constant(3) }),
    length: () => 2,
    emit: emitEtherIp,
    parse: parseEtherIp,
  }),
  protocol({
    name: "gtp-u",
    headers: fc.record({
      messageType: u(8),
      length: fc.integer({ min: 1200, max: 65535 }),
      teid: u(32),
      sequence: maybe(u(16)),
      number: maybe(u(8)),
      extensions: fc.array(
        fc.record({
          type: fc.integer({ min: 1, max: 255 }),
          data: fc.nat(40).chain((count) => bytes(4 * count + 2)),
        }),
        { maxLength: 4 },
      ),
    }),
    length: gtpULength,
    emit: emitGtpU,
    parse: parseGtpU,
    end: ({ length }) => 8 + length,
  }),
  ...(["ip", "udp"] as const).flatMap((over) =>
    ([0, 4, 8] as const).map((cookie) =>
      protocol({
        name: `l2tpv3 over ${over}, a cookie of ${cookie} bytes`,
        headers: fc.record({
          over: fc.constant(over),
          control: fc.constant(false),
          session: fc.integer({ min: 1, max: 0xffffffff }),
          cookie: bytes(cookie),
          sublayer: fc.record({ sequence: maybe(u(24)) }),
        }),
        length: l2tpv3Length,
        emit: emitL2tpv3,
        parse: (bytes, offset, end) => parseL2tpv3(bytes, offset, end, { over, cookie, sublayer: true }),
      }),
    ),
  ),
  protocol({
    name: "l2tpv3, a control message over udp",
    headers: fc.record({
      over: fc.constant("udp" as const),
      control: fc.constant(true),
      session: u(32),
      cookie: fc.constant(NO_BYTES),
    }),
    length: l2tpv3Length,
    emit: emitL2tpv3,
    parse: (bytes, offset, end) => parseL2tpv3(bytes, offset, end, { over: "udp", cookie: 8 }),
  }),
  protocol({
    name: "nsh",
    headers: fc.record({
      oam: flag,
      ttl: u(6),
      mdType: u(4),
      nextProtocol: u(8),
      path: u(24),
      index: u(8),
      context: words(61),
    }),
    length: nshLength,
    emit: emitNsh,
    parse: parseNsh,
  }),
  protocol({
    name: "tzsp",
    headers: fc.record({
      type: u(8),
      protocol: u(16),
      tags: fc.array(
        fc.oneof(
          fc.constant({ type: 0, data: NO_BYTES }),
          fc.record({ type: fc.integer({ min: 2, max: 255 }), data: fc.nat(60).chain(bytes) }),
        ),
        { maxLength: 5 },
      ),
    }),
    length: tzspLength,
    emit: emitTzsp,
    parse: parseTzsp,
  }),
  protocol({
    name: "capwap",
    headers: fc.record({
      dtls: fc.constant(false),
      radio: u(5),
      binding: u(5),
      native: flag,
      fragment: flag,
      last: flag,
      wireless: flag,
      address: flag,
      keepAlive: flag,
      fragmentId: u(16),
      fragmentOffset: u(13),
      options: words(29),
    }),
    length: capwapLength,
    emit: emitCapwap,
    parse: parseCapwap,
  }),
  protocol({
    name: "sll",
    headers: fc.record({ ...cooked, packetType: u(16), addressLength: u(16) }),
    length: () => 16,
    emit: emitSll,
    parse: parseSll,
  }),
  protocol({
    name: "sll2",
    headers: fc.record({ ...cooked, packetType: u(8), addressLength: u(8), interfaceIndex: u(32) }),
    length: () => 20,
    emit: emitSll2,
    parse: parseSll2,
  }),
  protocol({
    name: "null",
    headers: fc.record({ family: fc.integer({ min: 1, max: 255 }), byteOrder }),
    length: () => 4,
    emit: emitNull,
    parse: parseNull,
  }),
  protocol({
    name: "hdlc",
    headers: fc.record({ address: u(8), control: u(8), etherType: u(16) }),
    length: () => 4,
    emit: emitHdlc,
    parse: parseHdlc,
  }),
  protocol({
    name: "nflog",
    headers: fc.record({
      family: u(8),
      version: u(8),
      group: u(16),
      byteOrder,
      fields: fc.array(
        fc.record({ type: fc.integer({ min: 10, max: 255 }), data: fc.nat(30).chain(bytes) }),
        { maxLength: 4 },
      ),
      payloadLength: fc.integer({ min: 1, max: 65000 }),
    }),
    length: nflogLength,
    emit: emitNflog,
    parse: parseNflog,
    end: (header) => nflogLength(header) + header.payloadLength,
  }),
  protocol({
    name: "radiotap",
    headers: fc.record({
      present: fc.tuple(fc.array(u(31), { maxLength: 2 }), u(31)).map(([more, last]) => {
        return [...more.map((word) => word + 2 ** 31), last];
      }),
      fields: fc.nat(60).chain(bytes),
    }),
    length: radiotapLength,
    emit: emitRadiotap,
    parse: parseRadiotap,
  }),
  ...([false, true] as const).map((padded) =>
    protocol({
      name: `802.11${padded ? ", padded" : ""}`,
      headers: fc
        .record({ type: fc.constantFrom(0, 2), subtype: u(4), flags: u(8), duration: u(16) })
        .chain(({ type, subtype, flags, duration }) => {
          const four = type === 2 && (flags & 3) === 3;
          const qos = type === 2 && subtype >= 8;
          const ht = qos && flags >= 0x80;
          const length = 24 + (four ? 6 : 0) + (qos ? 2 : 0) + (ht ? 4 : 0);
          return fc.record({
            type: fc.constant(type),
            subtype: fc.constant(subtype),
            flags: fc.constant(flags),
            duration: fc.constant(duration),
            addresses: fc.array(bytes(6), { minLength: four ? 4 : 3, maxLength: four ? 4 : 3 }),
            fragment: u(4),
            sequence: u(12),
            qos: qos ? u(16) : fc.constant(undefined),
            ht: ht ? u(32) : fc.constant(undefined),
            padding: fc.constant(padded ? -length & 3 : 0),
          });
        }),
      length: wlanLength,
      emit: emitWlan,
      parse: (bytes, offset, end) => parseWlan(bytes, offset, end, { padded }),
    }),
  ),
];
