// Checks the steps of a topology against what was built, before the first of them is done.

import { ArgumentRangeError, type ErrorPath, placed } from "../core/argument-error.ts";
import type { Lab } from "./lab.ts";
import type { Step } from "./topology-types.ts";

/** @throws TopologyError that names the step and what is wrong in it. */
export function checkTraffic(lab: Lab, traffic: readonly Step[]): void {
  // A machine that has moved has another link.
  let moved = false;
  traffic.forEach((step, i) => {
    const path: ErrorPath = ["traffic", i];
    for (const [steps, name] of machinesOf(step)) checkMachine(lab, [...path, ...steps], name);
    if ("move" in step) {
      moved = true;
      placed(path, step, () => lab.checkMove(step.move, step.to));
    }
    const name = "fail" in step ? step.fail : "repair" in step ? step.repair : undefined;
    if (name === undefined || moved) return;
    if (lab.network.link(name) === undefined && lab.network.node(name) === undefined)
      throw new ArgumentRangeError(
        "not-found",
        [...path, "fail" in step ? "fail" : "repair"],
        `there is no link or node ${JSON.stringify(name)}`,
      );
  });
}

/** The names of machines in a step, and where they stand in it. */
function machinesOf(step: Step): [ErrorPath, string][] {
  if ("ping" in step) return step.ping.map((name, i) => [["ping", i], name]);
  if ("arp" in step) return step.arp.map((name, i) => [["arp", i], name]);
  if ("broadcast" in step) return [[["broadcast"], step.broadcast]];
  if ("capture" in step) return [[["from"], step.from]];
  if ("flow" in step)
    return [
      [["flow", "from"], step.flow.from],
      [["flow", "to"], step.flow.to],
    ];
  if ("reach" in step && step.reach !== "all") return step.reach.map((name, i) => [["reach", i], name]);
  return [];
}

function checkMachine(lab: Lab, path: ErrorPath, name: string): void {
  const node = lab.network.node(name);
  if (node?.kind === "machine") return;
  const text = JSON.stringify(name);
  throw new ArgumentRangeError(
    node === undefined ? "not-found" : "not-for-this",
    path,
    node === undefined
      ? `there is no machine or pod ${text}`
      : `${text} is a switch, and says nothing itself`,
  );
}
