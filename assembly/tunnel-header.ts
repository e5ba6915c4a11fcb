// The headers of VXLAN and VXLAN-GPE on the way out, of which all is there.

import { VNI_NONE } from "../src/layout/descriptor.layout";
import {
  DROP_GPE_OAM,
  DROP_GPE_PROTOCOL,
  DROP_GPE_VERSION,
  DROP_OTHER_VNI,
  DROP_VXLAN_NO_VNI,
  DROP_VXLAN_RESERVED,
} from "../src/layout/drop.layout";
import { DECAPSULATE_STRICT } from "../src/layout/stage.layout";
import {
  VXLAN_FLAG_BUM,
  VXLAN_FLAG_NEXT_PROTOCOL,
  VXLAN_FLAG_OAM,
  VXLAN_FLAG_VNI,
  VXLAN_FLAGS_VERSION,
  VXLAN_LENGTH,
  VXLAN_NEXT_ETHERNET,
  VXLAN_NEXT_PROTOCOL,
  VXLAN_VNI,
} from "../src/layout/vxlan.layout";
import { setNumber } from "./passenger";
import { REFUSED } from "./refusal";

/** The length of a VXLAN header, of which all is there, and sets the number; or REFUSED and a reason. */
export function openVxlan(header: usize, vni: u32, flags: u32): u32 {
  const word = load<u32>(header);
  if ((word & VXLAN_FLAG_VNI) === 0) return REFUSED | DROP_VXLAN_NO_VNI;
  const low = load<u32>(header, VXLAN_VNI);
  if ((flags & DECAPSULATE_STRICT) !== 0 && (word !== VXLAN_FLAG_VNI || low >>> 24 !== 0))
    return REFUSED | DROP_VXLAN_RESERVED;
  return eightBytes(low, vni);
}

/** Without the P flag it carries a frame, as VXLAN does: the draft wants to be understood by those who know no more. */
export function openVxlanGpe(header: usize, vni: u32, flags: u32): u32 {
  const word = load<u32>(header);
  if ((word & VXLAN_FLAG_VNI) === 0) return REFUSED | DROP_VXLAN_NO_VNI;
  if ((word & VXLAN_FLAGS_VERSION) !== 0) return REFUSED | DROP_GPE_VERSION;
  if ((word & VXLAN_FLAG_OAM) !== 0) return REFUSED | DROP_GPE_OAM;
  const announced = (word & VXLAN_FLAG_NEXT_PROTOCOL) !== 0;
  if (announced && load<u8>(header, VXLAN_NEXT_PROTOCOL) !== VXLAN_NEXT_ETHERNET)
    return REFUSED | DROP_GPE_PROTOCOL;
  const low = load<u32>(header, VXLAN_VNI);
  if ((flags & DECAPSULATE_STRICT) !== 0) {
    const meaning: u32 = VXLAN_FLAG_VNI | VXLAN_FLAG_NEXT_PROTOCOL | VXLAN_FLAG_BUM;
    const reserved = word & ~(announced ? meaning | 0xff000000 : meaning);
    if ((reserved | (low >>> 24)) !== 0) return REFUSED | DROP_VXLAN_RESERVED;
  }
  return eightBytes(low, vni);
}

/** A header of eight bytes, of which `low` are the last four: its length, and sets the number; or REFUSED. */
function eightBytes(low: u32, vni: u32): u32 {
  const number = bswap<u32>(low) >>> 8;
  if (vni !== VNI_NONE && number !== vni) return REFUSED | DROP_OTHER_VNI;
  setNumber(number);
  return VXLAN_LENGTH;
}
