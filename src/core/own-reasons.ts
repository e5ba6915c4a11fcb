// Drop reasons of the user's own: names that come while the program runs, and get codes behind those of the package.

import { OWN_REASONS, OWN_REASONS_END } from "../layout/drop.layout.ts";
import { ArgumentRangeError } from "./argument-error.ts";

/** By code, from OWN_REASONS on. A name that several stages have may stand here several times: it is told once. */
const names: string[] = [];

/**
 * The code of the first of these reasons; the others follow it. The same names get the same codes, as long as the program runs.
 * @throws RangeError if there are more than there are codes.
 */
export function ownReasonCodes(reasons: readonly string[]): number {
  for (let first = 0; first + reasons.length <= names.length; first++)
    if (reasons.every((name, index) => names[first + index] === name)) return OWN_REASONS + first;
  const room = OWN_REASONS_END - OWN_REASONS - names.length;
  if (reasons.length > room)
    throw new ArgumentRangeError("full", "reasons", `there is room for ${room} more, got ${reasons.length}`);
  return OWN_REASONS + names.push(...reasons) - reasons.length;
}

/** The name of a reason of the user's own: where another thread has named it, only its code is known. */
export function ownReasonName(code: number): string {
  return names[code - OWN_REASONS] ?? `own-${code}`;
}
