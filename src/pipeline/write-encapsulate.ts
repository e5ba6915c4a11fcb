// Writes the record of an encapsulation: the outer headers as a template, and the sums that do not change.

import { type IpAddress, type MacAddress, parseIp, parseMac } from "../core/addresses.ts";
import { knownKeys, oneOf, trueOrFalse, wholeNumber } from "../core/arguments.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { ETHERNET_LENGTH, ETHERTYPE_IPV4, ETHERTYPE_IPV6, MAC_LENGTH } from "../layout/ethernet.layout.ts";
import { IP_PROTOCOL_UDP, IPV4_DESTINATION } from "../layout/ipv4.layout.ts";
import { IPV6_DESTINATION } from "../layout/ipv6.layout.ts";
import { CACHE_LINE } from "../layout/memory.layout.ts";
import {
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_IP_SUM,
  ENCAPSULATE_IPV6,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_TEMPLATE,
  ENCAPSULATE_UDP_CHECKSUM,
  ENCAPSULATE_UDP_OFFSET,
  ENCAPSULATE_UDP_SUM,
  ENCAPSULATE_VNI,
  OPERATION_ENCAPSULATE,
  STAGE_FLAGS,
  STAGE_LENGTH,
  STAGE_OPERATION,
} from "../layout/stage.layout.ts";
import { TPID_CUSTOMER, VLAN_VID_RESERVED } from "../layout/vlan.layout.ts";
import { VNI_MAXIMUM, VXLAN_LENGTH, VXLAN_PORT } from "../layout/vxlan.layout.ts";
import { checksumFold, checksumSum, pseudoHeaderSum } from "../wire/checksum.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { emitIpv4 } from "../wire/ipv4.ts";
import { emitIpv6 } from "../wire/ipv6.ts";
import { emitUdp } from "../wire/udp.ts";
import { emitVlan } from "../wire/vlan.ts";
import { emitVxlan } from "../wire/vxlan.ts";
import type { EncapsulateStage } from "./stages.ts";

/** Ethernet, IPv4 without options, UDP, VXLAN. */
const PLAIN_LENGTH = 50;

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
  knownKeys("encapsulate", stage, ["stage", "kind", "vni", ...OUTER_OPTIONS, "innerTag", "header", "seed"]);
  oneOf("kind", stage.kind, ["vxlan"]);
  const vni = wholeNumber("vni", stage.vni, 0, VNI_MAXIMUM);
  const seed = wholeNumber("seed", stage.seed ?? 0, 0, 0xffffffff);
  const strip = oneOf("innerTag", stage.innerTag ?? "keep", ["keep", "strip"]) === "strip";
  const bare = oneOf("header", stage.header ?? "full", ["full", "bare"]) === "bare";
  record.setUint32(STAGE_OPERATION, OPERATION_ENCAPSULATE, true);
  record.setUint32(STAGE_FLAGS, strip ? ENCAPSULATE_STRIP_TAG : 0, true);
  record.setUint32(ENCAPSULATE_VNI, vni, true);
  record.setUint32(ENCAPSULATE_SEED, seed, true);
  const template = new Uint8Array(
    record.buffer,
    record.byteOffset + ENCAPSULATE_TEMPLATE,
    record.byteLength - ENCAPSULATE_TEMPLATE,
  );
  if (!bare) return writeOuter(stage, vni, record, template);
  for (const name of OUTER_OPTIONS) {
    if (stage[name] !== undefined)
      throw new TypeError(`${name}: a bare header has no outer packet to put it in`);
  }
  record.setUint32(ENCAPSULATE_HEADER_LENGTH, emitVxlan({ vni }, template, 0), true);
  return VXLAN_LENGTH;
}

function writeOuter(stage: EncapsulateStage, vni: number, record: DataView, template: Uint8Array): number {
  const source = requiredIp("local", stage.local);
  const destination = requiredIp("remote", stage.remote);
  if (source.length !== destination.length) {
    throw new RangeError("remote: local and remote must both be IPv4 or both be IPv6");
  }
  const ipv6 = source.length === 16;
  const port = wholeNumber("port", stage.port ?? VXLAN_PORT, 1, 65535);
  const ttl = wholeNumber("ttl", stage.ttl ?? 64, 1, 255);
  const dscp = wholeNumber("dscp", stage.dscp ?? 0, 0, 63);
  const udpChecksum = trueOrFalse("udpChecksum", stage.udpChecksum ?? ipv6);
  const ipType = ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;

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
  const udpOffset = ipv6
    ? emitIpv6(
        { dscp, payloadLength: 0, protocol: IP_PROTOCOL_UDP, hopLimit: ttl, source, destination },
        template,
        ipOffset,
      )
    : emitIpv4(
        {
          dscp,
          totalLength: 0,
          dontFragment: true,
          ttl,
          protocol: IP_PROTOCOL_UDP,
          checksum: 0,
          source,
          destination,
        },
        template,
        ipOffset,
      );
  const tunnelOffset = emitUdp(
    { sourcePort: 0, destinationPort: port, length: 0, checksum: 0 },
    template,
    udpOffset,
  );
  const headerLength = emitVxlan({ vni }, template, tunnelOffset);

  const flags = record.getUint32(STAGE_FLAGS, true);
  record.setUint32(
    STAGE_FLAGS,
    flags | (ipv6 ? ENCAPSULATE_IPV6 : 0) | (udpChecksum ? ENCAPSULATE_UDP_CHECKSUM : 0),
    true,
  );
  record.setUint32(ENCAPSULATE_HEADER_LENGTH, headerLength, true);
  record.setUint32(ENCAPSULATE_IP_OFFSET, ipOffset, true);
  record.setUint32(ENCAPSULATE_UDP_OFFSET, udpOffset, true);
  const ipSum = checksumSum(template, ipOffset, udpOffset);
  const udpSum = checksumSum(
    template,
    udpOffset,
    headerLength,
    pseudoHeaderSum(source, destination, IP_PROTOCOL_UDP, 0),
  );
  // Kernels add words as they lie in memory (RFC 1071 §2B): the bytes of the sum change places.
  record.setUint16(ENCAPSULATE_IP_SUM, checksumFold(ipSum));
  record.setUint16(ENCAPSULATE_UDP_SUM, checksumFold(udpSum));
  return headerLength;
}

function requiredIp(name: string, ip: IpAddress | undefined): Uint8Array {
  if (ip === undefined) throw new TypeError(`${name}: an encapsulation with outer headers needs it`);
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

/** Whether the kernel for the usual headers (50 bytes over IPv4, no UDP checksum) may write this record's. */
function isPlainEncapsulation(record: DataView): boolean {
  return (
    record.getUint32(STAGE_FLAGS, true) === 0 &&
    record.getUint32(ENCAPSULATE_HEADER_LENGTH, true) === PLAIN_LENGTH &&
    record.getUint32(ENCAPSULATE_IP_OFFSET, true) === ETHERNET_LENGTH
  );
}

/**
 * Records that differ in nothing but the remote and its MAC, and have a VNI of zero. The headers are checked and
 * written once; each record is a copy, of which only the remote and the sums that it is part of are put in.
 */
export class EncapsulateTemplate {
  /** Of a record, in bytes: what lies behind the headers is left out. */
  readonly length: number;
  /** Whether the kernel for the usual headers may write these. */
  readonly isPlain: boolean;
  readonly #words: Uint32Array;
  readonly #addressLength: number;
  /** Where in a record the remote's address begins. */
  readonly #remote: number;
  /** Sums as numbers, without the remote. */
  readonly #ipSum: number;
  readonly #udpSum: number;

  constructor(
    headers: Required<Pick<EncapsulateStage, "local" | "localMac">> &
      Pick<EncapsulateStage, "port" | "ttl" | "dscp" | "udpChecksum">,
  ) {
    const record = new DataView(new ArrayBuffer(STAGE_LENGTH));
    const addressLength = parseIp("local", headers.local).length;
    // In a sum zeroes are nothing.
    const nobody = { remote: new Uint8Array(addressLength), remoteMac: new Uint8Array(MAC_LENGTH) };
    const headerLength = writeEncapsulate(
      { stage: "encapsulate", kind: "vxlan", vni: 0, ...headers, ...nobody },
      record,
    );
    this.length = Math.ceil((ENCAPSULATE_TEMPLATE + headerLength) / CACHE_LINE) * CACHE_LINE;
    this.isPlain = isPlainEncapsulation(record);
    this.#words = new Uint32Array(record.buffer, 0, this.length >>> 2);
    this.#addressLength = addressLength;
    this.#remote =
      ENCAPSULATE_TEMPLATE +
      record.getUint32(ENCAPSULATE_IP_OFFSET, true) +
      (addressLength === 16 ? IPV6_DESTINATION : IPV4_DESTINATION);
    this.#ipSum = record.getUint16(ENCAPSULATE_IP_SUM);
    this.#udpSum = record.getUint16(ENCAPSULATE_UDP_SUM);
  }

  /** Writes the record of a remote, as long an address as the local one, to `address` in the memory of `kernels`. */
  write({ words, bytes }: Kernels, address: number, remote: Uint8Array, mac: Uint8Array): void {
    words.set(this.#words, address >>> 2);
    for (let i = 0; i < MAC_LENGTH; i++) bytes[address + ENCAPSULATE_TEMPLATE + i] = mac[i] as number;
    let sum = 0;
    for (let i = 0; i < this.#addressLength; i += 2) {
      const [high, low] = [remote[i] as number, remote[i + 1] as number];
      bytes[address + this.#remote + i] = high;
      bytes[address + this.#remote + i + 1] = low;
      sum += (high << 8) | low;
    }
    writeSum(bytes, address + ENCAPSULATE_IP_SUM, this.#ipSum + sum);
    writeSum(bytes, address + ENCAPSULATE_UDP_SUM, this.#udpSum + sum);
  }

  /** Reads the remote of the record at `address` into `remote`, and returns that. */
  readRemote({ bytes }: Kernels, address: number, remote: Uint8Array): Uint8Array {
    for (let i = 0; i < this.#addressLength; i++) remote[i] = bytes[address + this.#remote + i] as number;
    return remote;
  }
}

function writeSum(bytes: Uint8Array, at: number, sum: number): void {
  const folded = checksumFold(sum);
  bytes[at] = folded >>> 8;
  bytes[at + 1] = folded & 0xff;
}
