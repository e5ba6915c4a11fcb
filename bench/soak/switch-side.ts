// One of the two switches of a chapter: its ports and who takes from them, and what was put into it.

import type { LivePort } from "../../src/live/live-port.ts";
import type { LiveRouter } from "../../src/live/live-router.ts";
import type { Switch } from "../../src/live/live-switch.ts";
import type { BridgeDomain, SwitchPort, TunnelOptions } from "../../src/switch/switch-types.ts";
import { turn } from "./chapter.ts";
import { hello, type Station, type Talk, talkFrame, tenantOf } from "./traffic.ts";

export const TENANTS = 2;
export const DOMAINS = 2;
const STATIONS = 4;
/** Prepared bursts of a port, and how many frames they have. */
const BURSTS = 6;
export const BURST = 512;

/** A port with its stations, what they say, and how much has been taken from it. */
export interface SoakedPort {
  readonly port: LivePort;
  readonly tenant: number;
  readonly bursts: readonly (readonly Uint8Array[])[];
  readonly hellos: readonly Uint8Array[];
  taken: number;
}

export interface SoakedTunnel {
  readonly port: SwitchPort;
  readonly options: TunnelOptions;
  readonly inside: Set<BridgeDomain>;
}

export class SwitchSide {
  readonly sw: Switch;
  readonly side: number;
  /** By tenant and number. */
  readonly domains: readonly (readonly BridgeDomain[])[];
  readonly ports: SoakedPort[] = [];
  readonly tunnels: SoakedTunnel[] = [];
  readonly routers: (LiveRouter | undefined)[] = [];
  /** Frames that the switch took. */
  sent = 0;
  /** Those that it made beside, when the books were compared last. */
  copies = 0;
  /** What the uplink gave. */
  uplinkTaken = 0;
  /** Whether frames of the uplink are between the two switches. */
  carrying = false;
  readonly #next: (below: number) => number;
  readonly #fault: (what: string) => void;
  #stations = 0;

  constructor(
    sw: Switch,
    side: number,
    domains: readonly (readonly BridgeDomain[])[],
    next: (below: number) => number,
    fault: (what: string) => void,
  ) {
    this.sw = sw;
    this.side = side;
    this.domains = domains;
    this.#next = next;
    this.#fault = fault;
  }

  domain(tenant: number, domain: number): BridgeDomain {
    return (this.domains[tenant] as readonly BridgeDomain[])[domain] as BridgeDomain;
  }

  /** An access port in a bridge domain, or a trunk of all that its tenant has. */
  async addPort(tenant: number, domain: number | "trunk"): Promise<void> {
    const group = this.#next(4) === 0 ? 7 : 0;
    const mtu = this.#next(6) === 0 ? { mtu: 600 } : {};
    const all = this.domains[tenant] as readonly BridgeDomain[];
    const port = await this.sw.addPort(
      domain === "trunk"
        ? { vlans: all.map((one, i) => [10 + i, one] as const), native: 10, ...mtu }
        : { bridgeDomain: this.domain(tenant, domain), group, ...mtu },
    );
    const own = Array.from({ length: STATIONS }, (_, i): Station => {
      const number = this.#stations++ & 0xfff;
      return { tenant, domain: domain === "trunk" ? i % DOMAINS : domain, side: this.side, number };
    });
    const talk = (): Talk => {
      const from = own[this.#next(STATIONS)] as Station;
      const vid = domain === "trunk" ? 10 + from.domain : 0;
      // Stations of both sides; some are not there any more, or not yet.
      const number = this.#next(Math.max(8, Math.min(this.#stations, 64)));
      return { from, to: { ...from, side: this.#next(2), number }, vid };
    };
    const bursts = Array.from({ length: BURSTS }, () =>
      Array.from({ length: BURST }, () => talkFrame(talk(), this.#next)),
    );
    const hellos = own.map((from) =>
      hello({ from, to: from, vid: domain === "trunk" ? 10 + from.domain : 0 }),
    );
    const soaked: SoakedPort = { port, tenant, bursts, hellos, taken: 0 };
    this.ports.push(soaked);
    void this.#take(soaked);
  }

  async removePort(index: number): Promise<void> {
    const [gone] = this.ports.splice(index, 1);
    if (gone !== undefined) await this.sw.removePort(gone.port);
  }

  /** Hands a burst over, by and by where there is no room, unless the port is removed meanwhile. */
  async send(soaked: SoakedPort): Promise<void> {
    const burst = soaked.bursts[this.#next(BURSTS)] as readonly Uint8Array[];
    for (let at = 0; at < burst.length && this.ports.includes(soaked); ) {
      const taken = soaked.port.send(at === 0 ? burst : burst.slice(at));
      this.sent += taken;
      at += taken;
      if (at < burst.length) await turn();
    }
  }

  /** Everything that the uplink gives goes to the other switch. */
  async carry(to: SwitchSide): Promise<void> {
    for await (const burst of this.sw.uplink as LivePort) {
      this.carrying = true;
      this.uplinkTaken += burst.length;
      await (to.sw.uplink as LivePort).sendAll([...burst]);
      to.sent += burst.length;
      this.carrying = false;
    }
  }

  /** Compares the books, when nothing is under way. */
  check(): void {
    const counters = this.sw.counters();
    const { received, copies, sent, dropped, drops } = counters;
    this.copies = copies;
    const say = (what: string): void => this.#fault(`switch ${this.side}: ${what}`);
    if (received !== this.sent) say(`${this.sent} frames were sent, and ${received} received`);
    if (received + copies !== sent + dropped)
      say(`${received} received + ${copies} copies are not ${sent} sent + ${dropped} dropped`);
    const reasons = Object.values(drops).reduce((sum, count) => sum + count, 0);
    if (reasons !== dropped) say(`${dropped} dropped, and ${reasons} by reason`);
    for (const { name, ...domain } of counters.bridgeDomains) {
      const came = domain.received + domain.copies + domain.routedIn;
      const went = domain.sent + domain.dropped + domain.routedOut;
      if (came !== went) say(`domain ${name}: ${came} frames came in, and ${went} went`);
    }
    for (const { number, name, sent: left } of counters.ports) {
      const soaked = this.ports.find(({ port }) => port.number === number);
      if (number === 0) this.#delivered(name, left, this.uplinkTaken);
      else if (soaked !== undefined) this.#delivered(name, left, soaked.taken);
    }
    for (const { bridgeDomain, port } of this.sw.fdb.entries())
      if (port !== undefined && !this.sw.ports().includes(port))
        say(`the FDB of ${bridgeDomain.name} names port ${port.name}, which is gone`);
  }

  /** Whether all that left has been taken: readers may need a moment. */
  get taken(): boolean {
    if (this.carrying) return false;
    return this.sw.counters().ports.every(({ number, sent }) => {
      if (number === 0) return sent === this.uplinkTaken;
      const soaked = this.ports.find(({ port }) => port.number === number);
      return soaked === undefined || sent === soaked.taken;
    });
  }

  #delivered(name: string, sent: number, taken: number): void {
    if (sent === taken) return;
    this.#fault(`switch ${this.side}: ${sent} frames left ${name}, ${taken} were taken`);
  }

  async #take(soaked: SoakedPort): Promise<void> {
    for await (const burst of soaked.port) {
      soaked.taken += burst.length;
      // One of each burst: the rate is to be that of the switch.
      const tenant = tenantOf(burst.frame(this.#next(burst.length)));
      if (tenant !== undefined && tenant !== soaked.tenant)
        this.#fault(
          `switch ${this.side}: a frame of tenant ${tenant} came to ${soaked.port.name} of ${soaked.tenant}`,
        );
    }
  }
}
