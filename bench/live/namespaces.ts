// Two machines on one cable: network namespaces, which are removed at the end, and programs in them.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

/** Runs a program to its end; what it prints. Throws if it fails. */
export function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", timeout: 60_000 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

export class Machine {
  readonly name: string;
  readonly #children: Set<ChildProcess> = new Set();

  constructor(name: string) {
    this.name = name;
    run("ip", "netns", "add", name);
    this.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    this.ip("link", "set", "lo", "up");
  }

  ip(...args: readonly string[]): string {
    return run("ip", "-n", this.name, ...args);
  }

  run(program: string, ...args: readonly string[]): string {
    return run("ip", "netns", "exec", this.name, program, ...args);
  }

  /** Starts a program; its standard output is read until it says `ready`. */
  async start(ready: RegExp, program: string, ...args: readonly string[]): Promise<ChildProcess> {
    const child = spawn("ip", ["netns", "exec", this.name, program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.add(child);
    let text = "";
    const seen = new Promise<void>((resolve, reject) => {
      const look = (more: Buffer): void => {
        text += more;
        if (ready.test(text)) resolve();
      };
      child.stdout?.on("data", look);
      child.stderr?.on("data", look);
      child.on("exit", (code) => reject(new Error(`${program} ended with ${code}: ${text}`)));
      child.on("error", reject);
      setTimeout(() => reject(new Error(`${program} did not get ready: ${text}`)), 20_000).unref();
    });
    await seen;
    child.removeAllListeners("exit");
    return child;
  }

  async stop(child: ChildProcess): Promise<void> {
    this.#children.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
  }

  async remove(): Promise<void> {
    for (const child of [...this.#children]) await this.stop(child);
    spawnSync("ip", ["netns", "del", this.name]);
  }
}

/** A cable whose ends compute all checksums and cut all segments in software, as for a network card without offloads. */
export function cable(a: Machine, aName: string, b: Machine, bName: string, mtu: number): void {
  run("ip", "link", "add", aName, "netns", a.name, "type", "veth", "peer", "name", bName, "netns", b.name);
  for (const [machine, name] of [
    [a, aName],
    [b, bName],
  ] as const) {
    machine.run("ethtool", "-K", name, "tx", "off");
    machine.ip("link", "set", name, "mtu", String(mtu), "up");
  }
}
