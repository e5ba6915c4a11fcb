// Tunnels: their headers stay, with the numbers in them; what they carry is changed as what is outside of them is.

import {
  ERSPAN_II_LENGTH,
  ERSPAN_III_ETHERNET,
  ERSPAN_III_FLAGS,
  ERSPAN_III_FRAME_MASK,
  ERSPAN_III_FRAME_SHIFT,
  ERSPAN_III_IP,
  ERSPAN_III_LENGTH,
  ERSPAN_III_OPTIONAL,
  ERSPAN_III_OPTIONAL_LENGTH,
} from "../src/layout/erspan.layout";
import {
  ETHERTYPE_ERSPAN,
  ETHERTYPE_ERSPAN_III,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MPLS,
  ETHERTYPE_PPP,
  ETHERTYPE_TEB,
} from "../src/layout/ethernet.layout";
import {
  GENEVE_LENGTH,
  GENEVE_OPTION_DATA_WORDS,
  GENEVE_OPTION_DATA_WORDS_MASK,
  GENEVE_OPTION_LENGTH,
  GENEVE_OPTION_WORDS_MASK,
  GENEVE_PORT,
  GENEVE_PROTOCOL,
  GENEVE_VERSION_SHIFT,
} from "../src/layout/geneve.layout";
import {
  GRE_FLAG_CHECKSUM,
  GRE_FLAG_KEY,
  GRE_FLAG_ROUTING,
  GRE_FLAG_SEQUENCE,
  GRE_IN_UDP_PORT,
  GRE_LENGTH,
  GRE_PROTOCOL,
  GRE_VERSION_MASK,
} from "../src/layout/gre.layout";
import {
  GTP_EXTENSION_UNIT,
  GTP_FLAG_EXTENSION,
  GTP_FLAGS_OPTIONAL,
  GTP_LENGTH,
  GTP_MESSAGE,
  GTP_NEXT_EXTENSION,
  GTP_OPTIONAL_LENGTH,
  GTP_PDU,
  GTP_PORT,
  GTP_VERSION_1,
  GTP_VERSION_MASK,
} from "../src/layout/gtp-u.layout";
import { MPLS_IN_UDP_PORT } from "../src/layout/mpls.layout";
import {
  VXLAN_FLAG_NEXT_PROTOCOL,
  VXLAN_LENGTH,
  VXLAN_NEXT_PROTOCOL,
  VXLAN_PORT,
  VXLAN_PORT_GPE,
  VXLAN_PORT_LINUX,
} from "../src/layout/vxlan.layout";
import { goOn, half, noteSum, present, unknown, wipe } from "./anonymise-bytes";
import { openAround, openPpp, typeOfNext } from "./anonymise-link";

/** Of the GRE that PPTP has (RFC 2637): its version, and the flag for the number of the last packet that came. */
const GRE_VERSION_PPTP: u32 = 1;
const GRE_FLAG_CALLED: u32 = 0x0080;

/** Whether a datagram to this port is a tunnel's; then its header is opened, and the walk goes on behind it. */
export function openUdpTunnel(port: u32, at: usize, end: usize): bool {
  switch (port) {
    case VXLAN_PORT:
    case VXLAN_PORT_LINUX:
      openAround(at, end, VXLAN_LENGTH);
      return true;
    case VXLAN_PORT_GPE:
      openGpe(at, end);
      return true;
    case GENEVE_PORT:
      openGeneve(at, end);
      return true;
    case GTP_PORT:
      openGtp(at, end);
      return true;
    case MPLS_IN_UDP_PORT:
      goOn(ETHERTYPE_MPLS, at, end);
      return true;
    case GRE_IN_UDP_PORT:
      openGre(at, end);
      return true;
    default:
      return false;
  }
}

function openGpe(at: usize, end: usize): void {
  if (present(at, end) < <u32>VXLAN_LENGTH) {
    wipe(at, end);
    return;
  }
  const isNamed = (load<u8>(at) & VXLAN_FLAG_NEXT_PROTOCOL) !== 0;
  goOn(isNamed ? typeOfNext(load<u8>(at, VXLAN_NEXT_PROTOCOL)) : ETHERTYPE_TEB, at + VXLAN_LENGTH, end);
}

function openGeneve(at: usize, end: usize): void {
  if (present(at, end) < <u32>GENEVE_LENGTH) {
    wipe(at, end);
    return;
  }
  const first: u32 = load<u8>(at);
  const inside: usize = at + GENEVE_LENGTH + (first & GENEVE_OPTION_WORDS_MASK) * 4;
  if (first >>> GENEVE_VERSION_SHIFT !== 0 || inside > end) {
    unknown(at + GENEVE_LENGTH, end);
    return;
  }
  if (present(at, inside) < <u32>(inside - at)) {
    wipe(at + GENEVE_LENGTH, end);
    return;
  }
  // Data of options may be anything: class, type and length stay.
  let option: usize = at + GENEVE_LENGTH;
  while (option < inside) {
    const words: u32 = <u32>load<u8>(option, GENEVE_OPTION_DATA_WORDS) & GENEVE_OPTION_DATA_WORDS_MASK;
    const behind: usize = option + GENEVE_OPTION_LENGTH + words * 4;
    wipe(option + GENEVE_OPTION_LENGTH, behind < inside ? behind : inside);
    option = behind;
  }
  goOn(half(at + GENEVE_PROTOCOL), inside, end);
}

function openGtp(at: usize, end: usize): void {
  if (present(at, end) < <u32>GTP_LENGTH) {
    wipe(at, end);
    return;
  }
  const flags: u32 = load<u8>(at);
  if ((flags & GTP_VERSION_MASK) !== GTP_VERSION_1 || load<u8>(at, GTP_MESSAGE) !== GTP_PDU) {
    unknown(at + GTP_LENGTH, end);
    return;
  }
  let inside: usize = at + GTP_LENGTH;
  if ((flags & GTP_FLAGS_OPTIONAL) !== 0) {
    inside += GTP_OPTIONAL_LENGTH;
    let next: u32 =
      present(at, end) > <u32>GTP_NEXT_EXTENSION && (flags & GTP_FLAG_EXTENSION) !== 0
        ? load<u8>(at, GTP_NEXT_EXTENSION)
        : 0;
    while (next !== 0) {
      const units: u32 = present(inside, end) > 0 ? load<u8>(inside) : 0;
      const behind: usize = inside + units * GTP_EXTENSION_UNIT;
      if (units === 0 || present(inside, behind) < units * GTP_EXTENSION_UNIT || behind > end) {
        wipe(at + GTP_LENGTH, end);
        return;
      }
      next = load<u8>(behind - 1);
      inside = behind;
    }
  }
  openPacket(inside, end);
}

export function openGre(at: usize, end: usize): void {
  if (present(at, end) < <u32>GRE_LENGTH) {
    wipe(at, end);
    return;
  }
  const flags = half(at);
  if ((flags & GRE_VERSION_MASK) === GRE_VERSION_PPTP) {
    // A number that is a length and a call; then those of the packet and of the last that came, if they are said.
    const numbers: usize =
      4 + ((flags & GRE_FLAG_SEQUENCE) !== 0 ? 4 : 0) + ((flags & GRE_FLAG_CALLED) !== 0 ? 4 : 0);
    openPpp(at + GRE_LENGTH + numbers, end);
    return;
  }
  if ((flags & (GRE_VERSION_MASK | GRE_FLAG_ROUTING)) !== 0) {
    unknown(at + GRE_LENGTH, end);
    return;
  }
  let inside: usize = at + GRE_LENGTH;
  if ((flags & GRE_FLAG_CHECKSUM) !== 0) inside += 4;
  if ((flags & GRE_FLAG_KEY) !== 0) inside += 4;
  const isNumbered = (flags & GRE_FLAG_SEQUENCE) !== 0;
  if (isNumbered) inside += 4;
  if (present(at, end) < <u32>(inside - at)) {
    wipe(at + GRE_LENGTH, end);
    return;
  }
  if ((flags & GRE_FLAG_CHECKSUM) !== 0) noteSum(at + GRE_LENGTH, at, end, 0);
  const type = half(at + GRE_PROTOCOL);
  if (type === ETHERTYPE_ERSPAN) openAround(inside, end, isNumbered ? ERSPAN_II_LENGTH : 0);
  else if (type === ETHERTYPE_ERSPAN_III) openErspan(inside, end);
  else if (type === ETHERTYPE_PPP) openPpp(inside, end);
  else goOn(type, inside, end);
}

function openErspan(at: usize, end: usize): void {
  if (present(at, end) < <u32>ERSPAN_III_LENGTH) {
    wipe(at, end);
    return;
  }
  const flags = half(at + ERSPAN_III_FLAGS);
  const more = (flags & ERSPAN_III_OPTIONAL) !== 0 ? ERSPAN_III_OPTIONAL_LENGTH : 0;
  const frame = (flags >>> ERSPAN_III_FRAME_SHIFT) & ERSPAN_III_FRAME_MASK;
  if (frame === ERSPAN_III_ETHERNET) openAround(at, end, ERSPAN_III_LENGTH + more);
  else if (frame === ERSPAN_III_IP) openPacket(at + ERSPAN_III_LENGTH + more, end);
  else unknown(at + ERSPAN_III_LENGTH, end);
}

/** An IP packet, of which its first bits say the version. */
function openPacket(at: usize, end: usize): void {
  if (present(at, end) === 0) return;
  const version: u32 = <u32>load<u8>(at) >>> 4;
  if (version === 4) goOn(ETHERTYPE_IPV4, at, end);
  else if (version === 6) goOn(ETHERTYPE_IPV6, at, end);
  else unknown(at, end);
}
