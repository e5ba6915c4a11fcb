import { readdirSync } from "node:fs";
import { isatty } from "node:tty";
import type { Command } from "commander";
import type { CaptureOutput } from "../capture/capture-io.ts";
import { flag, text, whole } from "../core/fields.ts";
import { createCaptureFile } from "../files/capture-files.ts";
import { FRAME_BYTES_MAXIMUM } from "../layout/batch.layout.ts";
import { fileError } from "../platform/file-error.ts";
import { isStandardOutput } from "../platform/node-output.ts";
import { UsageError } from "./failures.ts";
import { filterOf } from "./filter-option.ts";
import { addFieldOptions, fileName, optionsOf, type Parsed, type Rows } from "./options.ts";
import { print } from "./print.ts";
import { ask, askForCapture } from "./vtep-control.ts";
import { type Answers, isQuestion, QUESTIONS } from "./vtep-state.ts";
import { TEXTS } from "./vtep-text.ts";
import type { Trace } from "./vtep-trace.ts";

interface CtlOptions {
  readonly control?: string;
  readonly json?: boolean;
  readonly output?: string;
  readonly filter?: string;
  readonly bytes?: number;
  readonly frame?: string;
}

const OPTIONS: Rows = {
  control: {
    ...fileName(),
    flag: "--control <PATH>",
    help: "where the VTEP listens, as its configuration says; by default the only frameferry-*.sock in /run",
  },
  json: { ...flag(), flag: "--json", help: "print the answer as one JSON object" },
};

const CAPTURE_OPTIONS: Rows = {
  output: {
    ...fileName(),
    flag: "-o, --output <FILE>",
    help: "of a capture: pcapng; - is standard output, as it is without",
  },
  filter: {
    ...text(),
    flag: "--filter <EXPRESSION>",
    help: "of a capture: only frames that match, in tcpdump's language",
  },
  bytes: {
    ...whole(1, FRAME_BYTES_MAXIMUM),
    flag: "--bytes <N>",
    help: "of a capture: the first bytes of each frame",
  },
};

const TRACE_OPTIONS: Rows = {
  frame: {
    ...text(),
    flag: "--frame <HEX>",
    help: "of a trace: the frame, from its Ethernet header on; of the uplink the packet around it",
  },
};

const ALL_OPTIONS: Rows = { ...OPTIONS, ...CAPTURE_OPTIONS, ...TRACE_OPTIONS };

const EXAMPLES = `
Examples:
  frameferry ctl ports                     what is plugged in, and how it stands with it
  frameferry ctl fdb                       what was learned, and where
  frameferry ctl counters                  frames in all, and by bridge domain
  frameferry ctl drops --json              where frames were lost, and why
  frameferry ctl capture ff0 -o ff0.pcapng  what passes a port, until Ctrl-C
  frameferry ctl capture uplink --filter "vni 42" | wireshark -k -i -
  frameferry ctl trace ff0 --frame ffffffffffff0200000000010806   what would become of a frame, and why
  frameferry ctl --control /run/frameferry-ff0-10.1.5.8.sock ports`;

const FOLDER = "/run";

const CAPTURE = "capture";
const TRACE = "trace";
const KNOWN: readonly string[] = [...Object.keys(QUESTIONS), TRACE, CAPTURE];
const STDOUT = 1;
/** The first byte of an answer that is a line; that of a pcapng is another. */
const BRACE = "{".charCodeAt(0);

export function defineCtl(command: Command): void {
  command
    .argument("<WHAT>", `what to ask a running vtep: ${KNOWN.join(", ")}`)
    .argument(
      "[PORT]",
      "of a trace or a capture: the name of a port, or uplink, where what goes through tunnels passes",
    );
  addFieldOptions(command, ALL_OPTIONS).addHelpText("after", EXAMPLES).action(runCommand);
}

async function runCommand(what: string, port: string | undefined, parsed: Parsed): Promise<void> {
  const { control, json, frame, ...capture }: CtlOptions = optionsOf(ALL_OPTIONS, parsed);
  const strange = what === TRACE ? Object.keys(capture)[0] : frame === undefined ? undefined : "frame";
  if (strange !== undefined)
    throw new UsageError(`--${strange}: it goes with ${what === TRACE ? CAPTURE : TRACE}`);
  if (what === TRACE) {
    if (port === undefined) throw new UsageError("PORT: say by which port the frame comes in, or uplink");
    if (frame === undefined) throw new UsageError("--frame: say which frame, in hex");
    await trace(control ?? onlyControl(), port, frame, json === true);
    return;
  }
  if (what === CAPTURE) {
    if (json) throw new UsageError("--json: a capture is none");
    if (port === undefined) throw new UsageError("PORT: say which port is to be captured, or uplink");
    await captureFrom(control ?? onlyControl(), port, capture);
    return;
  }
  if (!isQuestion(what))
    throw new UsageError(`WHAT: expected ${KNOWN.join(", ")}, got ${JSON.stringify(what)}`);
  const stray = port === undefined ? Object.keys(capture).map((name) => `--${name}`)[0] : "PORT";
  if (stray !== undefined) throw new UsageError(`${stray}: it goes with capture`);
  const path = control ?? onlyControl();
  const line = await answered(path, () => ask(path, what));
  if (line === "") throw new UsageError(`${path}: it has not answered`);
  if (json) await print(line, "programs");
  else await print(textOf(what, JSON.parse(line) as Answers));
}

/** Tells what would become of a frame, a line for each decision. */
async function trace(path: string, port: string, frame: string, json: boolean): Promise<void> {
  const line = await answered(path, () => ask(path, TRACE, { port, frame }));
  if (line === "") throw new UsageError(`${path}: it has not answered`);
  const { trace: found, error } = JSON.parse(line) as { trace?: Trace; error?: string };
  if (found === undefined) throw new UsageError(String(error));
  await print(
    json ? line : `${found.steps.map((step) => `  ${step}`).join("\n")}\n`,
    json ? "programs" : "people",
  );
}

/** Writes a capture until the program at `path` ends it, or this one is told to stop: it is whole then. */
async function captureFrom(
  path: string,
  port: string,
  { output = "-", filter, bytes }: Pick<CtlOptions, "output" | "filter" | "bytes">,
): Promise<void> {
  if (isStandardOutput(output) && isatty(STDOUT))
    throw new UsageError(
      "--output: standard output is a terminal, and a capture is no text: name a file, or pipe it on",
    );
  // What is wrong with it is told better here.
  if (filter !== undefined) await filterOf(filter);
  const socket = await answered(path, () => askForCapture(path, { port, filter, bytes }));
  const stop = (): void => void socket.end();
  for (const signal of STOPS) process.on(signal, stop);
  let file: CaptureOutput | undefined;
  const refusal: Buffer[] = [];
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (refusal.length > 0 || (file === undefined && chunk[0] === BRACE)) {
        refusal.push(chunk);
        continue;
      }
      file ??= await createCaptureFile(output);
      await file.write(chunk);
    }
    if (refusal.length > 0) throw new UsageError(JSON.parse(Buffer.concat(refusal).toString()).error);
    if (file === undefined) throw new UsageError(`${path}: it has not answered`);
    await file.close();
  } catch (error) {
    await file?.abort(error);
    throw error;
  } finally {
    for (const signal of STOPS) process.off(signal, stop);
    socket.destroy();
  }
}

const STOPS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"];

function textOf<K extends keyof Answers>(what: K, answers: Pick<Answers, K>): string {
  return TEXTS[what](answers[what]);
}

function onlyControl(): string {
  const names = readdirSync(FOLDER).filter((name) => /^frameferry-.*\.sock$/.test(name));
  const [first, ...more] = names.map((name) => `${FOLDER}/${name}`);
  if (first === undefined)
    throw new UsageError(`--control: there is no frameferry-*.sock in ${FOLDER}: say where the VTEP listens`);
  if (more.length > 0) throw new UsageError(`--control: say which of ${[first, ...more].join(", ")}`);
  return first;
}

async function answered<T>(path: string, asking: () => Promise<T>): Promise<T> {
  try {
    return await asking();
  } catch (error) {
    throw fileError("read", path, error);
  }
}
