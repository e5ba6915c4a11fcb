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

/** With what frames of each begin: how kernels open them, and the first layer that is read. */
const LINKS: Readonly<Record<number, number>> = {
  0: LINK_NULL,
  1: LINK_ETHERNET,
  9: LINK_PPP,
  // Numbers that systems had for raw IP before there was one for all.
  12: LINK_IP,
  14: LINK_IP,
  50: LINK_PPP,
  101: LINK_IP,
  104: LINK_PPP,
  105: LINK_WLAN,
  108: LINK_NULL,
  113: LINK_SLL,
  127: LINK_RADIOTAP,
  228: LINK_IPV4,
  229: LINK_IPV6,
  239: LINK_NFLOG,
  276: LINK_SLL2,
};

/** With what frames of a link type begin; LINK_OTHER if they are not opened here. */
export function linkOf(linkType: number): number {
  return LINKS[linkType] ?? LINK_OTHER;
}
