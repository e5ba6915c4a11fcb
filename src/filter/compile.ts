// From text to a module: parser, tree, formula, graph, code.

import { wrongType } from "../core/arguments.ts";
import { checkFields, choice, type Fields, list, object, whole } from "../core/fields.ts";
import { emit } from "./emit.ts";
import { YES } from "./formula.ts";
import { graphOf } from "./graph.ts";
import { type Lowered, lower, type Scope } from "./lower.ts";
import { parse } from "./parser.ts";
import { type FilterPorts, portsOf } from "./ports.ts";
import type { Tree } from "./tree.ts";

export interface FilterOptions {
  /**
   * How far `vlan`, `mpls`, `pppoes` and tunnels shift what stands behind them. `"and"`, the default: only what is and-ed
   * behind them, and not beyond `or` and `not`. `"text"`: all text behind them, as in tcpdump.
   */
  readonly scope?: Scope | undefined;
  /**
   * UDP destination ports of tunnels, by kind: what positions, `vni` and `tunnel` look into. Default: for each kind its own,
   * and of VXLAN that of old Linux, too (8472). The words `vxlan` and `geneve` have libpcap's, 4789 and 6081.
   */
  readonly tunnelPorts?: FilterPorts | undefined;
}

const PORTS = list(whole(0, 0xffff));

export const FILTER_FIELDS: Fields<FilterOptions, "scope"> = {
  scope: { ...choice("and", "text"), fallback: "and" },
  tunnelPorts: object<FilterPorts>({ vxlan: PORTS, geneve: PORTS, "vxlan-gpe": PORTS }),
};

export interface Compiled {
  /** Undefined for a text that says nothing, which every frame matches. */
  readonly tree: Tree | undefined;
  /** The module that drops what does not match. */
  readonly code: Uint8Array<ArrayBuffer>;
  /** Makes the one that only says what matches. */
  readonly selecting: () => Uint8Array<ArrayBuffer>;
  /** Whether it asks what has become of a frame. */
  readonly asksFate: boolean;
}

/** @throws ArgumentError that says where in the text something else was expected. */
export function compile(expression: string, options: FilterOptions): Compiled {
  if (typeof expression !== "string") throw wrongType("expression", "a string", expression);
  const { scope, tunnelPorts } = checkFields<FilterOptions, "scope">("options", FILTER_FIELDS, options);
  const tree = parse(expression);
  const { formula, registers, asksFate }: Lowered =
    tree === undefined ? { formula: YES, registers: 0, asksFate: false } : lower(tree, scope);
  const root = graphOf(formula);
  const ports = portsOf(tunnelPorts);
  return {
    tree,
    code: emit(root, registers, ports, "drop"),
    selecting: () => emit(root, registers, ports, "select"),
    asksFate,
  };
}
