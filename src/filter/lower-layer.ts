// What is asked of a layer that the walk has found, beside what is asked of any frame: its tunnel, and its tags.

import {
  LAYER_FLAGS,
  LAYER_HAS_KEY,
  LAYER_HAS_VNI,
  LAYER_IS_PLAIN_GRE,
  LAYER_KIND,
  LAYER_NUMBER,
} from "../layout/walk.layout.ts";
import { all, any, ENTRY, type Formula, guard, inRanges } from "./formula.ts";
import { behind, type Place, TYPES_VLAN, withHeader } from "./place.ts";
import type { Range } from "./tree.ts";
import { TUNNEL_KINDS } from "./words.ts";

/** Where type and tag control information of a tag begin, from an Ethernet header on. */
const TAG_TYPE = 12;
const TAG_CONTROL = 14;
const TAG_LENGTH = 4;

export function lowerTunnel(kind: string): Formula {
  const is = guard(ENTRY, LAYER_KIND, 1, TUNNEL_KINDS.get(kind) as number);
  return kind === "nvgre" ? all(is, flagged(LAYER_IS_PLAIN_GRE)) : is;
}

/** A VNI or VSID, with a byte of something else behind it; or a key, which fills the word. */
export function lowerNumber(number: "vni" | "gre key", ranges: readonly Range[]): Formula {
  if (number === "gre key") return all(flagged(LAYER_HAS_KEY), inRanges(ENTRY, LAYER_NUMBER, 4, ranges));
  const shifted = ranges.map(({ first, last }) => ({ first: first * 256, last: last * 256 }));
  return all(flagged(LAYER_HAS_VNI), inRanges(ENTRY, LAYER_NUMBER, 4, shifted, 0xffffff00));
}

/** The next tag of a layer: behind so many that have been asked for. */
export function lowerTag(place: Place, ranges: readonly Range[] | undefined): Formula {
  const tag = behind(place.header, TAG_LENGTH * place.tags);
  const tagged = any(...TYPES_VLAN.map((type) => guard(tag, TAG_TYPE, 2, type)));
  return withHeader(
    place,
    ranges === undefined ? tagged : all(tagged, inRanges(tag, TAG_CONTROL, 2, ranges, 0xfff)),
  );
}

function flagged(flag: number): Formula {
  return guard(ENTRY, LAYER_FLAGS, 1, flag, flag);
}
