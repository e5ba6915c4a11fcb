// Steps of what stands in front of packets on a link: frames, tags, PPP.

import { ETHERTYPE_MINIMUM } from "../layout/ethernet.layout.ts";
import { SNAP_OUI_ETHERTYPE } from "../layout/llc.layout.ts";
import { PPPOE_CODE_SESSION } from "../layout/pppoe.layout.ts";
import { parseETag } from "../wire/e-tag.ts";
import { parseEthernet } from "../wire/ethernet.ts";
import { parseITag } from "../wire/i-tag.ts";
import { parseLlc } from "../wire/llc.ts";
import { parsePpp } from "../wire/ppp.ts";
import { parsePppoe } from "../wire/pppoe.ts";
import { parseVlan } from "../wire/vlan.ts";
import { parseVnTag } from "../wire/vn-tag.ts";
import { BY_PPP } from "./announced.ts";
import { byEtherType, ETHERNET, type Here, LENIENT, type Next, type Steps, unread } from "./walk.ts";

type LinkStep = "ethernet" | "vlan" | "vn-tag" | "802.1br" | "802.1ah" | "llc" | "pppoe" | "ppp";

const LLC: Here = { name: "llc" };
const PPP: Here = { name: "ppp" };

export const LINK_STEPS: Steps<LinkStep> = {
  ethernet: {
    parse: (bytes, offset, end) => parseEthernet(bytes, offset, end, LENIENT),
    next: ({ etherType }) => typeOrLength(etherType),
  },
  vlan: {
    parse: (bytes, offset, end, { tpid }) => parseVlan(bytes, offset, end, { tpid, ...LENIENT }),
    next: ({ etherType }) => typeOrLength(etherType),
  },
  "vn-tag": {
    parse: (bytes, offset, end) => parseVnTag(bytes, offset, end, LENIENT),
    next: ({ etherType }) => typeOrLength(etherType),
  },
  "802.1br": {
    parse: (bytes, offset, end) => parseETag(bytes, offset, end, LENIENT),
    next: ({ etherType }) => typeOrLength(etherType),
  },
  "802.1ah": { parse: parseITag, next: () => ETHERNET },
  llc: {
    parse: parseLlc,
    next: ({ snap }) => (snap?.oui === SNAP_OUI_ETHERTYPE ? byEtherType(snap.protocol) : unread()),
  },
  pppoe: {
    parse: (bytes, offset, end) => parsePppoe(bytes, offset, end, LENIENT),
    next: ({ code }) => (code === PPPOE_CODE_SESSION ? PPP : unread()),
    bounds: true,
  },
  ppp: {
    parse: parsePpp,
    next: ({ protocol }) => {
      const name = BY_PPP.get(protocol);
      return name === undefined ? { name: "payload", header: { pppProtocol: protocol } } : { name };
    },
  },
};

function typeOrLength(etherType: number): Next {
  return etherType < ETHERTYPE_MINIMUM ? LLC : byEtherType(etherType);
}
