import type { Command } from "commander";
import { UsageError } from "./failures.ts";
import { addTransformOptions, type TransformOptions, tpid, wholeNumber } from "./options.ts";
import { transform } from "./transform.ts";

interface Tag {
  readonly vid?: number;
  readonly pcp?: number;
  readonly dei?: boolean;
  readonly tpid?: number;
}

interface PopOptions extends TransformOptions, Omit<Tag, "dei"> {}

interface PushOptions extends TransformOptions, Tag {}

interface RewriteOptions extends TransformOptions, Tag {
  readonly match?: number;
}

const PUSH_EXAMPLES = `
Examples:
  frameferry vlan push lan.pcap -o tagged.pcap --vid 100
  frameferry vlan push tagged.pcap -o qinq.pcap --vid 30 --tpid 0x88a8
  frameferry vlan push lan.pcap -o priority.pcap --pcp 5`;

const POP_EXAMPLES = `
Examples:
  frameferry vlan pop tagged.pcap -o lan.pcap
  frameferry vlan pop qinq.pcap -o customer.pcap --tpid 0x88a8`;

const REWRITE_EXAMPLES = `
Examples:
  frameferry vlan rewrite tagged.pcap -o moved.pcap --vid 200
  frameferry vlan rewrite qinq.pcap -o remarked.pcap --pcp 3 --no-dei --match 0x88a8`;

const EXAMPLES = `
Examples:
  frameferry vlan push lan.pcap -o tagged.pcap --vid 100
  frameferry vlan pop tagged.pcap -o lan.pcap
  frameferry vlan rewrite tagged.pcap -o moved.pcap --vid 200`;

export function defineVlan(command: Command): void {
  command.addHelpText("after", EXAMPLES);
  addTag(
    addTransformOptions(command.command("push").description("put a tag in front of those that are there")),
  )
    .option("--dei", "set the drop eligible indicator")
    .option("--tpid <TPID>", "0x8100 (default), 0x88a8 or 0x9100", tpid("--tpid"))
    .addHelpText("after", PUSH_EXAMPLES)
    .action(push);
  addTransformOptions(
    command.command("pop").description("take the outermost tag off; frames without one stay as they are"),
  )
    .option("--vid <N>", "only a tag of this VLAN", wholeNumber("--vid", 0, 4094))
    .option("--pcp <N>", "only a tag of this priority", wholeNumber("--pcp", 0, 7))
    .option("--tpid <TPID>", "only a tag with this TPID: 0x8100, 0x88a8 or 0x9100", tpid("--tpid"))
    .addHelpText("after", POP_EXAMPLES)
    .action(pop);
  addTag(
    addTransformOptions(
      command.command("rewrite").description("change the outermost tag; what is not given stays"),
    ),
  )
    .option("--dei", "set the drop eligible indicator")
    .option("--no-dei", "clear the drop eligible indicator")
    .option("--tpid <TPID>", "0x8100, 0x88a8 or 0x9100", tpid("--tpid"))
    .option("--match <TPID>", "only a tag with this TPID", tpid("--match"))
    .addHelpText("after", REWRITE_EXAMPLES)
    .action(rewrite);
}

function addTag(command: Command): Command {
  return command
    .option(
      "--vid <N>",
      "VLAN, 1 to 4094; 0 is a tag that has a priority only",
      wholeNumber("--vid", 0, 4094),
    )
    .option("--pcp <N>", "priority code point, 0 to 7", wholeNumber("--pcp", 0, 7));
}

async function push(input: string, options: PushOptions): Promise<void> {
  if (options.vid === undefined && options.pcp === undefined) {
    throw new UsageError("--vid: the new tag needs a VLAN, or --pcp for a tag that has a priority only");
  }
  await transform("vlan push", input, options, { stage: "vlan-push", vid: 0, ...tagOf(options) });
}

async function pop(input: string, options: PopOptions): Promise<void> {
  const { vid, pcp, tpid } = options;
  await transform("vlan pop", input, options, {
    stage: "vlan-pop",
    ...(vid !== undefined && { vid }),
    ...(pcp !== undefined && { pcp }),
    ...(tpid !== undefined && { tpid }),
  });
}

async function rewrite(input: string, options: RewriteOptions): Promise<void> {
  const tag = tagOf(options);
  if (Object.keys(tag).length === 0) {
    throw new UsageError("--vid: nothing to rewrite; give --vid, --pcp, --dei, --no-dei or --tpid");
  }
  const { match } = options;
  await transform("vlan rewrite", input, options, {
    stage: "vlan-rewrite",
    ...tag,
    ...(match !== undefined && { match }),
  });
}

function tagOf({ vid, pcp, dei, tpid }: Tag): Tag {
  return {
    ...(vid !== undefined && { vid }),
    ...(pcp !== undefined && { pcp }),
    ...(dei !== undefined && { dei }),
    ...(tpid !== undefined && { tpid }),
  };
}
