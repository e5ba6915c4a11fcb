// Linux's own VXLAN and Geneve as a peer: two network namespaces with a cable between them, the kernel's tunnels in the
// one, nothing in the other but its address. Both have names of their own, and are gone when the test ends.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

export const KERNEL = { IPv4: "10.1.5.7", IPv6: "fd00:5::7" } as const;
export const OURS = { IPv4: "10.1.5.8", IPv6: "fd00:5::8" } as const;

/** A tunnel of the kernel's: its device, and the addresses of the kernel's machine and of ours inside. */
export interface KernelTunnel {
  readonly kind: "vxlan" | "geneve";
  readonly family: "IPv4" | "IPv6";
  readonly vni: number;
  readonly inside: string;
  readonly ours: string;
}

const TUNNELS: readonly KernelTunnel[] = [
  { kind: "vxlan", family: "IPv4", vni: 42, inside: "192.168.42.7", ours: "192.168.42.8" },
  { kind: "vxlan", family: "IPv6", vni: 43, inside: "192.168.43.7", ours: "192.168.43.8" },
  { kind: "geneve", family: "IPv4", vni: 44, inside: "192.168.44.7", ours: "192.168.44.8" },
];

const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const env = { ...process.env, PATH };

function sh(script: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync("sh", ["-ec", script], { env, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

function deviceOf({ kind, family, vni }: KernelTunnel): string {
  const remote = OURS[family];
  return kind === "vxlan"
    ? `type vxlan id ${vni} local ${KERNEL[family]} remote ${remote} dstport 4789 dev v0`
    : `type geneve id ${vni} remote ${remote} dstport 6081`;
}

/** What there is here of each step: with which error it fails, if it does. */
function tried(script: string): string | undefined {
  const { status, output } = sh(script);
  return status === 0 ? undefined : output.trim();
}

/** Why there can be no such peer here; undefined if there can. */
function whyNot(): string | undefined {
  if (process.platform !== "linux") return "this is not Linux";
  if (process.getuid?.() !== 0) return "only root makes network namespaces";
  for (const program of ["ip", "ethtool", "ping"])
    if (sh(`command -v ${program}`).status !== 0) return `${program} is not installed`;
  const name = `ff-probe-${process.pid}`;
  const failure = tried(`ip netns add ${name}; ip netns delete ${name}`);
  return failure === undefined ? undefined : `there are no network namespaces: ${failure}`;
}

const why: string | undefined = whyNot();

/** Those of which this kernel has devices. */
export const KERNEL_TUNNELS: readonly KernelTunnel[] = why === undefined ? TUNNELS.filter(isKnown) : [];

export const whyNoKernelPeer: string | undefined =
  why ?? (KERNEL_TUNNELS.length === 0 ? "the kernel has no devices for tunnels" : undefined);

function isKnown({ kind }: KernelTunnel, index: number): boolean {
  const name = `ff-probe-${process.pid}-${index}`;
  const options = kind === "vxlan" ? "id 1 dstport 4789 remote 10.0.0.1" : "id 1 remote 10.0.0.1";
  const failure = tried(`ip netns add ${name}; ip -n ${name} link add t0 type ${kind} ${options}`);
  sh(`ip netns delete ${name} || true`);
  if (failure !== undefined) console.warn(`skipped: the kernel has no ${kind}: ${failure}`);
  return failure === undefined;
}

export class KernelPeer {
  readonly #kernel: string;
  readonly #ours: string;
  readonly #programs: ChildProcess[] = [];

  /** The kernel's devices are called `t42` and so on, by VNI. */
  constructor() {
    const [kernel, ours] = [`ff-k-${process.pid}`, `ff-n-${process.pid}`];
    this.#kernel = kernel;
    this.#ours = ours;
    const tunnels = KERNEL_TUNNELS.flatMap((tunnel) => [
      `ip -n ${kernel} link add t${tunnel.vni} ${deviceOf(tunnel)}`,
      `ip -n ${kernel} addr add ${tunnel.inside}/24 dev t${tunnel.vni}`,
      `ip -n ${kernel} link set t${tunnel.vni} mtu 1500 up`,
    ]);
    const { status, output } = sh(`
      for name in ${kernel} ${ours}; do ip netns add $name; ip -n $name link set lo up; done
      ip link add v0 netns ${kernel} type veth peer name v1 netns ${ours}
      ip -n ${kernel} addr add ${KERNEL.IPv4}/24 dev v0
      ip -n ${kernel} addr add ${KERNEL.IPv6}/64 dev v0 nodad
      ip -n ${ours} addr add ${OURS.IPv4}/24 dev v1
      ip -n ${ours} addr add ${OURS.IPv6}/64 dev v1 nodad
      ip -n ${kernel} link set v0 mtu 1600 up
      ip -n ${ours} link set v1 mtu 1600 up
      ip netns exec ${kernel} ethtool -K v0 tx off >/dev/null
      ip netns exec ${ours} ethtool -K v1 tx off >/dev/null
      ${tunnels.join("\n")}
    `);
    if (status === 0) return;
    this.#delete();
    throw new Error(output);
  }

  /** Runs a program in the kernel's namespace to its end. */
  run(program: string, ...args: readonly string[]): { status: number | null; output: string } {
    const all = ["netns", "exec", this.#kernel, program, ...args];
    const { status, stdout, stderr } = spawnSync("ip", all, { env, encoding: "utf8", timeout: 60_000 });
    return { status, output: `${stdout}${stderr}` };
  }

  /** Starts a program in our namespace, and waits until it says `ready` on one of its outputs. */
  async start(ready: string, program: string, ...args: readonly string[]): Promise<RunningProgram> {
    const child = spawn("ip", ["netns", "exec", this.#ours, program, ...args], { env });
    this.#programs.push(child);
    const running = new RunningProgram(child);
    await running.until(ready);
    return running;
  }

  async close(): Promise<void> {
    for (const child of this.#programs) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "close");
    }
    this.#delete();
  }

  #delete(): void {
    for (const name of [this.#kernel, this.#ours]) sh(`ip netns delete ${name} || true`);
  }
}

/** A program, and what it has said. */
export class RunningProgram {
  output = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "close");
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text) => (this.output += text));
  }

  async until(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`it has ended: ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Lets it end by a signal, and gives all that it has said. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<string> {
    this.#child.kill(signal);
    await this.#ended;
    return this.output;
  }
}
