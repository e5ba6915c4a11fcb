// What stands in a tunnel as it does on a link: PPP frames, and those of IEEE 802.11.

import { DROP_INNER_UNKNOWN } from "../src/layout/drop.layout";
import { swapped16 } from "./byte-order";
import { LINK_PLACE, LINK_REFUSED, LINK_TYPE, openLink } from "./link";
import { OTHER } from "./refusal";
import { found, frame, presentFrom } from "./unwrap-state";
import { carried, TYPE_UNKNOWN } from "./unwrap-types";

/** Opens the frame of this link at `at`, which ends at `end` and which a wrapping of `kind` carries. */
export function openOfLink(link: u32, kind: u32, at: u32, end: u32): u32 {
  const place = openLink(link, frame + at, presentFrom(at, end));
  if ((place & LINK_REFUSED) !== 0) return OTHER | DROP_INNER_UNKNOWN;
  const type = carried(swapped16(place >>> LINK_TYPE));
  if (type === TYPE_UNKNOWN) return OTHER | DROP_INNER_UNKNOWN;
  return found(kind, at + (place & LINK_PLACE), type, end);
}
