// Writes the record of an encapsulation: the outer headers as a template, and the sums that do not change.

import { type IpAddress, type MacAddress, parseIp, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { oneOf, trueOrFalse, wholeNumber } from "../core/arguments.ts";
import { ETHERNET_LENGTH, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../layout/ethernet.layout.ts";
import { GENEVE_PORT } from "../layout/geneve.layout.ts";
import { GRE_FIELD_LENGTH, GRE_LENGTH } from "../layout/gre.layout.ts";
import { IP_PROTOCOL_GRE, IP_PROTOCOL_UDP } from "../layout/ipv4.layout.ts";
import {
  ENCAPSULATE_FLOW_ID,
  ENCAPSULATE_GRE_CHECKSUM,
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_IP_SUM,
  ENCAPSULATE_IPV6,
  ENCAPSULATE_NUMBER,
  ENCAPSULATE_NUMBER_SHIFT,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_ALL,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_TEMPLATE,
  ENCAPSULATE_TEMPLATE_LENGTH,
  ENCAPSULATE_UDP_CHECKSUM,
  ENCAPSULATE_UDP_OFFSET,
  ENCAPSULATE_UDP_SUM,
  OPERATION_ENCAPSULATE,
  STAGE_FLAGS,
  STAGE_OPERATION,
} from "../layout/stage.layout.ts";
import { TPID_CUSTOMER, VLAN_VID_RESERVED } from "../layout/vlan.layout.ts";
import { VXLAN_PORT, VXLAN_VNI } from "../layout/vxlan.layout.ts";
import { checksumFold, checksumSum, pseudoHeaderSum } from "../wire/checksum.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { emitIpv4 } from "../wire/ipv4.ts";
import { emitIpv6 } from "../wire/ipv6.ts";
import { emitUdp } from "../wire/udp.ts";
import { emitVlan } from "../wire/vlan.ts";
import { tunnelHeader } from "./tunnel-header.ts";
import { kindOf, type OfAnyKind, type OwnOptions } from "./tunnel-kinds.ts";
import type { EncapsulateStage, TunnelKind } from "./tunnel-stages.ts";

const OUTER_OPTIONS = [
  "local",
  "remote",
  "localMac",
  "remoteMac",
  "port",
  "ttl",
  "dscp",
  "udpChecksum",
  "outerVid",
] as const;
const KNOWN = [
  ...[
    "stage",
    "kind",
    "local",
    "remote",
    "localMac",
    "remoteMac",
    "ttl",
    "dscp",
    "outerVid",
    "header",
    "seed",
  ],
  ...["vni", "key", "port", "udpChecksum", "checksum", "options", "innerTag"],
];
const OWN: OwnOptions = {
  vxlan: ["vni", "port", "udpChecksum", "innerTag"],
  geneve: ["vni", "port", "udpChecksum", "innerTag", "options"],
  gre: ["key", "checksum", "innerTag"],
  nvgre: ["vni"],
};

/** Writes the record; returns the length of the headers. */
export function writeEncapsulate(stage: EncapsulateStage, record: DataView): number {
  const kind = kindOf("encapsulate", stage, KNOWN, OWN);
  const options: OfAnyKind<EncapsulateStage> = stage;
  const tunnel = tunnelHeader(stage);
  const seed = wholeNumber("seed", options.seed ?? 0, 0, 0xffffffff);
  const strip = oneOf("innerTag", options.innerTag ?? "keep", ["keep", "strip"]) === "strip";
  const bare = oneOf("header", options.header ?? "full", ["full", "bare"]) === "bare";
  const flags =
    (strip ? ENCAPSULATE_STRIP_TAG : 0) |
    (kind === "nvgre" ? ENCAPSULATE_STRIP_ALL | ENCAPSULATE_FLOW_ID : 0);
  record.setUint32(STAGE_OPERATION, OPERATION_ENCAPSULATE, true);
  record.setUint32(STAGE_FLAGS, flags, true);
  record.setUint32(ENCAPSULATE_SEED, seed, true);
  const template = new Uint8Array(
    record.buffer,
    record.byteOffset + ENCAPSULATE_TEMPLATE,
    ENCAPSULATE_TEMPLATE_LENGTH,
  );
  let tunnelOffset = 0;
  if (bare) {
    for (const name of OUTER_OPTIONS) {
      if (options[name] !== undefined)
        throw new ArgumentTypeError("not-for-this", name, "a bare header has no outer packet to put it in");
    }
  } else tunnelOffset = writeOuter(kind, options, tunnel, record, template);
  template.set(tunnel, tunnelOffset);
  const headerLength = tunnelOffset + tunnel.length;
  record.setUint32(ENCAPSULATE_HEADER_LENGTH, headerLength, true);
  const gre = kind === "gre" || kind === "nvgre";
  record.setUint32(
    ENCAPSULATE_NUMBER,
    gre ? headerLength - GRE_FIELD_LENGTH : tunnelOffset + VXLAN_VNI,
    true,
  );
  record.setUint32(ENCAPSULATE_NUMBER_SHIFT, kind === "gre" ? 8 : 0, true);
  if (options.checksum) {
    record.setUint32(ENCAPSULATE_GRE_CHECKSUM, tunnelOffset + GRE_LENGTH, true);
    writeSum(template, tunnelOffset, headerLength, 0, record, ENCAPSULATE_UDP_SUM);
  }
  return headerLength;
}

/** Writes what lies in front of the tunnel header `tunnel`, and the sums; returns how long it is. */
function writeOuter(
  kind: TunnelKind,
  stage: OfAnyKind<EncapsulateStage>,
  tunnel: Uint8Array,
  record: DataView,
  template: Uint8Array,
): number {
  const source = requiredIp("local", stage.local);
  const destination = requiredIp("remote", stage.remote);
  if (source.length !== destination.length) {
    throw new ArgumentRangeError(
      "contradiction",
      "remote",
      "local and remote must both be IPv4 or both be IPv6",
    );
  }
  const ipv6 = source.length === 16;
  const udp = kind === "vxlan" || kind === "geneve";
  const port = wholeNumber("port", stage.port ?? (kind === "geneve" ? GENEVE_PORT : VXLAN_PORT), 1, 65535);
  const ttl = wholeNumber("ttl", stage.ttl ?? 64, 1, 255);
  const dscp = wholeNumber("dscp", stage.dscp ?? 0, 0, 63);
  const udpChecksum = trueOrFalse("udpChecksum", stage.udpChecksum ?? (udp && ipv6));
  const ipType = ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
  const protocol = udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_GRE;

  const macs = {
    destination: outerMac("remoteMac", stage.remoteMac, destination),
    source: outerMac("localMac", stage.localMac, source),
  };
  let ipOffset = ETHERNET_LENGTH;
  if (stage.outerVid === undefined) {
    emitEthernet({ ...macs, etherType: ipType }, template, 0);
  } else {
    const vid = wholeNumber("outerVid", stage.outerVid, 1, VLAN_VID_RESERVED - 1);
    emitEthernet({ ...macs, etherType: TPID_CUSTOMER }, template, 0);
    ipOffset = emitVlan({ vid, etherType: ipType }, template, ETHERNET_LENGTH);
  }
  // Lengths and checksums stay zero: the kernel fills them in. A packet that must not be fragmented
  // (RFC 7348 §4.3) needs no identification (RFC 6864 §4.1).
  const payload = ipv6
    ? emitIpv6({ dscp, payloadLength: 0, protocol, hopLimit: ttl, source, destination }, template, ipOffset)
    : emitIpv4(
        { dscp, totalLength: 0, dontFragment: true, ttl, protocol, checksum: 0, source, destination },
        template,
        ipOffset,
      );
  const flags = record.getUint32(STAGE_FLAGS, true);
  record.setUint32(
    STAGE_FLAGS,
    flags | (ipv6 ? ENCAPSULATE_IPV6 : 0) | (udpChecksum ? ENCAPSULATE_UDP_CHECKSUM : 0),
    true,
  );
  record.setUint32(ENCAPSULATE_IP_OFFSET, ipOffset, true);
  writeSum(template, ipOffset, payload, 0, record, ENCAPSULATE_IP_SUM);
  if (!udp) return payload;
  record.setUint32(ENCAPSULATE_UDP_OFFSET, payload, true);
  const next = emitUdp({ sourcePort: 0, destinationPort: port, length: 0, checksum: 0 }, template, payload);
  template.set(tunnel, next);
  const pseudo = pseudoHeaderSum(source, destination, IP_PROTOCOL_UDP, 0);
  writeSum(template, payload, next + tunnel.length, pseudo, record, ENCAPSULATE_UDP_SUM);
  return next;
}

/** Kernels add words as they lie in memory (RFC 1071 §2B): the bytes of the sum change places. */
function writeSum(
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

/** The MAC that an end of a tunnel has if nobody says another: 02:00 and the last four bytes of its IP address. */
export function macOfIp(ip: Uint8Array): Uint8Array {
  return Uint8Array.from([2, 0, ...ip.subarray(-4)]);
}
