import type { Command } from "commander";
import type { FilterOptions } from "../filter.ts";
import { FILTER_STAGE } from "../pipeline/filter-stage.ts";
import { UsageError } from "./failures.ts";
import { filterOf } from "./filter-option.ts";
import { addFieldOptions, optionsOf, type Parsed, type Rows, TRANSFORM_OPTIONS } from "./options.ts";
import { print } from "./print.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry filter capture.pcap -o web.pcap tcp port 80 or 443
  frameferry filter overlay.pcap -o tenant.pcap "vxlan 5001 and not arp"
  frameferry filter --explain "vlan 5 and (host 10.0.0.1 or port 53)"

The language is that of tcpdump (man pcap-filter); docs/filter.md tells where it differs. By default vlan, mpls and
tunnels shift only what is and-ed behind them; with --scope text all that stands behind them, as in tcpdump.`;

const { output, filter: _, ...SHARED } = TRANSFORM_OPTIONS as Required<typeof TRANSFORM_OPTIONS>;
const { scope } = FILTER_STAGE.fields as Rows;

const OWN: Rows = {
  scope: scope as NonNullable<typeof scope>,
  explain: {
    expected: "true or false",
    check: Boolean,
    flag: "--explain",
    help: "print how the expression is understood, and read no capture",
  },
};

export function defineFilter(command: Command): void {
  const { required: __, ...optional } = output as NonNullable<typeof output>;
  command
    .argument("[IN]", "capture to read, pcap or pcapng; - is standard input")
    .argument("[EXPRESSION...]", "what frames must be to be written; several words are one expression");
  addFieldOptions(command, { output: optional, ...SHARED, ...OWN })
    .addHelpText("after", EXAMPLES)
    .action(filter);
}

async function filter(input: string | undefined, words: readonly string[], parsed: Parsed): Promise<void> {
  const { scope, explain } = optionsOf(OWN, parsed) as FilterOptions & { readonly explain?: boolean };
  const options: FilterOptions = { scope };
  if (explain) {
    const expression = [input ?? "", ...words].join(" ").trim();
    await print(`${(await filterOf(expression, options, {})).explain()}\n`);
    return;
  }
  if (input === undefined) throw new UsageError("missing required argument 'IN'");
  if (!("output" in optionsOf(TRANSFORM_OPTIONS, parsed)))
    throw new UsageError("required option '-o, --output <OUT>' not specified");
  const { stage } = await filterOf(words.join(" "), options, {});
  await transform("filter", [input], parsed, [stage], OWN);
}
