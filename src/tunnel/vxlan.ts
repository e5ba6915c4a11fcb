// VXLAN as a kind of tunnel (RFC 7348).

import { choice, type Fields, flag, object, whole } from "../core/fields.ts";
import { DROP_VXLAN_TRUNCATED } from "../layout/drop.layout.ts";
import { TUNNEL_VXLAN } from "../layout/tunnel.layout.ts";
import {
  VNI_MAXIMUM,
  VXLAN_LENGTH,
  VXLAN_PORT,
  VXLAN_PORT_LINUX,
  VXLAN_VNI,
} from "../layout/vxlan.layout.ts";
import { emitVxlan, type VxlanGroupPolicy } from "../wire/vxlan.ts";
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

/** A group policy that VXLAN headers tell (draft-smith-vxlan-group-policy). */
export interface GroupPolicy {
  /** Group policy id, 0 to 65535. */
  readonly group: number;
  /** Do not learn the passenger's source MAC. Default false. */
  readonly dontLearn?: boolean | undefined;
  /** The policy has been applied already. Default false. */
  readonly applied?: boolean | undefined;
}

/** Puts the frame into a VXLAN tunnel. */
interface EncapsulateVxlan extends EncapsulateUdp {
  readonly kind: "vxlan";
  /** Default: none. */
  readonly policy?: GroupPolicy | undefined;
}

interface VxlanTunnel extends UdpTunnelTo {
  readonly kind: "vxlan";
}

export interface Vxlan {
  readonly decapsulate: DecapsulateVxlan;
  readonly encapsulate: EncapsulateVxlan;
  readonly tunnel: VxlanTunnel;
}

const POLICY: Fields<GroupPolicy, "group" | "dontLearn" | "applied"> = {
  group: { ...whole(0, 0xffff), required: true },
  dontLearn: { ...flag(), fallback: false },
  applied: { ...flag(), fallback: false },
};

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
  encapsulate: { kind, ...encapsulateUdp(VXLAN_PORT), policy: object(POLICY) },
  tunnel: { kind, ...UDP_TUNNEL },
  header({ vni = 0, policy }) {
    const header = new Uint8Array(VXLAN_LENGTH);
    emitVxlan({ vni, groupPolicy: policy as VxlanGroupPolicy | undefined }, header);
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
