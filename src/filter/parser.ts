// The grammar of conditions. `and` and `or` bind alike and are read from left to right, `not` binds the one term behind
// it. A bare id has the qualifiers of the primitive before it; behind parentheses they are those from in front of them.

import { atWord, parseExtension, parseNumbers, parsePosition, parseSet, standsAlone } from "./parse-layer.ts";
import { parseLink } from "./parse-link.ts";
import { parseRelation, startsValue } from "./parse-relation.ts";
import { Reader } from "./reader.ts";
import { expected, syntaxError } from "./syntax-error.ts";
import type { Direction, Id, IdType, Position, Qualifiers, Range, Shift, Tree } from "./tree.ts";
import { PROTOCOLS, WLAN_ADDRESSES } from "./words.ts";

/** What follows qualifiers: those that hold then, or none. */
interface Term {
  readonly tree: Tree;
  readonly qualifiers: Qualifiers | undefined;
}

/** So often may `and` and `or` alternate: each time makes the tree one node deeper. */
const ALTERNATIONS_MOST = 500;

const TYPES: readonly string[] = ["host", "net", "port", "portrange", "proto", "protochain"];

/** Numbers that may stand behind these words, and how great they may be. */
const SHIFTS: ReadonlyMap<string, number> = new Map<Shift, number>([
  ["vlan", 0xfff],
  ["mpls", 0xfffff],
  ["pppoes", 0xffff],
  ["geneve", 0xffffff],
  ["vxlan", 0xffffff],
]);

/** The tree of a text; undefined if it is empty, which every frame matches. */
export function parse(text: string): Tree | undefined {
  const reader = new Reader(text);
  if (reader.token.type === "end") return undefined;
  const parser = new Parser(reader);
  const { tree } = parser.expression(undefined);
  reader.end();
  return tree;
}

class Parser {
  readonly #reader: Reader;
  #alternations = 0;
  /** Whether what is read stands behind a position. */
  #positioned = false;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  expression(before: Qualifiers | undefined): Term {
    const reader = this.#reader;
    let { tree, qualifiers } = this.#term(before);
    while (reader.at("and", "or")) {
      const kind = reader.take().text === "and" ? "all" : "any";
      const next: Term = reader.startsId ? this.#idTerm(qualifiers) : this.#term(qualifiers);
      tree = this.#joined(kind, tree, next.tree);
      qualifiers = next.qualifiers;
    }
    return { tree, qualifiers };
  }

  #idTerm(qualifiers: Qualifiers | undefined): Term {
    const { at } = this.#reader.token;
    const tree = this.#id(qualifiers);
    const position = this.#positioned ? undefined : qualifiers?.position;
    if (position === undefined) return { tree, qualifiers };
    return { tree: { kind: "position", position, term: tree, at }, qualifiers };
  }

  /** A term of which layers it is stands in front of it; bare ids that follow are of the same. */
  #positionTerm(position: Position, at: number, before: Qualifiers | undefined): Term {
    const reader = this.#reader;
    if (this.#positioned) throw syntaxError(at, "a position does not stand behind another");
    if (position.text === "inner" && standsAlone(reader)) {
      const right = { kind: "number", value: 1 } as const;
      return {
        tree: { kind: "relation", operator: ">=", left: { kind: "depth" }, right, at },
        qualifiers: undefined,
      };
    }
    this.#positioned = true;
    const { tree, qualifiers } = reader.startsId ? this.#idTerm(before) : this.#term(before);
    this.#positioned = false;
    return {
      tree: { kind: "position", position, term: tree, at },
      qualifiers: qualifiers === undefined ? undefined : { ...qualifiers, position },
    };
  }

  /** A list grows, so that many alternatives are no deeper than two. */
  #joined(kind: "all" | "any", left: Tree, right: Tree): Tree {
    if (left.kind === kind) {
      (left.terms as Tree[]).push(right);
      return left;
    }
    if (left.kind === "all" || left.kind === "any") {
      if (++this.#alternations > ALTERNATIONS_MOST)
        throw syntaxError(
          this.#reader.token.at,
          `expected at most ${ALTERNATIONS_MOST} changes of and and or`,
        );
    }
    return { kind, terms: [left, right] };
  }

  #term(qualifiers: Qualifiers | undefined): Term {
    const reader = this.#reader;
    if (reader.taken("not")) {
      const term = reader.deeper(() => (reader.startsId ? this.#idTerm(qualifiers) : this.#term(qualifiers)));
      return { ...term, tree: { kind: "not", term: term.tree } };
    }
    if (reader.at("(") && !reader.opensValue) {
      reader.take();
      const { tree } = reader.deeper(() =>
        reader.startsId ? { tree: this.#idList(qualifiers) } : this.expression(qualifiers),
      );
      reader.expect(")");
      return { tree, qualifiers };
    }
    if (startsValue(reader)) return { tree: parseRelation(reader), qualifiers: undefined };
    const { at } = reader.token;
    const position = parsePosition(reader);
    if (position !== undefined) return reader.deeper(() => this.#positionTerm(position, at, qualifiers));
    const extension = parseExtension(reader);
    if (extension !== undefined) return { tree: extension, qualifiers: undefined };
    return this.#primitive();
  }

  #primitive(): Term {
    const reader = this.#reader;
    const { at, type, text } = reader.token;
    if (type !== "word") throw this.#noPrimitive();
    const other = this.#otherPrimitive();
    if (other !== undefined) return { tree: other, qualifiers: undefined };
    const protocol = PROTOCOLS.has(text) ? text : undefined;
    if (protocol !== undefined) reader.take();
    // What is about 802.11 may have a protocol in front: `wlan type mgt`.
    if (protocol !== undefined && reader.at("type", "subtype", "dir"))
      return { tree: parseLink(reader) as Tree, qualifiers: undefined };
    if (reader.at("broadcast", "multicast")) {
      const cast = reader.take().text as "broadcast" | "multicast";
      return { tree: { kind: "cast", cast, protocol, at }, qualifiers: undefined };
    }
    const direction = this.#direction();
    const idType = this.#idType(direction);
    if (direction === undefined && idType === undefined) {
      if (protocol === undefined) throw this.#noPrimitive();
      return { tree: { kind: "protocol", protocol, at }, qualifiers: undefined };
    }
    const qualifiers: Qualifiers = { protocol, direction, type: idType };
    if (atWord(reader, "in")) return { tree: this.#set(qualifiers), qualifiers };
    return this.#idTerm(qualifiers);
  }

  #noPrimitive(): Error {
    const { type, text, at } = this.#reader.token;
    if (type === "word" && text === "gateway")
      return syntaxError(at, "gateway takes the name of a host, and names are not looked up");
    if (type === "end" || type === "symbol" || type === "word")
      return this.#reader.unexpected("an expression");
    return expected("host, net, port or another word in front of it", at, text);
  }

  #otherPrimitive(): Tree | undefined {
    const reader = this.#reader;
    const { at, text } = reader.token;
    const most = SHIFTS.get(text);
    if (most !== undefined) {
      reader.take();
      return { kind: "shift", shift: text as Shift, ranges: this.#shiftNumbers(text, most), at };
    }
    if (reader.at("less", "greater")) {
      const operator = reader.take().text === "less" ? "<=" : ">=";
      const right = { kind: "number", value: reader.number("a length in bytes", 0xffffffff) } as const;
      return { kind: "relation", operator, left: { kind: "len" }, right, at };
    }
    return parseLink(reader);
  }

  #shiftNumbers(text: string, most: number): Range[] | undefined {
    const reader = this.#reader;
    const what = `the number of ${text}`;
    if (text === "vlan" && atWord(reader, "in")) return parseNumbers(reader, what, most);
    let parentheses = 0;
    while (reader.ahead(parentheses).text === "(") parentheses++;
    if (reader.ahead(parentheses).type !== "number") return undefined;
    for (let i = 0; i < parentheses; i++) reader.take();
    const number = reader.number(what, most);
    for (let i = 0; i < parentheses; i++) reader.expect(")");
    return [{ first: number, last: number }];
  }

  #direction(): Direction | undefined {
    const reader = this.#reader;
    if (reader.at(...WLAN_ADDRESSES)) return reader.take().text as Direction;
    if (!reader.at("src", "dst")) return undefined;
    const first = reader.take().text as "src" | "dst";
    const second = first === "src" ? "dst" : "src";
    const { text: joint, type } = reader.token;
    if (type !== "word" || (joint !== "or" && joint !== "and")) return first;
    const { text, type: other } = reader.ahead(1);
    if (other !== "word" || text !== second) return first;
    reader.take();
    reader.take();
    return joint === "or" ? "src or dst" : "src and dst";
  }

  #idType(direction: Direction | undefined): IdType | undefined {
    const reader = this.#reader;
    const { type, text, at } = reader.token;
    if (type !== "word" || !TYPES.includes(text)) return undefined;
    if ((text === "proto" || text === "protochain") && direction !== undefined)
      throw syntaxError(at, `${direction} does not apply to ${text}`);
    reader.take();
    return text as IdType;
  }

  #id(qualifiers: Qualifiers | undefined): Tree {
    const reader = this.#reader;
    if (reader.taken("not")) return { kind: "not", term: reader.deeper(() => this.#id(qualifiers)) };
    if (reader.taken("(")) {
      const list = reader.deeper(() => this.#idList(qualifiers));
      reader.expect(")");
      return list;
    }
    const { at, text } = reader.token;
    const id = this.#oneId();
    if (qualifiers === undefined) throw expected("host, net, port or another word in front of it", at, text);
    return { kind: "id", qualifiers, id, at };
  }

  #set(qualifiers: Qualifiers): Tree {
    const { at } = this.#reader.token;
    const ids = parseSet(this.#reader, () => {
      const { at } = this.#reader.token;
      return { kind: "id", qualifiers, id: this.#oneId(), at } as const;
    });
    return { kind: "set", qualifiers, ids, at };
  }

  #idList(qualifiers: Qualifiers | undefined): Tree {
    const reader = this.#reader;
    let tree = this.#id(qualifiers);
    while (reader.at("and", "or")) {
      const kind = reader.take().text === "and" ? "all" : "any";
      tree = this.#joined(kind, tree, this.#id(qualifiers));
    }
    return tree;
  }

  #oneId(): Id {
    const reader = this.#reader;
    const token = reader.token;
    switch (token.type) {
      case "number":
      case "ipv4": {
        reader.take();
        const bits = token.type === "ipv4" ? token.bits : 8;
        if (reader.taken("/")) {
          const length = reader.number("a length of a network's prefix", 32);
          const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
          return { kind: "ipv4", value: token.value, bits, mask };
        }
        if (reader.taken("mask")) {
          const mask = reader.take();
          if (mask.type !== "ipv4" && mask.type !== "number")
            throw expected("the mask of a network", mask.at, mask.text);
          const written = mask.type === "ipv4" ? mask.bits : 8;
          const value = (mask.value * 2 ** (32 - written)) >>> 0;
          return { kind: "ipv4", value: token.value, bits, mask: value };
        }
        if (token.type === "number") return { kind: "number", value: token.value };
        return { kind: "ipv4", value: token.value, bits, mask: undefined };
      }
      case "ipv6":
        reader.take();
        return {
          kind: "ipv6",
          value: token.value,
          prefix: reader.taken("/") ? reader.number("a length of a network's prefix", 128) : undefined,
        };
      case "mac":
        reader.take();
        return { kind: "mac", value: token.value };
      case "name":
        reader.take();
        return { kind: "name", value: token.text };
      default:
        throw reader.unexpected("an address, a number or a name");
    }
  }
}
