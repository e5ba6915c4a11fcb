// One switch of a data centre: a router with a bridge domain for each link, and one for its hosts if it has some.

import { ArgumentTypeError } from "../core/argument-error.ts";
import type { Router } from "../switch/router.ts";
import type { BridgeDomain, SwitchPort } from "../switch/switch-types.ts";
import type { Attachment } from "./link.ts";
import type { Network } from "./network.ts";
import { stationMac } from "./place.ts";
import type { SwitchNode } from "./switch-node.ts";

export interface UnderlayRouterOptions {
  /** Links to other routers. */
  readonly links: number;
  /** Most hosts; 0 if it is no gateway. */
  readonly hosts: number;
}

export class UnderlayRouter {
  readonly node: SwitchNode;
  readonly #router: Router;
  /** To which next hops each prefix leads now, as text. */
  readonly #routes = new Map<string, string>();
  #hosts: BridgeDomain | undefined;

  constructor(network: Network, name: string, { links, hosts }: UnderlayRouterOptions) {
    this.node = network.addSwitch(name, {
      // Switches that hashed alike would send all that comes from one of them to the same one of the next: the other
      // ways would stay empty.
      flowSeed: hashOf(name),
      ports: links + hosts,
      bridgeDomains: links + 1,
      neighbours: 2 * links + hosts + 2,
      // Frames are switched among hosts only, and these may have more MACs than their own.
      fdb: { capacity: hosts === 0 ? 1 : 1024, events: 0 },
    });
    this.#router = this.core.addRouter();
  }

  get core(): SwitchNode["core"] {
    return this.node.core;
  }

  /** Makes a port for a routed link with two addresses. */
  addLink(peer: string, address: string, peerAddress: string, mtu: number): Attachment {
    const bridgeDomain = this.core.addBridgeDomain({ name: peer, learning: false });
    const port = this.core.addPort({ name: peer, bridgeDomain });
    const mac = stationMac(address);
    this.#router.addInterface({ bridgeDomain, mac, addresses: [`${address}/31`], mtu });
    this.core.addNeighbour({ bridgeDomain, ip: peerAddress, mac: stationMac(peerAddress) });
    return { node: this.node, port };
  }

  /** Makes it the gateway of a network of hosts. */
  addHostNetwork(gateway: string, length: number, mtu: number): void {
    const bridgeDomain = this.core.addBridgeDomain({ name: "hosts" });
    const mac = stationMac(gateway);
    this.#router.addInterface({ bridgeDomain, mac, addresses: [`${gateway}/${length}`], mtu });
    this.#hosts = bridgeDomain;
  }

  /** Makes a port for a host. Where its MAC is need not be learned: nobody else ever sees what is for it. */
  addHost(name: string, ip: string, mac: string): Attachment {
    const bridgeDomain = this.#hostNetwork();
    const port = this.core.addPort({ name, bridgeDomain });
    this.core.addNeighbour({ bridgeDomain, ip, mac });
    this.core.fdb.set({ bridgeDomain, mac, port });
    return { node: this.node, port };
  }

  removeHost(port: SwitchPort, ip: string): void {
    this.core.removeNeighbour({ bridgeDomain: this.#hostNetwork(), ip });
    this.core.removePort(port);
  }

  /** Lets a prefix lead to these next hops from now on; none: there is no route. */
  setRoute(prefix: string, via: readonly string[]): void {
    const text = via.join();
    if ((this.#routes.get(prefix) ?? "") === text) return;
    if (via.length === 0) {
      this.#router.removeRoute(prefix);
      this.#routes.delete(prefix);
    } else {
      this.#router.addRoute({ prefix, via });
      this.#routes.set(prefix, text);
    }
  }

  /** The next hops of a prefix that is not its own; none if there is no route. */
  routeTo(prefix: string): readonly string[] {
    const text = this.#routes.get(prefix);
    return text === undefined ? [] : text.split(",");
  }

  #hostNetwork(): BridgeDomain {
    if (this.#hosts === undefined)
      throw new ArgumentTypeError("not-for-this", this.node.name, "it has no hosts");
    return this.#hosts;
  }
}

/** FNV-1a, 32 bits: spreads names that differ in one digit only. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
