// Which wrappings a dissected frame has: kinds as decapsulations name them, told by layers and what stands in front.

import type { OtherWrapping, WrappingKind } from "../tunnel/wrappings.ts";
import { nvgreOf } from "../wire/gre.ts";
import type { Layer, LayerName, VniOptions } from "./layers.ts";

/** A wrapping of a frame. */
export interface Wrapping {
  readonly kind: WrappingKind;
  /** Place of its header among the frame's layers. */
  readonly layer: number;
}

/** Layers that are a wrapping whatever stands in front of them, and have its name. */
const ALWAYS: ReadonlySet<LayerName> = new Set<LayerName & OtherWrapping>([
  ...(["erspan", "pptp", "gtp-u", "pppoe", "vn-tag", "802.1br", "802.1ah"] as const),
  ...(["etherip", "l2tp", "l2tpv3", "nsh", "tzsp", "capwap"] as const),
]);

/** IP in IP, by the outer and the inner version. */
const IP_IN_IP: Readonly<Record<string, WrappingKind>> = {
  "ipv4/ipv4": "ipip",
  "ipv4/ipv6": "6in4",
  "ipv6/ipv4": "4in6",
  "ipv6/ipv6": "6in6",
};

/** The wrappings of a frame, outermost first. GRE around ERSPAN is part of that, and a stack of labels is one wrapping. */
export function wrappingsOf(layers: readonly Layer[], options: VniOptions = {}): Wrapping[] {
  const found: Wrapping[] = [];
  for (let index = 0; index < layers.length; index++) {
    const kind = kindOf(layers, index, options);
    if (kind !== undefined) found.push({ kind, layer: index });
  }
  return found;
}

function kindOf(layers: readonly Layer[], index: number, options: VniOptions): WrappingKind | undefined {
  const layer = layers[index]!;
  const before = layers[index - 1]?.name;
  if (ALWAYS.has(layer.name)) return layer.name as OtherWrapping;
  switch (layer.name) {
    case "vxlan":
      return layer.header.gpe === undefined ? "vxlan" : "vxlan-gpe";
    case "geneve":
      return "geneve";
    case "gre":
      if (layers[index + 1]?.name === "erspan") return undefined;
      if (options.nvgre === true && nvgreOf(layer.header)) return "nvgre";
      return before === "udp" ? "gre-in-udp" : "gre";
    case "mpls":
      if (before === "mpls") return undefined;
      return before === "udp" ? "mpls-in-udp" : "mpls";
    case "ipv4":
    case "ipv6":
      return IP_IN_IP[`${before === "ah" ? layers[index - 2]?.name : before}/${layer.name}`];
    default:
      return undefined;
  }
}
