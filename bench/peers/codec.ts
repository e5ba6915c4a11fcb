// The package's own codecs (`frameferry/wire`) doing the same work frame by frame, as somebody would write it
// who handles single frames: headers are objects, every value is checked.

import { parseIp, parseMac } from "../../src/core/addresses.ts";
import { DESCRIPTOR_LENGTH } from "../../src/layout/descriptor.layout.ts";
import { ETHERTYPE_IPV4 } from "../../src/layout/ethernet.layout.ts";
import { IP_PROTOCOL_UDP } from "../../src/layout/ipv4.layout.ts";
import { checksum } from "../../src/wire/checksum.ts";
import { emitEthernet, parseEthernet } from "../../src/wire/ethernet.ts";
import { flowHash, sourcePort } from "../../src/wire/flow-hash.ts";
import { emitIpv4, ipv4ChecksumIsGood, parseIpv4 } from "../../src/wire/ipv4.ts";
import { emitUdp, parseUdp } from "../../src/wire/udp.ts";
import { emitVlan, isTpid } from "../../src/wire/vlan.ts";
import { emitVxlan, parseVxlan } from "../../src/wire/vxlan.ts";
import { OUTER_LENGTH, tunnel } from "../frames.ts";
import { IMAGE_COUNT, IMAGE_DESCRIPTORS, IMAGE_SEED, VLAN_ID } from "../image.ts";

export interface CodecDatapath {
  encapsulate(): void;
  decapsulate(): void;
  vlanPush(): void;
  vlanPop(): void;
  flowHashes(): void;
  checksums(): void;
  renew(): void;
}

const OFFSET = 0;
const LENGTH = 1;
const WIRE = 2;
const VNI = 5;
const HASH = 6;
const MARK = 7;

export function codecDatapath(memory: ArrayBuffer): CodecDatapath {
  const bytes = new Uint8Array(memory);
  const words = new Uint32Array(memory);
  const count = words[IMAGE_COUNT >> 2]!;
  const table = words[IMAGE_DESCRIPTORS >> 2]! >>> 2;
  const step = DESCRIPTOR_LENGTH >> 2;
  const seed = words[IMAGE_SEED >> 2]!;
  const fresh = words.slice(table, table + count * step);
  const outerEthernet = {
    destination: parseMac("remoteMac", tunnel.remoteMac),
    source: parseMac("localMac", tunnel.localMac),
    etherType: ETHERTYPE_IPV4,
  };
  const source = parseIp("local", tunnel.local);
  const destination = parseIp("remote", tunnel.remote);

  function each(work: (d: number, offset: number, length: number) => void): void {
    for (let i = 0, d = table; i < count; i++, d += step) work(d, words[d + OFFSET]!, words[d + LENGTH]!);
  }

  function grow(d: number, by: number): void {
    words[d + OFFSET]! -= by;
    words[d + LENGTH]! += by;
    words[d + WIRE]! += by;
  }

  return {
    encapsulate: () =>
      each((d, offset, length) => {
        const hash = flowHash(bytes.subarray(offset, offset + length), seed);
        let at = emitEthernet(outerEthernet, bytes, offset - OUTER_LENGTH);
        at = emitIpv4(
          {
            totalLength: length + OUTER_LENGTH - 14,
            identification: 0,
            dontFragment: true,
            ttl: tunnel.ttl,
            protocol: IP_PROTOCOL_UDP,
            source,
            destination,
          },
          bytes,
          at,
        );
        at = emitUdp(
          { sourcePort: sourcePort(hash), destinationPort: tunnel.port, length: length + 16 },
          bytes,
          at,
        );
        emitVxlan({ vni: tunnel.vni }, bytes, at);
        grow(d, OUTER_LENGTH);
        words[d + HASH] = hash;
      }),
    decapsulate: () =>
      each((d, offset, length) => {
        const end = offset + length;
        const ethernet = parseEthernet(bytes, offset, end);
        if (!ethernet.ok || ethernet.header.etherType !== ETHERTYPE_IPV4) return;
        const ip = parseIpv4(bytes, ethernet.payload, ethernet.end);
        if (!ip.ok || ip.header.protocol !== IP_PROTOCOL_UDP) return;
        if (ip.header.moreFragments || ip.header.fragmentOffset !== 0) return;
        if (!ipv4ChecksumIsGood(bytes, ethernet.payload, ip.payload - ethernet.payload)) return;
        const udp = parseUdp(bytes, ip.payload, ip.end);
        if (!udp.ok || udp.header.destinationPort !== tunnel.port) return;
        const vxlan = parseVxlan(bytes, udp.payload, udp.end);
        if (!vxlan.ok || vxlan.header.vni !== tunnel.vni || vxlan.end - vxlan.payload < 14) return;
        words[d + OFFSET] = vxlan.payload;
        words[d + LENGTH] = Math.min(vxlan.end, end) - vxlan.payload;
        words[d + WIRE] = vxlan.end - vxlan.payload;
        words[d + VNI] = vxlan.header.vni;
      }),
    vlanPush: () =>
      each((d, offset) => {
        const etherType = (bytes[offset + 12]! << 8) | bytes[offset + 13]!;
        bytes.copyWithin(offset - 4, offset, offset + 12);
        bytes[offset + 8] = 0x81;
        bytes[offset + 9] = 0x00;
        emitVlan({ vid: VLAN_ID, etherType }, bytes, offset + 10);
        grow(d, 4);
      }),
    vlanPop: () =>
      each((d, offset, length) => {
        const ethernet = parseEthernet(bytes, offset, offset + length);
        if (!ethernet.ok || length < 18 || !isTpid(ethernet.header.etherType)) return;
        bytes.copyWithin(offset + 4, offset, offset + 12);
        grow(d, -4);
      }),
    flowHashes: () =>
      each((d, offset, length) => {
        words[d + HASH] = flowHash(bytes.subarray(offset, offset + length), seed);
      }),
    checksums: () =>
      each((d, offset, length) => {
        words[d + MARK] = checksum(bytes, offset, offset + length);
      }),
    renew: () => words.set(fresh, table),
  };
}
