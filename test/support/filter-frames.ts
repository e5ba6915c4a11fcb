// Frames to try filters on, the same in Node and in browsers: headers of every kind that the language knows, made from a
// seed, some of them changed and some cut.
import { type Frame, Random } from "./filter-expressions.ts";

const STATION = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
const GROUP = [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2];

/** Of the frames whose verdicts are frozen in test/fixtures/filter-verdicts.json. */
export const FROZEN_SEED = 11;

/** Verdicts, digits of 0 and 1, as half as many digits of four each. */
export function hexOf(verdicts: string): string {
  return verdicts.replace(/[01]{1,4}/g, (four) => Number.parseInt(four.padEnd(4, "0"), 2).toString(16));
}

/** Some hundreds. */
export function filterFrames(seed: number): Frame[] {
  const random = new Random(seed);
  const frames: Frame[] = [];
  for (const whole of wholeFrames()) {
    frames.push({ bytes: whole, wireLength: whole.length });
    const changed = whole.slice();
    for (let i = 0; i < 3; i++) changed[random.next(Math.min(80, changed.length))] = random.next(256);
    frames.push({ bytes: changed, wireLength: whole.length });
    for (const length of [random.next(whole.length), random.next(60)])
      frames.push({ bytes: whole.slice(0, length), wireLength: whole.length });
  }
  return frames;
}

/** Headers of IPv6 behind one another, cut at each length. Authentication headers libpcap gets lost in. */
export function chainFrames(): Frame[] {
  const routed = [43, 0, 0, 1, 0, 0, 0, 0];
  const chains: readonly (readonly [number, readonly number[]])[] = [
    [6, tcp(80, 443)],
    [0, [60, 0, 1, 4, 0, 0, 0, 0, 17, 1, ...new Array(14).fill(0), ...udp(53, [])]],
    [60, [...routed, 44, 0, 0, 0, 0, 0, 0, 0, 58, 0, 0, 9, 0, 0, 0, 1, 128, 0]],
    [44, [59, 0, 0, 0, 0, 0, 0, 0]],
    [43, [89, 200, 0, 0]],
  ];
  const wholes = chains.flatMap(([next, payload]) => [
    [...STATION, 0x86, 0xdd, ...ipv6(next, payload)],
    [...STATION, 8, 0, ...ipv4(next, payload)],
  ]);
  return wholes.flatMap((whole) =>
    Array.from({ length: whole.length + 1 }, (_, length) => ({
      bytes: Uint8Array.from(whole.slice(0, length)),
      wireLength: whole.length,
    })),
  );
}

function half(value: number): [number, number] {
  return [value >> 8, value & 255];
}

function ipv4(protocol: number, payload: readonly number[]): number[] {
  const addresses = [192, 168, 1, 7, 192, 168, 1, 8];
  return [0x45, 0, ...half(20 + payload.length), 0, 1, 0, 0, 64, protocol, 0, 0, ...addresses, ...payload];
}

function ipv6(protocol: number, payload: readonly number[]): number[] {
  const addresses = [0xfd, ...new Array(14).fill(0), 7, 0xff, 2, ...new Array(13).fill(0), 8];
  return [0x60, 0, 0, 0, ...half(payload.length), protocol, 64, ...addresses, ...payload];
}

function tcp(source: number, destination: number): number[] {
  return [
    ...half(source),
    ...half(destination),
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0x50,
    0x12,
    255,
    255,
    0,
    0,
    0,
    0,
    1,
    2,
  ];
}

function udp(destination: number, payload: readonly number[]): number[] {
  return [...half(53), ...half(destination), ...half(8 + payload.length), 0, 0, ...payload];
}

const OVER_IP: readonly (readonly [number, readonly number[]])[] = [
  [6, tcp(80, 40000)],
  [6, tcp(40000, 443)],
  [17, udp(2048, [1, 2, 3, 4])],
  [132, [...half(80), ...half(81), 0, 0, 0, 0, 0, 0, 0, 0]],
  [1, [8, 0, 1, 2, 3, 4, 5, 6]],
  [58, [128, 0, 1, 2, 3, 4, 5, 6]],
  [44, [6, 0, 0, 1, 0, 0, 0, 9, ...tcp(80, 443)]],
  [2, [0x16, 0, 0, 0, 0, 0, 0, 0]],
];

function wholeFrames(): Uint8Array[] {
  const inner = [...STATION, 8, 0, ...ipv4(6, tcp(80, 5))];
  const packets: (readonly [number, readonly number[]])[] = OVER_IP.flatMap(([protocol, payload]) => [
    [0x0800, ipv4(protocol, payload)] as const,
    [0x86dd, ipv6(protocol, payload)] as const,
  ]);
  packets.push(
    [0x0800, ipv4(17, udp(6081, [0, 0, 0x65, 0x58, 0, 0, 2, 0, ...inner]))],
    [0x86dd, ipv6(17, udp(6081, [1, 0, 0x65, 0x58, 0, 0, 2, 0, 1, 2, 3, 4, ...inner]))],
    [0x0800, ipv4(17, udp(6081, [0, 0, 8, 0, 0, 0, 2, 0, ...ipv4(6, tcp(80, 5))]))],
    [0x0800, ipv4(17, udp(4789, [8, 0, 0, 0, 0, 0, 2, 0, ...inner]))],
    [0x0806, [0, 1, 8, 0, 6, 4, 0, 2, ...STATION.slice(6), 192, 168, 1, 7, 0, 0, 0, 0, 0, 0, 192, 168, 1, 8]],
    [0x8035, [0, 1, 8, 0, 6, 4, 0, 3, ...STATION.slice(6), 192, 168, 1, 8, 0, 0, 0, 0, 0, 0, 192, 168, 1, 7]],
    [0x8847, [0, 1, 0, 9, 0, 2, 1, 9, ...ipv4(6, tcp(80, 5))]],
    [0x8847, [0, 1, 1, 9, ...ipv6(17, udp(53, []))]],
    [0x8864, [0x11, 0, 0, 1, 0, 40, 0, 0x21, ...ipv4(6, tcp(80, 5))]],
    [0x8864, [0x11, 0, 0, 2, 0, 40, 0, 0x57, ...ipv6(6, tcp(5, 443))]],
    ...[0x8863, 0x809b, 0x80f3, 0x6003, 0x8137, 0x88cc].map((type) => [type, OVER_IP[0]![1]] as const),
    [60, [0xfe, 0xfe, 3, 0x83, 0, 0, 0, 15]],
    [60, [0x42, 0x42, 3, 0]],
    [60, [0xe0, 0xe0, 3, 0]],
    [60, [0xf0, 0xf0, 3, 0]],
    [60, [0xff, 0xff, 0, 0]],
    [60, [0xaa, 0xaa, 3, 8, 0, 7, 0x80, 0x9b]],
    [60, [0xaa, 0xaa, 3, 0, 0, 0, 0x80, 0xf3]],
  );
  return packets.flatMap(([type, payload], index) =>
    [[], [0x8100, 5], [0x88a8, 5, 0x8100, 7]].slice(0, index < 22 ? 3 : 1).map((tags) => {
      const addresses = index % 7 === 0 ? GROUP : STATION;
      const bytes = [...addresses, ...tags.flatMap(half), ...half(type), ...payload];
      return Uint8Array.from([...bytes, ...new Array(Math.max(0, 60 - bytes.length)).fill(0)]);
    }),
  );
}
