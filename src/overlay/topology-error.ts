// What is wrong with a topology, and where.

import { type ErrorPath, sentenceAt } from "../core/argument-error.ts";

/** The message begins with the place: `vpcs[1].vni: ...`. */
export class TopologyError extends Error {
  readonly path: ErrorPath;

  constructor(path: ErrorPath, sentence: string) {
    super(sentenceAt(path, sentence));
    this.name = "TopologyError";
    this.path = path;
  }
}

/** Runs `action`, which was made of `item`: an argument that it complains of is a property of the item. */
export function placed<T>(path: ErrorPath, item: object, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError) || isOutOfMemory(error)) throw error;
    const [, argument = "", sentence = ""] = ARGUMENT.exec(error.message) ?? [];
    const steps = argument.split(/[.[\]]+/).filter((step) => step !== "");
    if (steps[0] === undefined || !(steps[0] in item)) throw new TopologyError(path, error.message);
    throw new TopologyError(
      [...path, ...steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step))],
      sentence,
    );
  }
}

/** `zones[0].racks[1].hosts: ...` */
const ARGUMENT = /^([a-z]\w*(?:\.\w+|\[\d+\])*): (.*)$/is;

/** It says by how much to raise `memoryBytes`. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof RangeError && error.message.startsWith("memoryBytes:");
}
