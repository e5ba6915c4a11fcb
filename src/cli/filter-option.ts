// Filters of the command line. The compiler is loaded by who filters.

import type { Filter, FilterOptions } from "../filter.ts";
import { type CaptureRecord, frameOf, LINK_TYPE_ETHERNET } from "../pcap.ts";
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

/** Whether a filter lets a record through, as the stage decides it: of the frame alone, and only of Ethernet. */
export function matcherOf(filter: Filter): (record: CaptureRecord) => boolean {
  return (record) => {
    if (record.interface.linkType !== LINK_TYPE_ETHERNET) return false;
    const { data, originalLength } = frameOf(record);
    return filter.matches(data, Math.max(originalLength, data.length));
  };
}
