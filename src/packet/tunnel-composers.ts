// Composers of tunnels and other wrappings.

import { ETHERIP_LENGTH } from "../layout/etherip.layout.ts";
import { ETHERTYPE_TEB } from "../layout/ethernet.layout.ts";
import { GRE_LENGTH } from "../layout/gre.layout.ts";
import { GTP_LENGTH } from "../layout/gtp-u.layout.ts";
import { MPLS_LENGTH, PSEUDOWIRE_CONTROL_LENGTH } from "../layout/mpls.layout.ts";
import { VXLAN_LENGTH } from "../layout/vxlan.layout.ts";
import { write16 } from "../wire/bytes.ts";
import { capwapLength, emitCapwap } from "../wire/capwap.ts";
import { emitErspan, erspanLength } from "../wire/erspan.ts";
import { emitEtherIp } from "../wire/etherip.ts";
import { emitGeneve, geneveLength } from "../wire/geneve.ts";
import { emitGre, greChecksum, greLength } from "../wire/gre.ts";
import { emitGtpU, gtpULength } from "../wire/gtp-u.ts";
import { emitL2tp, l2tpLength } from "../wire/l2tp.ts";
import { emitL2tpv3, l2tpv3Length } from "../wire/l2tpv3.ts";
import { emitControlWord, emitMpls } from "../wire/mpls.ts";
import { emitNsh, nshLength } from "../wire/nsh.ts";
import { emitPptp, pptpLength } from "../wire/pptp.ts";
import { emitTzsp, tzspLength } from "../wire/tzsp.ts";
import { emitVxlan } from "../wire/vxlan.ts";
import { numberOf } from "./announced.ts";
import { type Composers, etherTypeOf, greTypeOf, unannounced } from "./composing.ts";

type TunnelName =
  | "vxlan"
  | "geneve"
  | "gre"
  | "pptp"
  | "erspan"
  | "mpls"
  | "control-word"
  | "etherip"
  | "l2tp"
  | "l2tpv3"
  | "gtp-u"
  | "nsh"
  | "tzsp"
  | "capwap";

export const TUNNEL_COMPOSERS: Composers<TunnelName> = {
  vxlan: { length: () => VXLAN_LENGTH, emit: (fields, { into, offset }) => emitVxlan(fields, into, offset) },
  geneve: {
    length: geneveLength,
    emit: (fields, { into, offset, inner }) => {
      const { protocol = inner ? etherTypeOf(inner, "protocol") : ETHERTYPE_TEB } = fields;
      emitGeneve({ ...fields, protocol }, into, offset);
    },
  },
  gre: {
    length: (fields) => greLength({ ...fields, checksum: greChecksumField(fields.checksum) }),
    emit: (fields, { into, offset, end, inner }) => {
      const { protocol = greTypeOf(inner, ETHERTYPE_TEB) } = fields;
      emitGre({ ...fields, protocol, checksum: greChecksumField(fields.checksum) }, into, offset);
      if (fields.checksum === true) write16(into, offset + GRE_LENGTH, greChecksum(into, offset, end));
    },
  },
  pptp: {
    length: pptpLength,
    emit: (fields, { into, offset, payload, end }) => {
      const { payloadLength = end - payload } = fields;
      emitPptp({ ...fields, payloadLength }, into, offset);
    },
  },
  erspan: { length: erspanLength, emit: (fields, { into, offset }) => emitErspan(fields, into, offset) },
  mpls: {
    length: () => MPLS_LENGTH,
    emit: (fields, { into, offset, inner }) => {
      const { bottom = inner?.name !== "mpls" } = fields;
      emitMpls({ ...fields, bottom }, into, offset);
    },
  },
  "control-word": {
    length: () => PSEUDOWIRE_CONTROL_LENGTH,
    emit: (fields, { into, offset }) => emitControlWord(fields, into, offset),
  },
  etherip: {
    length: () => ETHERIP_LENGTH,
    emit: (fields, { into, offset }) => emitEtherIp(fields, into, offset),
  },
  l2tp: { length: l2tpLength, emit: (fields, { into, offset }) => emitL2tp(fields, into, offset) },
  l2tpv3: {
    length: (fields) => l2tpv3Length(fields),
    emit: (fields, { into, offset }) => emitL2tpv3(fields, into, offset),
  },
  "gtp-u": {
    length: gtpULength,
    emit: (fields, { into, offset, end }) => {
      const { length = end - offset - GTP_LENGTH } = fields;
      emitGtpU({ ...fields, length }, into, offset);
    },
  },
  nsh: {
    length: nshLength,
    emit: (fields, { into, offset, inner }) => {
      const next =
        inner && (numberOf(inner.name, "nsh") ?? unannounced("nextProtocol", "next protocol", inner));
      const { nextProtocol = next } = fields;
      emitNsh({ ...fields, nextProtocol }, into, offset);
    },
  },
  tzsp: { length: tzspLength, emit: (fields, { into, offset }) => emitTzsp(fields, into, offset) },
  capwap: { length: capwapLength, emit: (fields, { into, offset }) => emitCapwap(fields, into, offset) },
};

/** 0 holds the place of a checksum that is still to be computed. */
function greChecksumField(checksum: number | boolean | undefined): number | undefined {
  return typeof checksum === "boolean" ? (checksum ? 0 : undefined) : checksum;
}
