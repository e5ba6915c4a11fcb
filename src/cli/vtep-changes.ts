// What has to be done to make of one configuration another, as a list: what is the same in both is not in it, and is not
// touched. Parts are known by their names, and are the same if all that is said of them is.

import type { NamedEntry, NamedNeighbour, NamedRouter, NamedTunnel } from "./switch-config.ts";
import type { VtepConfig, VtepPort } from "./vtep-config.ts";

type Domain = VtepConfig["bridgeDomains"][number];

/** Parts of one kind that go and that come; one that is changed does both. */
export interface Change<T> {
  readonly gone: readonly T[];
  readonly come: readonly T[];
}

export interface Changes {
  readonly domains: Change<Domain>;
  readonly ports: Change<VtepPort>;
  readonly tunnels: Change<NamedTunnel>;
  /** Tunnels that stay, and the names of bridge domains that they join or leave. */
  readonly memberships: readonly {
    readonly tunnel: string;
    readonly joined: readonly string[];
    readonly left: readonly string[];
  }[];
  readonly neighbours: Change<NamedNeighbour>;
  readonly routers: Change<NamedRouter>;
  readonly entries: Change<NamedEntry>;
}

/** What can only be said when the program starts; by name, and what is compared. */
const FIXED: Readonly<Record<string, (config: VtepConfig) => unknown>> = {
  vtep: ({ vtep }) => vtep,
  fdb: ({ fdb: { entries: _entries, ...options } = {} }) => options,
  control: ({ control }) => control,
  metrics: ({ metrics }) => metrics,
};

/** The first part that differs and cannot change while the program runs. */
export function fixedDifference(before: VtepConfig, after: VtepConfig): string | undefined {
  return Object.entries(FIXED).find(([, part]) => !same(part(before), part(after)))?.[0];
}

export function changesBetween(before: VtepConfig, after: VtepConfig): Changes {
  const domains = changed(before.bridgeDomains, after.bridgeDomains, ({ name }) => name);
  // Whatever refers to a bridge domain goes with it, though nothing else is said of it now.
  const remade = new Set([...domains.gone, ...domains.come].map(({ name }) => name));
  const touches = (names: readonly string[]): boolean => names.some((name) => remade.has(name));
  const ports = changed(
    before.ports,
    after.ports,
    ({ name }) => name,
    (port) => touches(domainsOf(port)),
  );
  const withoutDomains = ({ bridgeDomains: _domains, ...rest }: NamedTunnel): unknown => rest;
  const tunnels = changed(
    before.tunnels ?? [],
    after.tunnels ?? [],
    ({ name }) => name,
    () => false,
    withoutDomains,
  );
  const moved = new Set(
    [...ports.gone, ...ports.come, ...tunnels.gone, ...tunnels.come].map(({ name }) => name),
  );
  const placed = ({ bridgeDomain }: { readonly bridgeDomain: string }): boolean => remade.has(bridgeDomain);
  return {
    domains,
    ports,
    tunnels,
    memberships: membershipsOf(before, after, new Set(tunnels.come.map(({ name }) => name)), remade),
    neighbours: changed(before.neighbours ?? [], after.neighbours ?? [], JSON.stringify, placed),
    routers: changed(before.routers ?? [], after.routers ?? [], JSON.stringify, ({ interfaces }) =>
      interfaces.some(placed),
    ),
    entries: changed(
      before.fdb?.entries ?? [],
      after.fdb?.entries ?? [],
      JSON.stringify,
      (entry) => placed(entry) || ("port" in entry && moved.has(entry.port)),
    ),
  };
}

/** Bridge domains that a port is in. */
export function domainsOf(port: VtepPort): string[] {
  return "bridgeDomain" in port ? [port.bridgeDomain] : Object.values(port.vlans);
}

/** Parts by `keyOf`: those whose `saidOf` differs are changed, and those that something else changes. */
function changed<T>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (part: T) => string,
  isTouched: (part: T) => boolean = () => false,
  saidOf: (part: T) => unknown = (part) => part,
): Change<T> {
  const were = new Map(before.map((part) => [keyOf(part), part]));
  const are = new Map(after.map((part) => [keyOf(part), part]));
  const differs = (part: T, other: T | undefined): boolean =>
    other === undefined || isTouched(part) || isTouched(other) || !same(saidOf(part), saidOf(other));
  return {
    gone: [...were].filter(([key, part]) => differs(part, are.get(key))).map(([, part]) => part),
    come: [...are].filter(([key, part]) => differs(part, were.get(key))).map(([, part]) => part),
  };
}

/** Of tunnels that stay: a domain that is made anew is left and joined again. */
function membershipsOf(
  before: VtepConfig,
  after: VtepConfig,
  come: ReadonlySet<string>,
  remade: ReadonlySet<string>,
): Changes["memberships"] {
  const were = new Map((before.tunnels ?? []).map((tunnel) => [tunnel.name, tunnel.bridgeDomains]));
  return (after.tunnels ?? []).flatMap(({ name, bridgeDomains }) => {
    if (come.has(name)) return [];
    const old = were.get(name) ?? [];
    const joined = bridgeDomains.filter((domain) => !old.includes(domain) || remade.has(domain));
    const left = old.filter((domain) => !bridgeDomains.includes(domain) || remade.has(domain));
    return joined.length + left.length === 0 ? [] : [{ tunnel: name, joined, left }];
  });
}

/** Whether two parts say the same, in whatever order. */
function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return Array.isArray(value) ? value.map(sorted) : value;
  const entries = Object.entries(value).map(([key, each]) => [key, sorted(each)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
