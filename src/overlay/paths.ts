// Shortest paths through a network of routers, counted in links: what a link-state protocol (OSPF, IS-IS) would agree
// on when every link costs the same. The same links in the same order give the same answer.

/** A link between two nodes, by their names. Two nodes may have several. */
export interface PathLink {
  readonly name: string;
  readonly ends: readonly [string, string];
}

/** One way on from a node. */
export interface PathStep<L extends PathLink = PathLink> {
  readonly link: L;
  /** The node at its other end. */
  readonly to: string;
}

/** How one node gets to the target. */
export interface PathsFrom<L extends PathLink = PathLink> {
  /** Links to go; 0 for the target itself. */
  readonly distance: number;
  /** Every link that begins a shortest path, in the order of the links; none for the target itself. */
  readonly steps: readonly PathStep<L>[];
}

/** A network of nodes, for as many targets as there are. */
export class PathGraph<L extends PathLink = PathLink> {
  readonly #neighbours = new Map<string, PathStep<L>[]>();
  readonly #leaves: ReadonlySet<string>;

  /** The links that work; a node is known by its links. No path leads through one of `leaves`, only to it or from it. */
  constructor(links: Iterable<L>, leaves: Iterable<string> = []) {
    this.#leaves = new Set(leaves);
    for (const link of links) {
      const [a, b] = link.ends;
      if (a === b) continue;
      this.#of(a).push({ link, to: b });
      this.#of(b).push({ link, to: a });
    }
  }

  /** The shortest paths of all nodes that can reach `target`, which is among them; the others are not in the map. */
  pathsTo(target: string): Map<string, PathsFrom<L>> {
    const distances = new Map([[target, 0]]);
    // A map keeps the order of insertion and iterates over what is added meanwhile: it is the queue as well.
    for (const [node, distance] of distances) {
      if (node !== target && this.#leaves.has(node)) continue;
      for (const { to } of this.#neighbours.get(node) ?? [])
        if (!distances.has(to)) distances.set(to, distance + 1);
    }
    const paths = new Map<string, PathsFrom<L>>();
    for (const [node, distance] of distances) {
      const steps = this.#neighbours.get(node) ?? [];
      paths.set(node, {
        distance,
        steps: steps.filter(({ to }) => distances.get(to) === distance - 1 && this.#leadsOn(to, target)),
      });
    }
    return paths;
  }

  #leadsOn(node: string, target: string): boolean {
    return node === target || !this.#leaves.has(node);
  }

  #of(node: string): PathStep<L>[] {
    let steps = this.#neighbours.get(node);
    if (steps === undefined) {
      steps = [];
      this.#neighbours.set(node, steps);
    }
    return steps;
  }
}
