// Filters of the command line. The compiler is loaded by who filters.

import { linkOf } from "../core/link-types.ts";
import type { Filter, FilterOptions } from "../filter.ts";
import { LINK_OTHER } from "../layout/link.layout.ts";
import { type CaptureRecord, frameOf } from "../pcap.ts";
import { linkTypeText } from "../wire.ts";
import { naming, type Rows } from "./options.ts";

/** What an error about the text is said of. */
const FLAG: Rows = {
  expression: { expected: "an expression", check: String, flag: "--filter <EXPRESSION>" },
};

/** Compiles an expression; what is wrong with it is an error of usage that names the option, or what `rows` say. */
export async function filterOf(
  expression: string,
  options: FilterOptions = {},
  rows: Rows = FLAG,
): Promise<Filter> {
  const { compileFilter } = await import("../filter.ts");
  return naming(rows, [], () => compileFilter(expression, options));
}

/** A filter on records, one by one. */
export interface Matcher {
  /** Whether it lets a record through, as the stage decides it: of the frame alone. */
  readonly matches: (record: CaptureRecord) => boolean;
  /** Link types of records that filters do not read, so far. */
  readonly passedOver: ReadonlySet<number>;
}

export function matcherOf(filter: Filter): Matcher {
  const passedOver = new Set<number>();
  const matches = (record: CaptureRecord): boolean => {
    const { linkType } = record.interface;
    if (linkOf(linkType) === LINK_OTHER) passedOver.add(linkType);
    const { data, originalLength } = frameOf(record);
    return filter.matches(data, Math.max(originalLength, data.length), linkType);
  };
  return { matches, passedOver };
}

/** What is said where a filter met frames of these link types, if it does not read some of them. */
export function notFiltered(linkTypes: Iterable<number>): string | undefined {
  const others = [...linkTypes].filter((linkType) => linkOf(linkType) === LINK_OTHER);
  if (others.length === 0) return undefined;
  return `filters do not read frames of link type ${others.map(linkTypeText).join(", ")}: none matched`;
}
