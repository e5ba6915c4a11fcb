// Native peers: built on demand with cc, then kept alive as child processes that take turns with the kernels
// of this process. bench/native/line-protocol.h says what they are told.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Contender } from "./rounds.ts";

const root: string = fileURLToPath(new URL("../../../", import.meta.url));
const sources: string = join(root, "bench/native");
const built: string = join(root, "build/native");

/** Builds `bench/native/NAME.c` unless it is built; returns the program, or says why there is none. */
export function buildNative(name: string): { program: string } | { missing: string } {
  if (spawnSync("cc", ["--version"]).status !== 0) return { missing: "no C compiler (cc)" };
  const flags = ["-O3", "-Wall", "-Wextra"];
  const libraries: string[] = [];
  if (name.startsWith("rte-")) {
    const ask = (what: string): ReturnType<typeof spawnSync> =>
      spawnSync("pkg-config", [what, "libdpdk"], { encoding: "utf8" });
    if (ask("--exists").status !== 0) return { missing: "pkg-config does not find libdpdk" };
    flags.push(...words(ask("--cflags").stdout));
    libraries.push(...words(ask("--libs").stdout), "-lpthread");
  }
  flags.push("-march=native"); // last: DPDK's own flags name an older processor
  const program = join(built, name);
  if (!existsSync(program) || statSync(program).mtimeMs < newestSource()) {
    mkdirSync(built, { recursive: true });
    const command = [...flags, "-o", program, join(sources, `${name}.c`), ...libraries];
    const { status, stderr } = spawnSync("cc", command, { encoding: "utf8" });
    if (status !== 0) return { missing: `cc fails: ${stderr.split("\n")[0]}` };
  }
  return { program };
}

/** A native program that waits for its turns. */
export class NativePeer {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(program: string, options: readonly string[] = []) {
    this.#child = spawn(program, options, { stdio: ["pipe", "pipe", "ignore"] });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async load(...files: string[]): Promise<void> {
    await this.#ask(`load ${files.join(" ")}`);
  }

  /** One pass over what is there. */
  async once(task: string): Promise<void> {
    await this.#ask(`once ${task}`);
  }

  async dump(file: string): Promise<void> {
    await this.#ask(`dump ${file}`);
  }

  contender(peer: string, frames: number, task: string): Contender {
    return {
      peer,
      frames,
      measure: async (samples, passes) =>
        (await this.#ask(`run ${task} ${samples} ${passes}`)).split(" ").map(Number),
    };
  }

  close(): void {
    this.#child.stdin?.end();
  }

  async #ask(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`${this.#child.spawnfile}: it ended while asked to ${line}`);
    if (value.startsWith("error")) throw new Error(`${this.#child.spawnfile}: ${line}: ${value}`);
    return value;
  }
}

function newestSource(): number {
  return Math.max(...readdirSync(sources).map((name) => statSync(join(sources, name)).mtimeMs));
}

function words(text: string | Buffer): string[] {
  return String(text).split(/\s+/).filter(Boolean);
}
