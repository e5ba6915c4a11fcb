// The syntax tree: what the text says, before anything is known of headers. `explain()` prints it.

export type Direction = "src" | "dst" | "src or dst" | "src and dst" | WlanAddress;
/** Addresses of an 802.11 header. */
export type WlanAddress = "addr1" | "addr2" | "addr3" | "addr4" | "ra" | "ta";
export type IdType = "host" | "net" | "port" | "portrange" | "proto" | "protochain";

/** What stands in front of an id, and goes on to bare ids behind it. */
export interface Qualifiers {
  readonly protocol: string | undefined;
  readonly direction: Direction | undefined;
  readonly type: IdType | undefined;
  /** In front of which all of this stands, if it does. */
  readonly position?: Position | undefined;
}

/** Of which layer a term is: one counted from the outermost (0) or the innermost (-1) on, or any. */
export interface Position {
  readonly which: number | "any";
  readonly text: string;
}

/** From one number to another, both included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

export type Id =
  | { readonly kind: "number"; readonly value: number }
  /** `bits`: how many were written; `mask`: that of a network, if there is one. */
  | {
      readonly kind: "ipv4";
      readonly value: number;
      readonly bits: number;
      readonly mask: number | undefined;
    }
  | { readonly kind: "ipv6"; readonly value: readonly number[]; readonly prefix: number | undefined }
  | { readonly kind: "mac"; readonly value: readonly number[] }
  | { readonly kind: "name"; readonly value: string };

export type Operator = "=" | "!=" | ">" | ">=" | "<" | "<=";
export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>";

/** Arithmetic on unsigned 32-bit numbers. */
export type Value =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "len" }
  | { readonly kind: "mark" }
  | { readonly kind: "depth" }
  | { readonly kind: "negate"; readonly of: Value }
  | {
      readonly kind: "binary";
      readonly operator: ArithmeticOperator;
      readonly left: Value;
      readonly right: Value;
    }
  | {
      readonly kind: "field";
      readonly protocol: string;
      readonly index: Value;
      readonly size: 1 | 2 | 4;
      readonly at: number;
    };

export type Shift = "vlan" | "mpls" | "pppoes" | "geneve" | "vxlan";

/** `at` is where it stands in the text. */
export type Tree =
  | { readonly kind: "all" | "any"; readonly terms: readonly Tree[] }
  | { readonly kind: "not"; readonly term: Tree }
  | { readonly kind: "id"; readonly qualifiers: Qualifiers; readonly id: Id; readonly at: number }
  | {
      readonly kind: "set";
      readonly qualifiers: Qualifiers;
      readonly ids: readonly Extract<Tree, { kind: "id" }>[];
      readonly at: number;
    }
  | { readonly kind: "position"; readonly position: Position; readonly term: Tree; readonly at: number }
  /** The kind of tunnel that a layer came in. */
  | { readonly kind: "tunnel"; readonly tunnel: string; readonly at: number }
  /** Its number. */
  | {
      readonly kind: "number";
      readonly number: "vni" | "gre key";
      readonly ranges: readonly Range[];
      readonly at: number;
    }
  /** What has become of the frame: one of these verdicts, or of these drop reasons. */
  | {
      readonly kind: "fate";
      readonly asks: "verdict" | "reason";
      readonly names: readonly string[];
      readonly codes: readonly number[];
      readonly at: number;
    }
  | { readonly kind: "protocol"; readonly protocol: string; readonly at: number }
  | {
      readonly kind: "cast";
      readonly cast: "broadcast" | "multicast";
      readonly protocol: string | undefined;
      readonly at: number;
    }
  /** An LLC header whose control byte has this value in the bits of the mask. */
  | {
      readonly kind: "llc";
      readonly type: string | undefined;
      readonly value: number;
      readonly mask: number;
      readonly at: number;
    }
  | {
      readonly kind: "shift";
      readonly shift: Shift;
      /** One of which it has to be; undefined: any. */
      readonly ranges: readonly Range[] | undefined;
      readonly at: number;
    }
  | {
      readonly kind: "relation";
      readonly operator: Operator;
      readonly left: Value;
      readonly right: Value;
      readonly at: number;
    };

/** The tree as text, a node a line, those within one further to the right. */
export function treeText(tree: Tree): string {
  const lines: string[] = [];
  const visit = (node: Tree, depth: number): void => {
    lines.push("  ".repeat(depth) + labelOf(node));
    if (node.kind === "all" || node.kind === "any") for (const term of node.terms) visit(term, depth + 1);
    else if (node.kind === "not" || node.kind === "position") visit(node.term, depth + 1);
  };
  visit(tree, 0);
  return lines.join("\n");
}

function labelOf(node: Tree): string {
  switch (node.kind) {
    case "all":
      return "all of";
    case "any":
      return "any of";
    case "not":
      return "not";
    case "id":
      return `${qualifiersText(node.qualifiers)} ${idText(node.id)}`;
    case "set":
      return `${qualifiersText(node.qualifiers)} in {${node.ids.map(({ id }) => idText(id)).join(", ")}}`;
    case "position":
      return node.position.text;
    case "tunnel":
      return `tunnel ${node.tunnel}`;
    case "number":
      return `${node.number} ${rangesText(node.ranges)}`;
    case "fate":
      return `${node.asks} ${setText(node.names)}`;
    case "protocol":
      return node.protocol;
    case "cast":
      return `${node.protocol ?? "ether"} ${node.cast}`;
    case "llc":
      return node.type === undefined ? "llc" : `llc ${node.type}`;
    case "shift":
      return node.ranges === undefined ? node.shift : `${node.shift} ${rangesText(node.ranges)}`;
    case "relation":
      return `${valueText(node.left)} ${node.operator} ${valueText(node.right)}`;
  }
}

function qualifiersText({ protocol, direction, type }: Qualifiers): string {
  return [protocol, direction, type ?? "host"].filter((part) => part !== undefined).join(" ");
}

function rangesText(ranges: readonly Range[]): string {
  return setText(ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)));
}

function setText(texts: readonly string[]): string {
  return texts.length === 1 ? (texts[0] as string) : `in {${texts.join(", ")}}`;
}

function idText(id: Id): string {
  switch (id.kind) {
    case "number":
    case "name":
      return String(id.value);
    case "ipv4": {
      const parts = dotted(id.value)
        .slice(4 - id.bits / 8)
        .join(".");
      return id.mask === undefined ? parts : `${parts} mask ${dotted(id.mask).join(".")}`;
    }
    case "ipv6": {
      const groups = id.value.flatMap((word) => [word >>> 16, word & 0xffff]);
      const text = groups.map((group) => group.toString(16)).join(":");
      return id.prefix === undefined ? text : `${text}/${id.prefix}`;
    }
    case "mac":
      return id.value.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
  }
}

function dotted(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

function valueText(value: Value): string {
  switch (value.kind) {
    case "number":
      return String(value.value);
    case "len":
    case "mark":
    case "depth":
      return value.kind;
    case "negate":
      return `-${valueText(value.of)}`;
    case "binary":
      return `(${valueText(value.left)} ${value.operator} ${valueText(value.right)})`;
    case "field": {
      const index = valueText(value.index);
      return `${value.protocol}[${value.size === 1 ? index : `${index}:${value.size}`}]`;
    }
  }
}
