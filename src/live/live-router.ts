// A router of a running switch: what it is told takes effect between bursts.

import type { Route } from "../switch/route-set.ts";
import type { Router } from "../switch/router.ts";
import type { DomainHandle, InterfaceOptions, RouteOptions } from "../switch/router-options.ts";

/** Runs a change when no thread is in the middle of a burst. */
export type BetweenBursts = <T>(change: () => T) => Promise<T>;

export class LiveRouter {
  readonly #router: Router;
  readonly #change: BetweenBursts;

  /** Made by `addRouter` of a running switch. */
  constructor(router: Router, change: BetweenBursts) {
    this.#router = router;
    this.#change = change;
  }

  /** The switch's own. */
  get router(): Router {
    return this.#router;
  }

  /** Makes the router the gateway of a bridge domain; see `Router`. */
  addInterface(options: InterfaceOptions): Promise<void> {
    return this.#change(() => this.#router.addInterface(options));
  }

  /** Takes the router out of a bridge domain; false if it was not in it. */
  removeInterface(bridgeDomain: DomainHandle): Promise<boolean> {
    return this.#change(() => this.#router.removeInterface(bridgeDomain));
  }

  /** Adds a route, or gives the one there is to the same prefix other next hops. */
  addRoute(options: RouteOptions): Promise<void> {
    return this.#change(() => this.#router.addRoute(options));
  }

  /** Takes out a route; false if there is none to this prefix. */
  removeRoute(prefix: string): Promise<boolean> {
    return this.#change(() => this.#router.removeRoute(prefix));
  }

  /** All routes, connected networks among them, in no order. */
  routes(): Route[] {
    return this.#router.routes();
  }
}
