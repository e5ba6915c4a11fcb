// Lays out the whole datagram of fragments that were found to fit.

import {
  DATAGRAM_END,
  DATAGRAM_KEY,
  DATAGRAM_LAST,
  DATAGRAM_LOWEST,
  FRAGMENT_FRAME,
  FRAGMENT_HIGHER,
  FRAGMENT_LENGTH,
  FRAGMENT_NEXT_HEADER,
  FRAGMENT_PACKET,
  FRAGMENT_PAYLOAD,
  KEY_VERSION,
} from "../src/layout/fragment.layout";
import {
  IP_LENGTH_MAXIMUM,
  IPV4_CHECKSUM,
  IPV4_FRAGMENT,
  IPV4_TOTAL_LENGTH,
} from "../src/layout/ipv4.layout";
import {
  IPV6_EXTENSION_NEXT_HEADER,
  IPV6_EXTENSION_UNIT,
  IPV6_LENGTH,
  IPV6_PAYLOAD_LENGTH,
} from "../src/layout/ipv6.layout";
import { swapped16 } from "./byte-order";
import { fold, sum } from "./checksum";
import { copy } from "./copy";
import { FRAGMENT_BITS } from "./flow-hash";

/**
 * Writes the datagram to `to`: what stands in front of the IP packet of the fragment that came last, the IP header of the
 * first by place, the payload of all. Returns how long that is, or 0 if a packet cannot be so long.
 */
export function layOut(datagram: usize, to: usize): u32 {
  const last: usize = load<u32>(datagram, DATAGRAM_LAST);
  const first: usize = load<u32>(datagram, DATAGRAM_LOWEST);
  const ipv6 = load<u8>(datagram, DATAGRAM_KEY + KEY_VERSION) === 6;
  const packetAt = load<u32>(first, FRAGMENT_PACKET);
  // The fragment header itself goes.
  const header: u32 = load<u32>(first, FRAGMENT_PAYLOAD) - packetAt - (ipv6 ? IPV6_EXTENSION_UNIT : 0);
  const payload = load<u32>(datagram, DATAGRAM_END);
  // The IPv6 payload length does not count its own header (RFC 8200 §3).
  const said = header + payload - (ipv6 ? IPV6_LENGTH : 0);
  if (said > <u32>IP_LENGTH_MAXIMUM) return 0;
  const link = load<u32>(last, FRAGMENT_PACKET);
  copy(to, last + FRAGMENT_FRAME, link);
  const packet: usize = to + link;
  copy(packet, first + FRAGMENT_FRAME + packetAt, header);
  if (ipv6) {
    const next: usize = first + FRAGMENT_FRAME + load<u32>(first, FRAGMENT_PAYLOAD) - IPV6_EXTENSION_UNIT;
    const named = load<u32>(first, FRAGMENT_NEXT_HEADER) - packetAt;
    store<u8>(packet + named, load<u8>(next, IPV6_EXTENSION_NEXT_HEADER));
    store<u16>(packet, <u16>swapped16(said), IPV6_PAYLOAD_LENGTH);
  } else {
    store<u16>(packet, <u16>swapped16(said), IPV4_TOTAL_LENGTH);
    store<u16>(packet, load<u16>(packet, IPV4_FRAGMENT) & ~(<u16>FRAGMENT_BITS), IPV4_FRAGMENT);
    store<u16>(packet, 0, IPV4_CHECKSUM);
    store<u16>(packet, ~(<u16>fold(sum(packet, header))), IPV4_CHECKSUM);
  }
  // In order: what a copy writes behind its end is written over by the next.
  let at: usize = packet + header;
  for (let one = first; one !== 0; one = load<u32>(one, FRAGMENT_HIGHER)) {
    const length = load<u32>(one, FRAGMENT_LENGTH);
    copy(at, one + FRAGMENT_FRAME + load<u32>(one, FRAGMENT_PAYLOAD), length);
    at += length;
  }
  return link + header + payload;
}
