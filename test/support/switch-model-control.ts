// The switch's model, one half: ports, bridge domains, tunnels, neighbours, the FDB's outside and the counters.
import type { TunnelKind } from "frameferry";
import { type EntryModel, FdbModel, STAMPS } from "./switch-model-fdb.ts";
import { addressKey, madeMac } from "./switch-model-frames.ts";
import type {
  DomainHandle,
  DomainSettings,
  FdbEntryView,
  FdbView,
  FlushFilter,
  PortHandle,
  PortSettings,
  StaticEntry,
  SwitchControl,
  SwitchSettings,
  SwitchTally,
  Tally,
  TunnelSettings,
} from "./switch-types.ts";

export interface Attachment {
  readonly port: PortModel;
  /** 0: frames of the domain bear no tag there. */
  readonly vid: number;
}

export interface DomainModel extends DomainHandle {
  readonly settings: DomainSettings;
  /** In the order in which ports joined. */
  readonly members: Attachment[];
  /** MAC by IP address, as {@link addressKey} writes it. */
  readonly neighbours: Map<string, string>;
  readonly tally: Tally;
}

export interface PortModel extends PortHandle {
  readonly kind: "access" | "trunk" | "tunnel" | "uplink";
  readonly settings: PortSettings;
  readonly group: number;
  /** By VID; 0 is untagged. Empty for tunnels. */
  readonly domains: Map<number, DomainModel>;
  readonly tunnel: TunnelSettings | undefined;
  readonly tally: Tally & { receivedBytes: number; sentBytes: number };
}

const tally = (): Tally => ({ received: 0, copies: 0, dropped: 0, sent: 0 });

export class SwitchModelControl implements SwitchControl {
  readonly settings: SwitchSettings;
  readonly uplink: PortModel | undefined;
  readonly fdb: FdbView;
  protected readonly fdbModel: FdbModel;
  protected readonly portModels = new Map<number, PortModel>();
  protected readonly domainModels = new Map<number, DomainModel>();
  /** Ports that have gone are in here for ever. */
  protected readonly total: Tally = tally();
  protected readonly drops = new Map<string, number>();
  protected arpAnswers = 0;

  constructor(settings: SwitchSettings) {
    this.settings = settings;
    const { capacity = 8192, ageSeconds = 300, whenFull = "evict", events = 1024 } = settings.fdb ?? {};
    this.fdbModel = new FdbModel({ capacity, ageSeconds, whenFull, events });
    this.fdb = this.#fdbView();
    this.uplink = settings.vtep === undefined ? undefined : this.#newPort(0, "uplink", "uplink", {}, 0);
  }

  addBridgeDomain(settings: DomainSettings): DomainModel {
    const id = lowestFree(this.domainModels);
    const domain: DomainModel = {
      id,
      name: settings.name ?? `domain-${id}`,
      vni: settings.vni,
      settings,
      members: [],
      neighbours: new Map(),
      tally: tally(),
    };
    this.domainModels.set(id, domain);
    return domain;
  }

  removeBridgeDomain(handle: DomainHandle): void {
    const domain = this.#domain(handle);
    if (domain.members.length > 0) throw new RangeError("bridgeDomain: ports are in it");
    this.fdbModel.deleteWhere((entry) => entry.domain === domain.id);
    this.domainModels.delete(domain.id);
  }

  addPort(settings: PortSettings): PortModel {
    const number = lowestFree(this.portModels);
    const name = settings.name ?? `port-${number}`;
    const kind = settings.vlans === undefined ? "access" : "trunk";
    const port = this.#newPort(number, name, kind, settings, settings.group ?? 0);
    if (settings.bridgeDomain !== undefined) this.#join(port, 0, this.#domain(settings.bridgeDomain));
    for (const [vid, handle] of Object.entries(settings.vlans ?? {}))
      this.#join(port, Number(vid) === settings.native ? 0 : Number(vid), this.#domain(handle));
    this.portModels.set(number, port);
    return port;
  }

  addTunnel(settings: TunnelSettings): PortModel {
    const { kind, remote, bridgeDomains } = settings;
    // GRE and NVGRE look alike.
    const alike: TunnelKind[] = kind === "gre" || kind === "nvgre" ? ["gre", "nvgre"] : [kind];
    if (alike.some((one) => this.tunnelTo(addressKey(remote), one) !== undefined))
      throw new RangeError("remote: there is such a tunnel");
    for (const domain of bridgeDomains) this.#expectVni(kind, domain);
    const number = lowestFree(this.portModels);
    const name = settings.name ?? `port-${number}`;
    const { options } = settings;
    const own = options === undefined ? settings : { ...settings, options: structuredClone(options) };
    const port = this.#newPort(number, name, "tunnel", settings, settings.group ?? 1, own);
    for (const handle of settings.bridgeDomains) this.joinTunnel(port, handle);
    this.portModels.set(number, port);
    return port;
  }

  #newPort(
    number: number,
    name: string,
    kind: PortModel["kind"],
    settings: PortSettings,
    group: number,
    tunnel?: TunnelSettings,
  ): PortModel {
    const counts = { ...tally(), receivedBytes: 0, sentBytes: 0 };
    return { number, name, kind, settings, group, domains: new Map(), tunnel, tally: counts };
  }

  #join(port: PortModel, vid: number, domain: DomainModel): void {
    port.domains.set(vid, domain);
    domain.members.push({ port, vid });
  }

  /** The tunnel of a kind to an address, as {@link addressKey} writes it. */
  protected tunnelTo(remote: string, kind: TunnelKind): PortModel | undefined {
    return this.ports().find(({ tunnel }) => tunnel?.kind === kind && addressKey(tunnel.remote) === remote);
  }

  /** Low VSIDs and the last one are reserved (RFC 7637 §3.2). */
  #expectVni(kind: TunnelKind, { vni = 0 }: DomainHandle): void {
    if (kind === "nvgre" && (vni < 0x1000 || vni === 0xffffff)) throw new RangeError("vni: not for NVGRE");
  }

  joinTunnel(tunnel: PortHandle, domain: DomainHandle): void {
    this.#expectVni((tunnel as PortModel).tunnel!.kind, domain);
    this.#domain(domain).members.push({ port: tunnel as PortModel, vid: 0 });
  }

  leaveTunnel(tunnel: PortHandle, domain: DomainHandle): void {
    this.#part(this.#domain(domain), tunnel.number);
  }

  removePort(port: PortHandle): void {
    for (const domain of this.domainModels.values()) this.#part(domain, port.number);
    this.portModels.delete(port.number);
  }

  /** The port leaves the domain, and with it all that the FDB says of it there. */
  #part(domain: DomainModel, port: number): void {
    const index = domain.members.findIndex((member) => member.port.number === port);
    if (index >= 0) domain.members.splice(index, 1);
    this.fdbModel.deleteWhere((entry) => entry.domain === domain.id && entry.port === port);
  }

  addNeighbour(neighbour: { bridgeDomain: DomainHandle; ip: string; mac: string }): void {
    this.#domain(neighbour.bridgeDomain).neighbours.set(addressKey(neighbour.ip), neighbour.mac);
  }

  removeNeighbour(neighbour: { bridgeDomain: DomainHandle; ip: string }): boolean {
    return this.#domain(neighbour.bridgeDomain).neighbours.delete(addressKey(neighbour.ip));
  }

  ports(): PortModel[] {
    return [...this.portModels.values()];
  }

  bridgeDomains(): DomainModel[] {
    return [...this.domainModels.values()];
  }

  port(name: string): PortModel | undefined {
    return this.ports().find((port) => port.name === name);
  }

  bridgeDomain(name: string): DomainModel | undefined {
    return this.bridgeDomains().find((domain) => domain.name === name);
  }

  counters(): SwitchTally {
    const ports = this.uplink === undefined ? this.ports() : [this.uplink, ...this.ports()];
    return {
      ...this.total,
      drops: Object.fromEntries(this.drops),
      ports: ports.map(({ number, name, tally }) => ({ number, name, ...tally })),
      bridgeDomains: this.bridgeDomains().map(({ id, name, tally }) => ({ id, name, ...tally })),
      answered: { arp: this.arpAnswers },
      learnRefused: this.fdbModel.refused,
    };
  }

  close(): void {}

  protected get localMac(): string {
    const { address, mac } = this.settings.vtep!;
    return mac ?? madeMac(address);
  }

  #domain(handle: DomainHandle): DomainModel {
    const domain = this.domainModels.get(handle.id);
    if (domain !== handle) throw new RangeError("bridgeDomain: not of this switch, or removed");
    return domain;
  }

  #fdbView(): FdbView {
    const model = this.fdbModel;
    const view = ({ domain, mac, port, kind, stamp }: EntryModel): FdbEntryView => ({
      bridgeDomain: domain,
      mac,
      port,
      kind,
      seconds: kind === "learned" ? stamp : undefined,
    });
    return {
      get size() {
        return model.entries.size;
      },
      get lostEvents() {
        return model.lostEvents;
      },
      set: ({ bridgeDomain, mac, port }: StaticEntry) => model.set(bridgeDomain.id, mac, port?.number),
      get: (domain, mac) => {
        const entry = model.get(domain.id, mac);
        return entry && view(entry);
      },
      remove: (domain, mac) => {
        const entry = model.get(domain.id, mac);
        if (entry !== undefined) model.delete(entry);
        return entry !== undefined;
      },
      flush: ({ bridgeDomain, port, kinds }: FlushFilter) =>
        model.deleteWhere(
          (entry) =>
            (kinds === "all" || entry.kind === "learned") &&
            (bridgeDomain === undefined || entry.domain === bridgeDomain.id) &&
            (port === undefined || entry.port === port.number),
        ),
      sweep: (nowMs) => model.sweep(stampOf(nowMs)),
      entries: () => [...model.entries.values()].map(view),
      takeEvents: () => model.takeEvents(),
    };
  }
}

export function stampOf(nowMs: number): number {
  return Math.floor(nowMs / 1000) % STAMPS;
}

function lowestFree(taken: ReadonlyMap<number, unknown>): number {
  let number = 1;
  while (taken.has(number)) number++;
  return number;
}
