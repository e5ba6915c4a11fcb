// Wrappings directly in an Ethernet frame, each behind an EtherType of its own: MPLS, PPPoE, the tags of fabric
// extenders, backbone bridges' I-tags, service headers.

import {
  DROP_INNER_UNKNOWN,
  DROP_NOT_TUNNEL,
  DROP_TUNNEL_CONTROL,
  DROP_TUNNEL_TRUNCATED,
  DROP_TUNNEL_VERSION,
} from "../src/layout/drop.layout";
import { E_TAG_LENGTH } from "../src/layout/e-tag.layout";
import {
  ETHERNET_TYPE,
  ETHERTYPE_E_TAG,
  ETHERTYPE_I_TAG,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_NSH,
  ETHERTYPE_PPPOE,
  ETHERTYPE_PPPOE_DISCOVERY,
  ETHERTYPE_TEB,
  ETHERTYPE_VN_TAG,
} from "../src/layout/ethernet.layout";
import { I_TAG_LENGTH, I_TAG_SERVICE_MASK } from "../src/layout/i-tag.layout";
import { LINK_PPP } from "../src/layout/link.layout";
import {
  NSH_FLAG_OAM,
  NSH_LENGTH,
  NSH_NEXT_PROTOCOL,
  NSH_VERSION_MASK,
  NSH_WORDS,
  NSH_WORDS_MASK,
} from "../src/layout/nsh.layout";
import {
  PPPOE_CODE,
  PPPOE_CODE_SESSION,
  PPPOE_LENGTH,
  PPPOE_PAYLOAD_LENGTH,
  PPPOE_VERSION_1_TYPE_1,
} from "../src/layout/pppoe.layout";
import {
  WRAPPING_E_TAG,
  WRAPPING_I_TAG,
  WRAPPING_MPLS,
  WRAPPING_NSH,
  WRAPPING_PPPOE,
  WRAPPING_VN_TAG,
} from "../src/layout/tunnel.layout";
import { VN_TAG_LENGTH } from "../src/layout/vn-tag.layout";
import { OTHER } from "./refusal";
import { openOfLink } from "./unwrap-link";
import { openMpls } from "./unwrap-mpls";
import {
  byteAt,
  found,
  half,
  NO_MACS,
  NUMBER_VNI,
  presentFrom,
  setFoundMacs,
  setNumber,
  takes,
  word,
} from "./unwrap-state";
import { TYPE_UNKNOWN, typeOfNext } from "./unwrap-types";

/** Takes what `type` announces off at `at`; `macs` is where the addresses of the frame lie that it stands in. */
export function openTagged(at: u32, type: u32, end: u32, macs: u32): u32 {
  switch (type) {
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
      return takes(WRAPPING_MPLS) ? openMpls(at, end) : OTHER | DROP_NOT_TUNNEL;
    case ETHERTYPE_PPPOE:
      return takes(WRAPPING_PPPOE) ? openPppoe(at, end) : OTHER | DROP_NOT_TUNNEL;
    case ETHERTYPE_PPPOE_DISCOVERY:
      return OTHER | (takes(WRAPPING_PPPOE) ? DROP_TUNNEL_CONTROL : DROP_NOT_TUNNEL);
    case ETHERTYPE_VN_TAG:
      return openTag(WRAPPING_VN_TAG, at, VN_TAG_LENGTH, end, macs);
    case ETHERTYPE_E_TAG:
      return openTag(WRAPPING_E_TAG, at, E_TAG_LENGTH, end, macs);
    case ETHERTYPE_I_TAG:
      return takes(WRAPPING_I_TAG) ? openITag(at, end) : OTHER | DROP_NOT_TUNNEL;
    case ETHERTYPE_NSH:
      return takes(WRAPPING_NSH) ? openNsh(at, end) : OTHER | DROP_NOT_TUNNEL;
    default:
      return OTHER | DROP_NOT_TUNNEL;
  }
}

/**
 * A tag between the addresses and the type: without it the addresses stand in front of the type that follows. Where there are
 * no addresses, what is carried is what that type says.
 */
function openTag(kind: u32, at: u32, tagLength: u32, end: u32, macs: u32): u32 {
  if (!takes(kind)) return OTHER | DROP_NOT_TUNNEL;
  if (presentFrom(at, end) < tagLength + 2) return DROP_TUNNEL_TRUNCATED;
  if (macs === NO_MACS) return found(kind, at + tagLength + 2, half(at + tagLength), end);
  found(kind, at + tagLength - ETHERNET_TYPE, ETHERTYPE_TEB, end);
  setFoundMacs(macs);
  return 0;
}

/** The I-SID is the number of the network, and counts as a VNI, which is as long. */
function openITag(at: u32, end: u32): u32 {
  if (presentFrom(at, end) < <u32>I_TAG_LENGTH) return DROP_TUNNEL_TRUNCATED;
  found(WRAPPING_I_TAG, at + I_TAG_LENGTH, ETHERTYPE_TEB, end);
  return setNumber(NUMBER_VNI, word(at) & I_TAG_SERVICE_MASK);
}

function openPppoe(at: u32, end: u32): u32 {
  if (presentFrom(at, end) < <u32>PPPOE_LENGTH) return DROP_TUNNEL_TRUNCATED;
  if (byteAt(at) !== PPPOE_VERSION_1_TYPE_1) return DROP_TUNNEL_VERSION;
  if (byteAt(at + PPPOE_CODE) !== PPPOE_CODE_SESSION) return OTHER | DROP_TUNNEL_CONTROL;
  // What is behind is padding; more than there was on the wire is what a mirror has cut.
  const payload = at + PPPOE_LENGTH;
  return openOfLink(LINK_PPP, WRAPPING_PPPOE, payload, payload + half(at + PPPOE_PAYLOAD_LENGTH));
}

/** Takes the service header at `at` off. */
function openNsh(at: u32, end: u32): u32 {
  const present = presentFrom(at, end);
  if (present < <u32>NSH_LENGTH) return DROP_TUNNEL_TRUNCATED;
  const first = byteAt(at);
  if ((first & NSH_VERSION_MASK) !== 0) return DROP_TUNNEL_VERSION;
  const headerLength = (byteAt(at + NSH_WORDS) & NSH_WORDS_MASK) << 2;
  if (headerLength < <u32>NSH_LENGTH) return DROP_TUNNEL_VERSION;
  if (present < headerLength) return DROP_TUNNEL_TRUNCATED;
  if ((first & NSH_FLAG_OAM) !== 0) return OTHER | DROP_TUNNEL_CONTROL;
  const type = typeOfNext(byteAt(at + NSH_NEXT_PROTOCOL));
  if (type === TYPE_UNKNOWN) return OTHER | DROP_INNER_UNKNOWN;
  return found(WRAPPING_NSH, at + headerLength, type, end);
}
