// Encapsulations that bridges make of frames: the tags between a bridge and the ports it extends to, and the backbone of a
// provider.

import { type Fields, flag, whole } from "../core/fields.ts";
import { ETHERTYPE_E_TAG, ETHERTYPE_I_TAG, ETHERTYPE_VN_TAG } from "../layout/ethernet.layout.ts";
import { TPID_SERVICE } from "../layout/vlan.layout.ts";
import {
  bit,
  type EncapsulateOnEthernet,
  type EncapsulationRow,
  encapsulation,
  ON_ETHERNET,
  u16,
  u32,
} from "./encapsulation.ts";
import { ENCAPSULATE, SOURCE_TAGS_KEPT, VNI } from "./fields.ts";
import type { CarriesEthernet } from "./tunnel-kind.ts";

/** What tags have that say how important a frame is. */
interface Priority {
  /** Priority code point, 0 to 7. Default 0. */
  readonly pcp?: number | undefined;
  /** Drop eligible indicator. Default false. */
  readonly dei?: boolean | undefined;
}

const PRIORITY: Fields<Priority, "pcp"> = {
  pcp: { ...whole(0, 7), fallback: 0 },
  dei: flag(),
};

/**
 * The frame through a provider's backbone (IEEE 802.1ah): between backbone addresses, which are `localMac` and `remoteMac`, in
 * the backbone's VLAN, which is `outerVid`, with TPID 0x88a8.
 */
export interface EncapsulateBackbone extends EncapsulateOnEthernet, CarriesEthernet, Priority {
  readonly kind: "802.1ah";
  /** The I-SID, 0 to 16777215: decapsulations tell it as a VNI. */
  readonly vni: number;
}

const backbone: EncapsulationRow = encapsulation<EncapsulateBackbone, "stage" | "seed" | "vni" | "pcp">(
  "802.1ah",
  {
    ...ON_ETHERNET,
    vni: { ...VNI, required: true },
    ...PRIORITY,
    innerTag: SOURCE_TAGS_KEPT,
  },
  ({ vni, pcp, dei }) => ({
    carries: "ethernet",
    around: { etherType: ETHERTYPE_I_TAG, tpid: TPID_SERVICE },
    header: u32((pcp << 29) | bit(dei, 28) | vni),
  }),
);

/** What a tag has that is put into the frame. */
interface IntoFrame extends CarriesEthernet {
  readonly stage: "encapsulate";
  /** Seed of the flow hash, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

const INTO_FRAME: Fields<IntoFrame, "stage" | "seed"> = {
  stage: ENCAPSULATE.stage,
  seed: ENCAPSULATE.seed,
  innerTag: SOURCE_TAGS_KEPT,
};

/** Puts a VN-tag into the frame, behind its addresses. */
export interface EncapsulateVnTag extends IntoFrame {
  readonly kind: "vn-tag";
  /** Destination interface or list, 0 to 16383. */
  readonly destinationVif: number;
  /** Source interface, 0 to 4095. Default 0. */
  readonly sourceVif?: number | undefined;
  /** Which way the frame goes: true is from the bridge to the interface. Default false. */
  readonly toInterface?: boolean | undefined;
  /** The destination is a list of interfaces. Default false. */
  readonly pointer?: boolean | undefined;
  /** The frame returns to where it came from. Default false. */
  readonly looped?: boolean | undefined;
}

const vnTag: EncapsulationRow = encapsulation<
  EncapsulateVnTag,
  "stage" | "seed" | "destinationVif" | "sourceVif"
>(
  "vn-tag",
  {
    ...INTO_FRAME,
    destinationVif: {
      ...whole(0, 16383),
      required: true,
    },
    sourceVif: {
      ...whole(0, 4095),
      fallback: 0,
    },
    toInterface: flag(),
    pointer: flag(),
    looped: flag(),
  },
  ({ destinationVif, sourceVif, toInterface, pointer, looped }) => ({
    carries: "ethernet",
    around: "frame",
    header: [
      ...u16(ETHERTYPE_VN_TAG),
      ...u16(bit(toInterface, 15) | bit(pointer, 14) | destinationVif),
      ...u16(bit(looped, 15) | sourceVif),
    ],
  }),
);

/** Puts an E-tag of IEEE 802.1BR into the frame, behind its addresses. */
export interface EncapsulateETag extends IntoFrame, Priority {
  readonly kind: "802.1br";
  /** E-channel the frame is for, 0 to 4095. */
  readonly ecid: number;
  /** E-channel of the port that the frame came in by, 0 to 4095. Default 0: of no account. */
  readonly ingressEcid?: number | undefined;
  /** 0, the default: the E-CID names one port; 1 to 3: a group of them. */
  readonly group?: number | undefined;
}

const eTag: EncapsulationRow = encapsulation<
  EncapsulateETag,
  "stage" | "seed" | "pcp" | "ecid" | "ingressEcid" | "group"
>(
  "802.1br",
  {
    ...INTO_FRAME,
    ...PRIORITY,
    ecid: {
      ...whole(0, 4095),
      required: true,
    },
    ingressEcid: {
      ...whole(0, 4095),
      fallback: 0,
    },
    group: {
      ...whole(0, 3),
      fallback: 0,
    },
  },
  ({ pcp, dei, ecid, ingressEcid, group }) => ({
    carries: "ethernet",
    around: "frame",
    header: [
      ...u16(ETHERTYPE_E_TAG),
      ...u16((pcp << 13) | bit(dei, 12) | ingressEcid),
      ...u16((group << 12) | ecid),
      ...u16(0),
    ],
  }),
);

export const TAG_ENCAPSULATIONS: readonly EncapsulationRow[] = [vnTag, eTag, backbone];
