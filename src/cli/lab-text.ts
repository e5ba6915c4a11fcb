// What came of the traffic of a laboratory, as text for people and as JSON for programs.

import { dropReasons, dropsInOrder } from "../core/drop-reasons.ts";
import type { Lab, Outcome, PingError, PingOutcome, Topology } from "../overlay.ts";
import { nameOf } from "./failures.ts";
import { oneLine } from "./printable.ts";
import { grouped } from "./summary.ts";
import { textTable } from "./text-table.ts";

/** Links in the text; the JSON has all. */
const LINKS_SHOWN = 40;
/** Machines up to which the table has a column for each. */
const COLUMNS_SHOWN = 14;
/** Names in a line. */
const NAMES_SHOWN = 6;

export interface LabRun {
  readonly file: string;
  readonly topology: Topology;
  readonly lab: Lab;
  readonly outcomes: readonly Outcome[];
  readonly captures: readonly string[];
}

interface LinkLine {
  readonly name: string;
  readonly frames: number;
  readonly bytes: number;
  readonly dropped: Readonly<Record<string, number>>;
}

export function labText(run: LabRun): string {
  const { file, topology, lab, outcomes, captures } = run;
  const nodes = lab.network.nodes();
  const machines = lab.machines().length;
  const title = topology.title === undefined ? "" : `: ${oneLine(topology.title)}`;
  const parts = [
    `${nameOf(file, "standard input")}${title}\n` +
      `  ${grouped(nodes.length - machines)} switches, ${grouped(machines)} machines and pods, ${grouped(lab.network.links().length)} links\n`,
  ];
  if (outcomes.length > 0)
    parts.push(
      textTable(
        outcomes.map((outcome, i) => [String(i + 1), ...outcomeCells(outcome)]),
        [0],
      ),
    );
  const tried = new Set(lab.reach.names());
  const names = lab.machines().flatMap(({ name }) => (tried.has(name) ? [name] : []));
  if (names.length > 0) parts.push(`  who reached whom:\n${reachText(lab, names)}`);
  parts.push(linksText(linksOf(lab)), dropsText(dropsOf(lab)));
  if (captures.length > 0) parts.push(`  ${grouped(captures.length)} captures written\n`);
  return parts.filter((part) => part !== "").join("\n");
}

export function labJson({ file, topology, lab, outcomes, captures }: LabRun): string {
  const object = {
    command: "lab run",
    topology: file,
    title: topology.title ?? null,
    steps: outcomes,
    reach: lab.reach,
    links: linksOf(lab),
    drops: dropsOf(lab),
    captures,
  };
  return `${JSON.stringify(object)}\n`;
}

/** `no answer: fragments needed, says 10.1.0.1 (1450 bytes at most)` */
export function pingText({
  sent,
  replies,
  rttMs,
  errors,
  reached,
}: Omit<PingOutcome, "step" | "timeMs">): string {
  if (replies > 0) {
    const times = rttMs.map((ms) => ms.toFixed(3)).join(", ");
    const count = sent === 1 ? "answered" : `${replies} of ${sent} answered`;
    return reached ? `${count} in ${times} ms` : `${count}, but by another of the same address`;
  }
  return errors.length === 0 ? "no answer" : `no answer: ${[...new Set(errors.map(errorText))].join("; ")}`;
}

const ERRORS: Readonly<Record<PingError["kind"], string>> = {
  "no-route": "no route",
  "no-neighbour": "nobody has the next address",
  "packet-too-big": "packet too big",
  "ttl-exceeded": "time to live exceeded",
  unreachable: "unreachable",
  other: "an ICMP error",
};

function errorText({ kind, from, mtu }: PingError): string {
  return `${ERRORS[kind]}, says ${from}${mtu === undefined ? "" : ` (${mtu} bytes at most)`}`;
}

/** What was done, and what came of it. */
function outcomeCells(outcome: Outcome): [string, string] {
  const { step, arrived, overheard } = outcome;
  const heard = Object.keys(overheard).length === 0 ? "" : `; overheard by ${countsText(overheard)}`;
  if ("ping" in step)
    return [`ping ${step.ping.join(" -> ")}`, `${pingText(outcome as PingOutcome)}${heard}`];
  if ("arp" in step) {
    const { mac } = outcome as Extract<Outcome, { mac: string | undefined }>;
    const answer = mac === undefined ? "no answer" : `is at ${mac}`;
    return [`arp ${step.arp.join(" -> ")}`, `${answer}; heard by ${countsText(arrived)}${heard}`];
  }
  if ("reach" in step) {
    const { machines } = outcome as Extract<Outcome, { machines: readonly string[] }>;
    return [`reach ${step.reach === "all" ? "all" : `${machines.length} machines`}`, `table below${heard}`];
  }
  if ("fail" in step) return [`fail ${step.fail}`, changeText(outcome, "it had failed before")];
  if ("repair" in step) return [`repair ${step.repair}`, changeText(outcome, "it had not failed")];
  if ("move" in step) return [`move ${step.move} to ${step.to}`, "done"];
  if ("wait" in step) return [`wait ${step.wait} ms`, "done"];
  const { sent } = outcome as Extract<Outcome, { sent: number }>;
  const result = `${grouped(sent)} sent; arrived at ${countsText(arrived)}${heard}`;
  if ("broadcast" in step) return [`broadcast ${step.broadcast}`, result];
  if ("flow" in step) return [`flow ${step.flow.from} -> ${step.flow.to}`, result];
  return [`capture ${step.capture} from ${step.from}`, result];
}

function changeText(outcome: Outcome, otherwise: string): string {
  return "changed" in outcome && outcome.changed ? "done" : otherwise;
}

/** `nobody`, or names, with the number of frames where it is not one. */
function countsText(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts);
  if (entries.length === 0) return "nobody";
  const shown = entries.slice(0, NAMES_SHOWN).map(([name, count]) => {
    return count === 1 ? name : `${name} (${grouped(count)})`;
  });
  const more = entries.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${grouped(more)} more` : ""}`;
}

function reachText(lab: Lab, names: readonly string[]): string {
  if (names.length > COLUMNS_SHOWN) return reachLines(lab, names);
  const cell = (from: string, to: string): string => {
    if (from === to) return "-";
    const reached = lab.reach.get(from, to);
    return reached === undefined ? "" : reached ? "yes" : "no";
  };
  const rows = names.map((from) => [from, ...names.map((to) => cell(from, to))]);
  return textTable([["from \\ to", ...names], ...rows]);
}

function reachLines(lab: Lab, names: readonly string[]): string {
  const rows = names.flatMap((from) => {
    const tried = names.filter((to) => lab.reach.get(from, to) !== undefined);
    if (tried.length === 0) return [];
    const reached = tried.filter((to) => lab.reach.get(from, to) === true);
    const counts = Object.fromEntries(reached.map((name) => [name, 1]));
    return [[from, `${grouped(reached.length)} of ${grouped(tried.length)}`, countsText(counts)]];
  });
  return textTable([["from", "reached", "whom"], ...rows], [1]);
}

function linksOf(lab: Lab): LinkLine[] {
  return lab.network.links().map((link) => {
    const { ab, ba } = link.counters();
    const dropped: Record<string, number> = {};
    for (const lane of [ab, ba])
      for (const [reason, count] of Object.entries(lane.drops))
        dropped[reason] = (dropped[reason] ?? 0) + count;
    return { name: link.name, frames: ab.sent + ba.sent, bytes: ab.sentBytes + ba.sentBytes, dropped };
  });
}

function linksText(links: readonly LinkLine[]): string {
  const busy = links.filter(({ frames }) => frames > 0);
  if (busy.length === 0) return "";
  const rows = busy.slice(0, LINKS_SHOWN).map(({ name, frames, bytes, dropped }) => {
    const reasons = Object.entries(dropped).map(([reason, count]) => `${grouped(count)} ${reason}`);
    return [name, grouped(frames), grouped(bytes), reasons.join(", ")];
  });
  const more = busy.length - rows.length;
  const rest = more > 0 ? `  and ${grouped(more)} more links (--json has all)\n` : "";
  return textTable([["link", "frames", "bytes", "dropped"], ...rows], [1, 2]) + rest;
}

/** What all switches dropped, by reason. */
function dropsOf(lab: Lab): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const node of lab.network.nodes()) {
    if (node.kind !== "switch") continue;
    for (const [reason, count] of Object.entries(node.core.counters().drops))
      sums[reason] = (sums[reason] ?? 0) + count;
  }
  return dropsInOrder(sums);
}

function dropsText(drops: Readonly<Record<string, number>>): string {
  const rows = dropReasons.flatMap(({ name, sentence }) => {
    const count = drops[name];
    return count === undefined ? [] : [[name, grouped(count), sentence]];
  });
  return rows.length === 0 ? "" : textTable([["dropped by switches", "frames", "why"], ...rows], [1]);
}
