// What the code of a graph needs beside itself: nothing for `less 64`, the link header's end for most, the walk for
// positions.

import { inOrder, type Target } from "./decide.ts";
import type { Base, Leaf, Term } from "./formula.ts";

export interface Uses {
  /** Reads what the link header carries. */
  link: boolean;
  /** Asks for layers. */
  layers: boolean;
}

export function usesOf(root: Target): Uses {
  const uses: Uses = { link: false, layers: false };
  for (const { leaf } of inOrder(root)) lookAt(leaf, uses);
  return uses;
}

function lookAt(leaf: Leaf, uses: Uses): void {
  switch (leaf.kind) {
    case "member":
      lookAtBase(leaf.test.load.spot.base, uses);
      return;
    case "test":
      lookAtBase(leaf.load.spot.base, uses);
      return;
    case "relation":
      lookAtTerm(leaf.left, uses);
      lookAtTerm(leaf.right, uses);
      return;
    case "layered":
      uses.layers = true;
      return;
    case "open":
    case "carries":
    case "begins":
    case "chain":
      uses.link = true;
  }
}

function lookAtTerm(term: Term, uses: Uses): void {
  switch (term.kind) {
    case "depth":
      uses.layers = true;
      return;
    case "load":
      lookAtBase(term.load.spot.base, uses);
      return;
    case "dynamic":
      lookAtBase(term.spot.base, uses);
      lookAtTerm(term.index, uses);
      return;
    case "negate":
      lookAtTerm(term.of, uses);
      return;
    case "binary":
      lookAtTerm(term.left, uses);
      lookAtTerm(term.right, uses);
  }
}

function lookAtBase(base: Base, uses: Uses): void {
  if (base.kind !== "start") uses.link = true;
}
