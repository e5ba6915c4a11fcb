// Filters of the command line. The compiler is loaded by who filters.

import type { Filter, FilterOptions } from "../filter.ts";
import { type CaptureRecord, frameOf, LINK_TYPE_ETHERNET } from "../pcap.ts";
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
  /** Whether it lets a record through, as the stage decides it: of the frame alone, and only of Ethernet. */
  readonly matches: (record: CaptureRecord) => boolean;
  /** Link types of records that are no Ethernet, so far. */
  readonly passedOver: ReadonlySet<number>;
}

export function matcherOf(filter: Filter): Matcher {
  const passedOver = new Set<number>();
  const matches = (record: CaptureRecord): boolean => {
    const { linkType } = record.interface;
    if (linkType !== LINK_TYPE_ETHERNET) {
      passedOver.add(linkType);
      return false;
    }
    const { data, originalLength } = frameOf(record);
    return filter.matches(data, Math.max(originalLength, data.length));
  };
  return { matches, passedOver };
}

/** What is said where frames of these link types were met by a filter, which knows none but Ethernet; undefined if it was. */
export function notFiltered(linkTypes: Iterable<number>): string | undefined {
  const others = [...linkTypes].filter((linkType) => linkType !== LINK_TYPE_ETHERNET);
  if (others.length === 0) return undefined;
  return `filters match Ethernet frames only: none of link type ${others.map(linkTypeText).join(", ")} did`;
}
