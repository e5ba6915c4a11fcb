// What a filter asks of a frame, in terms of bytes: formulas of tests, which read in the order in which they stand. A test
// that reads past the captured bytes ends the whole filter, and the frame does not match.

/** Where something begins: so many bytes behind a base. */
export interface Spot {
  readonly base: Base;
  readonly offset: number;
}

/** A place that offsets count from. The same key is the same place. */
export type Base =
  | { readonly kind: "frame"; readonly key: "" }
  /** What an IPv4 header carries: its length stands in it. */
  | { readonly kind: "ipv4"; readonly key: string; readonly header: Spot }
  /** What a tunnel carries, which the formula has opened. */
  | { readonly kind: "register"; readonly key: string; readonly register: number }
  /** The first byte of the frame, whatever it is. */
  | { readonly kind: "start"; readonly key: "start" }
  /** The first byte of its link header: the same, unless radiotap stands in front. */
  | { readonly kind: "link"; readonly key: "link header" }
  /** A place in the frame that the walk has found: where it stands in the table (walk.layout). */
  | { readonly kind: "layer"; readonly key: string; readonly field: number }
  /** Not the frame, but what the walk says of the layer. */
  | { readonly kind: "entry"; readonly key: "entry" };

/** Where an Ethernet header would begin that carries what the frame's link header carries, whichever that is. */
export const FRAME: Base = { kind: "frame", key: "" };
export const START: Base = { kind: "start", key: "start" };
export const LINK_HEADER: Spot = { base: { kind: "link", key: "link header" }, offset: 0 };
export const ENTRY: Spot = { base: { kind: "entry", key: "entry" }, offset: 0 };

export function layerAt(field: number): Spot {
  return { base: { kind: "layer", key: `layer${field}`, field }, offset: 0 };
}

export function ipv4Payload(header: Spot): Base {
  return { kind: "ipv4", key: `ip(${header.base.key}+${header.offset})`, header };
}

export interface Load {
  readonly spot: Spot;
  readonly size: 1 | 2 | 4;
  readonly key: string;
}

export function loadAt(spot: Spot, more: number, size: 1 | 2 | 4): Load {
  const offset = spot.offset + more;
  return { spot: { base: spot.base, offset }, size, key: `${spot.base.key}+${offset}:${size}` };
}

/** A number of 32 bits. */
export type Term =
  | { readonly kind: "number"; readonly value: number }
  /** What the frame's descriptor has there (descriptor.layout). */
  | { readonly kind: "descriptor"; readonly offset: number; readonly size: 1 | 4 }
  | { readonly kind: "depth" }
  | { readonly kind: "load"; readonly load: Load }
  /** A load whose place is computed. */
  | { readonly kind: "dynamic"; readonly spot: Spot; readonly index: Term; readonly size: 1 | 2 | 4 }
  | { readonly kind: "negate"; readonly of: Term }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Term; readonly right: Term };

export interface Test {
  readonly kind: "test";
  readonly load: Load;
  readonly mask: number;
  readonly operator: "=" | ">" | ">=";
  readonly value: number;
  /** It says what a header is: what follows from it is worth remembering. */
  readonly guard: boolean;
}

/** Whether a field is one of several values. */
export interface Member {
  readonly kind: "member";
  readonly test: Test;
  readonly values: readonly number[];
}

export interface Relation {
  readonly kind: "relation";
  readonly operator: "=" | ">" | ">=";
  readonly left: Term;
  readonly right: Term;
}

/** Finds what a UDP datagram of a tunnel carries: three registers from `register` on get header, type and payload. */
export interface Opening {
  readonly kind: "open";
  readonly tunnel: "vxlan" | "geneve";
  readonly udp: Spot;
  readonly register: number;
}

/** Whether the tunnel whose registers these are carries an Ethernet frame, and not a bare packet. */
export interface Carries {
  readonly kind: "carries";
  readonly register: number;
}

/** Whether the frame begins with one of these links (link.layout). */
export interface Begins {
  readonly kind: "begins";
  readonly links: readonly number[];
}

/** Whether headers behind one another, from an IP header on, lead to a protocol. */
export interface Chain {
  readonly kind: "chain";
  readonly network: Spot;
  readonly over: "ip" | "ip6";
  readonly protocol: number;
}

/** Which layers a position means: one counted from the outermost (0) or the innermost (-1) on, or any. */
export type Which = number | "any";

/** Whether something holds at a layer. What cannot be read there does not hold, and ends nothing else. */
export interface Layered {
  readonly kind: "layered";
  readonly which: Which;
  readonly term: Formula;
}

export type Leaf = Test | Member | Relation | Opening | Carries | Begins | Chain | Layered;

/** Of one term at least. */
export type List =
  | { readonly kind: "all"; readonly terms: readonly Formula[] }
  | { readonly kind: "any"; readonly terms: readonly Formula[] };

export type Formula =
  | List
  | { readonly kind: "not"; readonly term: Formula }
  | { readonly kind: "yes" }
  | { readonly kind: "no" }
  | Leaf;

export const YES: Formula = { kind: "yes" };
export const NO: Formula = { kind: "no" };

export function all(...terms: readonly Formula[]): Formula {
  return terms.length === 1 ? (terms[0] as Formula) : { kind: "all", terms };
}

export function any(...terms: readonly Formula[]): Formula {
  return anyOf(terms);
}

/** The same for as many as there may be; alternatives within alternatives become one list. */
export function anyOf(terms: readonly Formula[]): Formula {
  if (terms.length === 1) return terms[0] as Formula;
  return { kind: "any", terms: terms.flatMap((term) => (term.kind === "any" ? term.terms : [term])) };
}

export function not(term: Formula): Formula {
  return { kind: "not", term };
}

export function begins(...links: readonly number[]): Formula {
  return { kind: "begins", links };
}

const FULL = { 1: 0xff, 2: 0xffff, 4: 0xffffffff } as const;

/** A field of a header that says what follows. */
export function guard(
  spot: Spot,
  more: number,
  size: 1 | 2 | 4,
  value: number,
  mask: number = FULL[size],
): Test {
  return { kind: "test", load: loadAt(spot, more, size), mask, operator: "=", value, guard: true };
}

/** Any other field. */
export function field(
  spot: Spot,
  more: number,
  size: 1 | 2 | 4,
  value: number,
  mask: number = FULL[size],
  operator: Test["operator"] = "=",
): Test {
  return { kind: "test", load: loadAt(spot, more, size), mask, operator, value, guard: false };
}

/** Fewer values are asked for one by one. */
const MEMBERS_LEAST = 3;

/** A field that may have several values. */
export function oneOf(
  spot: Spot,
  more: number,
  size: 1 | 2 | 4,
  values: readonly number[],
  mask: number = FULL[size],
): Formula {
  if (values.length < MEMBERS_LEAST)
    return anyOf(values.map((value) => field(spot, more, size, value, mask)));
  return { kind: "member", test: field(spot, more, size, 0, mask), values: [...new Set(values)] };
}

/** Whether a field is in one of several ranges of numbers, both ends of each included. */
export function inRanges(
  spot: Spot,
  more: number,
  size: 1 | 2 | 4,
  ranges: readonly { readonly first: number; readonly last: number }[],
  mask: number = FULL[size],
): Formula {
  return anyOf(
    ranges.map(({ first, last }) =>
      first === last
        ? field(spot, more, size, first, mask)
        : all(field(spot, more, size, first, mask, ">="), not(field(spot, more, size, last, mask, ">"))),
    ),
  );
}
