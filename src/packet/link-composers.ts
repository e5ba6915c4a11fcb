// Composers of what stands in front of packets on a link: frames, tags, PPP.

import { E_TAG_LENGTH } from "../layout/e-tag.layout.ts";
import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import { I_TAG_LENGTH } from "../layout/i-tag.layout.ts";
import { PPPOE_LENGTH } from "../layout/pppoe.layout.ts";
import { VLAN_HEADER_LENGTH } from "../layout/vlan.layout.ts";
import { VN_TAG_LENGTH } from "../layout/vn-tag.layout.ts";
import { emitETag } from "../wire/e-tag.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { emitITag } from "../wire/i-tag.ts";
import { emitLlc, llcLength } from "../wire/llc.ts";
import { emitPpp, pppLength } from "../wire/ppp.ts";
import { emitPppoe } from "../wire/pppoe.ts";
import { emitVlan } from "../wire/vlan.ts";
import { emitVnTag } from "../wire/vn-tag.ts";
import { numberOf } from "./announced.ts";
import { type Composers, typeOrLength, unannounced } from "./composing.ts";

type LinkName = "ethernet" | "vlan" | "vn-tag" | "802.1br" | "802.1ah" | "llc" | "pppoe" | "ppp";

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
