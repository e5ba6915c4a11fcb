import type { Command } from "commander";
import { ip } from "../core/address-fields.ts";
import { type Field, flag, list, text, whole } from "../core/fields.ts";
import { notifyManager } from "../linux/notify.ts";
import { say, UsageError } from "./failures.ts";
import { addFieldOptions, fileName, optionsOf, type Parsed, type Rows } from "./options.ts";
import { print } from "./print.ts";
import { type ExampleOptions, exampleConfig, readVtepConfig } from "./vtep-config.ts";
import { type Asked, openControl } from "./vtep-control.ts";
import { Vtep } from "./vtep-daemon.ts";
import { serveMetrics } from "./vtep-metrics.ts";
import { QUESTIONS } from "./vtep-state.ts";
import { TEXTS } from "./vtep-text.ts";

interface VtepCommandOptions extends Partial<ExampleOptions> {
  readonly config?: string;
  readonly example?: boolean;
  readonly json?: boolean;
}

const EXAMPLE: Readonly<Record<keyof ExampleOptions, Field<unknown>>> = {
  local: {
    ...ip(),
    flag: "--local <IP>",
    help: "of the example: the address of this machine under the tunnels",
  },
  remote: {
    ...list(ip()),
    flag: "--remote <IP>",
    help: "of the example: the other end of a tunnel; it may be given several times",
  },
  vni: { ...whole(0, 0xffffff), flag: "--vni <N>", help: "of the example: the VNI" },
  tap: { ...text(), flag: "--tap <NAME>", help: "of the example: the interface to make" },
};

const OPTIONS: Rows = {
  config: { ...fileName(), flag: "--config <FILE>", help: "configuration, JSON; - is standard input" },
  example: { ...flag(), flag: "--example", help: "print a configuration to begin with" },
  ...EXAMPLE,
  json: { ...flag(), flag: "--json", help: "print what was counted as one JSON object at the end" },
};

const EXAMPLES = `
Examples:
  frameferry vtep --example --local 10.1.5.8 --remote 10.1.5.7 --vni 42 --tap ff0 > vtep.json
  frameferry vtep --config vtep.json
  ip addr add 192.168.42.8/24 dev ff0
  frameferry ctl ports

It runs until SIGINT or SIGTERM, in the network namespace in which it was started, and says "ready" on standard error when
frames flow. SIGHUP reads the configuration again: what is the same stays and loses nothing, and one that cannot be
changes nothing. TAPs need CAP_NET_ADMIN and the package koffi. The JSON schema is frameferry/vtep.schema.json.`;

export function defineVtep(command: Command): void {
  addFieldOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(runCommand);
}

async function runCommand(parsed: Parsed): Promise<void> {
  const { config: file, example, json, ...parts }: VtepCommandOptions = optionsOf(OPTIONS, parsed);
  if (example) {
    if (file !== undefined) throw new UsageError("--example: it goes without --config");
    await print(exampleConfig(exampleOptions(parts)));
    return;
  }
  const [stray] = Object.keys(parts);
  if (stray !== undefined) throw new UsageError(`--${stray}: it goes with --example`);
  if (file === undefined)
    throw new UsageError("--config: name a configuration, or have one printed by --example");
  await serve(file, json === true);
}

function exampleOptions(parts: Partial<ExampleOptions>): ExampleOptions {
  for (const name of Object.keys(EXAMPLE) as (keyof ExampleOptions)[])
    if (parts[name] === undefined) throw new UsageError(`--${name}: the example needs it`);
  return parts as ExampleOptions;
}

/** Runs until it is told to stop. */
async function serve(file: string, json: boolean): Promise<void> {
  const tell = (line: string): void => say(`frameferry vtep: ${line}`);
  const config = await readVtepConfig(file);
  const stopped = signalled(["SIGINT", "SIGTERM"]);
  const vtep = await Vtep.start(file, config, tell);
  /** By what it can be asked. */
  const asked: Asked[] = [];
  try {
    if (config.control !== undefined) asked.push(await openControl(file, config.control, vtep));
    if (config.metrics !== undefined) asked.push(await serveMetrics(file, config.metrics, vtep));
    const reload = (): void => void reloaded(file, vtep, tell);
    process.on("SIGHUP", reload);
    process.stderr.write("ready\n");
    await notified(tell, "READY=1");
    await stopped;
    await notified(tell, "STOPPING=1");
    process.off("SIGHUP", reload);
    for (const one of asked.splice(0)) await one.close();
    await vtep.stop();
    await print(json ? jsonOf(vtep) : textOf(vtep), json ? "programs" : "people");
  } finally {
    for (const one of asked) await one.close();
    await vtep.close();
  }
}

/** Resolves at the first of these signals; the next one ends the program as it does every program. */
function signalled(names: readonly NodeJS.Signals[]): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      for (const name of names) process.off(name, stop);
      resolve();
    };
    for (const name of names) process.on(name, stop);
  });
}

/** Tells systemd, if that has started the program. That it cannot is no reason not to run. */
async function notified(tell: (line: string) => void, ...lines: readonly string[]): Promise<void> {
  try {
    await notifyManager(...lines);
  } catch (error) {
    tell(`the manager of services cannot be told: ${(error as Error).message}`);
  }
}

/** Microseconds of the clock that systemd goes by. */
function monotonic(): string {
  return `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`;
}

/** What cannot be is told, and nothing has changed then. */
async function reloaded(file: string, vtep: Vtep, tell: (line: string) => void): Promise<void> {
  await notified(tell, "RELOADING=1", monotonic());
  try {
    if (file === "-") throw new Error("standard input: it cannot be read again");
    await vtep.reload(file, await readVtepConfig(file));
    tell("reloaded");
  } catch (error) {
    tell(`not reloaded: ${(error as Error).message}`);
  }
  await notified(tell, "READY=1");
}

function jsonOf(vtep: Vtep): string {
  const answers = Object.entries(QUESTIONS).map(([name, answer]) => [name, answer(vtep)]);
  return `${JSON.stringify({ command: "vtep", ...Object.fromEntries(answers) })}\n`;
}

function textOf(vtep: Vtep): string {
  const { ports, counters, drops } = QUESTIONS;
  return [TEXTS.counters(counters(vtep)), TEXTS.ports(ports(vtep)), TEXTS.drops(drops(vtep))].join("\n");
}
