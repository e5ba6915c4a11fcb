// Link types of captures (LINKTYPE_ numbers of tcpdump.org): those whose frames are opened here, one a row. How they are called
// stands with the names of all others, in link-type-names.ts.

import {
  LINK_ETHERNET,
  LINK_IP,
  LINK_IPV4,
  LINK_IPV6,
  LINK_NFLOG,
  LINK_NULL,
  LINK_OTHER,
  LINK_PPP,
  LINK_RADIOTAP,
  LINK_SLL,
  LINK_SLL2,
  LINK_WLAN,
} from "../layout/link.layout.ts";

export interface LinkType {
  /** As it stands in a capture. */
  readonly number: number;
  /** With what its frames begin: how kernels open them. */
  readonly link: number;
}

export const LINK_TYPES: readonly LinkType[] = [
  { number: 0, link: LINK_NULL },
  { number: 1, link: LINK_ETHERNET },
  { number: 9, link: LINK_PPP },
  // Numbers that systems had for raw IP before there was one for all.
  { number: 12, link: LINK_IP },
  { number: 14, link: LINK_IP },
  { number: 50, link: LINK_PPP },
  { number: 101, link: LINK_IP },
  { number: 104, link: LINK_PPP },
  { number: 105, link: LINK_WLAN },
  { number: 108, link: LINK_NULL },
  { number: 113, link: LINK_SLL },
  { number: 127, link: LINK_RADIOTAP },
  { number: 228, link: LINK_IPV4 },
  { number: 229, link: LINK_IPV6 },
  { number: 239, link: LINK_NFLOG },
  { number: 276, link: LINK_SLL2 },
];

const BY_NUMBER: ReadonlyMap<number, LinkType> = new Map(LINK_TYPES.map((row) => [row.number, row]));

/** The row of a link type; undefined if its frames are not opened here. */
export function linkTypeRow(number: number): LinkType | undefined {
  return BY_NUMBER.get(number);
}

/** With what frames of a link type begin. */
export function linkOf(linkType: number): number {
  return linkTypeRow(linkType)?.link ?? LINK_OTHER;
}
