// Link types of captures (LINKTYPE_ numbers of tcpdump.org): those whose frames are opened here, one a row. The names of
// the others, for those who tell people, stand in link-type-names.ts.

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
  /** As tcpdump.org calls it, without LINKTYPE_. */
  readonly name: string;
  /** With what its frames begin: how kernels open them. */
  readonly link: number;
}

export const LINK_TYPES: readonly LinkType[] = [
  { number: 0, name: "NULL", link: LINK_NULL },
  { number: 1, name: "ETHERNET", link: LINK_ETHERNET },
  { number: 9, name: "PPP", link: LINK_PPP },
  // Numbers that systems had for raw IP before there was one for all.
  { number: 12, name: "RAW", link: LINK_IP },
  { number: 14, name: "RAW", link: LINK_IP },
  { number: 50, name: "PPP_HDLC", link: LINK_PPP },
  { number: 101, name: "RAW", link: LINK_IP },
  { number: 104, name: "C_HDLC", link: LINK_PPP },
  { number: 105, name: "IEEE802_11", link: LINK_WLAN },
  { number: 108, name: "LOOP", link: LINK_NULL },
  { number: 113, name: "LINUX_SLL", link: LINK_SLL },
  { number: 127, name: "IEEE802_11_RADIOTAP", link: LINK_RADIOTAP },
  { number: 228, name: "IPV4", link: LINK_IPV4 },
  { number: 229, name: "IPV6", link: LINK_IPV6 },
  { number: 239, name: "NFLOG", link: LINK_NFLOG },
  { number: 276, name: "LINUX_SLL2", link: LINK_SLL2 },
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
