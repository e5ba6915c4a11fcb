// Relations between numbers: the fields that are read say which protocols a frame must be of, and that is asked first.

import { DESCRIPTOR_MARK, DESCRIPTOR_WIRE_LENGTH } from "../layout/descriptor.layout.ts";
import { LINK_RADIOTAP, LINK_SLL, LINK_SLL2, LINK_WLAN } from "../layout/link.layout.ts";
import {
  all,
  begins,
  type Formula,
  LINK_HEADER,
  loadAt,
  not,
  type Spot,
  START,
  type Term,
} from "./formula.ts";
import {
  carriesProtocol,
  firstFragment,
  networkOf,
  ofType,
  type Place,
  TYPE_IPV4,
  TYPE_IPV6,
  transportOf,
} from "./place.ts";
import { ofProtocol } from "./protocols.ts";
import { syntaxError } from "./syntax-error.ts";
import type { ArithmeticOperator, Tree, Value } from "./tree.ts";

type RelationTree = Extract<Tree, { kind: "relation" }>;

/** Offsets count from where their header begins, and these begin where an IPv4 header ends. */
const TRANSPORTS: readonly string[] = ["tcp", "udp", "sctp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp"];
const NETWORKS: readonly string[] = [
  ...["ip", "ip6", "arp", "rarp", "atalk", "decnet", "lat", "sca", "moprc", "mopdl"],
];

const ICMP6 = 58;

/** Headers that only frames of some links begin with. */
const LINKS: Readonly<Record<string, { readonly links: readonly number[]; readonly spot: Spot }>> = {
  wlan: { links: [LINK_WLAN, LINK_RADIOTAP], spot: LINK_HEADER },
  radio: { links: [LINK_RADIOTAP], spot: { base: START, offset: 0 } },
  sll: { links: [LINK_SLL], spot: LINK_HEADER },
  sll2: { links: [LINK_SLL2], spot: LINK_HEADER },
};

export function lowerRelation({ operator, left, right }: RelationTree, place: Place): Formula {
  const guards: Formula[] = [];
  const a = termOf(left, place, guards);
  const b = termOf(right, place, guards);
  return all(...guards, relation(operator, a, b));
}

function relation(operator: RelationTree["operator"], left: Term, right: Term): Formula {
  switch (operator) {
    case "!=":
      return not(comparison("=", left, right));
    case "<":
      return not(comparison(">=", left, right));
    case "<=":
      return not(comparison(">", left, right));
    default:
      return comparison(operator, left, right);
  }
}

/** A field or some of its bits against a number is a test like those of addresses and ports. */
function comparison(operator: "=" | ">" | ">=", left: Term, right: Term): Formula {
  const masked = left.kind === "binary" && left.operator === "&" && left.right.kind === "number";
  const read = masked ? left.left : left;
  if (read.kind !== "load" || right.kind !== "number") return { kind: "relation", operator, left, right };
  const full = read.load.size === 4 ? 0xffffffff : read.load.size === 2 ? 0xffff : 0xff;
  const bits = masked && left.right.kind === "number" ? left.right.value : full;
  const mask = (bits & full) >>> 0;
  return { kind: "test", load: read.load, mask, operator, value: right.value, guard: false };
}

function termOf(value: Value, place: Place, guards: Formula[]): Term {
  switch (value.kind) {
    case "number":
    case "depth":
      return value;
    case "len":
      return { kind: "descriptor", offset: DESCRIPTOR_WIRE_LENGTH, size: 4 };
    case "mark":
      return { kind: "descriptor", offset: DESCRIPTOR_MARK, size: 4 };
    case "negate": {
      const of = termOf(value.of, place, guards);
      return of.kind === "number" ? { kind: "number", value: -of.value >>> 0 } : { kind: "negate", of };
    }
    case "binary":
      return folded(value.operator, termOf(value.left, place, guards), termOf(value.right, place, guards));
    case "field":
      return fieldOf(value, place, guards);
  }
}

function folded(operator: ArithmeticOperator, left: Term, right: Term): Term {
  if (left.kind !== "number" || right.kind !== "number") return { kind: "binary", operator, left, right };
  const value = computed(operator, left.value, right.value);
  // A division by zero ends the filter, whoever asks: it stays to be done.
  return value === undefined ? { kind: "binary", operator, left, right } : { kind: "number", value };
}

function computed(operator: ArithmeticOperator, a: number, b: number): number | undefined {
  switch (operator) {
    case "+":
      return (a + b) >>> 0;
    case "-":
      return (a - b) >>> 0;
    case "*":
      return Math.imul(a, b) >>> 0;
    case "/":
      return b === 0 ? undefined : Math.floor(a / b);
    case "%":
      return b === 0 ? undefined : a % b;
    case "&":
      return (a & b) >>> 0;
    case "|":
      return (a | b) >>> 0;
    case "^":
      return (a ^ b) >>> 0;
    case "<<":
      return b > 31 ? 0 : (a << b) >>> 0;
    case ">>":
      return b > 31 ? 0 : a >>> b;
  }
}

function fieldOf(value: Extract<Value, { kind: "field" }>, place: Place, guards: Formula[]): Term {
  const { protocol, at } = value;
  const transport = TRANSPORTS.includes(protocol);
  // Guards stand in the order in which they are asked: of what an index is read from in the midst of these.
  // Without a position bytes of transport headers are those over IPv4.
  if (transport && place.link !== "layer") guards.push(ofType(place, TYPE_IPV4, at));
  const index = termOf(value.index, place, guards);
  let spot: Spot;
  const link = LINKS[protocol];
  if (link !== undefined) {
    guards.push(begins(...link.links));
    spot = link.spot;
  } else if (protocol === "ether") spot = place.tunnel === "link" ? LINK_HEADER : place.header;
  else if (transport) {
    guards.push(ofProtocol(place, protocol, at), firstFragment(place));
    spot = transportOf(place, "ip");
  } else if (NETWORKS.includes(protocol)) {
    guards.push(ofProtocol(place, protocol, at));
    spot = networkOf(place);
  } else if (protocol === "icmp6") {
    guards.push(ofType(place, TYPE_IPV6, at), carriesProtocol(place, "ip6", ICMP6));
    if (place.link === "layer") guards.push(firstFragment(place));
    spot = transportOf(place, "ip6");
  } else throw syntaxError(at, `expected a protocol whose bytes can be read, got ${protocol}`);
  // What lies so far behind is computed where the filter runs, since the sum may begin again from zero.
  if (index.kind === "number" && index.value < 0x10000000)
    return { kind: "load", load: loadAt(spot, index.value, value.size) };
  return { kind: "dynamic", spot, index, size: value.size };
}
