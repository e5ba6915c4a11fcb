// Packets that the quick checks of the JavaScript peers do not recognise: tags, options, IPv6, whatever is wrong.
// What is hot stands in each peer as closures of its own.

export const FRAME_TOO_SHORT = 1;
const NOT_TUNNEL = 5;
const OUTER_IP_TRUNCATED = 6;
const OUTER_IP_HEADER = 7;
const OUTER_IP_CHECKSUM = 8;
const OUTER_IP_FRAGMENT = 9;
const UDP_TRUNCATED = 10;
const UDP_LENGTH = 11;
const VXLAN_TRUNCATED = 13;
const VXLAN_NO_VNI = 14;
const OTHER_VNI = 16;
const INNER_TRUNCATED = 17;

// Words of a descriptor.
const OFFSET = 0;
const LENGTH = 1;
const WIRE = 2;
const VNI = 5;

/**
 * Decapsulates the packet of the descriptor at word `d`. Returns the drop reason; else the address of the outer
 * IPv4 header, negative, or 0 for IPv6. `port` as it lies in a packet; VNI -1: any.
 */
export function decapsulateAny(
  view: DataView,
  words: Int32Array,
  d: number,
  port: number,
  wantedVni: number,
): number {
  const frame = words[d + OFFSET]!;
  const length = words[d + LENGTH]!;
  if (length < 14) return FRAME_TOO_SHORT;
  let at = 14;
  let type = view.getUint16(frame + 12);
  for (let tags = 0; tags < 4 && isTag(type); tags++) {
    if (length < at + 4) return NOT_TUNNEL;
    type = view.getUint16(frame + at + 2);
    at += 4;
  }
  const ip = frame + at;
  const present = length - at;
  const available = words[d + WIRE]! - at;
  let header = 40;
  let total = 0;
  if (type === 0x0800) {
    if (present < 20) return OUTER_IP_TRUNCATED;
    header = (view.getUint8(ip) & 15) << 2;
    if (view.getUint8(ip) >>> 4 !== 4 || header < 20) return OUTER_IP_HEADER;
    if (view.getUint8(ip + 9) !== 17) return NOT_TUNNEL;
    if ((view.getUint16(ip + 6) & 0x3fff) !== 0) return OUTER_IP_FRAGMENT;
    if (present < header) return OUTER_IP_TRUNCATED;
    total = view.getUint16(ip + 2);
  } else if (type === 0x86dd) {
    if (present < 40) return OUTER_IP_TRUNCATED;
    if (view.getUint8(ip) >>> 4 !== 6) return OUTER_IP_HEADER;
    if (view.getUint8(ip + 6) !== 17) return NOT_TUNNEL;
    total = view.getUint16(ip + 4);
    if (total !== 0) total += 40;
  } else return NOT_TUNNEL;
  if (present < header + 8) return UDP_TRUNCATED;
  const udp = ip + header;
  if (view.getUint16(udp + 2, true) !== port) return NOT_TUNNEL;
  if (type === 0x0800 && sumOfHeader(view, ip, header) !== 0xffff) return OUTER_IP_CHECKSUM;
  const big = total === 0 && available > 65535;
  if (big) total = available;
  if (total < header + 8) return OUTER_IP_HEADER;
  if (total > available) return OUTER_IP_TRUNCATED;
  let udpLength = view.getUint16(udp + 4);
  if (big && udpLength === 0) udpLength = total - header;
  if (udpLength < 8 || udpLength > total - header) return UDP_LENGTH;
  if (udpLength < 16 || present < header + 16) return VXLAN_TRUNCATED;
  if ((view.getUint8(udp + 8) & 8) === 0) return VXLAN_NO_VNI;
  const vni = view.getUint32(udp + 12) >>> 8;
  if (wantedVni !== -1 && vni !== wantedVni) return OTHER_VNI;
  const inner = udpLength - 16;
  const there = length - at - header - 16;
  if (there < 14 || inner < 14) return INNER_TRUNCATED;
  words[d + OFFSET] = udp + 16;
  words[d + LENGTH] = there < inner ? there : inner;
  words[d + WIRE] = inner;
  words[d + VNI] = vni;
  return type === 0x0800 ? -ip : 0;
}

function sumOfHeader(view: DataView, at: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i += 2) sum += view.getUint16(at + i, true);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ((sum & 0xffff) + (sum >>> 16)) & 0xffff;
}

export function isTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100;
}
