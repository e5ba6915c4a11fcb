// Rule tables, one rule after the other on what the package's codecs read: what the kernel is judged by.
import type { Rule } from "frameferry/stages";
import { dissect, formatIp } from "frameferry/wire";

const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 };

interface Key {
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly macs?: readonly [string, string];
  readonly etherType?: number;
  readonly vlan?: number;
}

/** Which rule decides of a frame: its place in the list; undefined if none matches. */
export function decidingRule(rules: readonly Rule[], frame: Uint8Array): number | undefined {
  const key = keyOf(frame);
  let deciding: number | undefined;
  rules.forEach((rule, index) => {
    const before = deciding === undefined ? -1 : (rules[deciding]?.priority ?? 0);
    if ((rule.priority ?? 0) > before && matches(rule, key)) deciding = index;
  });
  return deciding;
}

/** By hand, on bytes: what a cut or damaged frame still has. */
function keyOf(frame: Uint8Array): Key {
  if (frame.length < 14) return {};
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const mac = (at: number): string =>
    [...frame.subarray(at, at + 6)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
  const macs = [mac(6), mac(0)] as const;
  let at = 12;
  let vlan: number | undefined;
  for (let tags = 0; tags < 2 && [0x8100, 0x88a8, 0x9100].includes(view.getUint16(at)); tags++) {
    if (frame.length < at + 6) return { macs, ...(vlan !== undefined && { vlan }) };
    vlan ??= view.getUint16(at + 2) & 0xfff;
    at += 4;
  }
  const etherType = view.getUint16(at);
  const link = { macs, etherType, ...(vlan !== undefined && { vlan }) };
  const packet = at + 2;
  const left = frame.length - packet;
  const first = (frame[packet] ?? 0) >>> 4;
  if (etherType === 0x0800 && left >= 20 && first === 4) {
    const header = (frame[packet]! & 15) * 4;
    if (header < 20) return link;
    const ends = {
      source: formatIp(frame.subarray(packet + 12, packet + 16)),
      destination: formatIp(frame.subarray(packet + 16, packet + 20)),
      protocol: frame[packet + 9]!,
    };
    const follows = (view.getUint16(packet + 6) & 0x1fff) !== 0;
    return { ...link, ...ends, ...(!follows && portsOf(view, packet + header, ends.protocol)) };
  }
  if (etherType === 0x86dd && left >= 40 && first === 6) {
    const ends = {
      source: formatIp(frame.subarray(packet + 8, packet + 24)),
      destination: formatIp(frame.subarray(packet + 24, packet + 40)),
      protocol: frame[packet + 6]!,
    };
    return { ...link, ...ends, ...portsOf(view, packet + 40, ends.protocol) };
  }
  return link;
}

function portsOf(view: DataView, at: number, protocol: number): Pick<Key, "sourcePort" | "destinationPort"> {
  if (![6, 17, 132].includes(protocol) || view.byteLength < at + 4) return {};
  return { sourcePort: view.getUint16(at), destinationPort: view.getUint16(at + 2) };
}

function matches(rule: Rule, key: Key): boolean {
  const { source, destination, protocol, sourcePort, destinationPort, sourceMac, destinationMac } = rule;
  return (
    inPrefix(source as string | undefined, key.source) &&
    inPrefix(destination as string | undefined, key.destination) &&
    is(typeof protocol === "string" ? PROTOCOLS[protocol] : protocol, key.protocol) &&
    inRange(sourcePort, key.sourcePort) &&
    inRange(destinationPort, key.destinationPort) &&
    is(sourceMac, key.macs?.[0]) &&
    is(destinationMac, key.macs?.[1]) &&
    is(rule.etherType, key.etherType) &&
    is(rule.vlan, key.vlan)
  );
}

function is<T>(wanted: T | undefined, found: T | undefined): boolean {
  return wanted === undefined || wanted === found;
}

function inRange(wanted: Rule["sourcePort"], found: number | undefined): boolean {
  if (wanted === undefined) return true;
  const [first, last] = typeof wanted === "number" ? [wanted, wanted] : wanted;
  return found !== undefined && found >= first && found <= last;
}

function inPrefix(wanted: string | undefined, found: string | undefined): boolean {
  if (wanted === undefined) return true;
  if (found === undefined || wanted.includes(":") !== found.includes(":")) return false;
  const [address = "", length] = wanted.split("/");
  const bits = (text: string): bigint => bitsOf(text);
  const width = wanted.includes(":") ? 128 : 32;
  const shift = BigInt(width - Number(length ?? width));
  return bits(address) >> shift === bits(found) >> shift;
}

const BITS: Map<string, bigint> = new Map();

/** An address as a number. */
export function bitsOf(text: string): bigint {
  // The same few are asked for again and again.
  const known = BITS.get(text) ?? readBits(text);
  if (BITS.size < 100_000) BITS.set(text, known);
  return known;
}

function readBits(text: string): bigint {
  if (!text.includes(":")) return text.split(".").reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const [head = "", tail] = text.split("::");
  const words = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const [before, after] = [words(head), words(tail ?? "")];
  const zeroes = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...zeroes, ...after].reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
}

/** That the codecs read the same addresses, where the frame is whole. */
export function codecsAgree(frame: Uint8Array): boolean {
  const ip = dissect(frame).layers.find(({ name }) => name === "ipv4" || name === "ipv6");
  if (ip === undefined) return true;
  const { source } = ip.header as { source: Uint8Array };
  return keyOf(frame).source === formatIp(source);
}
