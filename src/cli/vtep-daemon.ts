// A VTEP that runs: a switch, what is plugged into its ports, and the UDP sockets of its tunnels. What a configuration says is
// opened before anything is changed, so that one which cannot be leaves everything as it was.

import { type ErrorPath, isArgumentError, sentenceAt } from "../core/argument-error.ts";
import { inTime } from "../core/in-time.ts";
import { type LinuxUdpCarrier, openUdpCarrier as openFastCarrier } from "../linux.ts";
import { openUdpCarrier, type UdpCarrier, type UdpCarrierOptions } from "../node.ts";
import type { SwitchPort } from "../switch.ts";
import { portOf, rowOfKind, type TunnelKind } from "../tunnel/kinds.ts";
import { BadConfiguration } from "./failures.ts";
import { changesBetween, fixedDifference } from "./vtep-changes.ts";
import { plugOf, type VtepConfig, type VtepPort } from "./vtep-config.ts";
import { openPlug, type Plug, PortPlug } from "./vtep-plugs.ts";
import { expectSwitch, VtepSwitch } from "./vtep-switch.ts";
import { fittingMtu, steadyMac } from "./vtep-tap.ts";

type Carrier = UdpCarrier | LinuxUdpCarrier;

/** Says what happened while it runs, in one line. */
export type Say = (line: string) => void;

export class Vtep {
  readonly switch: VtepSwitch;
  readonly uplink: PortPlug;
  readonly startedAt: number = Date.now();
  readonly #carrier: Carrier;
  /** UDP ports on which it listens. */
  readonly #listens: readonly number[];
  readonly #say: Say;
  readonly #plugs: Map<string, Plug> = new Map();
  #config: VtepConfig;
  #changing: Promise<unknown> = Promise.resolve();

  /** @throws BadConfiguration that names the place in `file`; then nothing is open. */
  static async start(file: string, config: VtepConfig, say: Say): Promise<Vtep> {
    await expectSwitch(file, config);
    const ports = portsOf(config);
    const carrier = await at(file, CARRIER_PLACES, () =>
      openCarrier({ local: config.vtep.address, ports, remotes: remotesOf(config) }),
    );
    try {
      const vtep = new Vtep(
        await VtepSwitch.create(config, carrier.offloads.segmentation),
        carrier,
        ports,
        config,
        say,
      );
      try {
        await vtep.#change(file, config);
        const { uplink } = vtep.switch.sw;
        if (uplink !== undefined) await vtep.uplink.join(uplink);
        return vtep;
      } catch (error) {
        await vtep.close();
        throw error;
      }
    } catch (error) {
      await carrier.close();
      throw error;
    }
  }

  private constructor(
    running: VtepSwitch,
    carrier: Carrier,
    listens: readonly number[],
    config: VtepConfig,
    say: Say,
  ) {
    this.switch = running;
    this.#carrier = carrier;
    this.#listens = listens;
    this.#say = say;
    this.uplink = new PortPlug(`udp ${carrier.name.replace(/^carrier-/, "")}`, carrier, {
      onProblem: (problem) => say(`the uplink is down: ${problem}`),
    });
    // Nothing of it is there yet.
    this.#config = { ...onlyFixed(config), bridgeDomains: [], ports: [] };
  }

  get config(): VtepConfig {
    return this.#config;
  }

  /** What is plugged into a port; undefined for tunnels. */
  plug({ name, kind }: SwitchPort): Plug | undefined {
    return kind === "uplink" ? this.uplink : this.#plugs.get(name);
  }

  /**
   * Makes of it what `config` says: what is the same stays as it is and loses nothing.
   * @throws BadConfiguration if that cannot be; then nothing has changed.
   */
  reload(file: string, config: VtepConfig): Promise<void> {
    const reloaded = this.#changing.then(async () => {
      const fixed = fixedDifference(this.#config, config);
      if (fixed !== undefined)
        throw new BadConfiguration(file, `${fixed}: it stays as it is while the program runs: start it anew`);
      const missing = portsOf(config).find((port) => !this.#listens.includes(port));
      if (missing !== undefined)
        throw new BadConfiguration(
          file,
          `tunnels: the program was started without UDP port ${missing}: start it anew`,
        );
      await expectSwitch(file, config);
      this.switch.expectRoom(file, config);
      await this.#change(file, config);
    });
    this.#changing = reloaded.catch(() => {});
    return reloaded;
  }

  /** Nothing comes in any more: what has come is worked on, and leaves if it can within a second. It can still be asked. */
  async stop(): Promise<void> {
    await this.#changing;
    await Promise.all([...this.#plugs.values()].map((plug) => plug.close()));
    await inTime(this.switch.sw.idle().catch(() => {}));
    await this.uplink.close();
  }

  /** Ends it. */
  async close(): Promise<void> {
    await this.stop();
    await this.switch.sw.close();
  }

  async #change(file: string, config: VtepConfig): Promise<void> {
    const changes = changesBetween(this.#config, config);
    const come = new Set(changes.ports.come.map(({ name }) => name));
    const opened = new Map<string, Plug>();
    const kept = new Set<string>();
    try {
      for (const [index, port] of config.ports.entries()) {
        if (this.#keeps(port)) {
          kept.add(port.name);
          continue;
        }
        const plug = await at(
          file,
          (path) => ["ports", index, Object.keys(plugOf(port))[0] ?? "", ...path],
          () => this.#open(port, config),
        );
        opened.set(port.name, plug);
      }
    } catch (error) {
      await Promise.all([...opened.values()].map((plug) => plug.close()));
      throw error;
    }
    await this.switch.remove(changes);
    for (const [name, plug] of this.#plugs) {
      if (kept.has(name)) continue;
      await plug.close();
      this.#plugs.delete(name);
    }
    this.#carrier.setRemotes(remotesOf(config));
    await this.switch.add(changes);
    this.#config = config;
    for (const [name, plug] of opened) this.#plugs.set(name, plug);
    for (const [name, plug] of this.#plugs)
      if (come.has(name) || opened.has(name)) await plug.join(this.switch.port(name));
  }

  /** Whether what is plugged into a port is there already, and well. */
  #keeps(port: VtepPort): boolean {
    const plug = this.#plugs.get(port.name);
    if (plug === undefined || plug.state().state === "down") return false;
    const before = this.#config.ports.find(({ name }) => name === port.name);
    return before !== undefined && JSON.stringify(plugOf(before)) === JSON.stringify(plugOf(port));
  }

  async #open(port: VtepPort, config: VtepConfig): Promise<Plug> {
    const { name } = port;
    const onProblem = (problem: string): void => this.#say(`port ${name} is down: ${problem}`);
    return await openPlug(plugOf(port), {
      name,
      mtu: fittingMtu(config),
      mac: steadyMac(config, name),
      superFrames: this.#carrier.offloads.segmentation,
      onProblem,
    });
  }
}

/** That of Linux, and where there is none, or no koffi, that of Node. */
async function openCarrier(options: UdpCarrierOptions): Promise<Carrier> {
  try {
    return await openFastCarrier({ ...options, superFrames: true });
  } catch (error) {
    if (!isArgumentError(error) || !["koffi", "platform"].includes(error.path)) throw error;
    return await openUdpCarrier(options);
  }
}

function onlyFixed({
  vtep,
  fdb,
  control,
  metrics,
}: VtepConfig): Pick<VtepConfig, "vtep" | "fdb" | "control" | "metrics"> {
  const { entries: _entries, ...options } = fdb ?? {};
  return {
    ...{ vtep, fdb: options },
    ...(control !== undefined && { control }),
    ...(metrics !== undefined && { metrics }),
  };
}

/** UDP ports of the kinds of its tunnels, and those that are named; that of VXLAN if there are none. */
function portsOf({ vtep, tunnels = [] }: VtepConfig): number[] {
  const own: Readonly<Record<string, number | undefined>> = vtep.ports ?? {};
  const kinds = new Set([...Object.keys(own), ...tunnels.map(({ kind = "vxlan" }) => kind)] as TunnelKind[]);
  if (kinds.size === 0) kinds.add("vxlan");
  return [...kinds].map((kind) => own[kind] ?? (portOf(rowOfKind(kind)) as number));
}

function remotesOf({ tunnels = [] }: VtepConfig): string[] {
  return [...new Set(tunnels.map(({ remote }) => remote))];
}

type Places = (path: ErrorPath) => ErrorPath;

/** What a carrier calls its options, and where they stand in the file. */
const CARRIER_PLACES: Places = ([name, ...rest]) => {
  if (name === "local") return ["vtep", "address"];
  return name === "ports" ? ["vtep", "ports"] : ["tunnels", ...rest];
};

/** Runs `action`; what it finds wrong with an argument is said of its place in the file. */
async function at<T>(file: string, places: Places, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!isArgumentError(error)) throw error;
    throw new BadConfiguration(file, sentenceAt(places(error.steps), error.sentence));
  }
}
