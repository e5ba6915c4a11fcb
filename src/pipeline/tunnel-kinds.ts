// Which options belong to which kind of tunnel.

import { ArgumentTypeError } from "../core/argument-error.ts";
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
 * The kind of what has `options`, all of which are `known`, and of those that only some kinds have its kind's own.
 * @throws TypeError for any other option, RangeError for another kind.
 */
export function kindOf(
  name: string,
  options: { readonly kind: TunnelKind },
  known: readonly string[],
  own: OwnOptions,
): TunnelKind {
  knownKeys(name, options, known);
  const kind = oneOf("kind", options.kind, TUNNEL_KINDS);
  // Nothing is made here: a switch may get a tunnel each microsecond.
  for (const other of TUNNEL_KINDS) {
    for (const option of own[other]) {
      if ((options as Readonly<Record<string, unknown>>)[option] === undefined) continue;
      if (!own[kind].includes(option))
        throw new ArgumentTypeError("not-for-this", option, `a tunnel of kind ${kind} has no such option`);
    }
  }
  return kind;
}
