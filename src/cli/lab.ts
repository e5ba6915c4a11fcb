import type { Command } from "commander";
import { flag } from "../core/fields.ts";
import type { Lab, Network } from "../overlay.ts";
import { UsageError } from "./failures.ts";
import { LinkRecorder } from "./lab-captures.ts";
import { journeyJson, journeyText, travel } from "./lab-journey.ts";
import { labJson, labText } from "./lab-text.ts";
import { openLab } from "./lab-topology.ts";
import { addFieldOptions, fileName, optionsOf, type Parsed, type Rows } from "./options.ts";
import { print } from "./print.ts";

/** Not one answer came, as ping(8) says it, or none of whom was asked for. */
const EXIT_NO_ANSWER = 1;

interface LabOptions {
  readonly pcap?: string;
  readonly json?: boolean;
}

const OPTIONS: Rows = {
  pcap: {
    ...fileName(),
    flag: "--pcap <DIR>",
    help: "write a pcapng for every link into this folder, all of them or none",
  },
  json: { ...flag(), flag: "--json", help: "print one JSON object instead" },
};

const EXAMPLES = `
Examples:
  frameferry lab run topology.json
  frameferry lab run topology.json --pcap captures
  frameferry lab ping topology.json orange-1 orange-2

A topology is JSON: hosts on a flat network or in a data centre, VPCs with machines, clusters of Kubernetes with pods,
an office, two TORs, and traffic. Its JSON schema is frameferry/topology.schema.json. All switches are the real ones,
time is virtual, and the same topology and seed give the same bytes.`;

const RUN_EXAMPLES = `
Examples:
  frameferry lab run topology.json
  frameferry lab run topology.json --pcap captures
  frameferry lab run topology.json --json`;

const PING_EXAMPLES = `
Examples:
  frameferry lab ping topology.json pod-1 pod-2
  frameferry lab ping topology.json pod-1 pod-2 --pcap captures

The two say hello once before, so that everybody knows where everybody is. The traffic of the topology is not sent.
The exit code is 1 if nobody answers, as that of ping(8), or somebody else who has the same address.`;

export function defineLab(command: Command): void {
  command.addHelpText("after", EXAMPLES);
  addFieldOptions(
    command
      .command("run")
      .description("build a topology, send its traffic, and print what arrived where")
      .argument("<TOPOLOGY>", "JSON; - is standard input"),
    OPTIONS,
  )
    .addHelpText("after", RUN_EXAMPLES)
    .action(run);
  addFieldOptions(
    command
      .command("ping")
      .description("let one machine or pod say hello to another, and show the whole journey")
      .argument("<TOPOLOGY>", "JSON; - is standard input")
      .argument("<FROM>", "name of a machine or pod")
      .argument("<TO>", "name of another"),
    OPTIONS,
  )
    .addHelpText("after", PING_EXAMPLES)
    .action(ping);
}

async function run(file: string, parsed: Parsed): Promise<void> {
  const { pcap, json }: LabOptions = optionsOf(OPTIONS, parsed);
  const recorder = new LinkRecorder();
  const { topology, lab, captures } = await openLab(file, watcher(recorder, pcap));
  const outcomes = (topology.traffic ?? []).map((step) => lab.do(step, { captures }));
  const written = pcap === undefined ? [] : await recorder.write(pcap);
  const summary = { file, topology, lab, outcomes, captures: written };
  await print(json ? labJson(summary) : labText(summary));
}

async function ping(file: string, from: string, to: string, parsed: Parsed): Promise<void> {
  const { pcap, json }: LabOptions = optionsOf(OPTIONS, parsed);
  const recorder = new LinkRecorder();
  const { lab } = await openLab(file, watcher(recorder, pcap));
  expectMachine(lab, "FROM", from);
  expectMachine(lab, "TO", to);
  const journey = travel(file, lab, from, to);
  if (pcap !== undefined) await recorder.write(pcap);
  await print(json ? journeyJson(journey) : journeyText(journey));
  if (!journey.outcome.reached) process.exitCode = EXIT_NO_ANSWER;
}

/** Frames are kept only if somebody wants them. */
function watcher(recorder: LinkRecorder, pcap: string | undefined): (network: Network) => void {
  return (network) => {
    if (pcap !== undefined) recorder.watch(network);
  };
}

function expectMachine({ network }: Lab, argument: string, name: string): void {
  if (network.node(name)?.kind === "machine") return;
  throw new UsageError(`${argument}: there is no machine or pod ${JSON.stringify(name)}`);
}
