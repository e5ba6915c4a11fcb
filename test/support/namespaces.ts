// Network namespaces for tests: each makes its own, and nothing of this machine's network is touched.
import { accessSync } from "node:fs";
import { run } from "./run-program.ts";

/** Why there can be none here, or undefined. `programs` are those that the test runs in them. */
export function noNamespaces(...programs: readonly string[]): string | undefined {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "it needs root";
  try {
    accessSync("/dev/net/tun");
  } catch {
    return "there is no /dev/net/tun here";
  }
  for (const program of ["ip", ...programs]) {
    if (run("sh", ["-c", `command -v ${program}`], "/").status !== 0) return `there is no ${program} here`;
  }
  const name = nextName();
  if (run("ip", ["netns", "add", name], "/").status !== 0) return "namespaces cannot be made here";
  run("ip", ["netns", "del", name], "/");
  return undefined;
}

let count = 0;

function nextName(): string {
  return `ff-${process.pid}-${count++}`;
}

export class Namespace {
  readonly name: string = nextName();

  /** With its loopback up. Interfaces in it have no addresses of IPv6 but those that they are given, unless `ipv6` is true. */
  constructor({ ipv6 = false }: { ipv6?: boolean } = {}) {
    must("ip", ["netns", "add", this.name]);
    for (const scope of ["all", "default"])
      this.run("sh", "-c", `echo ${ipv6 ? 0 : 1} > /proc/sys/net/ipv6/conf/${scope}/disable_ipv6`);
    this.ip("link", "set", "lo", "up");
  }

  /** What a program prints that runs here; throws if it fails. */
  run(program: string, ...args: readonly string[]): string {
    return must("ip", ["netns", "exec", this.name, program, ...args]);
  }

  /** `ip` in here. */
  ip(...args: readonly string[]): string {
    return must("ip", ["-n", this.name, ...args]);
  }

  /** The words with which a program is started here. */
  command(program: string, ...args: readonly string[]): readonly [string, string[]] {
    return ["ip", ["netns", "exec", this.name, program, ...args]];
  }

  remove(): void {
    run("ip", ["netns", "del", this.name], "/");
  }
}

/** A cable between two namespaces. What one end leaves of checksums to the other is computed: user space reads it. */
export function cable(
  [one, oneName]: readonly [Namespace, string],
  [other, otherName]: readonly [Namespace, string],
  mtu: number,
): void {
  must("ip", [
    ...["link", "add", oneName, "netns", one.name, "type", "veth"],
    ...["peer", "name", otherName, "netns", other.name],
  ]);
  for (const [namespace, name] of [
    [one, oneName],
    [other, otherName],
  ] as const) {
    namespace.run("ethtool", "-K", name, "tx", "off");
    namespace.ip("link", "set", name, "mtu", String(mtu), "up");
  }
}

function must(program: string, args: readonly string[]): string {
  const { status, stdout, output } = run(program, args, "/");
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${output}`);
  return stdout;
}
