// Next hops of a router and groups of them, in memory: shared by all routes that lead the same way, and counted.

import { formatIp } from "../core/addresses.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  GROUP_BLACKHOLE,
  GROUP_COUNT,
  GROUP_FORWARD,
  GROUP_HOPS,
  GROUP_KIND,
  GROUP_LOCAL,
  HOP_CONNECTED,
  HOP_INTERFACE,
  HOP_LENGTH,
  HOP_MAC,
  HOP_REFERENCE_LENGTH,
} from "../layout/route.layout.ts";
import type { Neighbours } from "./neighbours.ts";

/** Where packets leave: an interface's record, and the neighbour behind it unless each packet's destination is one. */
export interface NextHop {
  readonly interfaceAddress: number;
  readonly domain: number;
  readonly via: Uint8Array | undefined;
}

/** What a route leads to. */
export interface Group {
  readonly address: number;
  readonly name: string;
}

interface Counted {
  readonly address: number;
  uses: number;
}

interface CountedGroup extends Counted, Group {
  readonly hops: readonly string[];
}

export class NextHops {
  readonly #kernels: Kernels;
  readonly #neighbours: Neighbours;
  readonly #unwatch: () => void;
  readonly #hops = new Map<string, Counted>();
  readonly #groups = new Map<string, CountedGroup>();

  constructor(kernels: Kernels, neighbours: Neighbours) {
    this.#kernels = kernels;
    this.#neighbours = neighbours;
    this.#unwatch = neighbours.watch((domain, ip, mac) => {
      const hop = this.#hops.get(hopName(domain, ip));
      if (hop !== undefined) this.#resolve(hop.address, mac);
    });
  }

  /** The group of these next hops, for one more route. Throws a RangeError for want of memory. */
  forward(hops: readonly NextHop[]): Group {
    const names = hops.map(({ domain, via }) => hopName(domain, via));
    return this.#take(names.join(), GROUP_FORWARD, hops, names);
  }

  local(): Group {
    return this.#take("local", GROUP_LOCAL, [], []);
  }

  blackhole(): Group {
    return this.#take("blackhole", GROUP_BLACKHOLE, [], []);
  }

  /** Whether a next hop is an address in bridge domain `domain`. */
  goBy(domain: number): boolean {
    const connected = hopName(domain, undefined);
    for (const name of this.#hops.keys()) if (name.startsWith(connected) && name !== connected) return true;
    return false;
  }

  /** Says that one route less leads to `group`; memory that nobody needs is given back. */
  release(group: Group): void {
    const counted = this.#groups.get(group.name);
    if (counted === undefined || --counted.uses > 0) return;
    this.#groups.delete(group.name);
    this.#kernels.plan.release(counted.address);
    for (const name of counted.hops) this.#releaseHop(name);
  }

  close(): void {
    this.#unwatch();
    for (const { address } of [...this.#groups.values(), ...this.#hops.values()])
      this.#kernels.plan.release(address);
    this.#groups.clear();
    this.#hops.clear();
  }

  #take(name: string, kind: number, hops: readonly NextHop[], names: readonly string[]): Group {
    const known = this.#groups.get(name);
    if (known !== undefined) {
      known.uses++;
      return known;
    }
    const { plan, view } = this.#kernels;
    const address = plan.reserve("a route's next hops", GROUP_HOPS + hops.length * HOP_REFERENCE_LENGTH);
    view.setUint32(address + GROUP_KIND, kind, true);
    view.setUint32(address + GROUP_COUNT, hops.length, true);
    let taken = 0;
    try {
      for (; taken < hops.length; taken++) {
        const hop = this.#takeHop(names[taken] as string, hops[taken] as NextHop);
        view.setUint32(address + GROUP_HOPS + taken * HOP_REFERENCE_LENGTH, hop, true);
      }
    } catch (error) {
      for (const one of names.slice(0, taken)) this.#releaseHop(one);
      plan.release(address);
      throw error;
    }
    const group: CountedGroup = { address, name, hops: names, uses: 1 };
    this.#groups.set(name, group);
    return group;
  }

  #takeHop(name: string, { interfaceAddress, domain, via }: NextHop): number {
    const known = this.#hops.get(name);
    if (known !== undefined) {
      known.uses++;
      return known.address;
    }
    const { plan, view } = this.#kernels;
    const address = plan.reserve("a next hop", HOP_LENGTH);
    view.setUint32(address + HOP_INTERFACE, interfaceAddress, true);
    view.setUint32(address + HOP_CONNECTED, via === undefined ? 1 : 0, true);
    if (via !== undefined) this.#resolve(address, this.#neighbours.get(domain, via)?.mac);
    this.#hops.set(name, { address, uses: 1 });
    return address;
  }

  #releaseHop(name: string): void {
    const hop = this.#hops.get(name);
    if (hop === undefined || --hop.uses > 0) return;
    this.#hops.delete(name);
    this.#kernels.plan.release(hop.address);
  }

  #resolve(hop: number, mac: Uint8Array | undefined): void {
    this.#kernels.bytes.fill(0, hop + HOP_MAC, hop + HOP_MAC + 8);
    if (mac !== undefined) this.#kernels.bytes.set(mac, hop + HOP_MAC);
  }
}

function hopName(domain: number, via: Uint8Array | undefined): string {
  return via === undefined ? `${domain}/` : `${domain}/${formatIp(via)}`;
}
