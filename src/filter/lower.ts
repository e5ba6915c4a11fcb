// The tree becomes a formula: what a word means in bytes, and where it looks. `vlan`, `mpls` and tunnels shift what stands
// behind them, and how far such a shift reaches is the scope.

import { DESCRIPTOR_REASON, DESCRIPTOR_VERDICT } from "../layout/descriptor.layout.ts";
import {
  all,
  any,
  anyOf,
  type Formula,
  field,
  guard,
  inRanges,
  LINK_HEADER,
  not,
  type Spot,
  type Which,
  YES,
} from "./formula.ts";
import { type IdTree, lowerIds, lowerSet } from "./lower-id.ts";
import { lowerNumber, lowerTag, lowerTunnel } from "./lower-layer.ts";
import { lowerRelation } from "./lower-relation.ts";
import { lowerLlc, ofWlan, withLinkHeader } from "./lower-wlan.ts";
import {
  behind,
  carriesProtocol,
  firstFragment,
  LAYER,
  networkOf,
  OUTERMOST,
  ofIpv4Protocol,
  ofType,
  type Place,
  TYPE_IPV4,
  TYPE_IPV6,
  TYPES_VLAN,
  transportOf,
} from "./place.ts";
import { ofProtocol } from "./protocols.ts";
import { syntaxError } from "./syntax-error.ts";
import type { Range, Shift, Tree } from "./tree.ts";

/**
 * How far a shift reaches. `"and"`: what is and-ed behind it; `or` and `not` go back to where they began. `"text"`: all
 * text behind it, as in libpcap.
 */
export type Scope = "and" | "text";

const UDP = 17;
const TYPE_PPPOE_SESSION = 0x8864;
const TYPE_MPLS = 0x8847;
const PPP_MPLS = 0x0281;
const PORT_GENEVE = 6081;
const PORT_VXLAN = 4789;

export interface Lowered {
  readonly formula: Formula;
  /** How many registers it sets. */
  readonly registers: number;
  /** Whether it asks what has become of the frame. */
  readonly asksFate: boolean;
}

export function lower(tree: Tree, scope: Scope): Lowered {
  const lowering = new Lowering(scope);
  const formula = lowering.lower(tree);
  return { formula, registers: lowering.registers, asksFate: lowering.asksFate };
}

class Lowering {
  registers = 0;
  asksFate = false;
  readonly #scope: Scope;
  #place: Place = OUTERMOST;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  lower(tree: Tree): Formula {
    switch (tree.kind) {
      case "all":
        return { kind: "all", terms: tree.terms.map((term) => this.lower(term)) };
      case "any":
        return anyOf(this.#alternatives(tree.terms));
      case "not":
        return not(this.#alone(tree.term));
      case "id":
        return lowerIds([tree], this.#place);
      case "set":
        return lowerSet(tree, this.#place);
      case "position":
        return this.#layered(tree.position.which, () => this.lower(tree.term));
      case "tunnel":
        return this.#ofLayer(() => lowerTunnel(tree.tunnel));
      case "number":
        return this.#ofLayer(() => lowerNumber(tree.number, tree.ranges));
      case "fate":
        return this.#fate(tree);
      case "protocol":
        return ofProtocol(this.#place, tree.protocol, tree.at);
      case "relation":
        return lowerRelation(tree, this.#place);
      case "cast":
        return this.#cast(tree.cast, tree.protocol, tree.at);
      case "llc":
        return lowerLlc(this.#place, tree);
      case "shift":
        return this.#shift(tree.shift, tree.ranges, tree.at);
    }
  }

  /** What holds at a layer. */
  #layered(which: Which, lower: () => Formula): Formula {
    const place = this.#place;
    this.#place = LAYER;
    const term = lower();
    this.#place = place;
    return { kind: "layered", which, term };
  }

  /** What is asked of layers only: without a position, of any. */
  #ofLayer(lower: () => Formula): Formula {
    return this.#place.link === "layer" ? lower() : this.#layered("any", lower);
  }

  #fate({ asks, codes }: Extract<Tree, { kind: "fate" }>): Formula {
    this.asksFate = true;
    const offset = asks === "verdict" ? DESCRIPTOR_VERDICT : DESCRIPTOR_REASON;
    const left = { kind: "descriptor", offset, size: 1 } as const;
    return anyOf(
      codes.map((value) => ({ kind: "relation", operator: "=", left, right: { kind: "number", value } })),
    );
  }

  /** Ids behind one another with the same qualifiers are taken together: what frames they are in is asked once. */
  #alternatives(terms: readonly Tree[]): Formula[] {
    const formulas: Formula[] = [];
    for (let index = 0; index < terms.length; ) {
      const first = terms[index++] as Tree;
      if (first.kind === "position" && first.term.kind === "id") {
        // None of them can fail where another would hold: an address that cannot be read is none of theirs.
        const ids: Tree[] = [first.term];
        for (let next = terms[index]; next?.kind === "position"; next = terms[++index]) {
          if (next.position !== first.position || next.term.kind !== "id") break;
          ids.push(next.term);
        }
        formulas.push(this.#layered(first.position.which, () => anyOf(this.#alternatives(ids))));
        continue;
      }
      if (first.kind !== "id") {
        formulas.push(this.#alone(first));
        continue;
      }
      const ids: IdTree[] = [first];
      for (let next = terms[index]; next?.kind === "id"; next = terms[++index]) {
        if (next.qualifiers !== first.qualifiers || next.id.kind !== first.id.kind) break;
        ids.push(next);
      }
      formulas.push(lowerIds(ids, this.#place));
    }
    return formulas;
  }

  /** What is shifted within stays within, unless the scope is the text. */
  #alone(tree: Tree): Formula {
    const place = this.#place;
    const formula = this.lower(tree);
    if (this.#scope === "and") this.#place = place;
    return formula;
  }

  #cast(cast: "broadcast" | "multicast", protocol: string | undefined, at: number): Formula {
    const place = this.#place;
    const network = networkOf(place);
    if (protocol === undefined || protocol === "ether") {
      if (place.link === "ppp") throw syntaxError(at, `behind pppoes there is no Ethernet ${cast}`);
      const group = ({ base, offset }: Spot, start: number): Formula => {
        const address = { base, offset: offset + start };
        if (cast === "multicast") return field(address, 0, 1, 1, 1);
        return all(field(address, 2, 4, 0xffffffff), field(address, 0, 2, 0xffff));
      };
      return withLinkHeader(
        place,
        group(place.header, 0),
        ofWlan("dst", (start) => group(LINK_HEADER, start)),
      );
    }
    if (cast === "multicast" && protocol === "ip")
      return all(ofType(place, TYPE_IPV4, at), field(network, 16, 1, 0xe0, 0xf0));
    if (cast === "multicast" && protocol === "ip6")
      return all(ofType(place, TYPE_IPV6, at), field(network, 24, 1, 0xff));
    if (protocol === "ip") throw syntaxError(at, "ip broadcast needs a netmask, which no filter here has");
    throw syntaxError(at, `${protocol} does not apply to ${cast}`);
  }

  #shift(shift: Shift, ranges: readonly Range[] | undefined, at: number): Formula {
    const place = this.#place;
    if (place.link === "layer") {
      if (shift !== "vlan")
        throw syntaxError(at, `${shift} does not stand behind a position, which looks into tunnels itself`);
      this.#place = { ...place, tags: place.tags + 1 };
      return lowerTag(place, ranges);
    }
    const number = ranges?.[0]?.first;
    switch (shift) {
      case "vlan":
        return this.#vlan(ranges, at);
      case "mpls":
        return this.#mpls(number, at);
      case "pppoes": {
        const is = ofType(place, TYPE_PPPOE_SESSION, at);
        const network = networkOf(place);
        const header = behind(network, 6);
        this.#place = {
          link: "ppp",
          header,
          type: header,
          payload: behind(header, 2),
          labels: 0,
          tunnel: undefined,
          tags: 0,
        };
        return number === undefined ? is : all(is, field(network, 0, 4, number, 0xffff));
      }
      default:
        return this.#tunnel(shift, number, at);
    }
  }

  #vlan(ranges: readonly Range[] | undefined, at: number): Formula {
    const place = this.#place;
    if (place.labels > 0) throw syntaxError(at, "behind mpls there is no vlan");
    if (place.link !== "ethernet") throw syntaxError(at, "behind pppoes there is no vlan");
    const tagged = any(...TYPES_VLAN.map((type) => ofType(place, type, at)));
    this.#place = { ...place, type: behind(place.type, 4), payload: behind(place.payload, 4) };
    return ranges === undefined ? tagged : all(tagged, inRanges(place.payload, 0, 2, ranges, 0xfff));
  }

  #mpls(number: number | undefined, at: number): Formula {
    const place = this.#place;
    const network = networkOf(place);
    const labelled =
      place.labels > 0
        ? guard(network, -2, 1, 0, 1)
        : ofType(place, place.link === "ppp" ? PPP_MPLS : TYPE_MPLS, at);
    this.#place = { ...place, labels: place.labels + 1 };
    if (number === undefined) return labelled;
    return all(labelled, field(network, 0, 4, (number << 12) >>> 0, 0xfffff000));
  }

  #tunnel(tunnel: "geneve" | "vxlan", number: number | undefined, at: number): Formula {
    const place = this.#place;
    const register = this.registers;
    this.registers += 3;
    const port = tunnel === "geneve" ? PORT_GENEVE : PORT_VXLAN;
    const over = (is: Formula, udp: Spot, whole: Formula): Formula =>
      all(
        is,
        whole,
        field(udp, 2, 2, port),
        tunnel === "geneve" ? field(udp, 8, 1, 0, 0xc0) : field(udp, 8, 1, 8),
        number === undefined ? YES : field(udp, 12, 4, (number << 8) >>> 0, 0xffffff00),
        { kind: "open", tunnel, udp, register },
      );
    const formula = any(
      over(ofIpv4Protocol(place, UDP, at), transportOf(place, "ip"), firstFragment(place)),
      over(
        all(ofType(place, TYPE_IPV6, at), carriesProtocol(place, "ip6", UDP)),
        transportOf(place, "ip6"),
        YES,
      ),
    );
    const spot = (index: number): Spot => ({
      base: { kind: "register", key: `r${register + index}`, register: register + index },
      offset: 0,
    });
    this.#place = {
      link: "ethernet",
      header: spot(0),
      type: spot(1),
      payload: spot(2),
      labels: 0,
      tunnel: tunnel === "geneve" ? register : undefined,
      tags: 0,
    };
    return formula;
  }
}
