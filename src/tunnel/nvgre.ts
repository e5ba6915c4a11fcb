// NVGRE as a kind of tunnel (RFC 7637): GRE with a key, whose upper 24 bits are the VSID.

import { choice, whole } from "../core/fields.ts";
import { DROP_GRE_TRUNCATED } from "../layout/drop.layout.ts";
import { ETHERTYPE_TEB } from "../layout/ethernet.layout.ts";
import { NVGRE_VSID_MAXIMUM, NVGRE_VSID_MINIMUM, NVGRE_VSID_SHIFT } from "../layout/gre.layout.ts";
import {
  DECAPSULATE_REFUSE_TAGGED,
  ENCAPSULATE_FLOW_ID,
  ENCAPSULATE_STRIP_ALL,
} from "../layout/stage.layout.ts";
import { TUNNEL_GRE, TUNNEL_NVGRE } from "../layout/tunnel.layout.ts";
import { DECAPSULATE, ENCAPSULATE, RESERVED_BITS, TUNNEL, VNI } from "./fields.ts";
import { greHeader, USUAL_GRE } from "./gre.ts";
import type { Decapsulate, Encapsulate, TunnelRow, TunnelTo } from "./tunnel-kind.ts";

/**
 * Takes NVGRE headers off: GRE with a key, and without checksum and sequence number. A passenger with a VLAN tag is
 * dropped (§3.2).
 */
interface DecapsulateNvgre extends Decapsulate {
  readonly kind: "nvgre";
  /** Only this VSID, 0 to 16,777,215; the outermost one counts where tunnels are nested. Default: any. */
  readonly vni?: number | undefined;
  /** As for GRE. */
  readonly rule?: "rfc" | "strict" | undefined;
}

/**
 * Puts the frame into an NVGRE tunnel: the key is VSID and FlowID, which comes from the flow hash. VLAN tags of the
 * passenger are removed (§3.2).
 */
interface EncapsulateNvgre extends Encapsulate {
  readonly kind: "nvgre";
  /** The VSID, 4,096 to 16,777,214: others are reserved (§3.2). */
  readonly vni: number;
}

/**
 * The VSID is the VNI of the frame's bridge domain, 4,096 to 16,777,214, and the FlowID comes from the flow hash. GRE with
 * a key and NVGRE look alike, so that no remote can have a tunnel of each.
 */
interface NvgreTunnel extends TunnelTo {
  readonly kind: "nvgre";
}

export interface Nvgre {
  readonly decapsulate: DecapsulateNvgre;
  readonly encapsulate: EncapsulateNvgre;
  readonly tunnel: NvgreTunnel;
}

const kind = { ...choice("nvgre"), required: true } as const;

export const nvgre: TunnelRow<Nvgre> = {
  name: "nvgre",
  title: "NVGRE",
  number: TUNNEL_NVGRE,
  over: { protocol: "gre", type: ETHERTYPE_TEB },
  numberName: "vni",
  numberRange: [NVGRE_VSID_MINIMUM, NVGRE_VSID_MAXIMUM],
  placeholder: NVGRE_VSID_MINIMUM,
  numberAt: -4,
  numberShift: 0,
  decapsulate: {
    kind,
    ...DECAPSULATE,
    vni: {
      ...VNI,
      flag: "--vni <N>",
      help: "only tunnels with this VNI or VSID (the outermost, where nested)",
    },
    rule: RESERVED_BITS,
  },
  encapsulate: {
    kind,
    ...ENCAPSULATE,
    vni: {
      ...whole(NVGRE_VSID_MINIMUM, NVGRE_VSID_MAXIMUM),
      required: true,
      flag: "--vni <N>",
      help: `the VSID, ${NVGRE_VSID_MINIMUM} to ${NVGRE_VSID_MAXIMUM}`,
    },
  },
  tunnel: { kind, ...TUNNEL },
  header: ({ vni = NVGRE_VSID_MINIMUM }) => greHeader({ key: vni * 2 ** NVGRE_VSID_SHIFT }),
  // A passenger with a tag is dropped (§3.2), or loses it.
  decapsulateFlags: DECAPSULATE_REFUSE_TAGGED,
  encapsulateFlags: ENCAPSULATE_STRIP_ALL | ENCAPSULATE_FLOW_ID,
  plain: { mask: 0xfc07ffff, bits: 0x20006558, usual: USUAL_GRE | DECAPSULATE_REFUSE_TAGGED },
  truncated: DROP_GRE_TRUNCATED,
  alike: TUNNEL_GRE,
  layer: "gre",
};
