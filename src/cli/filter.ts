import type { Command } from "commander";
import type { Filter, FilterOptions } from "../filter.ts";
import { FILTER_STAGE } from "../pipeline/filter-stage.ts";
import { UsageError } from "./failures.ts";
import { filterOf } from "./filter-option.ts";
import {
  addFieldOptions,
  optionsOf,
  type Parsed,
  type Rows,
  SELECTION_OPTIONS,
  TRANSFORM_OPTIONS,
} from "./options.ts";
import { print } from "./print.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry filter capture.pcap -o web.pcap tcp port 80 or 443
  frameferry filter overlay.pcap -o tenant.pcap "vxlan 5001 and not arp"
  frameferry filter *.pcap.gz -o web.pcapng --filter "tcp port 80" --from 2026-11-29T20:00
  frameferry filter --explain "vlan 5 and (host 10.0.0.1 or port 53)"

Words behind the first are the expression; with --filter all of them are captures, which become one or a file each in a folder.
The language is that of tcpdump (man pcap-filter); docs/filter.md tells where it differs. By default vlan, mpls and
tunnels shift only what is and-ed behind them; with --scope text all that stands behind them, as in tcpdump.`;

const { output, filter: EXPRESSION, ...SHARED } = TRANSFORM_OPTIONS as Required<typeof TRANSFORM_OPTIONS>;
const { scope } = FILTER_STAGE.fields as Rows;

const OWN: Rows = {
  scope: scope as NonNullable<typeof scope>,
  filter: {
    ...(EXPRESSION as NonNullable<typeof EXPRESSION>),
    help: "the expression, in tcpdump's language, where there are several IN",
  },
  explain: {
    expected: "true or false",
    check: Boolean,
    flag: "--explain",
    help: "print how the expression is understood, and read no capture",
  },
};

interface Own extends FilterOptions {
  readonly filter?: string;
  readonly explain?: boolean;
}

export function defineFilter(command: Command): void {
  const { required: __, ...optional } = output as NonNullable<typeof output>;
  command
    .argument("[IN]", "capture to read, pcap or pcapng, also packed; - is standard input")
    .argument("[EXPRESSION...]", "what frames must be to be written; with --filter more captures");
  addFieldOptions(command, { output: optional, ...SHARED, ...SELECTION_OPTIONS, ...OWN })
    .addHelpText("after", EXAMPLES)
    .action(filter);
}

async function filter(input: string | undefined, words: readonly string[], parsed: Parsed): Promise<void> {
  const { scope, filter: given, explain } = optionsOf(OWN, parsed) as Own;
  const options: FilterOptions = { scope };
  // What stands on the line as words has no name.
  const compiled = (expression: string): Promise<Filter> =>
    filterOf(expression, options, given === undefined ? {} : undefined);
  if (explain) {
    const expression = given ?? [input ?? "", ...words].join(" ").trim();
    await print(`${(await compiled(expression)).explain()}\n`);
    return;
  }
  if (input === undefined) throw new UsageError("missing required argument 'IN'");
  if (!("output" in optionsOf(TRANSFORM_OPTIONS, parsed)))
    throw new UsageError("required option '-o, --output <OUT>' not specified");
  const { stage } = await compiled(given ?? words.join(" "));
  const inputs = given === undefined ? [input] : [input, ...words];
  // The filter is the stage itself: none stands in front of it.
  await transform("filter", inputs, { ...parsed, filter: undefined }, [stage], OWN);
}
