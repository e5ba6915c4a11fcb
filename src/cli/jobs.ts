// Which captures become which: one or several into one file, or each into a file of its name in a folder. What cannot be is
// said before any file is touched.

import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { isatty } from "node:tty";
import { containerOfName, transformFor } from "../pcap/container.ts";
import { identityOf, identityOfOpen } from "../platform/file-identity.ts";
import { isStandardOutput } from "../platform/node-output.ts";
import { nameOf, UsageError } from "./failures.ts";
import { naming, TRANSFORM_OPTIONS } from "./options.ts";

const STDIN = 0;
const STDOUT = 1;
const { output: OUTPUT } = TRANSFORM_OPTIONS as { readonly output: (typeof TRANSFORM_OPTIONS)[string] };

/** One run over captures. */
export interface Job {
  readonly inputs: readonly string[];
  readonly output: string;
  /** The output takes the place of the input. */
  readonly replaces: boolean;
}

/** @throws UsageError for outputs that are a terminal, cannot be packed here or, unless `inPlace`, are what is read. */
export function jobsOf(inputs: readonly string[], output: string, inPlace: boolean): Job[] {
  if (isStandardOutput(output) && isatty(STDOUT))
    throw new UsageError(
      "--output: standard output is a terminal, and a capture is no text: name a file, or pipe it on",
    );
  const pairs = isFolder(output) ? inFolder(inputs, output) : [{ inputs, output }];
  const read = new Map(inputs.map((path) => [inputIdentity(path), path]));
  return pairs.map((job) => {
    const container = containerOfName(job.output);
    if (container !== undefined) naming({ container: OUTPUT }, [], () => transformFor(container, "pack"));
    const identity = isStandardOutput(job.output) ? identityOfOpen(STDOUT) : identityOf(job.output);
    const overwritten = identity === undefined ? undefined : read.get(identity);
    if (overwritten === undefined) return { ...job, replaces: false };
    const own = job.inputs.length === 1 && job.inputs[0] === overwritten;
    if (own && inPlace && !isStandardOutput(job.output)) return { ...job, replaces: true };
    const told = nameOf(overwritten, "standard input");
    throw new UsageError(
      own && !isStandardOutput(job.output)
        ? `--output: ${told} is what is read: say --in-place to write over it`
        : `--output: ${nameOf(job.output, "standard output")} is ${told}, which is read`,
    );
  });
}

function inFolder(inputs: readonly string[], folder: string): Pick<Job, "inputs" | "output">[] {
  const taken = new Map<string, string>();
  return inputs.map((input) => {
    const name = basename(input);
    if (input === "-") throw new UsageError("--output: standard input has no name for a file in a folder");
    const other = taken.get(name);
    if (other !== undefined)
      throw new UsageError(`--output: ${other} and ${input} would both become ${join(folder, name)}`);
    taken.set(name, input);
    return { inputs: [input], output: join(folder, name) };
  });
}

function isFolder(path: string): boolean {
  if (isStandardOutput(path)) return false;
  try {
    return statSync(path).isDirectory();
  } catch {
    // Whoever opens it is told why it cannot be.
    return false;
  }
}

function inputIdentity(path: string): string | undefined {
  return path === "-" ? identityOfOpen(STDIN) : identityOf(path);
}
