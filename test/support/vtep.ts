// Runs `frameferry vtep` as people do, as a program of its own, and asks it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { CLI } from "../cli/program.ts";
import type { Namespace } from "./namespaces.ts";
import { run } from "./run-program.ts";

export interface VtepPortState {
  readonly name: string;
  readonly kind: string;
  readonly to: string;
  readonly state: string;
  readonly problem?: string;
  readonly received: number;
  readonly sent: number;
  readonly sentBytes: number;
  readonly dropped: number;
  readonly drops: Readonly<Record<string, number>>;
}

export interface VtepAnswers {
  readonly ports: readonly VtepPortState[];
  readonly fdb: readonly {
    readonly bridgeDomain: string;
    readonly mac: string;
    readonly port: string | null;
  }[];
  readonly counters: {
    readonly received: number;
    readonly copies: number;
    readonly sent: number;
    readonly dropped: number;
    readonly drops: Readonly<Record<string, number>>;
  };
  readonly drops: readonly { readonly where: string; readonly reason: string; readonly frames: number }[];
}

export class RunningVtep {
  /** The configuration's file. */
  readonly file: string;
  readonly control: string;
  readonly child: ChildProcess;
  stderr = "";
  stdout = "";
  readonly #ended: Promise<unknown[]>;

  constructor(folder: string, config: object, namespace?: Namespace, name = "vtep") {
    this.file = join(folder, `${name}.json`);
    this.control = join(folder, `${name}.sock`);
    this.write(config);
    const args = [CLI, "vtep", "--config", this.file, "--json"];
    this.child =
      namespace === undefined
        ? spawn(process.execPath, args)
        : spawn(...namespace.command(process.execPath, ...args));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.#ended = once(this.child, "close");
    onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  /** Puts another configuration into the file. */
  write(config: object): void {
    writeFileSync(this.file, JSON.stringify({ ...config, control: this.control }));
  }

  /** Resolves when this has been said on standard error, `times` times. */
  async said(words: string, times = 1): Promise<void> {
    while (this.stderr.split(words).length <= times) {
      if (this.child.exitCode !== null) throw new Error(`it has ended: ${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Resolves when the file has been read again; with what was said of it. */
  async reload(config: object): Promise<string> {
    this.write(config);
    return await this.hangUp();
  }

  async hangUp(): Promise<string> {
    const before = this.stderr.length;
    this.child.kill("SIGHUP");
    while (!this.stderr.slice(before).includes("\n")) {
      if (this.child.exitCode !== null) throw new Error(`it has ended: ${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.stderr.slice(before).trim();
  }

  ask<K extends keyof VtepAnswers>(what: K): VtepAnswers[K] {
    const { status, stdout, output } = this.ctl(what, "--json");
    if (status !== 0) throw new Error(output);
    return (JSON.parse(stdout) as VtepAnswers)[what];
  }

  ctl(...args: readonly string[]): ReturnType<typeof run> {
    return run(process.execPath, [CLI, "ctl", "--control", this.control, ...args], "/");
  }

  port(name: string): VtepPortState {
    return this.ask("ports").find((port) => port.name === name)!;
  }

  /** Stops it; with the code that it ends with, and what it has counted. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<{ code: unknown; told: VtepAnswers }> {
    this.child.kill(signal);
    const [code] = await this.#ended;
    if (this.stdout === "") throw new Error(`nothing was told at the end: ${this.stderr}`);
    return { code, told: JSON.parse(this.stdout) as VtepAnswers };
  }

  /** Resolves with what it ends with by itself. */
  async ended(): Promise<{ code: unknown; stderr: string }> {
    const [code] = await this.#ended;
    return { code, stderr: this.stderr };
  }
}

export async function startedVtep(
  folder: string,
  config: object,
  namespace?: Namespace,
  name?: string,
): Promise<RunningVtep> {
  const vtep = new RunningVtep(folder, config, namespace, name);
  await vtep.said("ready\n");
  return vtep;
}
