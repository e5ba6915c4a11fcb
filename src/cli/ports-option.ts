// UDP ports as they are given on a command line: some without the kind whose they are.

import { alternatives } from "../core/arguments.ts";
import { NO_KIND, type WrappingPorts } from "../tunnel/any.ts";
import { type WrappingKind, wrappingKinds } from "../tunnel/wrappings.ts";
import { UsageError } from "./failures.ts";

/**
 * All ports by their kinds. What was given without one is a port of the only kind of `kinds`, or of VXLAN.
 * @throws UsageError if that has no ports.
 */
export function portsByKind(
  given: WrappingPorts | undefined,
  kinds: readonly WrappingKind[] = [],
): WrappingPorts | undefined {
  const byKind = new Map(Object.entries(given ?? {}) as [string, readonly number[]][]);
  const nobodys = byKind.get(NO_KIND);
  if (nobodys === undefined) return given;
  const whose = (kinds.length === 1 && kinds[0]) || "vxlan";
  const known = wrappingKinds.filter(({ ports }) => ports.length > 0).map(({ kind }) => kind);
  if (!known.includes(whose))
    throw new UsageError(`--port: ${whose} has no UDP port; KIND=P names one of ${alternatives(known)}`);
  byKind.delete(NO_KIND);
  return Object.fromEntries(byKind.set(whose, [...nobodys, ...(byKind.get(whose) ?? [])]));
}
