// Writes the record of an encapsulation: the outer headers as a template, and the sums that do not change.

import { type IpAddress, type MacAddress, macOfIp, parseIp, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { ETHERNET_LENGTH, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../layout/ethernet.layout.ts";
import { GRE_LENGTH } from "../layout/gre.layout.ts";
import { IP_PROTOCOL_GRE, IP_PROTOCOL_UDP } from "../layout/ipv4.layout.ts";
import {
  ENCAPSULATE_GRE_CHECKSUM,
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_IP_SUM,
  ENCAPSULATE_IPV6,
  ENCAPSULATE_NUMBER,
  ENCAPSULATE_NUMBER_SHIFT,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_TEMPLATE,
  ENCAPSULATE_TEMPLATE_LENGTH,
  ENCAPSULATE_UDP_CHECKSUM,
  ENCAPSULATE_UDP_OFFSET,
  ENCAPSULATE_UDP_SUM,
  STAGE_FLAGS,
} from "../layout/stage.layout.ts";
import { TPID_CUSTOMER } from "../layout/vlan.layout.ts";
import { checkedStage, type EncapsulateStage, rowOf } from "../tunnel/kinds.ts";
import type { OfAnyKind, TunnelRow } from "../tunnel/tunnel-kind.ts";
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
  "udpChecksum",
  "outerVid",
] as const;

/** Writes the record; returns the length of the headers. */
export function writeEncapsulate(stage: EncapsulateStage, record: DataView): number {
  const row = rowOf("encapsulate", stage);
  const options: OfAnyKind<EncapsulateStage> = checkedStage(row, "encapsulate", stage);
  const tunnel = row.header(options);
  const strip = options.innerTag === "strip";
  record.setUint32(STAGE_FLAGS, row.encapsulateFlags | (strip ? ENCAPSULATE_STRIP_TAG : 0), true);
  record.setUint32(ENCAPSULATE_SEED, options.seed as number, true);
  const template = new Uint8Array(
    record.buffer,
    record.byteOffset + ENCAPSULATE_TEMPLATE,
    ENCAPSULATE_TEMPLATE_LENGTH,
  );
  let tunnelOffset = 0;
  if (options.header === "bare") {
    checkBare(stage);
    template.set(tunnel);
  } else tunnelOffset = writePacket(row, options, tunnel, record, template);
  const headerLength = tunnelOffset + tunnel.length;
  record.setUint32(ENCAPSULATE_HEADER_LENGTH, headerLength, true);
  const { numberAt, numberShift } = row;
  record.setUint32(ENCAPSULATE_NUMBER, numberAt + (numberAt < 0 ? headerLength : tunnelOffset), true);
  record.setUint32(ENCAPSULATE_NUMBER_SHIFT, numberShift, true);
  if (options.checksum) {
    record.setUint32(ENCAPSULATE_GRE_CHECKSUM, tunnelOffset + GRE_LENGTH, true);
    writeSum(template, tunnelOffset, headerLength, 0, record, ENCAPSULATE_UDP_SUM);
  }
  return headerLength;
}

function checkBare(options: OfAnyKind<EncapsulateStage>): void {
  for (const name of OUTER_OPTIONS) {
    if (options[name] === undefined) continue;
    throw new ArgumentTypeError("not-for-this", name, "a bare header has no outer packet to put it in");
  }
}

/** Writes the packet around the tunnel header `tunnel`, that too, and the sums; returns where the header begins. */
function writePacket(
  row: TunnelRow,
  stage: OfAnyKind<EncapsulateStage>,
  tunnel: Uint8Array,
  record: DataView,
  template: Uint8Array,
): number {
  const source = requiredIp("local", stage.local);
  const destination = requiredIp("remote", stage.remote);
  if (source.length !== destination.length) {
    const sentence = "local and remote must both be IPv4 or both be IPv6";
    throw new ArgumentRangeError("contradiction", "remote", sentence);
  }
  const ipv6 = source.length === 16;
  const udp = row.over.protocol === "udp";
  const { dscp, ttl = 0, port = 0, outerVid: vid, udpChecksum = udp && ipv6 } = stage;
  const ipType = ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
  const protocol = udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_GRE;

  const macs = {
    destination: outerMac("remoteMac", stage.remoteMac, destination),
    source: outerMac("localMac", stage.localMac, source),
  };
  let ipOffset = ETHERNET_LENGTH;
  if (vid === undefined) {
    emitEthernet({ ...macs, etherType: ipType }, template, 0);
  } else {
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
  if (!udp) {
    template.set(tunnel, payload);
    return payload;
  }
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
