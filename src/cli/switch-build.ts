// From a configuration to a switch. What only the switch can find wrong is said with its place in the file.

import { parseIp } from "../core/addresses.ts";
import {
  ArgumentRangeError,
  ArgumentTypeError,
  type ErrorPath,
  isArgumentError,
  isOutOfMemory,
  placed,
} from "../core/argument-error.ts";
import { FrameBatch, type Kernels, loadKernels } from "../index.ts";
import { FRAME_BYTES_MAXIMUM } from "../layout/batch.layout.ts";
import { PAGE_LENGTH, PAGES_MAXIMUM } from "../layout/memory.layout.ts";
import { ENCAPSULATE_TEMPLATE_LENGTH } from "../layout/stage.layout.ts";
import {
  type AccessPortOptions,
  type BridgeDomain,
  type RouterOptions,
  SwitchCore,
  type SwitchPort,
  SwitchWorkspace,
  type TrunkPortOptions,
  type TunnelOptions,
} from "../switch.ts";
import { bytesOf } from "../tunnel/geneve.ts";
import type { GeneveOption } from "../wire/geneve.ts";
import { BadConfiguration } from "./failures.ts";
import type {
  NamedAccessPort,
  NamedEntry,
  NamedGeneveOption,
  NamedNeighbour,
  NamedPort,
  NamedRouter,
  NamedTrunkPort,
  NamedTunnel,
  SwitchConfig,
} from "./switch-config.ts";

export interface BuiltSwitch {
  readonly sw: SwitchCore;
  /** For the frames that come in, on the switch's kernels. */
  readonly batch: FrameBatch;
}

/** Enough for most; it is doubled as long as tables do not fit. */
const MEMORY_FIRST = 64 * 1024 * 1024;
const MEMORY_MAXIMUM = PAGE_LENGTH * PAGES_MAXIMUM;
/** Slots are as long as a frame can be, so that there is a use for each. */
const COPIES = 64;

const ROUTES_LEAST = 1024;

/**
 * Makes the switch that a configuration describes.
 * @throws BadConfiguration that names the place in `file`.
 */
export async function buildSwitch(file: string, config: SwitchConfig): Promise<BuiltSwitch> {
  for (let memoryBytes = MEMORY_FIRST; ; memoryBytes = Math.min(2 * memoryBytes, MEMORY_MAXIMUM)) {
    const kernels = await loadKernels({ memoryBytes });
    try {
      return build(kernels, config);
    } catch (error) {
      if (!isArgumentError(error)) throw error;
      if (!isOutOfMemory(error)) throw new BadConfiguration(file, error.message);
      if (memoryBytes === MEMORY_MAXIMUM)
        throw new BadConfiguration(file, "its tables do not fit the 4 GiB that a switch can have");
    }
  }
}

function build(kernels: Kernels, config: SwitchConfig): BuiltSwitch {
  const { vtep, fdb, bridgeDomains, ports, tunnels = [], neighbours = [], routers = [], uplink } = config;
  const { entries = [], ...fdbOptions } = fdb ?? {};
  const slots = {
    frameBytes: FRAME_BYTES_MAXIMUM,
    // Geneve's options make headers longer than the usual headroom.
    ...(tunnels.some(({ options }) => options !== undefined) && { headroom: ENCAPSULATE_TEMPLATE_LENGTH }),
  };
  const workspace = new SwitchWorkspace(kernels, { copies: COPIES, ...slots });
  const batch = new FrameBatch(kernels, slots);
  const gateways = routers.flatMap(({ interfaces }) => interfaces.flatMap(({ addresses }) => addresses));
  const sw = placed([], config, () => {
    return new SwitchCore(kernels, {
      ports: Math.max(1, ports.length + tunnels.length),
      bridgeDomains: bridgeDomains.length,
      // One is the VTEP's own address.
      neighbours: neighbours.length + gateways.length + 1,
      fdb: { ...fdbOptions, events: 0 },
      workspace,
      ...(vtep !== undefined && { vtep }),
    });
  });
  bridgeDomains.forEach((domain, index) => {
    placed(["bridgeDomains", index], domain, () => sw.addBridgeDomain(domain));
  });
  ports.forEach((port, index) => {
    addPort(sw, port, ["ports", index]);
  });
  if (vtep === undefined && tunnels.length > 0)
    throw new ArgumentTypeError("contradiction", ["tunnels"], "they need a vtep");
  if (vtep === undefined && uplink !== undefined)
    throw new ArgumentTypeError("contradiction", ["uplink"], "it needs a vtep");
  tunnels.forEach((tunnel, index) => {
    addTunnel(sw, tunnel, ["tunnels", index]);
  });
  routers.forEach((router, index) => {
    addRouter(sw, router, ["routers", index]);
  });
  const known = new Set<string>();
  neighbours.forEach((neighbour, index) => {
    addNeighbour(sw, neighbour, ["neighbours", index], known);
  });
  const seen = new Set<string>();
  entries.forEach((entry, index) => {
    addEntry(sw, entry, ["fdb", "entries", index], seen);
  });
  return { sw, batch };
}

function addPort(sw: SwitchCore, port: NamedPort, path: ErrorPath): void {
  const { in: _in, out: _out, ...named } = port;
  const options = portOptionsOf(sw, named, path);
  placed(path, port, () => sw.addPort(options));
}

/** The options of a port, with bridge domains in place of their names. */
export function portOptionsOf(
  sw: Domains,
  options: NamedAccessPort | NamedTrunkPort,
  path: ErrorPath,
): AccessPortOptions | TrunkPortOptions {
  if ("bridgeDomain" in options) {
    const bridgeDomain = domainNamed(sw, options.bridgeDomain, [...path, "bridgeDomain"]);
    return { ...options, bridgeDomain };
  }
  const vlans = Object.entries(options.vlans).map(([vid, name]): [number, BridgeDomain] => {
    return [Number(vid), domainNamed(sw, name, [...path, "vlans", vid])];
  });
  return { ...options, vlans };
}

function addTunnel(sw: SwitchCore, tunnel: NamedTunnel, path: ErrorPath): void {
  const options = tunnelOptionsOf(sw, tunnel, path);
  placed(path, tunnel, () => sw.addTunnel(options));
}

/** The options of a tunnel, with bridge domains in place of their names. */
export function tunnelOptionsOf(sw: Domains, tunnel: NamedTunnel, path: ErrorPath): TunnelOptions {
  const bridgeDomains = tunnel.bridgeDomains.map((name, index) => {
    return domainNamed(sw, name, [...path, "bridgeDomains", index]);
  });
  const { options, ...rest } = tunnel;
  const own = options === undefined ? {} : { options: options.map(geneveOption) };
  // The switch knows, and says, which option belongs to which kind.
  return { kind: "vxlan", ...rest, ...own, bridgeDomains } as TunnelOptions;
}

function geneveOption(option: NamedGeneveOption): GeneveOption {
  return { class: option.class, type: option.type, data: bytesOf(option.data ?? "") };
}

/** Room for the routes of a router, and for as many more. */
export function routerOptionsOf({ interfaces, routes = [] }: NamedRouter): RouterOptions {
  const addresses = interfaces.flatMap((item) => item.addresses);
  // Each address is two routes: to itself and to its network.
  const wanted = routes.length + 2 * addresses.length;
  return { routes: Math.max(ROUTES_LEAST, 2 * wanted) };
}

function addRouter(sw: SwitchCore, named: NamedRouter, path: ErrorPath): void {
  const { interfaces, routes = [] } = named;
  const router = placed(path, {}, () => sw.addRouter(routerOptionsOf(named)));
  interfaces.forEach((item, index) => {
    const place = [...path, "interfaces", index];
    const bridgeDomain = domainNamed(sw, item.bridgeDomain, [...place, "bridgeDomain"]);
    placed(place, item, () => router.addInterface({ ...item, bridgeDomain }));
  });
  routes.forEach((route, index) => {
    placed([...path, "routes", index], route, () => router.addRoute(route));
  });
}

function addNeighbour(sw: SwitchCore, neighbour: NamedNeighbour, path: ErrorPath, known: Set<string>): void {
  const { ip, bridgeDomain: name } = neighbour;
  const bridgeDomain = domainNamed(sw, name, [...path, "bridgeDomain"]);
  const key = `${bridgeDomain.id} ${placed(path, neighbour, () => parseIp("ip", ip)).join()}`;
  if (known.has(key))
    throw new ArgumentRangeError("taken", [...path, "ip"], `${ip} stands there twice in ${name}`);
  known.add(key);
  placed(path, neighbour, () => sw.addNeighbour({ ...neighbour, bridgeDomain }));
}

function addEntry(sw: SwitchCore, entry: NamedEntry, path: ErrorPath, seen: Set<string>): void {
  const { bridgeDomain: name, mac } = entry;
  const bridgeDomain = domainNamed(sw, name, [...path, "bridgeDomain"]);
  const key = `${bridgeDomain.id} ${String(mac).toLowerCase().replaceAll("-", ":")}`;
  if (seen.has(key))
    throw new ArgumentRangeError("taken", [...path, "mac"], `${mac} stands there twice in ${name}`);
  seen.add(key);
  if (seen.size > sw.fdb.capacity)
    throw new ArgumentRangeError("full", path, `one more than the FDB holds (capacity ${sw.fdb.capacity})`);
  const what =
    "port" in entry ? { port: portNamed(sw, entry.port, [...path, "port"]) } : { blackhole: true as const };
  placed(path, entry, () => sw.fdb.set({ bridgeDomain, mac, ...what }));
}

/** Whatever knows bridge domains by their names. */
type Domains = Pick<SwitchCore, "bridgeDomain">;

export function domainNamed(sw: Domains, name: string, path: ErrorPath = []): BridgeDomain {
  const domain = sw.bridgeDomain(name);
  if (domain === undefined)
    throw new ArgumentRangeError("not-found", path, `there is no bridge domain ${JSON.stringify(name)}`);
  return domain;
}

function portNamed(sw: SwitchCore, name: string, path: ErrorPath): SwitchPort {
  const port = sw.port(name);
  if (port === undefined || port.kind === "uplink")
    throw new ArgumentRangeError("not-found", path, `there is no port or tunnel ${JSON.stringify(name)}`);
  return port;
}
