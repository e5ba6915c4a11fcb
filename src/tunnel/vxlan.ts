// VXLAN as a kind of tunnel (RFC 7348).

import { choice } from "../core/fields.ts";
import { DROP_VXLAN_TRUNCATED } from "../layout/drop.layout.ts";
import { TUNNEL_VXLAN } from "../layout/tunnel.layout.ts";
import {
  VNI_MAXIMUM,
  VXLAN_LENGTH,
  VXLAN_PORT,
  VXLAN_PORT_LINUX,
  VXLAN_VNI,
} from "../layout/vxlan.layout.ts";
import { emitVxlan } from "../wire/vxlan.ts";
import { decapsulateUdp, encapsulateUdp, RESERVED_BITS, UDP_TUNNEL, USUAL_UDP } from "./fields.ts";
import type { DecapsulateUdp, EncapsulateUdp, TunnelRow, UdpTunnelTo } from "./tunnel-kind.ts";

/** Takes VXLAN headers off. */
interface DecapsulateVxlan extends DecapsulateUdp {
  readonly kind: "vxlan";
  /**
   * What reserved bits mean: `"rfc"` ignores them (RFC 7348 §5), the default; `"strict"` drops the packet,
   * as Linux and Open vSwitch do.
   */
  readonly rule?: "rfc" | "strict" | undefined;
}

/** Puts the frame into a VXLAN tunnel. */
interface EncapsulateVxlan extends EncapsulateUdp {
  readonly kind: "vxlan";
}

interface VxlanTunnel extends UdpTunnelTo {
  readonly kind: "vxlan";
}

export interface Vxlan {
  readonly decapsulate: DecapsulateVxlan;
  readonly encapsulate: EncapsulateVxlan;
  readonly tunnel: VxlanTunnel;
}

const kind = { ...choice("vxlan"), required: true } as const;

export const vxlan: TunnelRow<Vxlan> = {
  name: "vxlan",
  title: "VXLAN",
  number: TUNNEL_VXLAN,
  over: { protocol: "udp", port: VXLAN_PORT, formerly: [VXLAN_PORT_LINUX] },
  numberName: "vni",
  numberRange: [0, VNI_MAXIMUM],
  placeholder: 0,
  numberAt: VXLAN_VNI,
  numberShift: 0,
  decapsulate: { kind, ...decapsulateUdp(VXLAN_PORT), rule: RESERVED_BITS },
  encapsulate: { kind, ...encapsulateUdp(VXLAN_PORT) },
  tunnel: { kind, ...UDP_TUNNEL },
  header({ vni = 0 }) {
    const header = new Uint8Array(VXLAN_LENGTH);
    emitVxlan({ vni }, header);
    return header;
  },
  decapsulateFlags: 0,
  encapsulateFlags: 0,
  // The I flag is all that a receiver looks at (§5).
  plain: { mask: 0x08000000, bits: 0x08000000, usual: USUAL_UDP },
  truncated: DROP_VXLAN_TRUNCATED,
  alike: TUNNEL_VXLAN,
  layer: "vxlan",
};
