// Composers of what stands in front of packets on a link: frames, tags, PPP.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { E_TAG_LENGTH } from "../layout/e-tag.layout.ts";
import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import { I_TAG_LENGTH } from "../layout/i-tag.layout.ts";
import {
  FAMILY_IPV4,
  FAMILY_IPV6_DARWIN,
  FAMILY_IPV6_LINUX,
  HDLC_LENGTH,
  NULL_LENGTH,
  SLL_LENGTH,
  SLL_PROTOCOL_LLC,
  SLL2_LENGTH,
} from "../layout/link.layout.ts";
import { PPPOE_LENGTH } from "../layout/pppoe.layout.ts";
import { VLAN_HEADER_LENGTH } from "../layout/vlan.layout.ts";
import { VN_TAG_LENGTH } from "../layout/vn-tag.layout.ts";
import { emitETag } from "../wire/e-tag.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { emitITag } from "../wire/i-tag.ts";
import { emitLlc, llcLength } from "../wire/llc.ts";
import { emitHdlc, emitNull } from "../wire/loopback.ts";
import { emitNflog, nflogLength } from "../wire/nflog.ts";
import { emitPpp, pppLength } from "../wire/ppp.ts";
import { emitPppoe } from "../wire/pppoe.ts";
import { emitRadiotap, radiotapLength } from "../wire/radiotap.ts";
import { emitSll, emitSll2 } from "../wire/sll.ts";
import { emitVlan } from "../wire/vlan.ts";
import { emitVnTag } from "../wire/vn-tag.ts";
import { emitWlan, wlanLength } from "../wire/wlan.ts";
import { numberOf } from "./announced.ts";
import type { ComposeLayer } from "./compose-fields.ts";
import { type Composers, etherTypeOf, typeOrLength, unannounced } from "./composing.ts";

type LinkName =
  | "ethernet"
  | "sll"
  | "sll2"
  | "null"
  | "hdlc"
  | "nflog"
  | "radiotap"
  | "802.11"
  | "vlan"
  | "vn-tag"
  | "802.1br"
  | "802.1ah"
  | "llc"
  | "pppoe"
  | "ppp";

/** Bytes of the type within a tag, which belongs to it here. */
const TYPE_LENGTH = 2;

export const LINK_COMPOSERS: Composers<LinkName> = {
  ethernet: {
    length: () => ETHERNET_LENGTH,
    emit: (fields, place) => {
      const { etherType = typeOrLength(place) } = fields;
      emitEthernet({ ...fields, etherType }, place.into, place.offset);
    },
  },
  sll: {
    length: () => SLL_LENGTH,
    emit: (fields, { into, offset, inner }) => {
      const { protocol = cookedProtocolOf(inner) } = fields;
      emitSll({ ...fields, protocol }, into, offset);
    },
  },
  sll2: {
    length: () => SLL2_LENGTH,
    emit: (fields, { into, offset, inner }) => {
      const { protocol = cookedProtocolOf(inner) } = fields;
      emitSll2({ ...fields, protocol }, into, offset);
    },
  },
  null: {
    length: () => NULL_LENGTH,
    emit: (fields, { into, offset, inner }) => {
      const { family = familyOf(inner, FAMILY_IPV6_DARWIN) } = fields;
      emitNull({ ...fields, family }, into, offset);
    },
  },
  hdlc: {
    length: () => HDLC_LENGTH,
    emit: (fields, { into, offset, inner }) => {
      const { etherType = etherTypeOf(inner) } = fields;
      emitHdlc({ ...fields, etherType }, into, offset);
    },
  },
  nflog: {
    length: nflogLength,
    emit: (fields, { into, offset, payload, end, inner }) => {
      const { family = familyOf(inner, FAMILY_IPV6_LINUX), payloadLength = end - payload } = fields;
      emitNflog({ ...fields, family, payloadLength }, into, offset);
    },
  },
  radiotap: {
    length: radiotapLength,
    emit: (fields, { into, offset }) => emitRadiotap(fields, into, offset),
  },
  "802.11": { length: wlanLength, emit: (fields, { into, offset }) => emitWlan(fields, into, offset) },
  vlan: {
    length: () => VLAN_HEADER_LENGTH,
    emit: (fields, place) => {
      const { etherType = typeOrLength(place) } = fields;
      emitVlan({ ...fields, etherType }, place.into, place.offset);
    },
  },
  "vn-tag": {
    length: () => VN_TAG_LENGTH + TYPE_LENGTH,
    emit: (fields, place) => {
      const { etherType = typeOrLength(place) } = fields;
      emitVnTag({ ...fields, etherType }, place.into, place.offset);
    },
  },
  "802.1br": {
    length: () => E_TAG_LENGTH + TYPE_LENGTH,
    emit: (fields, place) => {
      const { etherType = typeOrLength(place) } = fields;
      emitETag({ ...fields, etherType }, place.into, place.offset);
    },
  },
  "802.1ah": {
    length: () => I_TAG_LENGTH,
    emit: (fields, { into, offset }) => emitITag(fields, into, offset),
  },
  llc: { length: llcLength, emit: (fields, { into, offset }) => emitLlc(fields, into, offset) },
  pppoe: {
    length: () => PPPOE_LENGTH,
    emit: (fields, { into, offset, payload, end }) => {
      const { length = end - payload } = fields;
      emitPppoe({ ...fields, length }, into, offset);
    },
  },
  ppp: {
    length: pppLength,
    emit: (fields, { into, offset, inner }) => {
      const {
        protocol = inner
          ? (numberOf(inner.name, "ppp") ?? unannounced("protocol", "PPP protocol number", inner))
          : 0,
      } = fields;
      emitPpp({ ...fields, protocol }, into, offset);
    },
  },
};

function cookedProtocolOf(inner: ComposeLayer | undefined): number {
  return inner?.name === "llc" ? SLL_PROTOCOL_LLC : etherTypeOf(inner, "protocol");
}

function familyOf(inner: ComposeLayer | undefined, ipv6: number): number {
  if (inner?.name === "ipv4") return FAMILY_IPV4;
  if (inner?.name === "ipv6") return ipv6;
  throw new ArgumentRangeError("missing", "family", "missing; expected a number, since no IP packet follows");
}
