// Builds the switch of a recipe twice, as model and as whatever is tested, does the same to both, and compares
// all that can be seen of them after every step.

import { cookFrame, cookPacket, hostIp, macOf, UNDERLAYS, type Underlay } from "./switch-frames.ts";
import type { SwitchModel } from "./switch-model.ts";
import type { DomainModel, PortModel } from "./switch-model-control.ts";
import type { ArrivalRecipe, PacketRecipe, PortRecipe, StepRecipe, SwitchRecipe } from "./switch-recipes.ts";
import { entryText, eventText, expectIdentities, type Subject, tallyText } from "./switch-subject.ts";
import type { PortFrame, SwitchControl, SwitchSettings, TunnelSettings } from "./switch-types.ts";

const VNIS = [0, 0x1000, 0xffffff, 0x123456];
const VIDS = [10, 20, 1, 4094];

export function settingsOf(recipe: SwitchRecipe): SwitchSettings {
  const { underlay, rule, udpChecksum, ipChecksum, capacity, whenFull, ageSeconds, copies, seed } = recipe;
  return {
    ports: 6,
    bridgeDomains: 4,
    fdb: { capacity, whenFull, ageSeconds, seed, events: 4096 },
    copies,
    ...(underlay === "none"
      ? {}
      : { vtep: { address: UNDERLAYS[underlay].local, rule, udpChecksum, ipChecksum } }),
  };
}

/** The model and the switch that must do what it does. */
export class SwitchRun {
  readonly #recipe: SwitchRecipe;
  readonly #model: SwitchModel;
  readonly #subject: Subject;
  readonly #underlay: Underlay | undefined;
  readonly #neighbours = new Set<string>();
  #now: number;

  constructor(recipe: SwitchRecipe, model: SwitchModel, subject: Subject) {
    this.#recipe = recipe;
    this.#model = model;
    this.#subject = subject;
    this.#underlay = recipe.underlay === "none" ? undefined : UNDERLAYS[recipe.underlay];
    this.#now = recipe.startMs;
    for (const slot of recipe.domains.keys()) this.#addDomain(slot);
    for (const slot of recipe.ports.keys()) this.#addPort(slot);
    this.#compare(false);
  }

  do(step: StepRecipe): void {
    switch (step.do) {
      case "burst":
        this.#burst(step.arrivals);
        break;
      case "wait":
        this.#now += step.ms;
        break;
      case "sweep":
        this.#sweep(step.slices);
        break;
      case "flush":
        this.#flush(step);
        break;
      case "set":
        this.#set(step);
        break;
      case "remove": {
        const mac = macOf(step.mac, this.#recipe.hosts);
        const { name } = this.#domain(step.domain) ?? {};
        if (name !== undefined) this.#both((one) => one.fdb.remove(one.bridgeDomain(name)!, mac));
        break;
      }
      case "toggle-port":
        this.#togglePort(step.port % this.#recipe.ports.length);
        break;
      case "toggle-domain":
        this.#toggleDomain(step.domain % this.#recipe.domains.length);
        break;
      case "toggle-tunnel":
        this.#toggleTunnel(step.port, step.domain);
        break;
      case "toggle-neighbour":
        this.#toggleNeighbour(step.domain, step.host);
        break;
    }
    this.#compare(step.do === "sweep");
  }

  #burst(arrivals: readonly ArrivalRecipe[]): void {
    const ports = this.#model.ports().filter(({ kind }) => kind !== "tunnel");
    const frames: PortFrame[] = [];
    for (const arrival of arrivals) {
      const { packet } = arrival;
      if (packet !== undefined && this.#underlay !== undefined) {
        frames.push({ port: 0, bytes: this.#packet({ ...arrival, packet }, this.#underlay) });
      } else if (arrival.stray && this.#recipe.strays) {
        frames.push({ port: this.#stray(arrival.port), bytes: cookFrame(arrival, this.#recipe.hosts) });
      } else if (ports.length > 0) {
        const port = ports[arrival.port % ports.length]!;
        const tags = arrival.tags.map((tag) => ({ ...tag, vid: vidOf(tag.vid, port) }));
        frames.push({ port: port.number, bytes: cookFrame({ ...arrival, tags }, this.#recipe.hosts) });
      }
    }
    const expected = this.#model.forward(frames, this.#now).map(frameText);
    expectLines("frames that leave", this.#subject.forward(frames, this.#now).map(frameText), expected);
  }

  /** What is no port for frames to come in by: a tunnel, a number that is free, or one there can never be. */
  #stray(choice: number): number {
    const numbers = [1, 2, 3, 4, 5, 6].filter((number) => {
      const port = this.#model.ports().find((one) => one.number === number);
      return port === undefined || port.kind === "tunnel";
    });
    return [7, 65535, 0xffffffff, ...numbers][choice % (3 + numbers.length)]!;
  }

  /** From a tunnel that is there, of a domain it has joined, if there are such. */
  #packet(arrival: ArrivalRecipe & { readonly packet: PacketRecipe }, underlay: Underlay): Uint8Array {
    const { tunnel, domain } = arrival.packet;
    const tunnels = this.#model.ports().filter(({ kind }) => kind === "tunnel");
    const port = tunnels[tunnel % tunnels.length];
    const joined = this.#model
      .bridgeDomains()
      .filter(({ members }) => members.some((member) => member.port === port));
    const kind = port?.tunnel?.kind ?? "vxlan";
    const remote = port?.tunnel?.remote ?? underlay.remotes[tunnel]!;
    const vni = joined[domain % joined.length]?.vni ?? VNIS[domain]!;
    const { packet } = arrival;
    if (packet.fault === "arp" && !("addNeighbour" in this.#subject.control))
      return cookPacket(
        { ...arrival, packet: { ...packet, fault: "none" } },
        underlay,
        { kind, remote, vni },
        this.#recipe.hosts,
      );
    return cookPacket(arrival, underlay, { kind, remote, vni }, this.#recipe.hosts);
  }

  /** The core in slices of a few buckets, until it must have been through. */
  #sweep(slices: boolean): void {
    const expected = this.#model.fdb.sweep(this.#now);
    const { fdb } = this.#subject.control;
    let gone = 0;
    if (!slices) gone = fdb.sweep(this.#now);
    else for (let i = 0; i < 64; i++) gone += fdb.sweep(this.#now, { buckets: 8 });
    expectLines("aged", [`${gone}`], [`${expected}`]);
  }

  #flush(step: Extract<StepRecipe, { do: "flush" }>): void {
    const domain = step.domain === undefined ? undefined : this.#domain(step.domain)?.name;
    const port = step.port === undefined ? undefined : this.#port(step.port)?.name;
    this.#both((one) =>
      one.fdb.flush({
        ...(domain === undefined ? {} : { bridgeDomain: one.bridgeDomain(domain)! }),
        ...(port === undefined ? {} : { port: one.port(port)! }),
        ...(step.all ? { kinds: "all" } : {}),
      }),
    );
  }

  #set(step: Extract<StepRecipe, { do: "set" }>): void {
    const domain = this.#domain(step.domain);
    if (domain === undefined) return;
    const mac = macOf(step.mac, this.#recipe.hosts);
    const { size } = this.#model.fdb;
    // What becomes of a new static entry when the table is full is for a test of its own.
    if (size >= this.#recipe.capacity && this.#model.fdb.get(domain, mac) === undefined) return;
    const { members } = domain;
    const port = step.port === undefined ? undefined : members[step.port % members.length]?.port.name;
    this.#both((one) => {
      const bridgeDomain = one.bridgeDomain(domain.name)!;
      if (port === undefined) one.fdb.set({ bridgeDomain, mac, blackhole: true });
      else one.fdb.set({ bridgeDomain, mac, port: one.port(port)! });
    });
  }

  #togglePort(slot: number): void {
    const name = `p${slot}`;
    if (this.#model.port(name) === undefined) this.#addPort(slot);
    else this.#both((one) => one.removePort(one.port(name)!));
  }

  #toggleDomain(slot: number): void {
    const name = `d${slot}`;
    const domain = this.#model.bridgeDomain(name);
    if (domain === undefined) {
      this.#addDomain(slot);
      return;
    }
    if (domain.members.length === 0)
      for (const key of this.#neighbours) if (key.startsWith(`${name} `)) this.#neighbours.delete(key);
    this.#both((one) => one.removeBridgeDomain(one.bridgeDomain(name)!));
  }

  #toggleTunnel(slot: number, domainSlot: number): void {
    const tunnel = this.#port(slot);
    const domain = this.#domain(domainSlot);
    if (tunnel?.kind !== "tunnel" || domain?.vni === undefined) return;
    const joined = domain.members.some(({ port }) => port === tunnel);
    this.#both((one) => {
      const [port, bridgeDomain] = [one.port(tunnel.name)!, one.bridgeDomain(domain.name)!];
      if (joined) one.leaveTunnel(port, bridgeDomain);
      else one.joinTunnel(port, bridgeDomain);
    });
  }

  #toggleNeighbour(domainSlot: number, host: number): void {
    const name = this.#domain(domainSlot)?.name;
    if (name === undefined || !("addNeighbour" in this.#subject.control)) return;
    const key = `${name} ${host}`;
    // One of them is no ARP request's target.
    const ip = host === 5 ? "2001:db8::5" : hostIp(host);
    const mac = macOf(host, this.#recipe.hosts);
    const known = this.#neighbours.delete(key);
    if (!known) this.#neighbours.add(key);
    this.#both((one) => {
      const bridgeDomain = one.bridgeDomain(name)!;
      if (known) one.removeNeighbour({ bridgeDomain, ip });
      else one.addNeighbour({ bridgeDomain, ip, mac });
    }, false);
  }

  #addDomain(slot: number): void {
    const { vni, dropUnknown, learning, arpSuppression, fdbLimit } = this.#recipe.domains[slot]!;
    this.#both((one) => {
      const domain = one.addBridgeDomain({
        name: `d${slot}`,
        ...(vni ? { vni: VNIS[slot]! } : {}),
        learning,
        unknownUnicast: dropUnknown ? "drop" : "flood",
        arpSuppression,
        ...(fdbLimit === undefined ? {} : { fdbLimit }),
      });
      return `${domain.id} ${domain.name} ${domain.vni}`;
    });
  }

  #addPort(slot: number): void {
    const recipe = this.#recipe.ports[slot]!;
    const isTunnel = recipe.kind === "tunnel" && this.#underlay !== undefined;
    const count = this.#recipe.domains.length;
    const wanted = new Set(
      [0, 1, 2, 3].filter((bit) => recipe.domains & (1 << bit)).map((bit) => bit % count),
    );
    const slots = [...wanted].filter((i) => {
      const domain = this.#model.bridgeDomain(`d${i}`);
      if (domain === undefined || !isTunnel) return domain !== undefined;
      // Some VNIs are no VSIDs.
      return domain.vni !== undefined && (recipe.tunnel !== "nvgre" || i % 2 === 1);
    });
    if (slots.length === 0) return;
    this.#both((one) => {
      const port = isTunnel
        ? one.addTunnel(this.#tunnelOf(recipe, slot, slots, one))
        : one.addPort({ ...common(recipe, slot), ...domainsOf(recipe, slots, one) });
      return `${port.number} ${port.name}`;
    });
  }

  #tunnelOf(recipe: PortRecipe, slot: number, slots: number[], one: SwitchControl): TunnelSettings {
    const { ttl, dscp, udpChecksum, tunnel: kind, optionWords, shares } = recipe;
    const data = new Uint8Array(4 * Math.max(0, optionWords - 1)).fill(slot);
    const options = [{ class: 0x0102, type: optionWords, data }];
    const sum = kind === "gre" ? "checksum" : "udpChecksum";
    return {
      ...common(recipe, slot),
      kind,
      remote: this.#underlay!.remotes[shares ? 0 : slot]!,
      bridgeDomains: slots.map((i) => one.bridgeDomain(`d${i}`)!),
      ...(ttl === undefined ? {} : { ttl }),
      ...(dscp === undefined ? {} : { dscp }),
      ...(udpChecksum === undefined || kind === "nvgre" ? {} : { [sum]: udpChecksum }),
      ...(kind === "geneve" && optionWords > 0 ? { options } : {}),
    };
  }

  #domain(slot: number): DomainModel | undefined {
    return this.#model.bridgeDomain(`d${slot % this.#recipe.domains.length}`);
  }

  #port(slot: number): PortModel | undefined {
    return this.#model.port(`p${slot % this.#recipe.ports.length}`);
  }

  /** Calls both and compares what they return or throw. */
  #both(call: (one: SwitchControl) => unknown, results = true): void {
    const [expected, actual] = [this.#model, this.#subject.control].map((one) => attempt(() => call(one)));
    if (results) expectLines(`result of ${call}`, [actual!], [expected!]);
  }

  #compare(anyOrder: boolean): void {
    const [model, { control }] = [this.#model, this.#subject];
    const counters = control.counters();
    expectLines("counters", tallyText(counters), tallyText(model.counters()));
    expectIdentities(counters);
    const entries = [...model.fdb.entries()].map(entryText).sort();
    expectLines("entries", [...control.fdb.entries()].map(entryText).sort(), entries);
    expectLines("size of the FDB", [`${control.fdb.size}`], [`${entries.length}`]);
    for (const { bridgeDomain, mac } of model.fdb.entries()) {
      const [expected, actual] = [model, control].map((one) => {
        const domain = one.bridgeDomains().find(({ id }) => id === bridgeDomain)!;
        const entry = one.fdb.get(domain, mac as string);
        return entry === undefined ? "nothing" : entryText(entry);
      });
      expectLines("what get() finds", [actual!], [expected!]);
    }
    const events = [control, model].map(({ fdb }) => fdb.takeEvents().map(eventText));
    // A sweep finds entries in the order of its table.
    if (anyOrder) for (const list of events) list.sort();
    expectLines("events", events[0]!, events[1]!);
    expectLines("lost events", [`${control.fdb.lostEvents}`], [`${model.fdb.lostEvents}`]);
  }
}

function common(recipe: PortRecipe, slot: number) {
  const { learning, flood, group, fdbLimit, mtu } = recipe;
  return {
    name: `p${slot}`,
    learning,
    flood,
    ...(group === undefined ? {} : { group }),
    ...(fdbLimit === undefined ? {} : { fdbLimit }),
    ...(mtu === undefined ? {} : { mtu }),
  };
}

function domainsOf({ kind, native, shift }: PortRecipe, slots: readonly number[], one: SwitchControl) {
  if (kind !== "trunk") return { bridgeDomain: one.bridgeDomain(`d${slots[0]}`)! };
  const vids = slots.map((i) => VIDS[(i + shift) % VIDS.length]!);
  const vlans = Object.fromEntries(slots.map((i, n) => [vids[n]!, one.bridgeDomain(`d${i}`)!]));
  return { vlans, ...(native < vids.length ? { native: vids[native]! } : {}) };
}

/** Mostly one that the port takes: a priority tag, where it takes no VLAN. */
function vidOf(choice: number, { settings }: PortModel): number {
  const vids = Object.keys(settings.vlans ?? { 0: undefined }).map(Number);
  return choice < 8 ? vids[choice % vids.length]! : [0, 10, 77, 4095][choice % 4]!;
}

function attempt(call: () => unknown): string {
  try {
    return `${call()}`;
  } catch (error) {
    return error instanceof Error ? error.name : `${error}`;
  }
}

function frameText({ port, bytes }: PortFrame): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return `port ${port}, ${bytes.length} bytes: ${text}`;
}

function expectLines(what: string, actual: readonly string[], expected: readonly string[]): void {
  const length = Math.max(actual.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (actual[i] === expected[i]) continue;
    throw new Error(
      `${what}, line ${i} of ${expected.length}:\n  expected ${expected[i] ?? "nothing"}\n  got      ${actual[i] ?? "nothing"}`,
    );
  }
}
