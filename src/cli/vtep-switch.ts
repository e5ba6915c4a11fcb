// The running switch of a VTEP: made for a configuration, and changed as a list of changes says. Whether a configuration can be
// is tried before, on a switch that nobody uses: so nothing here can find a fault in it.

import { isOutOfMemory } from "../core/argument-error.ts";
import { FRAME_BYTES_MAXIMUM } from "../layout/batch.layout.ts";
import { PAGE_LENGTH, PAGES_MAXIMUM } from "../layout/memory.layout.ts";
import { ENCAPSULATE_TEMPLATE_LENGTH } from "../layout/stage.layout.ts";
import { createSwitch, type LivePort, type LiveRouter, type Switch, type SwitchPort } from "../switch.ts";
import { BadConfiguration } from "./failures.ts";
import { buildSwitch, domainNamed, portOptionsOf, routerOptionsOf, tunnelOptionsOf } from "./switch-build.ts";
import type { NamedEntry, NamedRouter } from "./switch-config.ts";
import type { Changes } from "./vtep-changes.ts";
import { switchOf, type VtepConfig, withoutPlug } from "./vtep-config.ts";

/** Parts that a switch has room for beside those that it begins with: a configuration may grow while it runs. */
const MORE = { ports: 1024, bridgeDomains: 1024, neighbours: 4096 } as const;

/** Enough for most; it is doubled as long as tables do not fit. */
const MEMORY_FIRST = 64 * 1024 * 1024;
const MEMORY_MAXIMUM = PAGE_LENGTH * PAGES_MAXIMUM;
/** Slots are as long as a frame can be, so that there is a use for each. */
const COPIES = 64;

type Room = { readonly [K in keyof typeof MORE]: number };

/** How much of each part a configuration has. */
function roomOf({ bridgeDomains, ports, tunnels = [], neighbours = [], routers = [] }: VtepConfig): Room {
  const gateways = routers.flatMap(({ interfaces }) => interfaces.flatMap(({ addresses }) => addresses));
  return {
    ports: ports.length + tunnels.length,
    bridgeDomains: bridgeDomains.length,
    // One is the VTEP's own address.
    neighbours: neighbours.length + gateways.length + 1,
  };
}

/** @throws BadConfiguration that names the place in `file`. */
export async function expectSwitch(file: string, config: VtepConfig): Promise<void> {
  const { sw } = await buildSwitch(file, switchOf(config));
  sw.close();
}

export class VtepSwitch {
  readonly sw: Switch;
  readonly #room: Room;
  readonly #tunnels: Map<string, SwitchPort> = new Map();
  /** By what they were made of: they have no names. */
  readonly #routers: Map<string, LiveRouter> = new Map();

  /** One with nothing in it, and room for `config` and more. */
  static async create({ fdb, vtep, ...config }: VtepConfig, superFrames: boolean): Promise<VtepSwitch> {
    const { entries: _entries, ...fdbOptions } = fdb ?? {};
    const wanted = roomOf({ ...config, vtep });
    const room = {
      ports: wanted.ports + MORE.ports,
      bridgeDomains: wanted.bridgeDomains + MORE.bridgeDomains,
      neighbours: wanted.neighbours + MORE.neighbours,
    };
    const copies = { copies: COPIES, frameBytes: FRAME_BYTES_MAXIMUM, headroom: ENCAPSULATE_TEMPLATE_LENGTH };
    for (let memoryBytes = MEMORY_FIRST; ; memoryBytes = Math.min(2 * memoryBytes, MEMORY_MAXIMUM)) {
      try {
        const options = { ...room, vtep, fdb: { ...fdbOptions, events: 0 }, copies, superFrames };
        // On this thread: what a frame costs here is little beside the calls of the system that bring it.
        return new VtepSwitch(await createSwitch({ workers: 0, memoryBytes, ...options }), room);
      } catch (error) {
        if (!isOutOfMemory(error) || memoryBytes === MEMORY_MAXIMUM) throw error;
      }
    }
  }

  private constructor(sw: Switch, room: Room) {
    this.sw = sw;
    this.#room = room;
  }

  /** @throws BadConfiguration if a configuration is larger than what there is room for. */
  expectRoom(file: string, config: VtepConfig): void {
    const wanted = roomOf(config);
    for (const part of Object.keys(wanted) as (keyof Room)[])
      if (wanted[part] > this.#room[part])
        throw new BadConfiguration(
          file,
          `it needs room for ${wanted[part]} ${part}, and the program was started with ${this.#room[part]}: start it anew`,
        );
  }

  port(name: string): LivePort {
    return this.sw.port(name) as LivePort;
  }

  /** Takes out what goes. What has come in by then is worked on before. */
  async remove({
    entries,
    neighbours,
    routers,
    memberships,
    tunnels,
    ports,
    domains,
  }: Changes): Promise<void> {
    const { sw } = this;
    for (const { bridgeDomain, mac } of entries.gone) sw.fdb.remove(domainNamed(sw, bridgeDomain), mac);
    for (const { bridgeDomain, ip } of neighbours.gone)
      await sw.removeNeighbour({ bridgeDomain: domainNamed(sw, bridgeDomain), ip });
    for (const router of routers.gone)
      await sw.removeRouter(this.#taken(this.#routers, JSON.stringify(router)));
    for (const { tunnel, left } of memberships)
      for (const name of left) await sw.leaveTunnel(this.#tunnel(tunnel), domainNamed(sw, name));
    for (const { name } of tunnels.gone) await sw.removePort(this.#taken(this.#tunnels, name));
    for (const { name } of ports.gone) await sw.removePort(this.port(name));
    for (const { name } of domains.gone) await sw.removeBridgeDomain(domainNamed(sw, name));
  }

  /** Puts in what comes. */
  async add({ domains, ports, tunnels, memberships, routers, neighbours, entries }: Changes): Promise<void> {
    const { sw } = this;
    for (const domain of domains.come) await sw.addBridgeDomain(domain);
    for (const port of ports.come) await sw.addPort(portOptionsOf(sw, withoutPlug(port), ["ports"]));
    for (const tunnel of tunnels.come)
      this.#tunnels.set(tunnel.name, await sw.addTunnel(tunnelOptionsOf(sw, tunnel, ["tunnels"])));
    for (const { tunnel, joined } of memberships)
      for (const name of joined) await sw.joinTunnel(this.#tunnel(tunnel), domainNamed(sw, name));
    for (const router of routers.come)
      this.#routers.set(JSON.stringify(router), await this.#addRouter(router));
    for (const { bridgeDomain, ...rest } of neighbours.come)
      await sw.addNeighbour({ ...rest, bridgeDomain: domainNamed(sw, bridgeDomain) });
    for (const entry of entries.come) this.#addEntry(entry);
  }

  async #addRouter(named: NamedRouter): Promise<LiveRouter> {
    const router = await this.sw.addRouter(routerOptionsOf(named));
    for (const { bridgeDomain, ...rest } of named.interfaces)
      await router.addInterface({ ...rest, bridgeDomain: domainNamed(this.sw, bridgeDomain) });
    for (const route of named.routes ?? []) await router.addRoute(route);
    return router;
  }

  #addEntry(entry: NamedEntry): void {
    const { sw } = this;
    const { mac } = entry;
    const bridgeDomain = domainNamed(sw, entry.bridgeDomain);
    if (!("port" in entry)) sw.fdb.set({ bridgeDomain, mac, blackhole: true });
    else sw.fdb.set({ bridgeDomain, mac, port: sw.port(entry.port) ?? this.#tunnel(entry.port) });
  }

  #tunnel(name: string): SwitchPort {
    return this.#tunnels.get(name) as SwitchPort;
  }

  #taken<T>(all: Map<string, T>, key: string): T {
    const value = all.get(key) as T;
    all.delete(key);
    return value;
  }
}
