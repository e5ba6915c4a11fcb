// All routes of one router: those that were added, and those that come with its interfaces.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { formatPrefix, type Prefix } from "../core/prefixes.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { ROUTER_IPV4, ROUTER_IPV6 } from "../layout/route.layout.ts";
import type { Neighbours } from "./neighbours.ts";
import { type Group, type NextHop, NextHops } from "./next-hops.ts";
import { RouteNodes } from "./route-nodes.ts";
import { RouteTable } from "./route-table.ts";

/** A route as a router lists it. */
export interface Route {
  readonly prefix: string;
  readonly kind: "connected" | "via" | "blackhole";
  /** Addresses of the next hops. */
  readonly via: readonly string[];
  /** Number of the bridge domain that a connected network is. */
  readonly bridgeDomain?: number | undefined;
}

/** A route as it is kept. */
export interface RouteEntry extends Route {
  readonly target: Group;
  readonly group: number;
  /** Whether it leads to the router itself: one of its own addresses. */
  readonly local: boolean;
  /** How many interfaces have this address (a link-local one), or how many addresses of one this network. */
  uses: number;
}

export class RouteSet {
  readonly #limit: number;
  readonly #nodes: RouteNodes;
  readonly #hops: NextHops;
  readonly #ipv4: RouteTable<RouteEntry>;
  readonly #ipv6: RouteTable<RouteEntry>;

  /** `address` is that of the router's record, `limit` the most routes it takes. */
  constructor(kernels: Kernels, neighbours: Neighbours, address: number, limit: number) {
    this.#limit = limit;
    this.#nodes = new RouteNodes(kernels);
    this.#hops = new NextHops(kernels, neighbours);
    this.#ipv4 = new RouteTable(kernels, this.#nodes, address + ROUTER_IPV4);
    this.#ipv6 = new RouteTable(kernels, this.#nodes, address + ROUTER_IPV6);
  }

  get(prefix: Prefix): RouteEntry | undefined {
    return this.#table(prefix).get(prefix);
  }

  /** Those that people know of: the router's own addresses are not among them. */
  list(): Route[] {
    const routes: Route[] = [];
    for (const table of [this.#ipv4, this.#ipv6]) {
      for (const { prefix, kind, via, bridgeDomain, local } of table.values()) {
        if (local) continue;
        routes.push(bridgeDomain === undefined ? { prefix, kind, via } : { prefix, kind, via, bridgeDomain });
      }
    }
    return routes;
  }

  /** Throws a RangeError if there is no room for `more` routes. */
  checkRoom(more: number): void {
    const size = this.#ipv4.size + this.#ipv6.size;
    if (size + more > this.#limit)
      throw new ArgumentRangeError("full", "routes", `the router takes ${this.#limit}, and has ${size}`);
  }

  /** Whether a route goes by an address in bridge domain `domain`. */
  goBy(domain: number): boolean {
    return this.#hops.goBy(domain);
  }

  /** Adds or changes a route by next hops, or nowhere if there are none. */
  put(prefix: Prefix, hops: readonly NextHop[], via: readonly string[]): void {
    const old = this.get(prefix);
    const target = hops.length === 0 ? this.#hops.blackhole() : this.#hops.forward(hops);
    const kind = hops.length === 0 ? "blackhole" : "via";
    this.#enter(prefix, { prefix: formatPrefix(prefix), kind, via, target, local: false });
    if (old !== undefined) this.#hops.release(old.target);
  }

  /** One more interface has this address, a prefix of full length. */
  putLocal(prefix: Prefix): void {
    this.#count(prefix, () => ({ target: this.#hops.local(), local: true }));
  }

  /** One more address of an interface has this network. */
  putConnected(prefix: Prefix, hop: NextHop): void {
    const bridgeDomain = hop.domain;
    this.#count(prefix, () => ({ target: this.#hops.forward([hop]), local: false, bridgeDomain }));
  }

  /** Takes one use of a route back, and the route with the last. */
  drop(prefix: Prefix): void {
    const entry = this.get(prefix);
    if (entry === undefined || --entry.uses > 0) return;
    this.#table(prefix).delete(prefix);
    this.#hops.release(entry.target);
  }

  close(): void {
    this.#hops.close();
    this.#nodes.close();
  }

  #table(prefix: Prefix): RouteTable<RouteEntry> {
    return prefix.bytes.length === 4 ? this.#ipv4 : this.#ipv6;
  }

  #count(prefix: Prefix, what: () => Pick<RouteEntry, "target" | "local" | "bridgeDomain">): void {
    const known = this.get(prefix);
    if (known !== undefined) known.uses++;
    else this.#enter(prefix, { prefix: formatPrefix(prefix), kind: "connected", via: [], ...what() });
  }

  #enter(prefix: Prefix, entry: Omit<RouteEntry, "group" | "uses">): void {
    try {
      this.#table(prefix).set(prefix, { ...entry, group: entry.target.address, uses: 1 });
    } catch (error) {
      this.#hops.release(entry.target);
      throw error;
    }
  }
}
