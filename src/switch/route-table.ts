// The routes of one router and one version of IP: a map of what there is, and the trie in memory that kernels walk.
// src/layout/route.layout.ts says how the trie lies there.

import type { Prefix } from "../core/prefixes.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  NODE_HIGH,
  NODE_HIGH_MASK,
  NODE_LENGTH,
  NODE_LOW,
  NODE_LOW_MASK,
  NODE_POSITION_MASK,
  NODE_SLOT_COUNT,
  NODE_SLOTS,
  NODE_STRIDE,
  ROUTE_BITS_MASK,
  ROUTES_DEFAULT,
  ROUTES_ROOT,
  SLOT_CHILD,
  SLOT_LENGTH,
  SLOT_ROUTE,
} from "../layout/route.layout.ts";
import type { RouteNodes } from "./route-nodes.ts";

/** The bits of a prefix as four words, the most significant first; those of IPv4 are the first. */
type Bits = readonly [number, number, number, number];

/** What a prefix leads to: the address of a group, and whatever the router notes beside it. */
export interface Target {
  readonly group: number;
}

export class RouteTable<T extends Target> {
  readonly #words: Uint32Array;
  readonly #nodes: RouteNodes;
  readonly #table: number;
  readonly #entries = new Map<number | string, T>();

  /** `address` is that of the table in the router's record. */
  constructor(kernels: Kernels, nodes: RouteNodes, address: number) {
    this.#words = kernels.words;
    this.#nodes = nodes;
    this.#table = address >>> 2;
  }

  get size(): number {
    return this.#entries.size;
  }

  values(): IterableIterator<T> {
    return this.#entries.values();
  }

  get(prefix: Prefix): T | undefined {
    return this.#entries.get(keyOf(bitsOf(prefix.bytes), prefix.bytes.length, prefix.length));
  }

  /** Enters a prefix (no bits behind its length), or changes where it leads. Throws a RangeError for want of memory. */
  set(prefix: Prefix, target: T): void {
    const bits = bitsOf(prefix.bytes);
    if (prefix.length === 0) this.#words[this.#table + (ROUTES_DEFAULT >> 2)] = target.group;
    else {
      const own = (prefix.length - 1) & ROUTE_BITS_MASK;
      const node = this.#place(bits, (prefix.length - 1) >>> 2);
      this.#fill(node, bits, prefix.length, (old) => (old & ROUTE_BITS_MASK) <= own, target.group | own);
    }
    this.#entries.set(keyOf(bits, prefix.bytes.length, prefix.length), target);
  }

  /** Takes a prefix out; false if it was not there. */
  delete(prefix: Prefix): boolean {
    const bits = bitsOf(prefix.bytes);
    if (!this.#entries.delete(keyOf(bits, prefix.bytes.length, prefix.length))) return false;
    if (prefix.length === 0) this.#words[this.#table + (ROUTES_DEFAULT >> 2)] = 0;
    else {
      const own = (prefix.length - 1) & ROUTE_BITS_MASK;
      const path = this.#path(bits, (prefix.length - 1) >>> 2);
      const node = (this.#words[path[path.length - 1] as number] as number) & ~NODE_POSITION_MASK;
      const shorter = this.#shorter(bits, prefix.bytes.length, prefix.length);
      this.#fill(node, bits, prefix.length, (old) => (old & ROUTE_BITS_MASK) === own, shorter);
      this.#prune(path);
    }
    return true;
  }

  /** Writes `route` into those slots that the prefix covers where there is no route, or one that `yields`. */
  #fill(node: number, bits: Bits, length: number, yields: (old: number) => boolean, route: number): void {
    const words = this.#words;
    const count = NODE_SLOT_COUNT >> (((length - 1) & ROUTE_BITS_MASK) + 1);
    const first = fourBits(bits, (length - 1) >>> 2) & -count;
    for (let slot = first; slot < first + count; slot++) {
      const at = (node + NODE_SLOTS + slot * SLOT_LENGTH + SLOT_ROUTE) >>> 2;
      const old = words[at] as number;
      if (old === 0 || yields(old)) words[at] = route;
    }
  }

  /** What stands in the slots of a prefix once it has gone: the next shorter one of the same node. */
  #shorter(bits: Bits, bytes: number, length: number): number {
    for (let own = ((length - 1) & ROUTE_BITS_MASK) - 1, shorter = length - 1; own >= 0; own--, shorter--) {
      const target = this.#entries.get(keyOf(masked(bits, shorter), bytes, shorter));
      if (target !== undefined) return target.group | own;
    }
    return 0;
  }

  /** The node for the four bits at `position` of `bits`; makes it, and one to branch off at, if need be. */
  #place(bits: Bits, position: number): number {
    const words = this.#words;
    // Before anything changes: then nothing is left half done.
    this.#nodes.ensure(2);
    let at = this.#table + (ROUTES_ROOT >> 2);
    for (;;) {
      const reference = words[at] as number;
      if (reference === 0) {
        const node = this.#make(bits, position);
        words[at] = node | position;
        return node;
      }
      const node = reference & ~NODE_POSITION_MASK;
      const here = reference & NODE_POSITION_MASK;
      const common = Math.min(here, position, this.#common(node, bits));
      if (common < here) {
        // It branches off in front of this node, or ends there.
        const branch = this.#make(bits, common);
        words[this.#child(branch, fourBits(this.#bits(node), common))] = reference;
        words[at] = branch | common;
        if (common === position) return branch;
        at = this.#child(branch, fourBits(bits, common));
      } else if (here === position) return node;
      else at = this.#child(node, fourBits(bits, here));
    }
  }

  /** Where the references stand (as indexes of words) on the way to the node for the four bits at `position`. */
  #path(bits: Bits, position: number): number[] {
    const path = [this.#table + (ROUTES_ROOT >> 2)];
    for (;;) {
      const reference = this.#words[path[path.length - 1] as number] as number;
      const here = reference & NODE_POSITION_MASK;
      if (here === position) return path;
      path.push(this.#child(reference & ~NODE_POSITION_MASK, fourBits(bits, here)));
    }
  }

  /** Gives back nodes that hold no route and have less than two children, from the end of the path on. */
  #prune(path: number[]): void {
    const words = this.#words;
    for (let at = path.pop(); at !== undefined; at = path.pop()) {
      const node = (words[at] as number) & ~NODE_POSITION_MASK;
      let children = 0;
      let child = 0;
      for (let slot = 0; slot < NODE_SLOT_COUNT; slot++) {
        const index = this.#child(node, slot);
        if (words[index + (SLOT_ROUTE >> 2)] !== 0) return;
        if (words[index] === 0) continue;
        child = words[index] as number;
        children++;
      }
      if (children > 1) return;
      words[at] = child;
      this.#nodes.give(node);
      if (children === 1) return;
    }
  }

  #make(bits: Bits, position: number): number {
    const node = this.#nodes.take();
    const mask = masked([0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], NODE_STRIDE * position);
    this.#write(node + NODE_HIGH, mask, bits, 0);
    this.#write(node + NODE_LOW, mask, bits, 2);
    this.#write(node + NODE_HIGH_MASK, mask, mask, 0);
    this.#write(node + NODE_LOW_MASK, mask, mask, 2);
    return node;
  }

  /** Two words as a 64-bit number. */
  #write(address: number, mask: Bits, bits: Bits, from: 0 | 2): void {
    this.#words[address >>> 2] = bits[(from + 1) as 1 | 3] & mask[(from + 1) as 1 | 3];
    this.#words[(address >>> 2) + 1] = bits[from] & mask[from];
  }

  #bits(node: number): Bits {
    const at = node >>> 2;
    const words = this.#words;
    return [words[at + 1], words[at], words[at + 3], words[at + 2]] as unknown as Bits;
  }

  /** How many times four bits are the same in front, as far as the node's go. */
  #common(node: number, bits: Bits): number {
    const other = this.#bits(node);
    for (let i = 0; i < 4; i++) {
      const different = Math.clz32(((bits[i] as number) ^ (other[i] as number)) >>> 0);
      if (different < 32) return 8 * i + (different >>> 2);
    }
    return NODE_LENGTH;
  }

  /** Index of the word that refers to a node's child. */
  #child(node: number, slot: number): number {
    return (node + NODE_SLOTS + slot * SLOT_LENGTH + SLOT_CHILD) >>> 2;
  }
}

function bitsOf(bytes: Uint8Array): Bits {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 4) return [view.getUint32(0), 0, 0, 0];
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
}

function fourBits(bits: Bits, position: number): number {
  return ((bits[position >>> 3] as number) >>> (28 - NODE_STRIDE * (position & 7))) & 15;
}

function masked(bits: Bits, length: number): Bits {
  const word = (i: 0 | 1 | 2 | 3) => {
    const left = length - 32 * i;
    return left >= 32 ? bits[i] : left <= 0 ? 0 : (bits[i] & (-1 << (32 - left))) >>> 0;
  };
  return [word(0), word(1), word(2), word(3)];
}

/** A number for IPv4: a million of texts would take 40 MB more. */
function keyOf(bits: Bits, bytes: number, length: number): number | string {
  return bytes === 4 ? bits[0] * 64 + length : `${bits.join(" ")}/${length}`;
}
