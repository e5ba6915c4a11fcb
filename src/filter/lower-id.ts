// Addresses, networks, ports and protocol numbers: what a qualifier says of the id behind it.

import { all, any, anyOf, type Formula, field, LINK_HEADER, oneOf, type Spot, YES } from "./formula.ts";
import { isWlanAddress, ofWlan, withLinkHeader } from "./lower-wlan.ts";
import {
  carriesProtocol,
  firstFragment,
  networkOf,
  ofType,
  type Place,
  TYPE_ARP,
  TYPE_IPV4,
  TYPE_IPV6,
  TYPE_RARP,
  transportOf,
} from "./place.ts";
import { ofIpProtocol, ofIsisTypes, ofIsoProtocol } from "./protocols.ts";
import { quoted, syntaxError } from "./syntax-error.ts";
import type { Direction, Id, Qualifiers, Tree, WlanAddress } from "./tree.ts";
import { ETHER_PROTOCOLS, IP_PROTOCOLS, ISO_PROTOCOLS, PORTS } from "./words.ts";

export type IdTree = Extract<Tree, { kind: "id" }>;
export type SetTree = Extract<Tree, { kind: "set" }>;

/** Two numbers, as they stand in sets. */
const RANGE = /^[0-9]+-[0-9]+$/;

const SCTP = 132;
const TCP = 6;
const UDP = 17;
const PORT_PROTOCOLS: ReadonlyMap<string | undefined, readonly number[]> = new Map([
  [undefined, [SCTP, TCP, UDP]],
  ["tcp", [TCP]],
  ["udp", [UDP]],
  ["sctp", [SCTP]],
]);

/** Whether one of the ids is there: they have the same qualifiers, and are of one kind. */
export function lowerIds(ids: readonly IdTree[], place: Place): Formula {
  const { qualifiers, at } = ids[0] as IdTree;
  switch (qualifiers.type) {
    case "port":
      return lowerPorts(
        qualifiers,
        ids.map(({ id, at }) => portOf(id, at)),
        place,
        at,
      );
    case "portrange":
      return lowerPorts(
        qualifiers,
        ids.map(({ id, at }) => rangeOf(id, at)),
        place,
        at,
      );
    case "proto":
      return anyOf(ids.map(({ id, at }) => lowerProtocol(qualifiers, id, place, at)));
    case "protochain":
      return anyOf(ids.map(({ id, at }) => lowerChain(qualifiers, id, place, at)));
    default:
      return lowerHosts(qualifiers, ids, place);
  }
}

/** Whether one of a set is there. Sets of hosts may hold networks, and sets of ports ranges. */
export function lowerSet({ qualifiers, ids, at }: SetTree, place: Place): Formula {
  const { type } = qualifiers;
  if (type === "port" || type === "portrange") {
    const ranges = ids.map(({ id, at }) =>
      id.kind === "name" && RANGE.test(id.value) ? rangeOf(id, at) : portOf(id, at),
    );
    return lowerPorts(qualifiers, ranges, place, at);
  }
  if (type === "proto" || type === "protochain") return lowerIds(ids, place);
  const isNetwork = ({ id }: IdTree): boolean =>
    (id.kind === "ipv4" && id.mask !== undefined) || (id.kind === "ipv6" && id.prefix !== undefined);
  const networks = ids
    .filter(isNetwork)
    .map((id) => ({ ...id, qualifiers: { ...qualifiers, type: "net" as const } }));
  const hosts = ids.filter((id) => !isNetwork(id));
  return anyOf(
    [hosts, networks]
      .filter((list) => list.length > 0)
      .map((list) => lowerHosts((list[0] as IdTree).qualifiers, list, place)),
  );
}

function lowerHosts(qualifiers: Qualifiers, ids: readonly IdTree[], place: Place): Formula {
  const { protocol } = qualifiers;
  const { at } = ids[0] as IdTree;
  const networks: Network[] = [];
  const others: Formula[] = [];
  for (const { id, at } of ids) {
    if (id.kind === "number" || id.kind === "ipv4") networks.push(networkOfId(qualifiers, id, at));
    else others.push(lowerHost(qualifiers, id, place, at));
  }
  if (networks.length === 0) return anyOf(others);
  const kinds = protocol !== undefined ? [protocol] : place.labels > 0 ? ["ip"] : ["ip", "arp", "rarp"];
  return anyOf([...kinds.map((kind) => lowerIpv4(kind, qualifiers, networks, place, at)), ...others]);
}

function lowerHost(
  qualifiers: Qualifiers,
  id: Extract<Id, { kind: "mac" | "ipv6" | "name" }>,
  place: Place,
  at: number,
): Formula {
  const { protocol, type } = qualifiers;
  const what = type === "net" ? "a network" : "a host";
  switch (id.kind) {
    case "mac":
      if (protocol !== "ether" || type === "net")
        throw syntaxError(at, "expected ether host, ether src or ether dst in front of a MAC address");
      return lowerMac(qualifiers.direction, id.value, place, at);
    case "ipv6":
      if (protocol !== undefined && protocol !== "ip6")
        throw syntaxError(at, `${protocol} does not apply to ${what} of IPv6`);
      return lowerIpv6(qualifiers, id.value, id.prefix, place, at);
    case "name":
      throw syntaxError(
        at,
        `expected the address of ${what}: names are not looked up, got ${quoted(id.value)}`,
      );
  }
}

interface Network {
  readonly value: number;
  readonly mask: number;
}

/** `net 10` is 10/8 and `host 10.1` is 10.1/16, while `host 10` is 0.0.0.10. */
function networkOfId(
  { type }: Qualifiers,
  id: Extract<Id, { kind: "number" | "ipv4" }>,
  at: number,
): Network {
  if (id.kind === "number") {
    let { value } = id;
    let bits = 32;
    if (type === "net") for (; value !== 0 && value < 0x1000000; bits -= 8) value *= 0x100;
    return { value, mask: (0xffffffff << (32 - bits)) >>> 0 };
  }
  const value = (id.value * 2 ** (32 - id.bits)) >>> 0;
  if (id.mask === undefined) return { value, mask: (0xffffffff << (32 - id.bits)) >>> 0 };
  if (type !== "net") throw syntaxError(at, "a mask applies to net only");
  if ((value & ~id.mask) >>> 0 !== 0)
    throw syntaxError(at, "the address has bits set that its mask does not");
  return { value, mask: id.mask };
}

function inDirection(
  direction: Direction | undefined,
  at: number,
  one: (which: "src" | "dst") => Formula,
): Formula {
  if (isWlanAddress(direction)) throw syntaxError(at, `${direction} applies to MAC addresses only`);
  if (direction === "src" || direction === "dst") return one(direction);
  const both = [one("src"), one("dst")];
  return direction === "src and dst" ? all(...both) : any(...both);
}

/** The list that a map has for a key, which may be a new one. */
function listIn<Key, Value>(lists: Map<Key, Value[]>, key: Key): Value[] {
  let list = lists.get(key);
  if (list === undefined) lists.set(key, (list = []));
  return list;
}

function lowerIpv4(
  protocol: string,
  { direction, type }: Qualifiers,
  networks: readonly Network[],
  place: Place,
  at: number,
): Formula {
  const network = networkOf(place);
  const addresses = (from: number, to: number): Formula => {
    const inside = (values: readonly number[], mask: number): Formula =>
      inDirection(direction, at, (which) => oneOf(network, which === "src" ? from : to, 4, values, mask));
    const [first, ...others] = networks as [Network, ...Network[]];
    const isFirst = inside([first.value], first.mask);
    if (direction === "src and dst")
      return anyOf([isFirst, ...others.map(({ value, mask }) => inside([value], mask))]);
    // The first is asked for on its own: with it both fields are read, as in libpcap, and the rest may be in any order.
    const values = new Map<number, number[]>();
    for (const { value, mask } of others) listIn(values, mask).push(value);
    return anyOf([isFirst, ...[...values].map(([mask, values]) => inside(values, mask))]);
  };
  if (protocol === "ip") return all(ofType(place, TYPE_IPV4, at), addresses(12, 16));
  if (protocol === "arp") return all(ofType(place, TYPE_ARP, at), addresses(14, 24));
  if (protocol === "rarp") return all(ofType(place, TYPE_RARP, at), addresses(14, 24));
  throw syntaxError(at, `${protocol} does not apply to ${type === "net" ? "a network" : "a host"} of IPv4`);
}

function lowerIpv6(
  { direction, type }: Qualifiers,
  words: readonly number[],
  prefix: number | undefined,
  place: Place,
  at: number,
): Formula {
  if (type !== "net" && prefix !== undefined && prefix !== 128)
    throw syntaxError(at, "a length of a prefix applies to net only");
  const masks = words.map((_, index) => {
    const bits = Math.min(32, Math.max(0, (prefix ?? 128) - 32 * index));
    return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  });
  if (words.some((word, index) => (word & ~(masks[index] as number)) >>> 0 !== 0))
    throw syntaxError(at, "the address has bits set that its prefix does not reach");
  const network = networkOf(place);
  const address = (which: "src" | "dst"): Formula => {
    const from = which === "src" ? 8 : 24;
    return all(...words.map((word, index) => field(network, from + 4 * index, 4, word, masks[index])));
  };
  return all(ofType(place, TYPE_IPV6, at), inDirection(direction, at, address));
}

function lowerMac(
  direction: Direction | undefined,
  mac: readonly number[],
  place: Place,
  at: number,
): Formula {
  if (place.link === "ppp") throw syntaxError(at, "behind pppoes there are no MAC addresses");
  const number = (from: number, length: number): number =>
    mac.slice(from, from + length).reduce((sum, byte) => sum * 256 + byte, 0);
  // The last four bytes are looked at first.
  const addressAt = (header: Spot, start: number): Formula =>
    all(field(header, start + 2, 4, number(2, 4)), field(header, start, 2, number(0, 2)));
  const wlan = (which: "src" | "dst" | WlanAddress): Formula =>
    ofWlan(which, (start) => addressAt(LINK_HEADER, start));
  if (isWlanAddress(direction)) return wlan(direction);
  const ethernet = inDirection(direction, at, (which) => addressAt(place.header, which === "src" ? 6 : 0));
  return withLinkHeader(place, ethernet, inDirection(direction, at, wlan));
}

/** From one port to another, both included. */
interface Range {
  readonly first: number;
  readonly last: number;
  readonly single: boolean;
}

function portOf(id: Id, at: number): Range {
  let port: number | undefined;
  if (id.kind === "number") port = id.value;
  else if (id.kind === "name") port = portNamed(id.value);
  if (port === undefined)
    throw syntaxError(at, `expected a port${id.kind === "name" ? `, got ${quoted(id.value)}` : ""}`);
  if (port > 65535) throw syntaxError(at, `expected a port up to 65535, got ${port}`);
  return { first: port, last: port, single: true };
}

function portNamed(name: string): number | undefined {
  return /^\d{1,9}$/.test(name) ? Number(name) : PORTS.get(name);
}

function rangeOf(id: Id, at: number): Range {
  if (id.kind === "number") return { ...portOf(id, at), single: false };
  if (id.kind !== "name") throw syntaxError(at, "expected two ports with - between them");
  const dash = id.value.indexOf("-");
  const whole = portNamed(id.value);
  if (dash < 0 || whole !== undefined) return { ...portOf(id, at), single: false };
  const [first, last] = [id.value.slice(0, dash), id.value.slice(dash + 1)]
    .map((value) => portOf({ kind: "name", value }, at).first)
    .sort((a, b) => a - b) as [number, number];
  return { first, last, single: false };
}

function lowerPorts(
  { protocol, direction }: Qualifiers,
  ranges: readonly Range[],
  place: Place,
  at: number,
): Formula {
  const protocols = PORT_PROTOCOLS.get(protocol);
  if (protocols === undefined)
    throw syntaxError(at, `${protocol} does not apply to ports: say ${protocol} and port`);
  const offsetOf = (which: "src" | "dst"): number => (which === "src" ? 0 : 2);
  const inSome = (transport: Spot): Formula => {
    const one = (range: Range): Formula =>
      inDirection(direction, at, (which) => inRange(transport, offsetOf(which), range));
    const [first, ...others] = ranges as [Range, ...Range[]];
    if (direction === "src and dst") return anyOf(ranges.map(one));
    // As with addresses.
    const values = others.filter(({ single }) => single).map(({ first }) => first);
    const singles = inDirection(direction, at, (which) => oneOf(transport, offsetOf(which), 2, values));
    return anyOf([
      one(first),
      ...(values.length > 0 ? [singles] : []),
      ...others.filter(({ single }) => !single).map(one),
    ]);
  };
  const over = (ip: "ip" | "ip6", number: number): Formula => {
    const transport = transportOf(place, ip);
    return all(
      carriesProtocol(place, ip, number),
      ip === "ip" || place.link === "layer" ? firstFragment(place) : YES,
      inSome(transport),
    );
  };
  const ipv6 = protocols.map((number) => over("ip6", number));
  const ipv4 = protocols.map((number) => over("ip", number));
  return any(
    all(ofType(place, TYPE_IPV6, at), any(...ipv6)),
    all(ofType(place, TYPE_IPV4, at), any(...ipv4)),
  );
}

function inRange(transport: Spot, offset: number, { first, last, single }: Range): Formula {
  if (single) return field(transport, offset, 2, first);
  return all(field(transport, offset, 2, first, 0xffff, ">="), {
    kind: "not",
    term: field(transport, offset, 2, last, 0xffff, ">"),
  });
}

/** The names of numbers, where they are not those of IP's protocols. */
const NAMES: ReadonlyMap<string | undefined, ReadonlyMap<string, number>> = new Map([
  ["ether", ETHER_PROTOCOLS],
  ["iso", new Map(Object.entries(ISO_PROTOCOLS))],
]);

function protocolOf({ protocol }: Qualifiers, id: Id, at: number): number {
  let number: number | undefined;
  if (id.kind === "number") number = id.value;
  else if (id.kind === "name") number = (NAMES.get(protocol) ?? IP_PROTOCOLS).get(id.value);
  if (number === undefined)
    throw syntaxError(
      at,
      `expected the number of a protocol${id.kind === "name" ? `, got ${quoted(id.value)}` : ""}`,
    );
  return number;
}

/** Headers are followed as far as they lead, and not only that of IP: see followHeaders() of assembly/filter-library.ts. */
function lowerChain(qualifiers: Qualifiers, id: Id, place: Place, at: number): Formula {
  const { protocol } = qualifiers;
  if (place.link === "layer")
    throw syntaxError(at, "protochain does not stand behind a position: proto passes over headers there");
  const number = protocolOf(qualifiers, id, at);
  const over = (ip: "ip" | "ip6"): Formula =>
    all(ofType(place, ip === "ip" ? TYPE_IPV4 : TYPE_IPV6, at), {
      kind: "chain",
      network: networkOf(place),
      over: ip,
      protocol: number,
    });
  if (protocol === undefined) return any(over("ip"), over("ip6"));
  if (protocol === "ip" || protocol === "ip6") return over(protocol);
  throw syntaxError(at, `${protocol} does not apply to protochain`);
}

function lowerProtocol(qualifiers: Qualifiers, id: Id, place: Place, at: number): Formula {
  const { protocol } = qualifiers;
  const number = protocolOf(qualifiers, id, at);
  switch (protocol) {
    case undefined:
      return ofIpProtocol(place, number, "both", at);
    case "ip":
    case "ip6":
      return ofIpProtocol(place, number, protocol, at);
    case "ether":
      return ofType(place, number, at);
    case "iso":
      return ofIsoProtocol(place, number, at);
    case "isis":
      return ofIsisTypes(place, [number], at);
    default:
      throw syntaxError(at, `${protocol} does not apply to proto`);
  }
}
