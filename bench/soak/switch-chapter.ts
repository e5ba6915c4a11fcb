// Two switches with tunnels of every kind between them, under load and constant change, on workers that die.

import { createDataplane } from "../../src/dataplane/create-dataplane.ts";
import type { Dataplane } from "../../src/dataplane/dataplane.ts";
import { openSwitch } from "../../src/live/open-switch.ts";
import type { BridgeDomain, TunnelOptions } from "../../src/switch/switch-types.ts";
import { type Chapter, type ChapterContext, type ChapterTally, pause, turn, until } from "./chapter.ts";
import { DOMAINS, SwitchSide, TENANTS } from "./switch-side.ts";
import { ip6Text, ipText, macOf, macText, routerMac, type Station } from "./traffic.ts";
import { MortalWorkers } from "./workers.ts";

const ADDRESSES = { 4: ["10.1.5.7", "10.1.5.8"], 6: ["fd00:1::7", "fd00:1::8"] } as const;
const PORTS_MOST = 14;
/** Bursts of each sender between two pauses. */
const BURSTS_A_ROUND = 60;
const DEATH_EVERY = 7_000;
const REST_SECONDS = 30;
/** Milliseconds for which a switch waits for who reads from it. */
const PATIENCE: readonly number[] = [0, 2, 5, 20];

export interface SwitchSoakOptions {
  readonly workers: number;
  readonly carrier: 4 | 6;
}

export function switchChapter({ workers, carrier }: SwitchSoakOptions): Chapter {
  return {
    name: `switches, ${workers} worker${workers === 1 ? "" : "s"}, tunnels over IPv${carrier}`,
    run: async (context) => {
      const mortal = new MortalWorkers();
      await using dataplane = await createDataplane({ workers, spawnWorker: mortal.spawn });
      const free = dataplane.freeBytes;
      const soak = new SwitchSoak(context, mortal, workers);
      try {
        await soak.open(dataplane, carrier);
        do await soak.round();
        while (performance.now() < context.end);
      } finally {
        await soak.close();
      }
      if (!(await until(() => dataplane.freeBytes === free, 5)))
        context.fault(`${free - dataplane.freeBytes} bytes of the dataplane's memory were not given back`);
      return soak.tally;
    },
  };
}

class SwitchSoak {
  readonly #context: ChapterContext;
  readonly #mortal: MortalWorkers;
  readonly #workers: number;
  readonly #sides: SwitchSide[] = [];
  readonly #carrying: Promise<void>[] = [];
  #pauses = 0;
  #changes = 0;
  /** When the next worker dies: the first at once. */
  #death = 0;

  constructor(context: ChapterContext, mortal: MortalWorkers, workers: number) {
    this.#context = context;
    this.#mortal = mortal;
    this.#workers = workers;
  }

  get tally(): ChapterTally {
    const frames = this.#sides.reduce((sum, { sent }) => sum + sent, 0);
    const copies = this.#sides.reduce((sum, side) => sum + side.copies, 0);
    return { frames, copies, pauses: this.#pauses, changes: this.#changes, deaths: this.#mortal.deaths };
  }

  async open(dataplane: Dataplane, carrier: 4 | 6): Promise<void> {
    const { next, fault } = this.#context;
    // GRE with a key and NVGRE look alike: a remote has one of them.
    const gre = next(2) === 0 ? "gre" : "nvgre";
    for (const side of [0, 1]) {
      const [address, remote] = side === 0 ? ADDRESSES[carrier] : [...ADDRESSES[carrier]].reverse();
      const sw = await openSwitch(dataplane, {
        vtep: { address: address as string, udpChecksum: "verify" },
        fdb: { capacity: 256, ageSeconds: 1 },
        copies: { copies: 64, headroom: 256 },
        ringBytes: 1 << 18,
        sweepSeconds: 1,
        // Each switch waits for the other: with the default the cores would be idle most of the time.
        patienceMs: PATIENCE[next(PATIENCE.length)] as number,
      });
      const domains: BridgeDomain[][] = [];
      for (let tenant = 0; tenant < TENANTS; tenant++) {
        const own: BridgeDomain[] = [];
        for (let domain = 0; domain < DOMAINS; domain++) {
          const vni = 5000 + 10 * tenant + domain;
          own.push(await sw.addBridgeDomain({ vni, arpSuppression: domain === 0 }));
        }
        domains.push(own);
      }
      const one = new SwitchSide(sw, side, domains, next, fault);
      this.#sides.push(one);
      const at = { remote: remote as string };
      const [[a, b], [c, d]] = domains as [[BridgeDomain, BridgeDomain], [BridgeDomain, BridgeDomain]];
      await this.#addTunnel(one, { kind: "vxlan", ...at, bridgeDomains: [a, d], udpChecksum: true });
      const options = [{ class: 0x102, type: 1, data: Uint8Array.of(1, 2, 3, 4) }];
      await this.#addTunnel(one, { kind: "geneve", ...at, bridgeDomains: [b], options });
      const checksum = gre === "gre" ? { checksum: true } : {};
      await this.#addTunnel(one, { kind: gre, ...at, bridgeDomains: [c], ...checksum } as TunnelOptions);
      for (let tenant = 0; tenant < TENANTS; tenant++) {
        for (const domain of [0, 1, "trunk"] as const) await one.addPort(tenant, domain);
        await this.#addNeighbours(one, tenant);
      }
      await addRouter(one, side);
    }
    const [a, b] = this.#sides as [SwitchSide, SwitchSide];
    this.#carrying.push(a.carry(b), b.carry(a));
    for (const carried of this.#carrying) carried.catch(() => {});
  }

  async close(): Promise<void> {
    await Promise.all(this.#sides.map(({ sw }) => sw.close()));
    await Promise.allSettled(this.#carrying);
  }

  /** Load and changes at once, then a rest at which the books are compared. */
  async round(): Promise<void> {
    const work = this.#sides.flatMap((side) =>
      side.ports.filter(() => this.#context.next(3) > 0).map((port) => this.#load(side, port)),
    );
    await Promise.all([...work, this.#change()]);
    await this.#rest();
    for (const side of this.#sides) side.check();
    this.#pauses++;
  }

  async #load(side: SwitchSide, port: SwitchSide["ports"][number]): Promise<void> {
    for (const frame of port.hellos) side.sent += port.port.send([frame]);
    for (let burst = 0; burst < BURSTS_A_ROUND && performance.now() < this.#context.end; burst++) {
      // It may have been removed meanwhile.
      if (!side.ports.includes(port)) return;
      await side.send(port);
      if (burst % 2 === 1) await turn();
    }
  }

  async #rest(): Promise<void> {
    const end = performance.now() + REST_SECONDS * 1000;
    // What the one sends after it has come to rest may set the other going again.
    for (let calm = 0; calm < 3; ) {
      const before = this.#sides.map(({ sent }) => sent).join();
      for (const { sw } of this.#sides) await sw.idle();
      await turn();
      const still = before === this.#sides.map(({ sent }) => sent).join();
      calm = still && this.#sides.every(({ taken }) => taken) ? calm + 1 : 0;
      if (performance.now() > end) {
        this.#context.fault(`not at rest after ${REST_SECONDS} s`);
        return;
      }
    }
  }

  async #change(): Promise<void> {
    const { next } = this.#context;
    const changes = 1 + next(6);
    for (let i = 0; i < changes && (i === 0 || performance.now() < this.#context.end); i++) {
      const side = this.#sides[next(2)] as SwitchSide;
      const change = CHANGES[next(CHANGES.length)] as Change;
      await letGo(() => change(side, next));
      this.#changes++;
      if (this.#workers > 0 && performance.now() > this.#death) {
        this.#mortal.kill(next);
        this.#death = performance.now() + DEATH_EVERY;
      }
      await turn();
    }
  }

  async #addTunnel(side: SwitchSide, options: TunnelOptions): Promise<void> {
    const port = await side.sw.addTunnel(options);
    side.tunnels.push({ port, options, inside: new Set(options.bridgeDomains) });
  }

  async #addNeighbours({ sw, domains }: SwitchSide, tenant: number): Promise<void> {
    for (const [domain, bridgeDomain] of (domains[tenant] as readonly BridgeDomain[]).entries())
      for (let number = 0; number < 8; number++) {
        const station: Station = { tenant, domain, side: number & 1, number };
        const mac = macText(macOf(station));
        for (const ip of [ipText(station), ip6Text(station)])
          await sw.addNeighbour({ bridgeDomain, ip, mac });
      }
  }
}

/** The gateway of tenant `tenant`. */
async function addRouter(side: SwitchSide, tenant: number): Promise<void> {
  const router = await side.sw.addRouter();
  for (let domain = 0; domain < DOMAINS; domain++)
    await router.addInterface({
      bridgeDomain: side.domain(tenant, domain),
      mac: macText(routerMac(tenant, domain)),
      addresses: [`10.${tenant + 1}.${domain}.1/24`, `fd00:${tenant + 1}:${domain}::1/64`],
    });
  await router.addRoute({ prefix: "198.51.100.0/24", blackhole: true });
  side.routers[tenant] = router;
}

/** A table that a dead worker held is free again once that is known. */
async function letGo(change: () => Promise<unknown>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "worker-late") throw error;
    await pause(100);
    await change();
  }
}

type Change = (side: SwitchSide, next: (below: number) => number) => Promise<unknown>;

/** What happens to a switch while it works; each leaves it such that any other can follow. */
const CHANGES: readonly Change[] = [
  async (side, next) => {
    if (side.ports.length < PORTS_MOST)
      await side.addPort(next(TENANTS), next(3) === 0 ? "trunk" : next(DOMAINS));
  },
  async (side, next) => {
    if (side.ports.length > 4) await side.removePort(next(side.ports.length));
  },
  async (side, next) => {
    const tunnel = side.tunnels[next(side.tunnels.length)] as SwitchSide["tunnels"][number];
    const [first] = tunnel.options.bridgeDomains as [BridgeDomain];
    if (tunnel.inside.delete(first)) await side.sw.leaveTunnel(tunnel.port, first);
    else {
      tunnel.inside.add(first);
      await side.sw.joinTunnel(tunnel.port, first);
    }
  },
  async (side, next) => {
    const [gone] = side.tunnels.splice(next(side.tunnels.length), 1);
    if (gone === undefined) return;
    await side.sw.removePort(gone.port);
    const port = await side.sw.addTunnel(gone.options);
    side.tunnels.push({ port, options: gone.options, inside: new Set(gone.options.bridgeDomains) });
  },
  async ({ side, routers }, next) => {
    const router = routers[side];
    const prefix = `203.0.${next(3)}.0/24`;
    const via = `10.${side + 1}.0.${2 + next(4)}`;
    await router?.addRoute(next(2) === 0 ? { prefix, via } : { prefix, blackhole: true });
    if (next(2) === 0) await router?.removeRoute(prefix);
  },
  async (side) => {
    const router = side.routers[side.side];
    if (router !== undefined) await side.sw.removeRouter(router);
    await addRouter(side, side.side);
  },
  async (side, next) => {
    const [tenant, domain, number] = [next(TENANTS), next(DOMAINS), next(8)];
    const station = { tenant, domain, side: number & 1, number };
    const neighbour = { bridgeDomain: side.domain(tenant, domain), ip: ipText(station) };
    await side.sw.removeNeighbour(neighbour);
    await side.sw.addNeighbour({ ...neighbour, mac: macText(macOf(station)) });
  },
  async (side, next) => {
    const { port, tenant } = side.ports[next(side.ports.length)] as SwitchSide["ports"][number];
    if (next(2) === 0) side.sw.fdb.flush({ port });
    else side.sw.fdb.flush({ bridgeDomain: side.domain(tenant, next(DOMAINS)) });
  },
  async (side, next) => {
    const bridgeDomain = side.domain(next(TENANTS), next(DOMAINS));
    const mac = `02:00:00:00:01:0${next(8)}`;
    // A table that is full of what was learned has no room.
    if (side.sw.fdb.size < side.sw.fdb.capacity / 2) side.sw.fdb.set({ bridgeDomain, mac, blackhole: true });
    side.sw.fdb.remove(bridgeDomain, mac);
  },
  async (side) => {
    const bridgeDomain = await side.sw.addBridgeDomain();
    const port = await side.sw.addPort({ bridgeDomain });
    await side.sw.removePort(port);
    await side.sw.removeBridgeDomain(bridgeDomain);
  },
  async (side) => side.sw.fdb.sweep(Date.now()),
];
