// TCP and UDP segments as the standards have them, built one by one from what is said of them: the model against which the kernels of
// offloads are held. It shares no code with them, nor with the codecs of the package.
import fc from "fast-check";

export interface Segments {
  readonly ipv6: boolean;
  readonly tcp: boolean;
  /** VLAN tags. */
  readonly tags: number;
  /** Bytes of TCP options, a multiple of four. */
  readonly options: number;
  /** FIN 1, PSH 8, ACK 16, ECE 64, CWR 128. */
  readonly flags: number;
  readonly sequence: number;
  readonly id: number;
  readonly dontFragment: boolean;
  readonly payload: Uint8Array;
  /** Bytes of payload in each segment but the last. */
  readonly segment: number;
  readonly seed: number;
}

export const segmentsArbitrary: fc.Arbitrary<Segments> = fc
  .record({
    ipv6: fc.boolean(),
    tcp: fc.boolean(),
    tags: fc.nat(2),
    options: fc.constantFrom(0, 4, 12, 40),
    flags: fc.constantFrom(0x10, 0x18, 0x19, 0x50, 0x90, 0xd8),
    sequence: fc.constantFrom(0, 1, 0x12345678, 0xffffff00, 0xffffffff),
    id: fc.constantFrom(0, 1, 0xfffe, 0xffff, 0x1234),
    dontFragment: fc.boolean(),
    segment: fc.oneof(fc.integer({ min: 8, max: 64 }), fc.constantFrom(536, 1200, 1440, 1448, 1460, 8948)),
    count: fc.integer({ min: 2, max: 45 }),
    last: fc.integer({ min: 1, max: 100_000 }),
    seed: fc.nat(0xffff),
  })
  .map(({ segment, count, last, ...rest }) => {
    const most = Math.max(2, Math.min(count, Math.floor(64_000 / segment)));
    const length = (most - 1) * segment + 1 + (last % segment);
    return { ...rest, segment, payload: noise(length, rest.seed) };
  });

/** Bytes that look like nothing. */
export function noise(length: number, seed: number): Uint8Array {
  let x = seed + 1;
  return Uint8Array.from({ length }, () => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    return x >>> 16;
  });
}

/** The frame with bytes `from` to `end` of the payload, as segment `number`; `isFirst` and `isLast` say which flags it keeps. */
function frameWith(
  it: Segments,
  from: number,
  end: number,
  number: number,
  isFirst: boolean,
  isLast: boolean,
) {
  const body = it.payload.subarray(from, end);
  const transport = it.tcp ? tcpHeader(it, from, isFirst, isLast) : udpHeader(it, body.length);
  const addresses = noise(it.ipv6 ? 32 : 8, it.seed + 7);
  const protocol = it.tcp ? 6 : 17;
  const length = transport.length + body.length;
  const pseudo = it.ipv6
    ? [...addresses, 0, 0, length >> 8, length & 255, 0, 0, 0, protocol]
    : [...addresses, 0, protocol, length >> 8, length & 255];
  const sum = onesComplement([...pseudo, ...transport, ...body]);
  put16(transport, it.tcp ? 16 : 6, !it.tcp && sum === 0 ? 0xffff : sum);
  const ip = it.ipv6
    ? [0x60, 0x12, 0x34, 0x56, length >> 8, length & 255, protocol, 61, ...addresses]
    : ipv4Header(it, length + 20, protocol, addresses, number);
  const tags = Array.from({ length: it.tags }, (_, i) => [
    i === 0 ? 0x88 : 0x81,
    i === 0 ? 0xa8 : 0,
    0x20,
    5 + i,
  ]);
  const type = it.ipv6 ? [0x86, 0xdd] : [0x08, 0x00];
  const ethernet = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ...tags.flat(), ...type];
  return Uint8Array.from([...ethernet, ...ip, ...transport, ...body]);
}

/** All of it as one frame, with a right checksum. */
export function superFrame(it: Segments): Uint8Array {
  return frameWith(it, 0, it.payload.length, 0, true, true);
}

/** What is on the wire; `pieces` of so many segments at a time. */
export function segmentsOf(it: Segments, pieces = 1): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const step = it.segment * pieces;
  for (let from = 0; from < it.payload.length; from += step) {
    const end = Math.min(from + step, it.payload.length);
    frames.push(frameWith(it, from, end, from / it.segment, from === 0, end === it.payload.length));
  }
  return frames;
}

/** Bytes in front of the payload. */
export function headersOf({ ipv6, tcp, tags, options }: Segments): number {
  return 14 + 4 * tags + (ipv6 ? 40 : 20) + (tcp ? 20 + options : 8);
}

/** Where the header of TCP or UDP begins. */
export function transportOf({ ipv6, tags }: Pick<Segments, "ipv6" | "tags">): number {
  return 14 + 4 * tags + (ipv6 ? 40 : 20);
}

function tcpHeader(it: Segments, before: number, isFirst: boolean, isLast: boolean): number[] {
  let { flags } = it;
  if (!isFirst) flags &= ~0x80;
  if (!isLast) flags &= ~0x09;
  const sequence = (it.sequence + before) % 2 ** 32;
  const header = [
    0x30,
    0x39,
    0x14,
    0x51,
    0,
    0,
    0,
    0,
    9,
    8,
    7,
    6,
    (5 + it.options / 4) << 4,
    flags,
    0xfa,
    0xf0,
  ];
  for (let i = 0; i < 4; i++) header[4 + i] = Math.floor(sequence / 2 ** (24 - 8 * i)) & 255;
  return [...header, 0, 0, 0, 0, ...noise(it.options, it.seed + 3)];
}

function udpHeader(_it: Segments, length: number): number[] {
  return [0x30, 0x39, 0x14, 0x51, (length + 8) >> 8, (length + 8) & 255, 0, 0];
}

function ipv4Header(it: Segments, total: number, protocol: number, addresses: Uint8Array, number: number) {
  const id = (it.id + number) & 0xffff;
  const header = [0x45, 2, total >> 8, total & 255, id >> 8, id & 255, it.dontFragment ? 0x40 : 0, 0];
  header.push(61, protocol, 0, 0, ...addresses);
  put16(header, 10, onesComplement(header));
  return header;
}

function put16(bytes: number[], at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}

/** The Internet checksum, by RFC 1071. */
export function onesComplement(bytes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
