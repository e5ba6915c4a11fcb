import type { Command } from "commander";
import { nameInContainer } from "../pcap/container.ts";
import { ANONYMISE_FIELDS, type AnonymiseOptions, anonymise } from "../ready/anonymise.ts";
import { UsageError } from "./failures.ts";
import {
  addFieldOptions,
  addInputs,
  naming,
  optionsOf,
  type Parsed,
  type Rows,
  SELECTION_OPTIONS,
  TRANSFORM_OPTIONS,
} from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry anonymise trace.pcap -o shared.pcap
  frameferry anonymise monday.pcap.gz -o shared.pcap.gz --key 00112233445566778899aabbccddeeff --payload cut
  frameferry anonymise trace.pcap -o lab.pcap --macs keep-vendor --keep 10.0.0.0/8

Without --key nobody has the key afterwards, and no other capture gets the same addresses. Others on this machine may see
what stands on a command line. What is written is pcap: comments, names and interfaces of a pcapng would tell what the
frames do not. docs/anonymise.md says what all this promises, and what it does not.`;

const { format: _, ...SHARED } = TRANSFORM_OPTIONS;
const { required: __, ...KEY } = ANONYMISE_FIELDS.key as Rows[string];
const OPTIONS: Rows = { ...(ANONYMISE_FIELDS as unknown as Rows), key: KEY };

export function defineAnonymise(command: Command): void {
  addFieldOptions(addInputs(command), { ...SHARED, ...SELECTION_OPTIONS, ...OPTIONS })
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const { output } = optionsOf(SHARED, parsed) as { readonly output: string };
  if (/\.pcapng$/i.test(nameInContainer(output)))
    throw new UsageError(`--output: what is written is pcap, and ${output} is a pcapng's name`);
  const given = optionsOf(OPTIONS, parsed) as Partial<AnonymiseOptions>;
  const key = given.key ?? crypto.getRandomValues(new Uint8Array(16));
  const stage = naming(OPTIONS, [], () => anonymise({ ...given, key }));
  await transform("anonymise", inputs, { ...parsed, format: "pcap" }, [stage], OPTIONS);
}
