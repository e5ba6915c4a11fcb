// All that can be taken off a frame: the kinds of tunnels, and wrappings that nobody here puts on. One table of numbers,
// names and UDP ports, for decapsulations, dissected frames and whoever tells of them.

import { CAPWAP_PORT } from "../layout/capwap.layout.ts";
import { GRE_IN_UDP_PORT } from "../layout/gre.layout.ts";
import { GTP_PORT } from "../layout/gtp-u.layout.ts";
import { L2TP_PORT } from "../layout/l2tp.layout.ts";
import { MPLS_IN_UDP_PORT } from "../layout/mpls.layout.ts";
import {
  TUNNEL_NVGRE,
  WRAPPING_4IN6,
  WRAPPING_6IN4,
  WRAPPING_6IN6,
  WRAPPING_CAPWAP,
  WRAPPING_E_TAG,
  WRAPPING_ERSPAN,
  WRAPPING_ETHERIP,
  WRAPPING_GRE_IN_UDP,
  WRAPPING_GTP_U,
  WRAPPING_I_TAG,
  WRAPPING_IPIP,
  WRAPPING_L2TP,
  WRAPPING_L2TPV3,
  WRAPPING_MPLS,
  WRAPPING_MPLS_IN_UDP,
  WRAPPING_NSH,
  WRAPPING_PPPOE,
  WRAPPING_PPTP,
  WRAPPING_TZSP,
  WRAPPING_VN_TAG,
} from "../layout/tunnel.layout.ts";
import { TZSP_PORT } from "../layout/tzsp.layout.ts";
import { portsOf, TUNNEL_ROWS, type TunnelKind } from "./kinds.ts";

/** Wrappings that are only taken off. */
export type OtherWrapping =
  | "erspan"
  | "gre-in-udp"
  | "pptp"
  | "ipip"
  | "6in4"
  | "4in6"
  | "6in6"
  | "gtp-u"
  | "mpls"
  | "mpls-in-udp"
  | "pppoe"
  | "vn-tag"
  | "802.1br"
  | "802.1ah"
  | "etherip"
  | "l2tp"
  | "l2tpv3"
  | "nsh"
  | "tzsp"
  | "capwap";

/** Everything that can be taken off. */
export type WrappingKind = TunnelKind | OtherWrapping;

/** What is known of a wrapping. */
export interface WrappingKindInfo {
  readonly kind: WrappingKind;
  /** For people: `GTP-U`. */
  readonly title: string;
  /** UDP destination ports by which it is recognised, unless one says others; none if it is not over UDP. */
  readonly ports: readonly number[];
}

/** A row. */
export interface WrappingRow {
  readonly name: WrappingKind;
  readonly title: string;
  /** By which kernels know it. */
  readonly number: number;
  readonly ports: readonly number[];
  /** Which packets the fast loops take, where it has such. */
  readonly plain?: { readonly mask: number; readonly bits: number } | undefined;
}

const other = (
  name: OtherWrapping,
  title: string,
  number: number,
  ports: readonly number[] = [],
): WrappingRow => ({
  name,
  title,
  number,
  ports,
});

export const WRAPPING_ROWS: readonly WrappingRow[] = [
  ...TUNNEL_ROWS.map((row) => ({
    name: row.name as TunnelKind,
    title: row.title,
    number: row.number,
    ports: portsOf(row),
    plain: row.plain,
  })),
  other("erspan", "ERSPAN", WRAPPING_ERSPAN),
  other("gre-in-udp", "GRE in UDP", WRAPPING_GRE_IN_UDP, [GRE_IN_UDP_PORT]),
  other("pptp", "PPTP", WRAPPING_PPTP),
  other("ipip", "IPv4 in IPv4", WRAPPING_IPIP),
  other("6in4", "IPv6 in IPv4", WRAPPING_6IN4),
  other("4in6", "IPv4 in IPv6", WRAPPING_4IN6),
  other("6in6", "IPv6 in IPv6", WRAPPING_6IN6),
  other("gtp-u", "GTP-U", WRAPPING_GTP_U, [GTP_PORT]),
  other("mpls", "MPLS", WRAPPING_MPLS),
  other("mpls-in-udp", "MPLS in UDP", WRAPPING_MPLS_IN_UDP, [MPLS_IN_UDP_PORT]),
  other("pppoe", "PPPoE", WRAPPING_PPPOE),
  other("vn-tag", "VN-tag", WRAPPING_VN_TAG),
  other("802.1br", "802.1BR E-tag", WRAPPING_E_TAG),
  other("802.1ah", "802.1ah I-tag", WRAPPING_I_TAG),
  other("etherip", "EtherIP", WRAPPING_ETHERIP),
  other("l2tp", "L2TP", WRAPPING_L2TP, [L2TP_PORT]),
  other("l2tpv3", "L2TPv3", WRAPPING_L2TPV3, [L2TP_PORT]),
  other("nsh", "NSH", WRAPPING_NSH),
  other("tzsp", "TZSP", WRAPPING_TZSP, [TZSP_PORT]),
  other("capwap", "CAPWAP", WRAPPING_CAPWAP, [CAPWAP_PORT]),
];

/** Everything that can be taken off, for programs that let people choose. */
export const wrappingKinds: readonly WrappingKindInfo[] = WRAPPING_ROWS.map(({ name, title, ports }) => ({
  kind: name,
  title,
  ports,
}));

export const WRAPPING_KINDS: readonly WrappingKind[] = WRAPPING_ROWS.map(({ name }) => name);

/** What a decapsulation of any kind takes off unless it is told: NVGRE looks as GRE does, and is that. */
export const USUAL_WRAPPINGS: readonly WrappingRow[] = WRAPPING_ROWS.filter(
  ({ number }) => number !== TUNNEL_NVGRE,
);

const BY_NUMBER: ReadonlyMap<number, WrappingRow> = new Map(WRAPPING_ROWS.map((row) => [row.number, row]));

/** The row of the wrapping that kernels know by this number. */
export function wrappingOfNumber(number: number): WrappingRow {
  return BY_NUMBER.get(number) as WrappingRow;
}
