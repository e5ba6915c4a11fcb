// Which options belong to which kind of tunnel.

import { knownKeys, oneOf } from "../core/arguments.ts";
import type { TunnelKind } from "./tunnel-stages.ts";

export const TUNNEL_KINDS: readonly TunnelKind[] = ["vxlan", "geneve", "gre", "nvgre"];

/** For each kind the options that only some kinds have. */
export type OwnOptions = Readonly<Record<TunnelKind, readonly string[]>>;

type KeysOf<T> = T extends unknown ? keyof T : never;
type ValueOf<T, K> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;
/** A stage of any kind, of whose options it is known that they belong together. */
export type OfAnyKind<T> = { readonly [K in KeysOf<T>]?: ValueOf<T, K> };

/**
 * The kind of a stage whose options are `common` or of its kind's own.
 * @throws TypeError for any other option, RangeError for another kind.
 */
export function kindOf(
  name: string,
  stage: { readonly kind: TunnelKind },
  common: readonly string[],
  own: OwnOptions,
): TunnelKind {
  const some = new Set(Object.values(own).flat());
  knownKeys(name, stage, ["stage", "kind", ...common, ...some]);
  const kind = oneOf("kind", stage.kind, TUNNEL_KINDS);
  for (const [option, value] of Object.entries(stage)) {
    if (value !== undefined && some.has(option) && !own[kind].includes(option))
      throw new TypeError(`${option}: a tunnel of kind ${kind} has no such option`);
  }
  return kind;
}
