// A router of a switch: it stands in some bridge domains as their gateway and passes packets on between them.
// Routers of one switch know nothing of each other: each has its own routes (VRFs).

import { formatIp } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { closed } from "../core/arguments.ts";
import { checkFields } from "../core/fields.ts";
import { parsePrefix, prefixHolds } from "../core/prefixes.ts";
import { Undo } from "../core/undo.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  INTERFACE_DOMAIN,
  INTERFACE_IPV4,
  INTERFACE_IPV6,
  INTERFACE_LENGTH,
  INTERFACE_MAC,
  INTERFACE_MTU,
  INTERFACE_ROUTER,
  ROUTER_LENGTH,
} from "../layout/route.layout.ts";
import { DOMAIN_FLAGS, DOMAIN_ROUTER, DOMAIN_ROUTER_MAC, DOMAIN_ROUTES } from "../layout/switch.layout.ts";
import type { Neighbours } from "./neighbours.ts";
import type { NextHop } from "./next-hops.ts";
import { type Route, RouteSet } from "./route-set.ts";
import {
  type CheckedAddress,
  type CheckedInterface,
  checkInterface,
  checkRoute,
  type DomainHandle,
  type InterfaceOptions,
  isLinkLocal,
  ROUTER_FIELDS,
  type RouteOptions,
  type RouterOptions,
} from "./router-options.ts";

/** What a router needs of its switch. */
export interface RouterHost {
  readonly kernels: Kernels;
  readonly neighbours: Neighbours;
  /** Address of a bridge domain's record. Throws a RangeError that begins with `bridgeDomain:` if it is not the switch's. */
  domainAddress(bridgeDomain: DomainHandle): number;
  /** Runs a change of tables between bursts, and lets through what it returns or throws; may be nested. */
  changing<T>(change: () => T): T;
}

interface RoutedInterface extends CheckedInterface {
  readonly address: number;
  readonly domain: number;
  readonly domainAddress: number;
}

/** The gateway of some bridge domains of one switch. What it is told takes effect between bursts. */
export class Router {
  readonly #host: RouterHost;
  readonly #address: number;
  readonly #routes: RouteSet;
  readonly #interfaces = new Map<number, RoutedInterface>();
  #closed = false;

  constructor(host: RouterHost, options: RouterOptions = {}) {
    const { routes } = checkFields<RouterOptions, "routes">("options", ROUTER_FIELDS, options);
    this.#host = host;
    this.#address = host.kernels.plan.reserve("a router", ROUTER_LENGTH);
    this.#routes = new RouteSet(host.kernels, host.neighbours, this.#address, routes);
  }

  /** Address of the router's record, for kernels. */
  get address(): number {
    return this.#address;
  }

  /**
   * Makes the router the gateway of a bridge domain: it answers for its addresses there, and their networks are
   * routes. The first address of a version of IP (IPv6: that is not link-local) is where its ICMP messages come from.
   * @throws TypeError or RangeError that names the argument; nothing has changed then.
   */
  addInterface(options: InterfaceOptions): void {
    this.#open();
    const checked = checkInterface(options);
    const domain = expectDomain(options.bridgeDomain);
    const { kernels, neighbours } = this.#host;
    const domainAddress = this.#host.domainAddress(domain);
    if (kernels.view.getUint32(domainAddress + DOMAIN_ROUTER, true) !== 0)
      throw new ArgumentRangeError("taken", "bridgeDomain", "a router stands in it already");
    checked.addresses.forEach((address, i) => {
      this.#checkAddress(`addresses[${i}]`, address, domain.id, checked);
      if (neighbours.get(domain.id, address.ip) !== undefined)
        throw new ArgumentRangeError("taken", `addresses[${i}]`, `${formatIp(address.ip)} is a neighbour's`);
    });
    this.#host.changing(() => {
      const done = new Undo();
      try {
        this.#enterInterface(checked, domain.id, domainAddress, done);
      } catch (error) {
        throw done.because(error);
      }
    });
  }

  /**
   * Takes the router out of a bridge domain; false if it was not in it.
   * @throws RangeError while routes go by an address there.
   */
  removeInterface(bridgeDomain: DomainHandle): boolean {
    this.#open();
    const domain = expectDomain(bridgeDomain);
    this.#host.domainAddress(domain);
    const one = this.#interfaces.get(domain.id);
    if (one === undefined) return false;
    if (this.#routes.goBy(domain.id))
      throw new ArgumentRangeError(
        "in-use",
        "bridgeDomain",
        "routes go by addresses in it; remove those first",
      );
    this.#host.changing(() => this.#leave(one));
    return true;
  }

  /**
   * Adds a route, or gives the one there is to the same prefix other next hops. A next hop is an address in a
   * connected network; packets wait for nobody: while its MAC is not among the neighbours they are dropped.
   * @throws TypeError or RangeError that names the argument; nothing has changed then.
   */
  addRoute(options: RouteOptions): void {
    this.#open();
    const { prefix, via } = checkRoute(options);
    const old = this.#routes.get(prefix);
    if (old?.local === true)
      throw new ArgumentRangeError("taken", "prefix", `${old.prefix} is the router's own address`);
    if (old?.kind === "connected")
      throw new ArgumentRangeError("taken", "prefix", `${old.prefix} is a connected network`);
    const name = (i: number) => ("via" in options && Array.isArray(options.via) ? `via[${i}]` : "via");
    const hops = via.map((ip, i): NextHop => {
      const one = this.#interfaceOf(ip);
      if (one === undefined)
        throw new ArgumentRangeError("not-found", name(i), `${formatIp(ip)} is in no connected network`);
      if (this.#routes.get({ bytes: ip, length: ip.length * 8 })?.local === true)
        throw new ArgumentRangeError("taken", name(i), `${formatIp(ip)} is the router's own address`);
      return { interfaceAddress: one.address, domain: one.domain, via: ip };
    });
    if (old === undefined) this.#routes.checkRoom(1);
    this.#host.changing(() => this.#routes.put(prefix, hops, via.map(formatIp)));
  }

  /** Takes out a route that addRoute has added; false if there is none to this prefix. */
  removeRoute(prefix: string): boolean {
    this.#open();
    const parsed = parsePrefix("prefix", prefix);
    const entry = this.#routes.get(parsed);
    if (entry === undefined || entry.local) return false;
    if (entry.kind === "connected")
      throw new ArgumentRangeError("taken", "prefix", `${entry.prefix} is a connected network`);
    this.#host.changing(() => this.#routes.drop(parsed));
    return true;
  }

  /** All routes, connected networks among them, in no order. */
  routes(): Route[] {
    this.#open();
    return this.#routes.list();
  }

  /** Whether it stands in the bridge domain of this number. */
  standsIn(domain: number): boolean {
    return this.#interfaces.has(domain);
  }

  /** Takes the router out of all bridge domains and gives its memory back. It cannot be used afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#host.changing(() => {
      for (const one of [...this.#interfaces.values()]) this.#leave(one);
    });
    this.#closed = true;
    this.#routes.close();
    this.#host.kernels.plan.release(this.#address);
  }

  #open(): void {
    if (this.#closed) throw closed("router");
  }

  #checkAddress(
    name: string,
    { ip, host, network }: CheckedAddress,
    domain: number,
    all: CheckedInterface,
  ): void {
    this.#routes.checkRoom(2 * all.addresses.length);
    const same = this.#routes.get(host);
    if (same !== undefined && !(same.local && isLinkLocal(ip)))
      throw new ArgumentRangeError("taken", name, `there is a route to ${formatIp(ip)} already`);
    const there = network === undefined ? undefined : this.#routes.get(network);
    if (there !== undefined && there.bridgeDomain !== domain)
      throw new ArgumentRangeError("taken", name, `there is a route to ${there.prefix} already`);
  }

  #enterInterface(checked: CheckedInterface, domain: number, domainAddress: number, done: Undo): void {
    const { kernels, neighbours } = this.#host;
    const { view, bytes, plan } = kernels;
    const address = plan.reserve("a router's interface", INTERFACE_LENGTH);
    done.add(() => plan.release(address));
    view.setUint32(address + INTERFACE_ROUTER, this.#address, true);
    view.setUint32(address + INTERFACE_DOMAIN, domain, true);
    view.setUint32(address + INTERFACE_MTU, checked.mtu, true);
    bytes.set(checked.mac, address + INTERFACE_MAC);
    const ipv4 = checked.addresses.find(({ ip }) => ip.length === 4);
    const ipv6 = checked.addresses.filter(({ ip }) => ip.length === 16);
    const source = ipv6.find(({ ip }) => !isLinkLocal(ip)) ?? ipv6[0];
    if (ipv4 !== undefined) bytes.set(ipv4.ip, address + INTERFACE_IPV4);
    if (source !== undefined) bytes.set(source.ip, address + INTERFACE_IPV6);
    const one: RoutedInterface = { ...checked, address, domain, domainAddress };
    for (const { ip, host, network } of checked.addresses) {
      neighbours.set(domain, ip, checked.mac, true);
      done.add(() => neighbours.delete(domain, ip));
      this.#routes.putLocal(host);
      done.add(() => this.#routes.drop(host));
      if (network === undefined) continue;
      this.#routes.putConnected(network, { interfaceAddress: address, domain, via: network.length });
      done.add(() => this.#routes.drop(network));
    }
    this.#interfaces.set(domain, one);
    bytes.set(checked.mac, domainAddress + DOMAIN_ROUTER_MAC);
    view.setUint32(domainAddress + DOMAIN_ROUTER, address, true);
    const flags = view.getUint32(domainAddress + DOMAIN_FLAGS, true);
    view.setUint32(domainAddress + DOMAIN_FLAGS, flags | DOMAIN_ROUTES, true);
  }

  #leave(one: RoutedInterface): void {
    const { kernels, neighbours } = this.#host;
    const { view, bytes, plan } = kernels;
    const { domainAddress } = one;
    const flags = view.getUint32(domainAddress + DOMAIN_FLAGS, true);
    view.setUint32(domainAddress + DOMAIN_FLAGS, flags & ~DOMAIN_ROUTES, true);
    view.setUint32(domainAddress + DOMAIN_ROUTER, 0, true);
    bytes.fill(0, domainAddress + DOMAIN_ROUTER_MAC, domainAddress + DOMAIN_ROUTER_MAC + 8);
    for (const { ip, host, network } of one.addresses) {
      neighbours.delete(one.domain, ip);
      this.#routes.drop(host);
      if (network !== undefined) this.#routes.drop(network);
    }
    this.#interfaces.delete(one.domain);
    plan.release(one.address);
  }

  /** The interface in whose network an address is: the longest counts. */
  #interfaceOf(ip: Uint8Array): RoutedInterface | undefined {
    let found: RoutedInterface | undefined;
    let length = -1;
    for (const one of this.#interfaces.values()) {
      for (const { network } of one.addresses) {
        if (network === undefined || network.length <= length || !prefixHolds(network, ip)) continue;
        found = one;
        length = network.length;
      }
    }
    return found;
  }
}

function expectDomain(bridgeDomain: unknown): DomainHandle {
  if (typeof bridgeDomain !== "object" || bridgeDomain === null || !("id" in bridgeDomain))
    throw new ArgumentTypeError("wrong-type", "bridgeDomain", "expected a bridge domain of the switch");
  return bridgeDomain as DomainHandle;
}
