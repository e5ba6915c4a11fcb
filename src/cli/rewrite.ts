import type { Command } from "commander";
import { REWRITE_FIELDS, type RewriteOptions, rewrite } from "../ready/rewrite.ts";
import { UsageError } from "./failures.ts";
import { addTransformOptions, naming, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry rewrite trace.pcap -o lab.pcap --addresses 10.0.0.0/8=172.16.0.0/16 --macs 02:00:00:00:00:01=02:00:00:00:00:02
  frameferry rewrite trace.pcap -o other.pcap --destination-port 80=8080 --destination-port 443=8443
  frameferry rewrite trace.pcap -o marked.pcap --dscp 46 --ttl-less 1

Options but --ttl-less may be given several times: the first that matches says what becomes of a field. Only the outermost
headers are changed, and ARP; checksums stay as right as they were.`;

const OPTIONS: Rows = REWRITE_FIELDS as unknown as Rows;

export function defineRewrite(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(run);
}

async function run(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const options = optionsOf(OPTIONS, parsed);
  if (Object.keys(options).length === 0) {
    const flags = Object.values(OPTIONS).map(({ flag = "" }) => flag.split(" ")[0]);
    throw new UsageError(`nothing to rewrite: give ${flags.join(", ")}`);
  }
  const stage = naming(OPTIONS, [], () => rewrite(options as RewriteOptions));
  await transform("rewrite", inputs, parsed, [stage], OPTIONS);
}
