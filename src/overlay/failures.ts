// What has failed in a network: links, and nodes with all their links. The switches themselves go on: a switch
// without links is as good as dead, and its tables are there again when it is repaired.

import { ArgumentRangeError } from "../core/argument-error.ts";
import type { Link } from "./link.ts";
import type { Network } from "./network.ts";

export class Failures {
  readonly #network: Network;
  readonly #failed = new Set<string>();

  constructor(network: Network) {
    this.#network = network;
  }

  /**
   * Takes a link down, or all links of a node. False if it had failed before.
   * @throws RangeError if the network has nothing of this name.
   */
  fail(name: string): boolean {
    const links = this.#linksOf(name);
    if (this.#failed.has(name)) return false;
    this.#failed.add(name);
    for (const link of links) link.up = false;
    return true;
  }

  /** The other way; false if it had not failed. A link comes up when neither it nor one of its ends has failed. */
  repair(name: string): boolean {
    const links = this.#linksOf(name);
    if (!this.#failed.delete(name)) return false;
    for (const link of links) link.up = this.#works(link);
    return true;
  }

  has(name: string): boolean {
    return this.#failed.has(name);
  }

  /** In the order of failing. */
  names(): string[] {
    return [...this.#failed];
  }

  #linksOf(name: string): Link[] {
    const link = this.#network.link(name);
    if (link !== undefined) return [link];
    const node = this.#network.node(name);
    if (node === undefined)
      throw new ArgumentRangeError(
        "not-found",
        "name",
        `the network has no link or node ${JSON.stringify(name)}`,
      );
    return this.#network.links().filter(({ ends }) => ends.some((end) => end.node === node));
  }

  #works({ name, ends }: Link): boolean {
    return !this.#failed.has(name) && !ends.some(({ node }) => this.#failed.has(node.name));
  }
}
