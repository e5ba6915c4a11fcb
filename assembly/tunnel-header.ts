// The headers of tunnels on the way out, by kind: a function for each, and which is whose. This, and a form, is all that
// kernels know of a kind.

import { VNI_NONE } from "../src/layout/descriptor.layout";
import { DROP_OTHER_VNI, DROP_VXLAN_NO_VNI, DROP_VXLAN_RESERVED } from "../src/layout/drop.layout";
import { DECAPSULATE_STRICT } from "../src/layout/stage.layout";
import {
  FORM_KIND,
  TUNNEL_GENEVE,
  TUNNEL_GRE,
  TUNNEL_NVGRE,
  TUNNEL_VXLAN,
} from "../src/layout/tunnel.layout";
import { VXLAN_FLAG_VNI, VXLAN_LENGTH, VXLAN_VNI } from "../src/layout/vxlan.layout";
import { REFUSED } from "./carrier";
import { openGeneve } from "./geneve";
import { openGre } from "./gre";
import { setNumber } from "./passenger";

/**
 * The length of the tunnel header at `header`, and sets the number; or REFUSED and a reason. `present` bytes are there
 * from the header on, `tunnelLength` counts header and passenger: eight at least behind UDP, and four of GRE.
 */
export function openTunnel(
  form: usize,
  header: usize,
  present: u32,
  tunnelLength: u32,
  vni: u32,
  flags: u32,
): u32 {
  const kind = load<u32>(form, FORM_KIND);
  switch (kind) {
    case TUNNEL_VXLAN:
      return openVxlan(header, vni, flags);
    case TUNNEL_GENEVE:
      return openGeneve(header, present, tunnelLength, vni, flags);
    case TUNNEL_GRE:
    case TUNNEL_NVGRE:
      return openGre(header, present, tunnelLength, vni, flags, kind === TUNNEL_NVGRE);
    default:
      return unreachable();
  }
}

function openVxlan(header: usize, vni: u32, flags: u32): u32 {
  const word = load<u32>(header);
  if ((word & VXLAN_FLAG_VNI) === 0) return REFUSED | DROP_VXLAN_NO_VNI;
  const low = load<u32>(header, VXLAN_VNI);
  if ((flags & DECAPSULATE_STRICT) !== 0 && (word !== VXLAN_FLAG_VNI || low >>> 24 !== 0))
    return REFUSED | DROP_VXLAN_RESERVED;
  return eightBytes(low, vni);
}

/** A header of eight bytes, of which `low` are the last four: its length, and sets the number; or REFUSED. */
function eightBytes(low: u32, vni: u32): u32 {
  const number = bswap<u32>(low) >>> 8;
  if (vni !== VNI_NONE && number !== vni) return REFUSED | DROP_OTHER_VNI;
  setNumber(number);
  return VXLAN_LENGTH;
}
