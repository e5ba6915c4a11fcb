// Filters beside predicates in JavaScript, as one writes them by hand: ns a packet, bursts of 256.

import { compileFilter } from "../src/filter.ts";
import { FrameBatch, type Kernels, Pipeline } from "../src/index.ts";
import { DESCRIPTOR_LENGTH } from "../src/layout/descriptor.layout.ts";
import type { Contest } from "./contests.ts";
import { makeFrames, makePackets } from "./frames.ts";
import { contender } from "./rounds.ts";

export const FILTERS = "filter";
const BURST = 256;

type Predicate = (bytes: Uint8Array, at: number, length: number) => boolean;

const half = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

/** `tcp port 80`, and no more than that takes. */
const tcpPort80: Predicate = (bytes, at, length) => {
  if (length < 34) return false;
  const type = half(bytes, at + 12);
  let transport = at + 54;
  if (type === 0x0800) {
    if (bytes[at + 23] !== 6 || (half(bytes, at + 20) & 0x1fff) !== 0) return false;
    transport = at + 14 + 4 * ((bytes[at + 14] as number) & 15);
  } else if (type !== 0x86dd || bytes[at + 20] !== 6) return false;
  if (transport + 4 > at + length) return false;
  return half(bytes, transport) === 80 || half(bytes, transport + 2) === 80;
};

const HOSTS = Array.from({ length: 50 }, (_, i) => `10.9.${i}.7`);
const HOST_NUMBERS = new Set(HOSTS.map((_, i) => ((10 << 24) | (9 << 16) | (i << 8) | 7) >>> 0));
const word = (bytes: Uint8Array, at: number): number => ((half(bytes, at) << 16) | half(bytes, at + 2)) >>> 0;

const fiftyHosts: Predicate = (bytes, at, length) => {
  if (length < 42) return false;
  const type = half(bytes, at + 12);
  if (type === 0x0800)
    return HOST_NUMBERS.has(word(bytes, at + 26)) || HOST_NUMBERS.has(word(bytes, at + 30));
  if (type !== 0x0806 && type !== 0x8035) return false;
  return HOST_NUMBERS.has(word(bytes, at + 28)) || HOST_NUMBERS.has(word(bytes, at + 38));
};

const EXPRESSIONS: readonly (readonly [string, string, Predicate])[] = [
  ["tcp port 80", "tcp port 80", tcpPort80],
  ["50 hosts", `host ${HOSTS.join(" or ")}`, fiftyHosts],
];

export function* filterContests(
  kernels: Kernels,
  bytes: number,
  wanted: (group: string) => boolean,
): Generator<Contest> {
  if (!wanted(FILTERS)) return;
  // Plain frames and tunnel packets in turn, so that not every branch is foreseen.
  const plain = makeFrames(BURST, bytes);
  const packets = makePackets(plain);
  const frames = plain.map((frame, i) => (i % 3 === 0 ? (packets[i] as Uint8Array) : frame));
  using batch = new FrameBatch(kernels, { frames: BURST });
  batch.fill(frames);
  const start = batch.descriptors >>> 2;
  const fresh = kernels.words.slice(start, start + (BURST * DESCRIPTOR_LENGTH) / 4);
  const renew = (): void => void kernels.words.set(fresh, start);
  for (const [name, expression, predicate] of EXPRESSIONS) {
    using pipeline = new Pipeline(kernels, [compileFilter(expression).stage]);
    const byHand = (): void => {
      const { words } = kernels;
      for (let d = start; d < start + fresh.length; d += DESCRIPTOR_LENGTH / 4)
        if (!predicate(kernels.bytes, words[d] as number, words[d + 1] as number)) words[d + 4] = 1;
    };
    yield {
      group: FILTERS,
      bytes,
      contenders: [
        contender(`${name}, filter`, BURST, () => void pipeline.run(batch), renew),
        contender(`${name}, JavaScript by hand`, BURST, byHand, renew),
      ],
    };
  }
}
