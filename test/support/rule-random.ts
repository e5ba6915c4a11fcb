// Rules and frames at random, and what is made of them: a table against one rule after the other.
import { FrameBatch, type Kernels, Pipeline } from "frameferry";
import { type Rule, ruleCounts, ruleTable } from "frameferry/stages";
import { expect } from "vitest";
import { bitsOf, decidingRule } from "./rule-model.ts";

/** Numbers below `n`, the same ones for the same seed. */
export type Random = (n: number) => number;

export function randomOf(seed: number): Random {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

export const pick = <T>(random: Random, values: readonly T[]): T => values[random(values.length)] as T;
export const MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff"];
const PORTS = [0, 22, 53, 80, 443, 1024, 8080, 65535];
export const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
const LENGTHS4 = [0, 8, 12, 16, 23, 24, 30, 32];
const LENGTHS6 = [0, 3, 32, 48, 63, 64, 65, 96, 127, 128];

function address4(random: Random): number[] {
  return [10, random(2), pick(random, [0, 1, 255]), random(4)];
}

function address6(random: Random): number[] {
  return [0xfd00, random(2), 0, pick(random, [0, 1, 0xffff]), 0, 0, random(2), random(3)];
}

/** An address, or a prefix of it. */
function endOf(random: Random, six: boolean): string {
  const parts = six ? address6(random) : address4(random);
  const width = six ? 16 : 8;
  const text = (words: readonly number[]): string =>
    six ? words.map((word) => word.toString(16)).join(":") : words.join(".");
  if (random(3) === 0) return text(parts);
  const length = pick(random, six ? LENGTHS6 : LENGTHS4);
  const network = parts.map((part, index) => {
    const bits = Math.min(width, Math.max(0, length - index * width));
    return part & ~(2 ** (width - bits) - 1) & (2 ** width - 1);
  });
  return `${text(network)}/${length}`;
}

function ports(random: Random): Rule["sourcePort"] {
  if (random(2) === 0) return pick(random, PORTS);
  const [a, b] = [pick(random, PORTS), pick(random, PORTS)];
  return [Math.min(a, b), Math.max(a, b)];
}

/** Each field is there once in so many. */
export function randomRule(random: Random, often: number): Rule {
  const six = random(4) === 0;
  const has = (): boolean => random(10) < often;
  return {
    ...(has() && { source: endOf(random, six) }),
    ...(has() && { destination: endOf(random, six) }),
    ...(has() && { protocol: pick(random, PROTOCOLS) }),
    ...(has() && { sourcePort: ports(random) }),
    ...(has() && { destinationPort: ports(random) }),
    ...(random(12) === 0 && { sourceMac: pick(random, MACS) }),
    ...(random(12) === 0 && { destinationMac: pick(random, MACS) }),
    ...(random(12) === 0 && { etherType: pick(random, [0x0800, 0x86dd, 0x0806]) }),
    ...(random(12) === 0 && { vlan: random(3) }),
    ...(random(2) === 0 && { verdict: "drop" as const }),
    ...(random(2) === 0 && { mark: random(1000) }),
    ...(random(3) === 0 && { priority: random(4) }),
  };
}

/** Tagged or not, of both IP versions or none; some are cut or changed. */
export function randomFrame(random: Random): Uint8Array {
  const six = random(3) === 0;
  const bytes: number[] = [0, 0, 0, 0, 0, random(4), 2, 0, 0, 0, 0, random(4)];
  bytes[0] = 2;
  for (let tags = random(4) === 0 ? 1 + random(3) : 0; tags > 0; tags--)
    bytes.push(
      ...pick(random, [
        [0x81, 0],
        [0x88, 0xa8],
        [0x91, 0],
      ]),
      random(16) << 4,
      random(3),
    );
  const protocol = pick(random, [6, 17, 132, 1, 58]);
  const transport = [...word16(pick(random, PORTS)), ...word16(pick(random, PORTS)), 0, 8, 0, 0];
  if (random(10) === 0) bytes.push(8, 6, 0, 1, 8, 0, 6, 4);
  else if (six)
    bytes.push(
      ...[0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, protocol, 64],
      ...address6(random).flatMap(word16),
      ...address6(random).flatMap(word16),
      ...transport,
    );
  else {
    const options = random(8) === 0 ? [1, 1, 1, 0] : [];
    const fragment = random(8) === 0 ? pick(random, [0x2000, 0x2001, 1, 0x1fff]) : 0;
    bytes.push(8, 0, 0x45 + options.length / 4, 0, 0, 28, 0, 0, ...word16(fragment), 64, protocol, 0, 0);
    bytes.push(...address4(random), ...address4(random), ...options, ...transport);
  }
  return damaged(random, Uint8Array.from(bytes));
}

/** One in six is cut, one in six changed in a byte. */
export function damaged(random: Random, frame: Uint8Array): Uint8Array {
  if (random(6) === 0) return frame.slice(0, random(frame.length + 1));
  if (random(6) === 0) frame[random(frame.length)] = random(256);
  return frame;
}

/** A number within a prefix, or any. */
function within(random: Random, prefix: string | undefined, width: number): bigint {
  let free = 0n;
  for (let bits = 0; bits < width; bits += 16) free = (free << 16n) | BigInt(random(65536));
  if (prefix === undefined) return free;
  const [address = "", length = String(width)] = prefix.split("/");
  const mask = (1n << BigInt(width - Number(length))) - 1n;
  return (bitsOf(address) & ~mask) | (free & mask);
}

function portWithin(random: Random, port: Rule["sourcePort"]): number {
  if (port === undefined) return random(65536);
  const [first, last] = typeof port === "number" ? [port, port] : port;
  // Ends of ranges more often than what is within.
  return pick(random, [first, last, first + random(last - first + 1), (last + 1) & 0xffff]);
}

/** A frame that a rule is about, as far as there are such: next to a range at times, tagged where it asks for a VLAN. */
export function frameOfRule(random: Random, rule: Rule): Uint8Array {
  const ends = [rule.source, rule.destination] as (string | undefined)[];
  const six = rule.etherType === 0x86dd || ends.some((end) => end?.includes(":"));
  const numbers = ends.map((end) => within(random, end, six ? 128 : 32));
  const addresses = numbers.flatMap((number) => {
    const text = number.toString(16).padStart(six ? 32 : 8, "0");
    return text.match(/../g)!.map((byte) => Number.parseInt(byte, 16));
  });
  const macs = [rule.destinationMac, rule.sourceMac].flatMap((mac) =>
    ((mac as string | undefined) ?? "02:00:00:00:00:09").split(":").map((byte) => Number.parseInt(byte, 16)),
  );
  const known: Record<string, number> = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 };
  const { protocol = pick(random, PROTOCOLS) } = rule;
  const number = typeof protocol === "string" ? known[protocol]! : protocol;
  const tag = rule.vlan === undefined ? [] : [0x81, 0, ...word16(rule.vlan)];
  const ip = six
    ? [0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, number, 64, ...addresses]
    : [8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, number, 0, 0, ...addresses];
  const ports = [rule.sourcePort, rule.destinationPort].flatMap((port) => word16(portWithin(random, port)));
  return Uint8Array.from([...macs, ...tag, ...ip, ...ports, 0, 8, 0, 0]);
}

export function word16(value: number): number[] {
  return [value >>> 8, value & 255];
}

/** What the table makes of frames, and what it counts, is what one rule after the other says. */
export function expectLinear(
  kernels: Kernels,
  rules: readonly Rule[],
  frames: readonly Uint8Array[],
  otherwise: "forward" | "drop",
): void {
  const batch = new FrameBatch(kernels, { frames: 64, frameBytes: 256 });
  const filler = Array.from({ length: 64 }, (_, index) => new Uint8Array(256).fill(index & 1 ? 0xa5 : 0x06));
  const pipeline = new Pipeline(kernels, [ruleTable(rules, { otherwise })]);
  const counts = rules.map(() => ({ frames: 0, bytes: 0 }));
  const unmatched = { frames: 0, bytes: 0 };
  let dropped = 0;
  try {
    for (let at = 0; at < frames.length; at += 64) {
      const burst = frames.slice(at, at + 64);
      // What lies behind the bytes of a frame says nothing.
      batch.fill(filler);
      batch.fill(burst);
      pipeline.run(batch);
      burst.forEach((frame, index) => {
        const number = decidingRule(rules, frame);
        const rule = number === undefined ? undefined : rules[number]!;
        const drops = rule === undefined ? otherwise === "drop" : rule.verdict === "drop";
        const count = number === undefined ? unmatched : counts[number]!;
        count.frames++;
        count.bytes += frame.length;
        if (drops) dropped++;
        const told = `${JSON.stringify(rule)} of ${rules.length}, frame ${[...frame].map((byte) => byte.toString(16)).join(" ")}`;
        expect(batch.verdict(index), told).toBe(drops ? "drop" : "forward");
        if (!drops) expect(batch.mark(index), told).toBe(rule?.mark ?? 0);
      });
    }
    const { modules, drops, changed } = pipeline.counters();
    expect(ruleCounts(modules[0]!)).toEqual({ rules: counts, unmatched });
    expect(drops).toEqual(dropped === 0 ? {} : { rule: dropped });
    expect(changed).toEqual([0]);
  } finally {
    pipeline.close();
    batch.close();
  }
}
