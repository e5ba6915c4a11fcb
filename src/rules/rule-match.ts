// What a rule asks for, as words of a frame's key: under a mask, and ports in ranges.

import { type IpAddress, type MacAddress, parseIp, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { wholeNumber, wrongType } from "../core/arguments.ts";
import { type Prefix, parsePrefix } from "../core/prefixes.ts";
import { IP_PROTOCOL_TCP } from "../layout/ipv4.layout.ts";
import {
  KEY_COMPARED,
  KEY_DESTINATION,
  KEY_DESTINATION_MAC,
  KEY_DESTINATION_PORT,
  KEY_DESTINATION_REST,
  KEY_ETHER_TYPE,
  KEY_FAMILY,
  KEY_PROTOCOL,
  KEY_SOURCE,
  KEY_SOURCE_MAC,
  KEY_SOURCE_PORT,
  KEY_SOURCE_REST,
  KEY_VLAN,
  KEY_WORDS,
} from "../layout/rules.layout.ts";

/** Which frames a rule is about: those that have all of this. What is not given may be anything. */
export interface RuleMatch {
  /** An address or a prefix, IPv4 or IPv6: `"10.1.2.3"`, `"10.0.0.0/8"`, `"fd00::/8"`. */
  readonly source?: IpAddress | undefined;
  readonly destination?: IpAddress | undefined;
  /** What IP carries: `"tcp"`, `"udp"`, `"icmp"`, `"icmp6"`, `"sctp"`, or a number from 0 to 255. */
  readonly protocol?: RuleProtocol | number | undefined;
  /** Of TCP, UDP and SCTP: one, or the first and the last of a range. */
  readonly sourcePort?: number | readonly [number, number] | undefined;
  readonly destinationPort?: number | readonly [number, number] | undefined;
  readonly sourceMac?: MacAddress | undefined;
  readonly destinationMac?: MacAddress | undefined;
  /** The type behind all tags, 0 to 0xffff. */
  readonly etherType?: number | undefined;
  /** The VLAN of the outermost tag, 0 to 4095. */
  readonly vlan?: number | undefined;
}

export type RuleProtocol = "icmp" | "tcp" | "udp" | "icmp6" | "sctp";

export const RULE_PROTOCOLS: Readonly<Record<RuleProtocol, number>> = {
  icmp: 1,
  tcp: IP_PROTOCOL_TCP,
  udp: 17,
  icmp6: 58,
  sctp: 132,
};

/** The words of a key that a rule asks for. */
export class Asked {
  readonly values: Uint32Array = new Uint32Array(KEY_COMPARED);
  readonly masks: Uint32Array = new Uint32Array(KEY_COMPARED);
  /** First and last, by word; undefined: any. */
  readonly ranges: (readonly [number, number] | undefined)[] = [];

  /** Of a word under a mask whose set bits are its upper ones. */
  set(word: number, value: number, mask = 0xffffffff): void {
    this.values[word] = (value & mask) >>> 0;
    this.masks[word] = mask;
    if (mask !== 0) this.ranges[word] = [(value & mask) >>> 0, (value | ~mask) >>> 0];
  }
}

/** A row for each thing that can be asked for. */
const PARTS: {
  readonly [K in keyof RuleMatch]-?: (asked: Asked, path: string, value: NonNullable<RuleMatch[K]>) => void;
} = {
  source: (asked, path, value) => setAddress(asked, path, value, KEY_SOURCE, KEY_SOURCE_REST),
  destination: (asked, path, value) => setAddress(asked, path, value, KEY_DESTINATION, KEY_DESTINATION_REST),
  protocol: (asked, path, value) => asked.set(KEY_PROTOCOL, protocolOf(path, value)),
  sourcePort: (asked, path, value) => setPorts(asked, path, value, KEY_SOURCE_PORT),
  destinationPort: (asked, path, value) => setPorts(asked, path, value, KEY_DESTINATION_PORT),
  sourceMac: (asked, path, value) => setMac(asked, path, value, KEY_SOURCE_MAC),
  destinationMac: (asked, path, value) => setMac(asked, path, value, KEY_DESTINATION_MAC),
  etherType: (asked, path, value) => asked.set(KEY_ETHER_TYPE, wholeNumber(path, value, 0, 0xffff)),
  vlan: (asked, path, value) => asked.set(KEY_VLAN, wholeNumber(path, value, 0, 4095)),
};

export const MATCH_NAMES: readonly (keyof RuleMatch)[] = Object.keys(PARTS) as (keyof RuleMatch)[];

/** @throws ArgumentError that names what cannot be asked for. */
export function askedOf(match: RuleMatch): Asked {
  const asked = new Asked();
  for (const name of MATCH_NAMES) {
    const value = match[name];
    if (value !== undefined) (PARTS[name] as (a: Asked, p: string, v: unknown) => void)(asked, name, value);
  }
  return asked;
}

/** First and last word that a rule takes; undefined if it takes any. */
export function rangeOf({ ranges }: Asked, word: number): readonly [number, number] | undefined {
  return ranges[word];
}

/** Whether a word is one of an address of IP. */
export function isAddress(word: number): boolean {
  return word <= KEY_DESTINATION || (word >= KEY_SOURCE_REST && word < KEY_SOURCE_MAC);
}

/** All words of a key. */
export const WORDS: readonly number[] = Array.from({ length: KEY_WORDS }, (_, word) => word);

function setAddress(asked: Asked, path: string, value: IpAddress, word: number, rest: number): void {
  const { bytes, length } = prefixOf(path, value);
  const family = bytes.length === 4 ? 4 : 6;
  if (asked.masks[KEY_FAMILY] !== 0 && asked.values[KEY_FAMILY] !== family)
    throw new ArgumentTypeError("contradiction", path, "the other address is of the other IP version");
  asked.set(KEY_FAMILY, family);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; 4 * i < bytes.length; i++) {
    const bits = Math.min(32, Math.max(0, length - 32 * i));
    asked.set(
      i === 0 ? word : rest + i - 1,
      view.getUint32(4 * i),
      bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0,
    );
  }
}

function prefixOf(path: string, value: IpAddress): Prefix {
  if (typeof value === "string" && value.includes("/")) return parsePrefix(path, value);
  const bytes = parseIp(path, value);
  return { bytes, length: 8 * bytes.length };
}

function protocolOf(path: string, value: unknown): number {
  if (typeof value === "string" && Object.hasOwn(RULE_PROTOCOLS, value))
    return RULE_PROTOCOLS[value as RuleProtocol];
  if (typeof value !== "number")
    throw wrongType(path, `${Object.keys(RULE_PROTOCOLS).join(", ")} or a number from 0 to 255`, value);
  return wholeNumber(path, value, 0, 255);
}

function setPorts(asked: Asked, path: string, value: unknown, word: number): void {
  const [first, last] = Array.isArray(value) && value.length === 2 ? value : [value, value];
  const from = wholeNumber(path, first, 0, 65535);
  const to = wholeNumber(path, last, 0, 65535);
  if (to < from)
    throw new ArgumentRangeError("out-of-range", path, `expected the lower port first, got ${from}, ${to}`);
  asked.ranges[word] = [from, to];
}

function setMac(asked: Asked, path: string, value: MacAddress, word: number): void {
  const bytes = parseMac(path, value);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  asked.set(word, view.getUint32(2));
  asked.set(word + 1, view.getUint16(0));
}
