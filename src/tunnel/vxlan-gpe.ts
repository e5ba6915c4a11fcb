// VXLAN-GPE as a kind of tunnel (draft-ietf-nvo3-vxlan-gpe): a VXLAN header that can say what it carries.

import { choice } from "../core/fields.ts";
import { DROP_VXLAN_TRUNCATED } from "../layout/drop.layout.ts";
import { TUNNEL_VXLAN_GPE } from "../layout/tunnel.layout.ts";
import {
  VNI_MAXIMUM,
  VXLAN_LENGTH,
  VXLAN_NEXT_ETHERNET,
  VXLAN_NEXT_IPV4,
  VXLAN_NEXT_IPV6,
  VXLAN_NEXT_PROTOCOL,
  VXLAN_PORT_GPE,
  VXLAN_VNI,
} from "../layout/vxlan.layout.ts";
import { emitVxlan } from "../wire/vxlan.ts";
import { CARRIES, decapsulateUdp, encapsulateUdp, RESERVED_BITS, UDP_TUNNEL, USUAL_UDP } from "./fields.ts";
import type { CarriesEither, DecapsulateUdp, EncapsulateUdp, TunnelRow, UdpTunnelTo } from "./tunnel-kind.ts";

/**
 * Takes VXLAN-GPE headers off that carry Ethernet frames: next protocol 3, or without the P flag, as in VXLAN. Other
 * versions than 0 and control packets (O flag) are dropped.
 */
interface DecapsulateVxlanGpe extends DecapsulateUdp {
  readonly kind: "vxlan-gpe";
  /** What reserved bits mean: `"rfc"` ignores them, the default; `"strict"` drops the packet. */
  readonly rule?: "rfc" | "strict" | undefined;
}

/** Puts the frame into a VXLAN-GPE tunnel: the header says what it carries. */
interface EncapsulateVxlanGpe extends EncapsulateUdp, CarriesEither {
  readonly kind: "vxlan-gpe";
}

interface VxlanGpeTunnel extends UdpTunnelTo {
  readonly kind: "vxlan-gpe";
}

export interface VxlanGpe {
  readonly decapsulate: DecapsulateVxlanGpe;
  readonly encapsulate: EncapsulateVxlanGpe;
  readonly tunnel: VxlanGpeTunnel;
}

const kind = { ...choice("vxlan-gpe"), required: true } as const;

export const vxlanGpe: TunnelRow<VxlanGpe> = {
  name: "vxlan-gpe",
  title: "VXLAN-GPE",
  number: TUNNEL_VXLAN_GPE,
  over: { protocol: "udp", port: VXLAN_PORT_GPE },
  numberName: "vni",
  numberRange: [0, VNI_MAXIMUM],
  placeholder: 0,
  numberAt: VXLAN_VNI,
  numberShift: 0,
  decapsulate: { kind, ...decapsulateUdp(VXLAN_PORT_GPE), rule: RESERVED_BITS },
  encapsulate: { kind, ...encapsulateUdp(VXLAN_PORT_GPE), carries: CARRIES },
  tunnel: { kind, ...UDP_TUNNEL },
  // The byte in front of the next protocol is reserved.
  ipTypes: { at: VXLAN_NEXT_PROTOCOL - 1, ipv4: VXLAN_NEXT_IPV4, ipv6: VXLAN_NEXT_IPV6 },
  header({ vni = 0 }) {
    const header = new Uint8Array(VXLAN_LENGTH);
    emitVxlan({ vni, gpe: { nextProtocol: VXLAN_NEXT_ETHERNET, bum: false, oam: false } }, header);
    return header;
  },
  decapsulateFlags: 0,
  encapsulateFlags: 0,
  // Version 0, I, P, no O, and a frame. What has no P is opened, too, but beside the fast loops.
  plain: { mask: 0x3d0000ff, bits: 0x0c000003, usual: USUAL_UDP },
  truncated: DROP_VXLAN_TRUNCATED,
  alike: TUNNEL_VXLAN_GPE,
  layer: "vxlan",
  reading: "gpe",
};
