import type { Command } from "commander";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { flag, type Kind, whole } from "../core/fields.ts";
import { TPID_CUSTOMER, TPID_LEGACY, TPID_SERVICE } from "../layout/vlan.layout.ts";
import type { VlanPopStage, VlanRewriteStage } from "../pipeline/stages.ts";
import { UsageError } from "./failures.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const TPIDS: readonly number[] = [TPID_CUSTOMER, TPID_SERVICE, TPID_LEGACY];

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

const VID = { ...whole(0, 4094), flag: "--vid <N>" };
const PCP = { ...whole(0, 7), flag: "--pcp <N>" };
const DEI = { ...flag(), flag: "--dei", help: "set the drop eligible indicator" };
const TPID = { ...tpid(), flag: "--tpid <TPID>" };

const TAG: Rows = {
  vid: { ...VID, help: "VLAN, 1 to 4094; 0 is a tag that has a priority only" },
  pcp: { ...PCP, help: "priority code point, 0 to 7" },
};
const PUSH: Rows = { ...TAG, dei: DEI, tpid: { ...TPID, help: "0x8100 (default), 0x88a8 or 0x9100" } };
const POP: Rows = {
  vid: { ...VID, help: "only a tag of this VLAN" },
  pcp: { ...PCP, help: "only a tag of this priority" },
  tpid: { ...TPID, help: "only a tag with this TPID: 0x8100, 0x88a8 or 0x9100" },
};
const REWRITE: Rows = {
  ...TAG,
  dei: { ...DEI, off: { flag: "--no-dei", help: "clear the drop eligible indicator" } },
  tpid: { ...TPID, help: "0x8100, 0x88a8 or 0x9100" },
  match: { ...tpid(), flag: "--match <TPID>", help: "only a tag with this TPID" },
};

export function defineVlan(command: Command): void {
  command.addHelpText("after", EXAMPLES);
  addTransformOptions(command.command("push").description("put a tag in front of those that are there"), PUSH)
    .addHelpText("after", PUSH_EXAMPLES)
    .action(push);
  addTransformOptions(
    command.command("pop").description("take the outermost tag off; frames without one stay as they are"),
    POP,
  )
    .addHelpText("after", POP_EXAMPLES)
    .action(pop);
  addTransformOptions(
    command.command("rewrite").description("change the outermost tag; what is not given stays"),
    REWRITE,
  )
    .addHelpText("after", REWRITE_EXAMPLES)
    .action(rewrite);
}

async function push(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const tag = optionsOf(PUSH, parsed);
  if (!("vid" in tag || "pcp" in tag)) {
    throw new UsageError("--vid: the new tag needs a VLAN, or --pcp for a tag that has a priority only");
  }
  await transform("vlan push", inputs, parsed, [{ stage: "vlan-push", vid: 0, ...tag }], PUSH);
}

async function pop(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const stage: VlanPopStage = { stage: "vlan-pop", ...optionsOf(POP, parsed) };
  await transform("vlan pop", inputs, parsed, [stage], POP);
}

async function rewrite(inputs: readonly string[], parsed: Parsed): Promise<void> {
  const stage: VlanRewriteStage = { stage: "vlan-rewrite", ...optionsOf(REWRITE, parsed) };
  const { vid, pcp, dei, tpid } = stage;
  if ([vid, pcp, dei, tpid].every((field) => field === undefined)) {
    throw new UsageError("--vid: nothing to rewrite; give --vid, --pcp, --dei, --no-dei or --tpid");
  }
  await transform("vlan rewrite", inputs, parsed, [stage], REWRITE);
}

function tpid(): Kind<number> {
  const expected = "0x8100, 0x88a8 or 0x9100";
  const parse = (path: string, text: string): number => {
    const value = /^(?:[0-9]+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
    if (TPIDS.includes(value)) return value;
    throw new ArgumentRangeError("not-one-of", path, `expected ${expected}, got ${JSON.stringify(text)}`);
  };
  return { expected, check: (path, value) => parse(path, String(value)), parse };
}
