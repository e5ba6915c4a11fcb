// Frames in wrappings of every kind, put together byte by byte from the standards' diagrams. What is built says what must
// come out: no parser is asked.
import type { WrappingKind } from "frameferry";
import { checksumFold, checksumSum } from "frameferry/wire";

export const FRAME = 0x6558;
export const IPV4 = 0x0800;
export const IPV6 = 0x86dd;
export const MPLS = 0x8847;
export const NSH = 0x894f;

/** Something with the EtherType that says what it is: a whole frame is one, too. */
export interface Piece {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Numbers for what may be any. */
export type Draw = (most: number) => number;

/** How one wrapping is put around something. */
export interface Recipe {
  readonly kind: WrappingKind;
  /** What it can carry. */
  readonly carries: readonly number[];
  /** What the result is: an IP packet, or something directly in a frame. */
  readonly wrap: (inner: Piece, draw: Draw) => Piece;
  /** The number that is told of it, if there is one. */
  readonly number?: (draw: Draw) => { vni?: number; key?: number };
}

export const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Numbers of 16 bits. */
export const words = (...values: readonly number[]): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => [(value >>> 8) & 0xff, value & 0xff]));

/** A number of 32 bits. */
export const long = (value: number): Uint8Array => words(Math.floor(value / 65536), value % 65536);

const MACS = hex("02 11 22 33 44 55 02 66 77 88 99 aa");
/** What frames have that are made up for IP packets. */
export const MADE_UP = hex("02 00 00 00 00 02 02 00 00 00 00 01");

/** The frame that a piece is, or is in. */
export function frameOf({ type, bytes }: Piece, macs: Uint8Array = MACS): Uint8Array {
  return type === FRAME ? bytes : join(macs, words(type), bytes);
}

/** The innermost passenger: a frame or an IP packet, with `length` bytes of payload. */
export function passenger(type: number, length: number, draw: Draw): Piece {
  const payload = Uint8Array.from({ length }, () => draw(256));
  if (type === IPV4) return ipv4(253, payload);
  if (type === IPV6) return ipv6(253, payload);
  return { type: FRAME, bytes: frameOf(ipv4(253, payload)) };
}

export function ipv4(
  protocol: number,
  payload: Uint8Array,
  { options = 0, fragment = 0, total }: { options?: number; fragment?: number; total?: number } = {},
): Piece {
  const headerLength = 20 + 4 * options;
  const header = join(
    Uint8Array.of(0x40 | (headerLength >> 2), 0),
    words(total ?? headerLength + payload.length, 0x1234, fragment),
    Uint8Array.of(64, protocol, 0, 0),
    hex("c0 00 02 01 c0 00 02 02"),
    new Uint8Array(4 * options).fill(1),
  );
  header.set(words(~checksumFold(checksumSum(header, 0, headerLength)) & 0xffff), 10);
  return { type: IPV4, bytes: join(header, payload) };
}

export function ipv6(next: number, payload: Uint8Array, length: number = payload.length): Piece {
  const addresses = hex("20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002");
  return {
    type: IPV6,
    bytes: join(hex("60000000"), words(length), Uint8Array.of(next, 64), addresses, payload),
  };
}

/** An IP packet of either version, with something to pass over now and then. */
function overIp(protocol: number, payload: Uint8Array, draw: Draw): Piece {
  const ah = (next: number): Uint8Array =>
    join(Uint8Array.of(next, 4, 0, 0), long(7), long(1), new Uint8Array(12));
  switch (draw(8)) {
    case 0:
      return ipv4(protocol, payload, { options: draw(11) });
    case 1:
      return ipv4(51, join(ah(protocol), payload));
    case 2:
      return ipv6(protocol, payload);
    case 3: // hop-by-hop, routing, destination options
      return ipv6(
        0,
        join(
          hex("2b00 010400000000"),
          hex("3c02 0400 00000000 0000000000000000 0000000000000000"),
          Uint8Array.of(protocol, 0, 1, 4, 0, 0, 0, 0),
          payload,
        ),
      );
    case 4: // an atomic fragment
      return ipv6(44, join(Uint8Array.of(protocol, 0, 0, 0, 1, 2, 3, 4), payload));
    case 5:
      return ipv6(51, join(ah(protocol), payload));
    default:
      return ipv4(protocol, payload);
  }
}

function overUdp(port: number, payload: Uint8Array, draw: Draw): Piece {
  return overIp(17, join(words(49152 + draw(1000), port, payload.length + 8, 0), payload), draw);
}

const NEXT: Readonly<Record<number, number>> = { [IPV4]: 1, [IPV6]: 2, [FRAME]: 3, [NSH]: 4, [MPLS]: 5 };
const PPP: Readonly<Record<number, number>> = { [IPV4]: 0x21, [IPV6]: 0x57, [MPLS]: 0x281 };

/** PPP with and without address, control and the first byte of the protocol. */
function ppp({ type, bytes }: Piece, draw: Draw): Uint8Array {
  const protocol = PPP[type]!;
  const short = protocol < 256 && draw(2) === 0;
  return join(draw(2) ? hex("ff03") : hex(""), short ? Uint8Array.of(protocol) : words(protocol), bytes);
}

function labels(inner: Piece, draw: Draw): Uint8Array {
  const stack = Array.from({ length: draw(3) }, () => long((16 + draw(1000)) * 4096 + 64));
  const control = inner.type === FRAME && draw(2) === 0 ? long(draw(65536)) : hex("");
  return join(...stack, long((16 + draw(1000)) * 4096 + 256 + 64), control, inner.bytes);
}

/** GRE with any of its fields. */
function gre(type: number, payload: Uint8Array, key: number | undefined, sequenced: boolean): Uint8Array {
  return join(
    words((key === undefined ? 0 : 0x2000) | (sequenced ? 0x1000 : 0), type),
    key === undefined ? hex("") : long(key),
    sequenced ? long(5) : hex(""),
    payload,
  );
}

const IP = [IPV4, IPV6];
const ALL = [FRAME, IPV4, IPV6, MPLS, NSH];

/** A frame's tag between its addresses and its type. */
const tagged = (inner: Piece, type: number, tag: Uint8Array): Piece => ({
  type: FRAME,
  bytes: join(inner.bytes.subarray(0, 12), words(type), tag, inner.bytes.subarray(12)),
});

export const RECIPES: readonly Recipe[] = [
  {
    kind: "vxlan",
    carries: [FRAME],
    wrap: ({ bytes }, draw) => overUdp(draw(2) ? 4789 : 8472, join(hex("08000000 00002a00"), bytes), draw),
    number: () => ({ vni: 42 }),
  },
  {
    kind: "vxlan-gpe",
    carries: ALL,
    wrap: ({ type, bytes }, draw) =>
      overUdp(4790, join(hex("0c0000"), Uint8Array.of(NEXT[type]!), hex("00002b00"), bytes), draw),
    number: () => ({ vni: 43 }),
  },
  {
    kind: "geneve",
    carries: ALL,
    wrap: ({ type, bytes }, draw) => {
      const options = draw(3);
      const header = join(Uint8Array.of(options, 0), words(type), hex("00002c00"));
      return overUdp(
        6081,
        join(header, ...Array.from({ length: options }, () => hex("01020300")), bytes),
        draw,
      );
    },
    number: () => ({ vni: 44 }),
  },
  {
    kind: "gre",
    carries: ALL,
    wrap: ({ type, bytes }, draw) => overIp(47, gre(type, bytes, 77, draw(2) === 0), draw),
    number: () => ({ key: 77 }),
  },
  {
    kind: "gre",
    carries: [IPV4, IPV6, MPLS],
    wrap: (inner, draw) => overIp(47, gre(0x880b, ppp(inner, draw), undefined, draw(2) === 0), draw),
  },
  {
    kind: "erspan",
    carries: [FRAME],
    wrap: ({ bytes }, draw) => {
      const third = join(hex("2064 0007 00000001 0003 0000"), bytes);
      const more = join(hex("2064 0007 00000001 0003 0001 0102030405060708"), bytes);
      switch (draw(4)) {
        case 0:
          return overIp(47, gre(0x88be, bytes, undefined, false), draw);
        case 1:
          return overIp(47, gre(0x88be, join(hex("1064 0007 00000001"), bytes), undefined, true), draw);
        default:
          return overIp(47, gre(0x22eb, draw(2) ? third : more, undefined, true), draw);
      }
    },
  },
  {
    kind: "erspan",
    carries: IP,
    wrap: ({ bytes }, draw) =>
      overIp(47, gre(0x22eb, join(hex("2064 0007 00000001 0003 0800"), bytes), undefined, true), draw),
  },
  {
    kind: "gre-in-udp",
    carries: ALL,
    wrap: ({ type, bytes }, draw) => overUdp(4754, gre(type, bytes, 78, draw(2) === 0), draw),
    number: () => ({ key: 78 }),
  },
  {
    kind: "pptp",
    carries: [IPV4, IPV6, MPLS],
    wrap: (inner, draw) => {
      const frame = ppp(inner, draw);
      const acknowledged = draw(2) === 0;
      const header = words(acknowledged ? 0x3081 : 0x3001, 0x880b, frame.length, 9);
      return overIp(47, join(header, long(1), acknowledged ? long(2) : hex(""), frame), draw);
    },
  },
  { kind: "ipip", carries: [IPV4], wrap: ({ bytes }, draw) => ipv4(4, bytes, { options: draw(3) }) },
  { kind: "6in4", carries: [IPV6], wrap: ({ bytes }) => ipv4(41, bytes) },
  { kind: "4in6", carries: [IPV4], wrap: ({ bytes }) => ipv6(4, bytes) },
  { kind: "6in6", carries: [IPV6], wrap: ({ bytes }) => ipv6(60, join(hex("2900 010400000000"), bytes)) },
  {
    kind: "gtp-u",
    carries: IP,
    wrap: ({ bytes }, draw) => {
      const body = draw(2) ? bytes : join(hex("0001 00 85 01100900"), bytes);
      const header = join(
        Uint8Array.of(body === bytes ? 0x30 : 0x34, 255),
        words(body.length),
        long(0x01020304),
      );
      return overUdp(2152, join(header, body), draw);
    },
  },
  {
    kind: "mpls",
    carries: [FRAME, ...IP],
    wrap: (inner, draw) => ({ type: MPLS, bytes: labels(inner, draw) }),
  },
  { kind: "mpls", carries: [FRAME, ...IP], wrap: (inner, draw) => overIp(137, labels(inner, draw), draw) },
  {
    kind: "mpls-in-udp",
    carries: [FRAME, ...IP],
    wrap: (inner, draw) => overUdp(6635, labels(inner, draw), draw),
  },
  {
    kind: "pppoe",
    carries: [IPV4, IPV6, MPLS],
    wrap: (inner, draw) => {
      const frame = ppp(inner, draw);
      return { type: FRAME, bytes: join(MACS, words(0x8864, 0x1100, 3, frame.length), frame) };
    },
  },
  { kind: "vn-tag", carries: [FRAME], wrap: (inner) => tagged(inner, 0x8926, hex("80050006")) },
  { kind: "802.1br", carries: [FRAME], wrap: (inner) => tagged(inner, 0x893f, hex("000110020000")) },
  {
    kind: "802.1ah",
    carries: [FRAME],
    wrap: ({ bytes }) => ({ type: FRAME, bytes: join(MACS, words(0x88e7), hex("00012345"), bytes) }),
    number: () => ({ vni: 0x12345 }),
  },
  {
    kind: "etherip",
    carries: [FRAME],
    wrap: ({ bytes }, draw) => overIp(97, join(hex("3000"), bytes), draw),
  },
  {
    kind: "l2tp",
    carries: [IPV4, IPV6, MPLS],
    wrap: (inner, draw) => {
      const frame = ppp(inner, draw);
      switch (draw(3)) {
        case 0:
          return overUdp(1701, join(words(0x0002, 5, 6), frame), draw);
        case 1:
          return overUdp(1701, join(words(0x4802, 12 + frame.length, 5, 6, 1, 2), frame), draw);
        default:
          return overUdp(1701, join(words(0x0202, 5, 6, 2, 0), frame), draw);
      }
    },
  },
  {
    kind: "l2tpv3",
    carries: [FRAME],
    wrap: ({ bytes }, draw) => {
      const session = join(long(9), new Uint8Array(4 * draw(4)).fill(0x5a), bytes);
      return draw(2) ? overIp(115, session, draw) : overUdp(1701, join(words(0x0003, 0), session), draw);
    },
  },
  {
    kind: "nsh",
    carries: ALL,
    wrap: ({ type, bytes }, draw) => {
      const fixed = draw(2) === 0;
      const header = Uint8Array.of(0x0f, fixed ? 0xc6 : 0xc2, fixed ? 1 : 2, NEXT[type]!);
      return { type: NSH, bytes: join(header, hex("000001ff"), new Uint8Array(fixed ? 16 : 0), bytes) };
    },
  },
  {
    kind: "tzsp",
    carries: [FRAME],
    wrap: ({ bytes }, draw) => overUdp(37008, join(hex("01 00 0001 00 0a01c8 01"), bytes), draw),
  },
  {
    kind: "tzsp",
    carries: IP,
    wrap: ({ type, bytes }, draw) => overUdp(37008, join(hex("01 00 0012 01"), wlan(type), bytes), draw),
  },
  {
    kind: "capwap",
    carries: [FRAME],
    wrap: ({ bytes }, draw) => overUdp(5247, join(hex("00 100200 00000000"), bytes), draw),
  },
  {
    kind: "capwap",
    carries: IP,
    wrap: ({ type, bytes }, draw) => overUdp(5247, join(hex("00 100300 00000000"), wlan(type), bytes), draw),
  },
];

/** A data frame of IEEE 802.11 up to what its EtherType announces. */
function wlan(type: number): Uint8Array {
  return join(hex("0802 0000"), MACS, hex("0222334455660010"), hex("aaaa03000000"), words(type));
}
