// The outer headers of a tunnel's packets, Ethernet, IP and UDP: read where they are taken off, written where they are put
// in front of what a socket has received. A socket of Node's neither tells nor takes more of them than addresses and ports.

import { macOfIp } from "../core/addresses.ts";
import { ETHERNET_LENGTH, ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../layout/ethernet.layout.ts";
import {
  IP_PROTOCOL_UDP,
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_MORE_FRAGMENTS,
  IPV4_OFFSET_MASK,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
  IPV4_VERSION,
} from "../layout/ipv4.layout.ts";
import {
  IPV6_DESTINATION,
  IPV6_HOP_LIMIT,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
  IPV6_VERSION,
} from "../layout/ipv6.layout.ts";
import { UDP_DESTINATION_PORT, UDP_LENGTH, UDP_SOURCE_PORT, UDP_TOTAL_LENGTH } from "../layout/udp.layout.ts";
import { read16, write16 } from "../wire/bytes.ts";
import { checksumFold, checksumSum } from "../wire/checksum.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { emitIpv4 } from "../wire/ipv4.ts";
import { emitIpv6 } from "../wire/ipv6.ts";
import { emitUdp } from "../wire/udp.ts";

/** As codecs write it where nothing is said. */
const USUAL_TTL = 64;

/** Where things lie in a packet, read anew for each: there is one for all packets, since each would be garbage. */
export class OuterPlaces {
  /** Of both addresses, the destination's behind the source's. */
  addresses = 0;
  /** Bytes of one address. */
  addressLength = 0;
  /** Traffic class, which is DSCP and ECN, and TTL or hop limit. */
  trafficClass = 0;
  ttl = 0;
  sourcePort = 0;
  destinationPort = 0;
  /** Of what UDP carries. */
  payload = 0;
  end = 0;

  /** Reads a frame; returns the name of the reason for which it cannot leave by a socket, if there is one. */
  read(frame: Uint8Array): string | undefined {
    const { length } = frame;
    if (length < ETHERNET_LENGTH) return "frame-too-short";
    switch (read16(frame, ETHERNET_TYPE)) {
      case ETHERTYPE_IPV4:
        return this.#readIpv4(frame, length);
      case ETHERTYPE_IPV6:
        return this.#readIpv6(frame, length);
      default:
        return "not-tunnel";
    }
  }

  #readIpv4(frame: Uint8Array, length: number): string | undefined {
    const at = ETHERNET_LENGTH;
    if (length < at + IPV4_LENGTH) return "outer-ip-truncated";
    const versionIhl = frame[at] as number;
    const headerLength = (versionIhl & 0x0f) * 4;
    const end = at + read16(frame, at + IPV4_TOTAL_LENGTH);
    if (versionIhl >>> 4 !== IPV4_VERSION || headerLength < IPV4_LENGTH) return "outer-ip-header";
    if (end < at + headerLength) return "outer-ip-header";
    if (end > length) return "outer-ip-truncated";
    if ((read16(frame, at + IPV4_FRAGMENT) & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) !== 0)
      return "outer-ip-fragment";
    if (frame[at + IPV4_PROTOCOL] !== IP_PROTOCOL_UDP) return "not-tunnel";
    this.trafficClass = frame[at + 1] as number;
    this.ttl = frame[at + IPV4_TTL] as number;
    this.addresses = at + IPV4_SOURCE;
    this.addressLength = IPV4_DESTINATION - IPV4_SOURCE;
    return this.#readUdp(frame, at + headerLength, end);
  }

  #readIpv6(frame: Uint8Array, length: number): string | undefined {
    const at = ETHERNET_LENGTH;
    if (length < at + IPV6_LENGTH) return "outer-ip-truncated";
    if ((frame[at] as number) >>> 4 !== IPV6_VERSION) return "outer-ip-header";
    const end = at + IPV6_LENGTH + read16(frame, at + IPV6_PAYLOAD_LENGTH);
    if (end > length) return "outer-ip-truncated";
    // No switch writes extension headers in front of UDP.
    if (frame[at + IPV6_NEXT_HEADER] !== IP_PROTOCOL_UDP) return "not-tunnel";
    this.trafficClass = (read16(frame, at) >>> 4) & 0xff;
    this.ttl = frame[at + IPV6_HOP_LIMIT] as number;
    this.addresses = at + IPV6_SOURCE;
    this.addressLength = IPV6_DESTINATION - IPV6_SOURCE;
    return this.#readUdp(frame, at + IPV6_LENGTH, end);
  }

  #readUdp(frame: Uint8Array, at: number, end: number): string | undefined {
    if (end < at + UDP_LENGTH) return "udp-truncated";
    const length = read16(frame, at + UDP_TOTAL_LENGTH);
    if (length < UDP_LENGTH || at + length > end) return "udp-length";
    this.sourcePort = read16(frame, at + UDP_SOURCE_PORT);
    this.destinationPort = read16(frame, at + UDP_DESTINATION_PORT);
    this.payload = at + UDP_LENGTH;
    this.end = at + length;
    return undefined;
  }
}

/**
 * The headers in front of all datagrams from one address to one end: all but ports and lengths is written once. They
 * say nothing that a socket does not know: no fragment, no checksum of UDP, which the system has looked at, and unless it is
 * told, DSCP and ECN 0 and a time to live of 64.
 */
export class OuterHeaders {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #isIpv6: boolean;
  /** Of the IPv4 header without its length. */
  readonly #sum: number;

  constructor(source: Uint8Array, destination: Uint8Array, destinationPort: number) {
    this.#isIpv6 = destination.length === 16;
    const ip = ETHERNET_LENGTH;
    const udp = ip + (this.#isIpv6 ? IPV6_LENGTH : IPV4_LENGTH);
    this.length = udp + UDP_LENGTH;
    const bytes = new Uint8Array(this.length);
    const etherType = this.#isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    emitEthernet({ destination: macOfIp(destination), source: macOfIp(source), etherType }, bytes);
    if (this.#isIpv6)
      emitIpv6({ payloadLength: 0, protocol: IP_PROTOCOL_UDP, source, destination }, bytes, ip);
    else
      emitIpv4(
        { totalLength: 0, checksum: 0, dontFragment: true, protocol: IP_PROTOCOL_UDP, source, destination },
        bytes,
        ip,
      );
    emitUdp({ sourcePort: 0, destinationPort, length: 0 }, bytes, udp);
    this.#bytes = bytes;
    this.#sum = checksumSum(bytes, ip, udp);
  }

  /** Writes them at `at`, in front of `payload` bytes. */
  write(
    into: Uint8Array,
    at: number,
    sourcePort: number,
    payload: number,
    trafficClass = 0,
    ttl: number = USUAL_TTL,
  ): void {
    into.set(this.#bytes, at);
    const ip = at + ETHERNET_LENGTH;
    let more = 0;
    if (this.#isIpv6) {
      write16(into, ip, (IPV6_VERSION << 12) | (trafficClass << 4));
      into[ip + IPV6_HOP_LIMIT] = ttl;
    } else if (trafficClass !== 0 || ttl !== USUAL_TTL) {
      into[ip + 1] = trafficClass;
      into[ip + IPV4_TTL] = ttl;
      // A sum does not become negative: what is less than usual is a whole turn more.
      more = trafficClass + ((ttl - USUAL_TTL) << 8) + 0xffff;
    }
    const udp = at + this.length - UDP_LENGTH;
    const length = UDP_LENGTH + payload;
    if (this.#isIpv6) write16(into, ip + IPV6_PAYLOAD_LENGTH, length);
    else {
      write16(into, ip + IPV4_TOTAL_LENGTH, IPV4_LENGTH + length);
      write16(into, ip + IPV4_CHECKSUM, ~checksumFold(this.#sum + more + IPV4_LENGTH + length) & 0xffff);
    }
    write16(into, udp + UDP_SOURCE_PORT, sourcePort);
    write16(into, udp + UDP_TOTAL_LENGTH, length);
  }
}
