// The plan of a data centre: which switches there are, how they are joined, and all names and addresses.
// Everything follows from the options alone, so that two runs, and two readers, get the same.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wholeNumber, wrongType } from "../core/arguments.ts";
import { checkFields, type Field, type Fields, given, whole } from "../core/fields.ts";
import { GROUP_HOPS_MAXIMUM } from "../layout/route.layout.ts";
import type { PathLink } from "./paths.ts";

export interface RackOptions {
  /** Default: `1`, `2` ... within its zone. */
  readonly name?: string | undefined;
  /** Names, or how many: `host-ZONE-RACK-1` and so on. 0 to 253. */
  readonly hosts: number | readonly string[];
}

export interface ZoneOptions {
  /** Default: `a`, `b` ... */
  readonly name?: string | undefined;
  readonly racks: readonly RackOptions[];
  /** Aggregation switches, each joined with every TOR of the zone and every core switch: 1 to 64, default 2. */
  readonly aggregation?: number | undefined;
}

export interface DataCentreOptions {
  readonly zones: readonly ZoneOptions[];
  /** Core switches: 1 to 64, default 2. */
  readonly core?: number | undefined;
  /** Border routers, each joined with every core switch and the internet: 1 to 64, default 1. */
  readonly border?: number | undefined;
  /** Longest packet on links within, in bytes: 576 to 9,000, default 1,600, so that 1,500 fit when wrapped once. */
  readonly linkMtu?: number | undefined;
}

/** What a switch is in the data centre; `internet` is the first router that is no longer its own. */
export type UnderlayRole = "tor" | "aggregation" | "core" | "border" | "internet";

export interface PlannedSwitch {
  readonly name: string;
  readonly role: UnderlayRole;
  /** Undefined for what serves all zones. */
  readonly zone: string | undefined;
}

/** A routed link: a network of two addresses (RFC 3021). */
export interface PlannedLink extends PathLink {
  readonly addresses: readonly [string, string];
  readonly mtu: number;
}

export interface PlannedHost {
  readonly name: string;
  readonly address: string;
}

export interface PlannedRack {
  readonly zone: string;
  readonly name: string;
  /** Name of its switch. */
  readonly tor: string;
  /** `10.1.7.0/24` for the seventh rack. */
  readonly prefix: string;
  readonly gateway: string;
  readonly hosts: readonly PlannedHost[];
}

export interface DataCentrePlan {
  readonly linkMtu: number;
  readonly switches: readonly PlannedSwitch[];
  readonly links: readonly PlannedLink[];
  readonly racks: readonly PlannedRack[];
}

/** The network beyond the border: one of those for documentation (RFC 5737). There is no address translation. */
export const OUTSIDE = {
  machine: "outside",
  router: "internet",
  prefix: "203.0.113.0/24",
  gateway: "203.0.113.1",
  address: "203.0.113.10",
  /** What most of the internet carries. */
  mtu: 1500,
} as const;

export const LINK_MTU_DEFAULT = 1600;
const HOSTS_MAXIMUM = 253;
/** 10.1.1.0 to 10.250.255.0. */
const RACKS_MAXIMUM = 250 * 256 - 1;
/** 10.252.0.0/14 holds the links. */
const LINKS_MAXIMUM = 1 << 17;

/** What names of nodes may be made of: they name files as well. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/;

/** How many switches of one layer there are; flows are spread over so many. */
const count = (fallback: number): Field<number> & { readonly fallback: number } => {
  return { ...whole(1, GROUP_HOPS_MAXIMUM), fallback };
};

// Lists are gone through one by one, so that the first mistake is the first one in reading order.
const CENTRE_FIELDS: Fields<DataCentreOptions, "zones" | "core" | "border" | "linkMtu"> = {
  zones: { ...given("an array"), required: true },
  core: count(2),
  border: count(1),
  linkMtu: { ...whole(576, 9000), fallback: LINK_MTU_DEFAULT },
};

const ZONE_FIELDS: Fields<ZoneOptions, "racks" | "aggregation"> = {
  name: given("a string"),
  racks: { ...given("an array"), required: true },
  aggregation: count(2),
};

const RACK_FIELDS: Fields<RackOptions, "hosts"> = {
  name: given("a string"),
  hosts: { ...given(`a whole number from 0 to ${HOSTS_MAXIMUM}, or an array of names`), required: true },
};

/** @throws TypeError or RangeError that names the option. */
export function planDataCentre(options: DataCentreOptions): DataCentrePlan {
  const { zones, core, border, linkMtu } = checkFields<
    DataCentreOptions,
    "zones" | "core" | "border" | "linkMtu"
  >("options", CENTRE_FIELDS, options);
  const cores = numbered("core", core);
  const borders = numbered("border", border);
  const plan = new Planner(linkMtu);
  for (const name of cores) plan.addSwitch(name, "core");
  for (const name of borders) plan.addSwitch(name, "border");
  plan.addSwitch(OUTSIDE.router, "internet");
  plan.take("outside", OUTSIDE.machine);
  arrayOf("zones", zones).forEach((zone, i) => {
    plan.addZone(`zones[${i}]`, zone, i, cores);
  });
  for (const core of cores) for (const border of borders) plan.join(core, border, linkMtu);
  for (const border of borders) plan.join(border, OUTSIDE.router, Math.min(linkMtu, OUTSIDE.mtu));
  return plan;
}

class Planner implements DataCentrePlan {
  readonly linkMtu: number;
  readonly switches: PlannedSwitch[] = [];
  readonly links: PlannedLink[] = [];
  readonly racks: PlannedRack[] = [];
  readonly #names = new Set<string>();

  constructor(linkMtu: number) {
    this.linkMtu = linkMtu;
  }

  addSwitch(name: string, role: UnderlayRole, zone?: string): void {
    this.take("zones", name);
    this.switches.push({ name, role, zone });
  }

  addZone(place: string, options: ZoneOptions, index: number, cores: readonly string[]): void {
    const checked = checkFields<ZoneOptions, "racks" | "aggregation">(
      place,
      ZONE_FIELDS,
      options,
      `${place}.`,
    );
    const zone = nameOf(`${place}.name`, checked.name ?? letters(index));
    this.take(`${place}.name`, `zone ${zone}`);
    const aggregations = numbered(`agg-${zone}`, checked.aggregation);
    for (const name of aggregations) this.addSwitch(name, "aggregation", zone);
    arrayOf(`${place}.racks`, checked.racks).forEach((rack, i) => {
      const tor = this.#addRack(`${place}.racks[${i}]`, rack, i, zone);
      for (const aggregation of aggregations) this.join(tor, aggregation, this.linkMtu);
    });
    for (const aggregation of aggregations)
      for (const core of cores) this.join(aggregation, core, this.linkMtu);
  }

  join(a: string, b: string, mtu: number): void {
    const n = wholeNumber("zones: the number of links", this.links.length, 0, LINKS_MAXIMUM - 1) * 2;
    const address = (i: number): string => `10.${252 + (i >>> 16)}.${(i >>> 8) & 255}.${i & 255}`;
    const name = `${a}--${b}`;
    this.links.push({ name, ends: [a, b], addresses: [address(n), address(n + 1)], mtu });
  }

  /** Throws if the name is taken. */
  take(place: string, name: string): void {
    if (this.#names.has(name))
      throw new ArgumentRangeError("taken", place, `${JSON.stringify(name)} is there twice`);
    this.#names.add(name);
  }

  #addRack(place: string, options: RackOptions, index: number, zone: string): string {
    const checked = checkFields<RackOptions, "hosts">(place, RACK_FIELDS, options, `${place}.`);
    const { hosts } = checked;
    const name = nameOf(`${place}.name`, checked.name ?? String(index + 1));
    const tor = `tor-${zone}-${name}`;
    this.take(`${place}.name`, tor);
    this.switches.push({ name: tor, role: "tor", zone });
    const number = wholeNumber("zones: the number of racks", this.racks.length + 1, 1, RACKS_MAXIMUM);
    const network = `10.${1 + (number >>> 8)}.${number & 255}`;
    const names = hostNames(`${place}.hosts`, hosts, `host-${zone}-${name}`);
    names.forEach((host, i) => {
      this.take(Array.isArray(hosts) ? `${place}.hosts[${i}]` : `${place}.hosts`, host);
    });
    this.racks.push({
      zone,
      name,
      tor,
      prefix: `${network}.0/24`,
      gateway: `${network}.1`,
      hosts: names.map((host, i) => ({ name: host, address: `${network}.${i + 2}` })),
    });
    return tor;
  }
}

function hostNames(place: string, hosts: unknown, stem: string): string[] {
  if (!Array.isArray(hosts)) return numbered(stem, wholeNumber(place, hosts, 0, HOSTS_MAXIMUM));
  wholeNumber(`${place}.length`, hosts.length, 0, HOSTS_MAXIMUM);
  return hosts.map((name, i) => nameOf(`${place}[${i}]`, name));
}

function arrayOf<T>(place: string, list: readonly T[]): readonly T[] {
  if (!Array.isArray(list)) throw wrongType(place, "an array", list);
  if (list.length === 0)
    throw new ArgumentRangeError("out-of-range", place, "expected at least one, got none");
  return list;
}

function nameOf(place: string, name: unknown): string {
  if (typeof name !== "string") throw wrongType(place, "a string", name);
  if (!NAME.test(name))
    throw new ArgumentRangeError(
      "malformed",
      place,
      `expected letters, digits, dots, hyphens and underscores, got ${JSON.stringify(name)}`,
    );
  return name;
}

function numbered(stem: string, many: number): string[] {
  return Array.from({ length: many }, (_, i) => `${stem}-${i + 1}`);
}

/** a to z, then aa, ab ... */
function letters(index: number): string {
  const rest = Math.floor(index / 26);
  return (rest === 0 ? "" : letters(rest - 1)) + String.fromCharCode(97 + (index % 26));
}
