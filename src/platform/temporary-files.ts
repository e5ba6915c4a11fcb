// Files that are being written and have not got their final name yet. They go away with the process,
// however it ends, unless it is killed outright.

import { unlinkSync } from "node:fs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const unfinished = new Set<string>();

/** Say it before the file is made: a signal may come at once. */
export function addTemporary(path: string): void {
  if (unfinished.size === 0) {
    for (const signal of SIGNALS) process.on(signal, onSignal);
    process.on("exit", removeAll);
  }
  unfinished.add(path);
}

/** It has got its final name, or has been deleted. */
export function forgetTemporary(path: string): void {
  if (unfinished.delete(path) && unfinished.size === 0) stopListening();
}

export function removeTemporary(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or somebody else has deleted it.
  }
  forgetTemporary(path);
}

function removeAll(): void {
  for (const path of unfinished) removeTemporary(path);
}

function onSignal(signal: NodeJS.Signals): void {
  // A program that listens itself decides itself: it may want to finish the file.
  if (process.listenerCount(signal) > 1) return;
  removeAll();
  stopListening();
  // Without our listener the signal ends the process as it would have done.
  process.kill(process.pid, signal);
}

function stopListening(): void {
  for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  process.removeListener("exit", removeAll);
}
