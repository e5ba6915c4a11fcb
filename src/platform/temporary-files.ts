// Files that are being written and have not got their final name yet. They go away with the process,
// however it ends, unless it is killed outright.

import { readdirSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const unfinished = new Set<string>();
/** Folders in which this process has made some. */
const folders = new Set<string>();

/** A name for a file beside `target` while it is written, which says whose it is. */
export function temporaryName(target: string): string {
  // It may be guessed: whoever opens it opens nothing that is there already.
  const unique = `${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
  return join(dirname(target), `.frameferry-${unique}.part`);
}

/**
 * Files that processes which are no more have left unfinished, in the folders that this one has written to. They are
 * told and not deleted: the process may run on another machine, or in a container, that shares the folder.
 */
export function abandonedFiles(): string[] {
  return [...folders].flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((name) => isAbandoned(name))
        .map((name) => join(folder, name));
    } catch {
      return [];
    }
  });
}

function isAbandoned(name: string): boolean {
  const pid = /^\.frameferry-(\d+)-\w+\.part(?:\.old)?$/.exec(basename(name))?.[1];
  if (pid === undefined || Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Say it before the file is made: a signal may come at once. */
export function addTemporary(path: string): void {
  if (unfinished.size === 0) {
    for (const signal of SIGNALS) process.on(signal, onSignal);
    process.on("exit", removeAll);
  }
  unfinished.add(path);
  folders.add(dirname(path));
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
