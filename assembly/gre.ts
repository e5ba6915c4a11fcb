// GRE and NVGRE on the way out of a tunnel (RFC 2784, RFC 2890, RFC 7637), over IPv4 and IPv6.
//
// Version and protocol type are to GRE what the destination port is to UDP: IP in GRE (RFC 2784) and PPTP (RFC 2637,
// version 1) share the IP protocol with us, and are "other".

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import {
  DROP_GRE_CHECKSUM,
  DROP_GRE_PROTOCOL,
  DROP_GRE_RESERVED,
  DROP_GRE_TRUNCATED,
  DROP_GRE_VERSION,
  DROP_NONE,
  DROP_NVGRE_FIELDS,
  DROP_OTHER_KEY,
  DROP_OTHER_VNI,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  GRE_FIELD_LENGTH,
  GRE_FLAG_CHECKSUM,
  GRE_FLAG_KEY,
  GRE_FLAG_SEQUENCE,
  GRE_FLAGS_FORBIDDEN,
  GRE_LENGTH,
  GRE_PROTOCOL,
  GRE_VERSION,
  GRE_VERSION_MASK,
  NVGRE_VSID_SHIFT,
} from "../src/layout/gre.layout";
import { IP_PROTOCOL_GRE, IPV4_LENGTH } from "../src/layout/ipv4.layout";
import { DECAPSULATE_KEYED, DECAPSULATE_STRICT, DECAPSULATE_TRUST_GRE } from "../src/layout/stage.layout";
import { FORM_BITS, FORM_KIND, FORM_MASK, PLAIN_GRE_LENGTH, TUNNEL_NVGRE } from "../src/layout/tunnel.layout";
import { swapped16 } from "./byte-order";
import { fold, sum, sumIsWrong } from "./checksum";
import { FRAGMENT_BITS, PLAIN_IPV4, PLAIN_IPV4_MASK } from "./flow-hash";
import { TYPE_FRAME } from "./geneve";
import { setNumber } from "./passenger";
import { REFUSED } from "./refusal";
import { isTag } from "./vlan";

const FIELDS: u32 = GRE_FLAG_CHECKSUM | GRE_FLAG_KEY | GRE_FLAG_SEQUENCE;
/** Where the GRE header of a plain packet lies. */
const PLAIN_OFFSET = 34;
/** The K flag in the first byte, and by how much it must move to become the length of a key. */
const KEY_BIT: u32 = 0x20;
const KEY_BIT_SHIFT = 3;

/**
 * Moves descriptors to their passengers for as long as the packets are plain: no outer tag, IPv4 without options or
 * fragments, GRE with a key or nothing, and all that is checked is right. Returns the first descriptor that is left.
 * Built as pullPlain() is.
 */
export function pullPlainGre(d: usize, end: usize, form: usize, vni: u32, flags: u32): usize {
  const nvgre = load<u32>(form, FORM_KIND) === TUNNEL_NVGRE;
  const shift: u32 = nvgre ? NVGRE_VSID_SHIFT : 0;
  const chosen = nvgre ? vni !== VNI_NONE : (flags & DECAPSULATE_KEYED) !== 0;
  const keyMask: u32 = chosen ? 0xffffffff : 0;
  const needed = chosen ? KEY_BIT : 0;
  const mask = load<u32>(form, FORM_MASK) | needed;
  const bits = load<u32>(form, FORM_BITS) | needed;
  for (; d < end; d += DESCRIPTOR_LENGTH) {
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
    const low = load<u64>(frame, 14); // version .. fragment
    const high = load<u64>(frame, 22); // TTL .. source address
    const last = load<u32>(frame, 30); // destination address
    const sum = (low & 0xffffffff) + (low >>> 32) + (high & 0xffffffff) + (high >>> 32) + last;
    const ipLength = swapped16(<u32>(low >>> 16) & 0xffff);
    const word = load<u32>(frame, PLAIN_OFFSET);
    const keyLength = (word & KEY_BIT) >>> KEY_BIT_SHIFT;
    // All bits are set if there is no key: VNI_NONE.
    const key = (bswap<u32>(load<u32>(frame, PLAIN_OFFSET + GRE_LENGTH)) >>> shift) | ((keyLength >>> 2) - 1);
    const headerLength: u32 = PLAIN_GRE_LENGTH + keyLength;
    const inner: usize = frame + headerLength;
    const innerWire = ipLength - (IPV4_LENGTH + GRE_LENGTH) - keyLength;
    const tagged: u32 = nvgre && isTag(load<u16>(inner, ETHERNET_TYPE)) ? 1 : 0;
    const wrong: u32 =
      load<u32>(d, DESCRIPTOR_VERDICT) |
      tagged |
      (length < headerLength + ETHERNET_LENGTH ? 1 : 0) |
      ((load<u32>(frame, ETHERNET_TYPE) & PLAIN_IPV4_MASK) ^ PLAIN_IPV4) |
      sumIsWrong(sum) |
      (<u32>(low >>> 48) & FRAGMENT_BITS) |
      ((<u32>(high >>> 8) & 0xff) ^ IP_PROTOCOL_GRE) |
      ((word & mask) ^ bits) |
      ((key ^ vni) & keyMask) |
      ((wire - ETHERNET_LENGTH - ipLength) >>> 31) |
      ((innerWire - ETHERNET_LENGTH) >>> 31);
    if (wrong !== 0) break;

    const behind = length - headerLength;
    store<u32>(d, <u32>inner, DESCRIPTOR_OFFSET);
    store<u32>(d, behind < innerWire ? behind : innerWire, DESCRIPTOR_FRAME_LENGTH);
    store<u32>(d, innerWire, DESCRIPTOR_WIRE_LENGTH);
    store<u32>(d, key, DESCRIPTOR_VNI);
  }
  return d;
}

/** Why the packet whose payload begins at `at` is not one for us, if it is not. */
export function otherGre(frame: usize, at: u32, length: u32): u32 {
  if (length < at + GRE_LENGTH) return DROP_GRE_TRUNCATED;
  const header: usize = frame + at;
  if ((load<u8>(header, 1) & GRE_VERSION_MASK) !== GRE_VERSION) return DROP_GRE_VERSION;
  return <u32>load<u16>(header, GRE_PROTOCOL) === TYPE_FRAME ? DROP_NONE : DROP_GRE_PROTOCOL;
}

/**
 * The length of the GRE header at `header`, and sets the number; or REFUSED and a reason. `present` bytes are there from
 * the header on, `tunnelLength` counts header and passenger.
 */
export function openGre(
  header: usize,
  present: u32,
  tunnelLength: u32,
  vni: u32,
  flags: u32,
  nvgre: bool,
): u32 {
  const bits = swapped16(load<u16>(header));
  const forbidden: u32 = (flags & DECAPSULATE_STRICT) !== 0 ? ~FIELDS : GRE_FLAGS_FORBIDDEN;
  if ((bits & forbidden) !== 0) return REFUSED | DROP_GRE_RESERVED;
  if (nvgre && (bits & FIELDS) !== GRE_FLAG_KEY) return REFUSED | DROP_NVGRE_FIELDS;
  const headerLength: u32 = GRE_LENGTH + popcnt<u32>(bits & FIELDS) * GRE_FIELD_LENGTH;
  if (tunnelLength < headerLength || present < headerLength) return REFUSED | DROP_GRE_TRUNCATED;
  let keyAt: u32 = GRE_LENGTH;
  if ((bits & GRE_FLAG_CHECKSUM) !== 0) {
    if ((flags & DECAPSULATE_TRUST_GRE) === 0 && isSummed(present, tunnelLength))
      if (fold(sum(header, tunnelLength)) !== 0xffff) return REFUSED | DROP_GRE_CHECKSUM;
    keyAt += GRE_FIELD_LENGTH;
  }
  let key = VNI_NONE;
  if ((bits & GRE_FLAG_KEY) !== 0) key = bswap<u32>(load<u32>(header + keyAt));
  if (nvgre) {
    key >>>= NVGRE_VSID_SHIFT;
    if (vni !== VNI_NONE && key !== vni) return REFUSED | DROP_OTHER_VNI;
  } else if ((flags & DECAPSULATE_KEYED) !== 0) {
    if ((bits & GRE_FLAG_KEY) === 0 || key !== vni) return REFUSED | DROP_OTHER_KEY;
  }
  setNumber(key);
  return headerLength;
}

/**
 * Whether the checksum can be verified, which covers header and payload (RFC 2784 §2.5): not where the capture cut them, nor
 * of segments of over 64 KiB, whose checksum is only made when they are cut.
 */
export function isSummed(present: u32, tunnelLength: u32): bool {
  return present >= tunnelLength && tunnelLength <= 65535;
}
