// Wrappings over UDP that are no kinds of tunnels with options of their own, and the ports by which they are known.

import { CAPWAP_PORT } from "../layout/capwap.layout.ts";
import { GRE_IN_UDP_PORT } from "../layout/gre.layout.ts";
import { GTP_PORT } from "../layout/gtp-u.layout.ts";
import { L2TP_PORT } from "../layout/l2tp.layout.ts";
import { MPLS_IN_UDP_PORT } from "../layout/mpls.layout.ts";
import { TZSP_PORT } from "../layout/tzsp.layout.ts";

/** The name of such a wrapping. */
export type UdpWrapping = "gre-in-udp" | "mpls-in-udp" | "gtp-u" | "l2tpv3" | "tzsp" | "capwap";

/** All UDP destination ports of each that are in use, the usual one first. */
export const UDP_WRAPPINGS: Readonly<Record<UdpWrapping, readonly number[]>> = {
  "gre-in-udp": [GRE_IN_UDP_PORT],
  "mpls-in-udp": [MPLS_IN_UDP_PORT],
  "gtp-u": [GTP_PORT],
  l2tpv3: [L2TP_PORT],
  tzsp: [TZSP_PORT],
  capwap: [CAPWAP_PORT],
};
