// What is checked where ports are joined, watched and mirrored.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import type { FramePort, Offloads } from "./frame-port.ts";

export function isFramePort(value: unknown): value is FramePort {
  if (typeof value !== "object" || value === null) return false;
  const port = value as Partial<FramePort>;
  return [port.send, port.sendAll, port.receive, port.watch].every((each) => typeof each === "function");
}

/** Returns `value` if it is a port. */
export function framePort(path: string, value: unknown): FramePort {
  if (!isFramePort(value)) throw wrongType(path, "a port", value);
  return value;
}

/** Throws if what comes out of `from` is not what goes into `to`. */
export function expectSameMedium(path: string, from: FramePort, to: FramePort): void {
  if (from.medium !== to.accepts) {
    const sentence = `it takes frames of the medium ${to.accepts}, and ${from.name} gives ${from.medium}`;
    throw new ArgumentRangeError("contradiction", path, sentence);
  }
  for (const name of Object.keys(from.offloads) as (keyof Offloads)[]) {
    if (!from.offloads[name] || to.offloads[name]) continue;
    const sentence = `${from.name} leaves ${name} undone, and it does not do that`;
    throw new ArgumentRangeError("contradiction", path, sentence);
  }
}
