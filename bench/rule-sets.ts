// Sets of rules and traffic for tables of them, from a seed.

import { Random } from "./frames.ts";

/** What all peers can do: IPv4, prefixes, a protocol, a range of ports on each side. */
export interface PlainRule {
  readonly source: readonly [number, number];
  readonly destination: readonly [number, number];
  /** 0: any. */
  readonly protocol: number;
  readonly sourcePort: readonly [number, number];
  readonly destinationPort: readonly [number, number];
  readonly drops: boolean;
}

const ALL_PORTS = [0, 65535] as const;

function prefix(random: Random, length: number): readonly [number, number] {
  const mask = length === 0 ? 0 : 0xffffffff << (32 - length);
  return [(((10 << 24) | random.below(1 << 24)) & mask) >>> 0, length];
}

const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)] as T;

/** As a firewall has them: two prefixes of 16, 24 or 32 bits, TCP or UDP, a port, each third a range of up to 1,000. */
function firewall(random: Random): PlainRule {
  const first = random.below(60_000);
  const last = random.below(3) === 0 ? first + random.below(1000) : first;
  return {
    source: prefix(random, pick(random, [16, 24, 32])),
    destination: prefix(random, pick(random, [16, 24, 32])),
    protocol: pick(random, [6, 17]),
    sourcePort: ALL_PORTS,
    destinationPort: [first, last],
    drops: random.below(2) === 0,
  };
}

/** Prefixes of many lengths on both sides, well-known ports, all ports from 1024 on, ranges, and any. */
function access(random: Random): PlainRule {
  const lengths = [
    0, 8, 12, 16, 18, 20, 21, 22, 23, 24, 24, 24, 24, 25, 26, 27, 28, 29, 30, 32, 32, 32, 32, 32,
  ];
  const source = pick(random, lengths);
  const destination = pick(random, lengths);
  const port = pick(random, [
    22,
    25,
    53,
    80,
    110,
    123,
    143,
    443,
    445,
    993,
    3306,
    3389,
    8080,
    random.below(65536),
  ]);
  const first = random.below(60_000);
  return {
    source: prefix(random, source),
    // No rule is about nearly everything: it would decide alone.
    destination: prefix(random, source + destination < 24 ? 32 : destination),
    protocol: pick(random, [6, 6, 6, 17, 0]),
    sourcePort: random.below(20) === 0 ? [1024, 65535] : ALL_PORTS,
    destinationPort: pick(random, [
      [port, port],
      [port, port],
      [port, port],
      ALL_PORTS,
      [1024, 65535],
      [first, first + random.below(100)],
    ] as const),
    drops: random.below(2) === 0,
  };
}

/** Each third without a source, without a destination, or without ports; and ranges of ports of any width. */
function crowded(random: Random): PlainRule {
  const ports = (): readonly [number, number] => {
    const [a, b] = [random.below(65536), random.below(65536)];
    return [Math.min(a, b), Math.max(a, b)];
  };
  const end = (): readonly [number, number] => prefix(random, pick(random, [0, 0, 8, 16, 24, 32]));
  return {
    source: end(),
    destination: end(),
    protocol: pick(random, [6, 17]),
    sourcePort: random.below(3) === 0 ? ports() : ALL_PORTS,
    destinationPort: random.below(3) > 0 ? ports() : ALL_PORTS,
    drops: random.below(2) === 0,
  };
}

export type RuleSet = "firewall" | "access" | "crowded";

export const RULE_SETS: Readonly<Record<RuleSet, (random: Random) => PlainRule>> = {
  firewall,
  access,
  crowded,
};

export function plainRules(set: RuleSet, count: number): PlainRule[] {
  const random = new Random(15);
  return Array.from({ length: count }, () => RULE_SETS[set](random));
}

function addressWithin(random: Random, [network, length]: readonly [number, number]): number {
  // Anywhere is within 10.0.0.0/8, too, so that traffic meets the rules.
  const free = length < 8 ? (10 << 24) | (random.next() & 0xffffff) : random.next();
  const mask = length < 8 ? 0 : 0xffffffff << (32 - length);
  return ((network & mask) | (free & ~mask)) >>> 0;
}

function frame(random: Random, rule: PlainRule): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 50, 0, 0, 0x40, 0, 64]);
  const view = new DataView(bytes.buffer);
  bytes[23] = rule.protocol === 0 ? pick(random, [6, 17]) : rule.protocol;
  view.setUint32(26, addressWithin(random, rule.source));
  view.setUint32(30, addressWithin(random, rule.destination));
  for (const [at, [first, last]] of [
    [34, rule.sourcePort],
    [36, rule.destinationPort],
  ] as const)
    view.setUint16(at, first + random.below(last - first + 1));
  return bytes;
}

const ANY: PlainRule = {
  source: [10 << 24, 8],
  destination: [10 << 24, 8],
  protocol: 0,
  sourcePort: ALL_PORTS,
  destinationPort: ALL_PORTS,
  drops: false,
};

export const TRAFFIC: Readonly<
  Record<"rules" | "uniform", (random: Random, rules: readonly PlainRule[]) => Uint8Array>
> = {
  /** Each frame is within a rule drawn at random, and anywhere in it. */
  rules: (random, rules) => frame(random, pick(random, rules)),
  /** Addresses in 10.0.0.0/8, ports and TCP or UDP drawn at random: most match few rules or none. */
  uniform: (random) => frame(random, ANY),
};
