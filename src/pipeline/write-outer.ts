// Writes what lies around a tunnel's header into the template of an encapsulation: Ethernet with or without a VLAN tag, and
// IP and UDP if there are such.

import { type IpAddress, type MacAddress, macOfIp, parseIp, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { ETHERNET_LENGTH, ETHERTYPE_IPV4, ETHERTYPE_IPV6, MAC_LENGTH } from "../layout/ethernet.layout.ts";
import { IP_PROTOCOL_UDP } from "../layout/ipv4.layout.ts";
import {
  ENCAPSULATE_BEHIND_MACS,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_IP_SUM,
  ENCAPSULATE_IPV6,
  ENCAPSULATE_OWN_DESTINATION,
  ENCAPSULATE_OWN_PORT,
  ENCAPSULATE_OWN_SOURCE,
  ENCAPSULATE_TEMPLATE,
  ENCAPSULATE_TEMPLATE_LENGTH,
  ENCAPSULATE_UDP_CHECKSUM,
  ENCAPSULATE_UDP_OFFSET,
  ENCAPSULATE_UDP_SUM,
  INHERIT_DSCP,
  INHERIT_ECN,
  INHERIT_TTL,
  STAGE_FLAGS,
} from "../layout/stage.layout.ts";
import { TPID_CUSTOMER } from "../layout/vlan.layout.ts";
import type { Around } from "../tunnel/encapsulation.ts";
import { checksumFold, checksumSum, pseudoHeaderSum } from "../wire/checksum.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { emitIpv4 } from "../wire/ipv4.ts";
import { emitIpv6 } from "../wire/ipv6.ts";
import { emitUdp } from "../wire/udp.ts";
import { emitVlan } from "../wire/vlan.ts";

/** All that concerns the packet around the tunnel header. */
const OUTER_OPTIONS = [
  "local",
  "remote",
  "localMac",
  "remoteMac",
  "port",
  "ttl",
  "dscp",
  "ecn",
  "udpChecksum",
  "outerVid",
] as const;

/** What outer headers are made of; checked, but for what belongs together. */
export interface OuterOptions {
  readonly local?: IpAddress | undefined;
  readonly remote?: IpAddress | undefined;
  readonly localMac?: MacAddress | undefined;
  readonly remoteMac?: MacAddress | undefined;
  readonly ttl?: number | "uniform" | undefined;
  readonly dscp?: number | "uniform" | undefined;
  readonly ecn?: "zero" | "rfc6040" | undefined;
  readonly outerVid?: number | undefined;
  readonly udpChecksum?: boolean | undefined;
}

const TTL_USUAL = 64;

/** The addresses of an Ethernet header for frames that have none of their own: as decapsulations make one up. */
const NOBODYS_SOURCE = Uint8Array.of(2, 0, 0, 0, 0, 1);
const NOBODYS_DESTINATION = Uint8Array.of(2, 0, 0, 0, 0, 2);

/** The bytes of a record that are its template. */
export function templateOf(record: DataView): Uint8Array {
  return new Uint8Array(record.buffer, record.byteOffset + ENCAPSULATE_TEMPLATE, ENCAPSULATE_TEMPLATE_LENGTH);
}

/** Throws if a stage without outer headers says what they should be. */
export function checkBare(stage: { readonly [K in (typeof OUTER_OPTIONS)[number]]?: unknown }): void {
  for (const name of OUTER_OPTIONS) {
    if (stage[name] === undefined) continue;
    throw new ArgumentTypeError("not-for-this", name, "a bare header has no outer packet to put it in");
  }
}

/**
 * Writes the headers, and the sums of those of IP and UDP; returns where the tunnel's header begins. Lengths and checksums stay
 * zero: the kernel fills them in.
 */
export function writeOuter(around: Around, options: OuterOptions, record: DataView): number {
  if (around === "frame") {
    addFlags(record, ENCAPSULATE_BEHIND_MACS | ENCAPSULATE_OWN_DESTINATION | ENCAPSULATE_OWN_SOURCE);
    return 2 * MAC_LENGTH;
  }
  if ("etherType" in around) return writeOnEthernet(around, options, record);
  return writePacket(around, options, record);
}

/** Sets flags beside those that are set. */
export function addFlags(record: DataView, flags: number): void {
  record.setUint32(STAGE_FLAGS, record.getUint32(STAGE_FLAGS, true) | flags, true);
}

function writeLink(
  macs: { readonly destination: Uint8Array; readonly source: Uint8Array },
  etherType: number,
  vid: number | undefined,
  tpid: number,
  template: Uint8Array,
): number {
  emitEthernet({ ...macs, etherType: vid === undefined ? etherType : tpid }, template, 0);
  return vid === undefined ? ETHERNET_LENGTH : emitVlan({ vid, etherType }, template, ETHERNET_LENGTH);
}

/** Addresses that are not given are the frame's own. */
function writeOnEthernet(
  { etherType, tpid = TPID_CUSTOMER }: Extract<Around, { etherType: number }>,
  { localMac, remoteMac, outerVid }: OuterOptions,
  record: DataView,
): number {
  const macs = {
    destination: remoteMac === undefined ? NOBODYS_DESTINATION : parseMac("remoteMac", remoteMac),
    source: localMac === undefined ? NOBODYS_SOURCE : parseMac("localMac", localMac),
  };
  if (remoteMac === undefined) addFlags(record, ENCAPSULATE_OWN_DESTINATION);
  if (localMac === undefined) addFlags(record, ENCAPSULATE_OWN_SOURCE);
  return writeLink(macs, etherType, outerVid, tpid, templateOf(record));
}

function writePacket(
  around: Exclude<Around, "frame" | { etherType: number }>,
  options: OuterOptions,
  record: DataView,
): number {
  const template = templateOf(record);
  const source = requiredIp("local", options.local);
  const destination = requiredIp("remote", options.remote);
  if (source.length !== destination.length) {
    const sentence = "local and remote must both be IPv4 or both be IPv6";
    throw new ArgumentRangeError("contradiction", "remote", sentence);
  }
  const ipv6 = source.length === 16;
  const udp = "udp" in around;
  if (!udp && around.version !== undefined && around.version !== (ipv6 ? 6 : 4))
    throw new ArgumentRangeError(
      "contradiction",
      "local",
      `an IPv${around.version} address is expected by this kind`,
    );
  const { outerVid, udpChecksum = udp && ipv6 } = options;
  // Of a passenger that has none of its own.
  const dscp = options.dscp === "uniform" ? 0 : options.dscp;
  const ttl = options.ttl === "uniform" ? TTL_USUAL : (options.ttl ?? 0);
  if (options.dscp === "uniform") addFlags(record, INHERIT_DSCP);
  if (options.ttl === "uniform") addFlags(record, INHERIT_TTL);
  if (options.ecn === "rfc6040") addFlags(record, INHERIT_ECN);
  const protocol = udp ? IP_PROTOCOL_UDP : around.protocol;

  const macs = {
    destination: outerMac("remoteMac", options.remoteMac, destination),
    source: outerMac("localMac", options.localMac, source),
  };
  const ipOffset = writeLink(macs, ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4, outerVid, TPID_CUSTOMER, template);
  // A packet that must not be fragmented (RFC 7348 §4.3) needs no identification (RFC 6864 §4.1).
  const payload = ipv6
    ? emitIpv6({ dscp, payloadLength: 0, protocol, hopLimit: ttl, source, destination }, template, ipOffset)
    : emitIpv4(
        { dscp, totalLength: 0, dontFragment: true, ttl, protocol, checksum: 0, source, destination },
        template,
        ipOffset,
      );
  addFlags(record, (ipv6 ? ENCAPSULATE_IPV6 : 0) | (udpChecksum ? ENCAPSULATE_UDP_CHECKSUM : 0));
  record.setUint32(ENCAPSULATE_IP_OFFSET, ipOffset, true);
  writeSum(template, ipOffset, payload, 0, record, ENCAPSULATE_IP_SUM);
  if (!udp) return payload;
  record.setUint32(ENCAPSULATE_UDP_OFFSET, payload, true);
  const ports = { sourcePort: 0, destinationPort: around.udp };
  const next = emitUdp({ ...ports, length: 0, checksum: 0 }, template, payload);
  // The kernel adds the source port, whoever has chosen it, as it adds the length.
  const pseudo = pseudoHeaderSum(source, destination, IP_PROTOCOL_UDP, 0);
  writeSum(template, payload, next, pseudo, record, ENCAPSULATE_UDP_SUM);
  if (around.source === undefined) return next;
  addFlags(record, ENCAPSULATE_OWN_PORT);
  return emitUdp({ ...ports, sourcePort: around.source, length: 0, checksum: 0 }, template, payload);
}

/** Kernels add words as they lie in memory (RFC 1071 §2B): the bytes of the sum change places. */
export function writeSum(
  template: Uint8Array,
  from: number,
  to: number,
  before: number,
  record: DataView,
  at: number,
): void {
  record.setUint16(at, checksumFold(checksumSum(template, from, to, before)));
}

function requiredIp(name: string, ip: IpAddress | undefined): Uint8Array {
  if (ip === undefined)
    throw new ArgumentTypeError("missing", name, "an encapsulation with outer headers needs it");
  return parseIp(name, ip);
}

/** The MAC given, or one made of the address: unicast, locally administered, the same every time. */
function outerMac(name: string, mac: MacAddress | undefined, ip: Uint8Array): Uint8Array {
  return mac === undefined ? macOfIp(ip) : parseMac(name, mac);
}
