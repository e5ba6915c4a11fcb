// Steps of tunnels and other wrappings.

import { ERSPAN_III_ETHERNET, ERSPAN_III_IP } from "../layout/erspan.layout.ts";
import { ETHERTYPE_ERSPAN, ETHERTYPE_PPP } from "../layout/ethernet.layout.ts";
import { GRE_FLAGS, GRE_PROTOCOL, GRE_VERSION_MASK } from "../layout/gre.layout.ts";
import { GTP_PDU } from "../layout/gtp-u.layout.ts";
import {
  L2TP_FLAGS_LENGTH,
  L2TP_VERSION_2,
  L2TP_VERSION_3,
  L2TP_VERSION_MASK,
} from "../layout/l2tp.layout.ts";
import { PPTP_VERSION } from "../layout/pptp.layout.ts";
import { TZSP_ETHERNET, TZSP_RECEIVED, TZSP_TRANSMIT } from "../layout/tzsp.layout.ts";
import { read16 } from "../wire/bytes.ts";
import { parseCapwap } from "../wire/capwap.ts";
import { type ErspanHeader, parseErspan } from "../wire/erspan.ts";
import { parseEtherIp } from "../wire/etherip.ts";
import { parseGeneve } from "../wire/geneve.ts";
import { type GreHeader, greChecksumStatus, parseGre } from "../wire/gre.ts";
import { parseGtpU } from "../wire/gtp-u.ts";
import { parseL2tp } from "../wire/l2tp.ts";
import { parseControlWord, parseMpls } from "../wire/mpls.ts";
import { parseNsh } from "../wire/nsh.ts";
import { parsePptp } from "../wire/pptp.ts";
import { parseTzsp } from "../wire/tzsp.ts";
import { parseVxlan, type VxlanGpe } from "../wire/vxlan.ts";
import { BY_GPE, BY_GRE, BY_NSH } from "./announced.ts";
import { behindLabel, behindSession, parseSession } from "./guesses.ts";
import type { StepName } from "./layers.ts";
import {
  byEtherType,
  byVersion,
  ETHERNET,
  type Here,
  LENIENT,
  type Next,
  type Steps,
  unread,
  type Walk,
} from "./walk.ts";

type TunnelStep =
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

const PPTP: Here = { name: "pptp" };
const PPP: Here = { name: "ppp" };
const L2TP: Here = { name: "l2tp" };
const ERSPAN_I: Here = { name: "erspan", type: 1 };

export const TUNNEL_STEPS: Steps<TunnelStep> = {
  vxlan: {
    parse: (bytes, offset, end, { reading = "group-policy" }) =>
      parseVxlan(bytes, offset, end, { extension: reading }),
    next: ({ gpe }) => (gpe ? behindGpe(gpe) : ETHERNET),
  },
  geneve: {
    parse: (bytes, offset, end) => parseGeneve(bytes, offset, end),
    next: ({ oam, protocol }) =>
      oam ? { name: "payload", header: { etherType: protocol } } : byEtherType(protocol),
  },
  gre: {
    parse: (bytes, offset, end) => parseGre(bytes, offset, end, { rule: "lenient" }),
    next: behindGre,
    verify: ({ frame }, offset, _, end) => greChecksumStatus(frame, offset, end),
    instead: (bytes, offset) => (isPptp(bytes, offset) ? PPTP : undefined),
  },
  pptp: {
    parse: (bytes, offset, end) => parsePptp(bytes, offset, end, LENIENT),
    next: ({ payloadLength }) => (payloadLength > 0 ? PPP : undefined),
    bounds: true,
  },
  erspan: {
    parse: (bytes, offset, end, { type }) => parseErspan(bytes, offset, end, { type }),
    next: behindErspan,
  },
  mpls: { parse: parseMpls, next: behindLabel },
  "control-word": {
    parse: parseControlWord,
    next: ({ fragmentation }) => (fragmentation === 0 ? ETHERNET : unread()),
  },
  etherip: { parse: parseEtherIp, next: () => ETHERNET },
  l2tp: {
    parse: (bytes, offset, end) => parseL2tp(bytes, offset, end, LENIENT),
    next: ({ control }) => (control ? unread() : PPP),
    bounds: true,
  },
  l2tpv3: {
    parse: (bytes, offset, end, { over }) => parseSession(bytes, offset, end, over ?? "ip"),
    next: behindSession,
    // Over IP the same bytes are a session's number.
    instead: (bytes, offset, over) => (over === "udp" ? otherVersion(bytes, offset) : undefined),
  },
  "gtp-u": {
    parse: (bytes, offset, end) => parseGtpU(bytes, offset, end, LENIENT),
    next: ({ messageType }, walk) => (messageType === GTP_PDU ? byVersion(walk) : unread()),
    bounds: true,
  },
  nsh: {
    parse: parseNsh,
    next: ({ oam, nextProtocol }) => (oam ? unread() : byNumber(BY_NSH, nextProtocol)),
  },
  tzsp: {
    parse: parseTzsp,
    next: ({ type, protocol }) =>
      (type === TZSP_RECEIVED || type === TZSP_TRANSMIT) && protocol === TZSP_ETHERNET ? ETHERNET : unread(),
  },
  capwap: {
    parse: parseCapwap,
    next: ({ dtls, keepAlive, fragment, native }) =>
      dtls || keepAlive || fragment || native ? unread() : ETHERNET,
  },
};

function behindGpe({ nextProtocol, oam }: VxlanGpe): Next {
  if (oam) return unread();
  return nextProtocol === undefined ? ETHERNET : byNumber(BY_GPE, nextProtocol);
}

function byNumber(layers: ReadonlyMap<number, StepName>, nextProtocol: number): Next {
  const name = layers.get(nextProtocol);
  return name === undefined ? { name: "payload", header: { nextProtocol } } : { name };
}

/** Without a sequence number the type of ERSPAN I and II stands for I, which has no header. */
function behindGre({ protocol, sequence }: GreHeader): Next {
  if (protocol === ETHERTYPE_ERSPAN && sequence === undefined) return ERSPAN_I;
  const name = BY_GRE.get(protocol);
  return name === undefined ? byEtherType(protocol) : { name };
}

function behindErspan(header: ErspanHeader, walk: Walk): Next {
  if (header.type !== 3 || header.frameType === ERSPAN_III_ETHERNET) return ETHERNET;
  return header.frameType === ERSPAN_III_IP ? byVersion(walk) : unread();
}

function isPptp(bytes: Uint8Array, offset: number): boolean {
  if (offset + GRE_PROTOCOL + 2 > bytes.length) return false;
  const version = read16(bytes, offset + GRE_FLAGS) & GRE_VERSION_MASK;
  return version === PPTP_VERSION && read16(bytes, offset + GRE_PROTOCOL) === ETHERTYPE_PPP;
}

function otherVersion(bytes: Uint8Array, offset: number): Next | undefined {
  if (offset + L2TP_FLAGS_LENGTH > bytes.length) return undefined;
  const version = read16(bytes, offset) & L2TP_VERSION_MASK;
  if (version === L2TP_VERSION_3) return undefined;
  return version === L2TP_VERSION_2 ? L2TP : unread();
}
