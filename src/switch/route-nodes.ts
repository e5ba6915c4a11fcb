// The nodes of a router's tries: chunks of the memory, each twice as large as the one before, and a list of free ones.
// A router without routes has none, and one with few takes a few KiB.

import type { Kernels } from "../kernel/kernels.ts";
import { NODE_CHUNK_FIRST, NODE_CHUNK_MAXIMUM, NODE_LENGTH } from "../layout/route.layout.ts";

export class RouteNodes {
  readonly #kernels: Kernels;
  readonly #chunks: number[] = [];
  readonly #free: number[] = [];
  #next = 0;
  #end = 0;
  #used = 0;

  constructor(kernels: Kernels) {
    this.#kernels = kernels;
  }

  /** Nodes in use. */
  get used(): number {
    return this.#used;
  }

  /** Sees to it that `count` nodes (a few) can be taken. Throws a RangeError if the memory has no more. */
  ensure(count: number): void {
    if (this.#free.length + (this.#end - this.#next) / NODE_LENGTH >= count) return;
    const nodes = Math.min(NODE_CHUNK_MAXIMUM, NODE_CHUNK_FIRST * 2 ** Math.min(30, this.#chunks.length));
    const chunk = this.#kernels.plan.reserve("a router's routes", nodes * NODE_LENGTH);
    for (; this.#next < this.#end; this.#next += NODE_LENGTH) this.#free.push(this.#next);
    this.#chunks.push(chunk);
    this.#next = chunk;
    this.#end = chunk + nodes * NODE_LENGTH;
  }

  /** The address of a node of zeroes. */
  take(): number {
    const node = this.#free.pop() ?? this.#next;
    if (node === this.#next) this.#next += NODE_LENGTH;
    this.#used++;
    this.#kernels.words.fill(0, node >>> 2, (node + NODE_LENGTH) >>> 2);
    return node;
  }

  give(node: number): void {
    this.#used--;
    this.#free.push(node);
  }

  close(): void {
    for (const chunk of this.#chunks) this.#kernels.plan.release(chunk);
    this.#chunks.length = 0;
    this.#free.length = 0;
    this.#next = this.#end = 0;
  }
}
