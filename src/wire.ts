/**
 * Codecs for single frames in plain TypeScript: parse, emit, dissect, compose, checksums and the flow hash.
 * @module
 */

export { formatIp, formatMac, type IpAddress, type MacAddress, parseIp, parseMac } from "./core/addresses.ts";
export { type ArgumentError, type ErrorPath, isArgumentError } from "./core/argument-error.ts";
export { type ErrorCode, errorCodes } from "./core/error-codes.ts";
export { type ComposeFields, type ComposeLayer, type ComposeName, compose } from "./packet/compose.ts";
export { type Dissection, type DissectOptions, dissect, type Stop } from "./packet/dissect.ts";
export {
  type Layer,
  type LayerHeaders,
  type LayerName,
  type LayerOf,
  type PayloadHeader,
  vlansOf,
  vnisOf,
} from "./packet/layers.ts";
export { isTunnel, type TunnelHeaderLayer, type TunnelPorts, tunnelTitle } from "./packet/tunnel-layers.ts";
export type { TunnelLayer } from "./tunnel/tunnel-kind.ts";
export { type ArpFields, type ArpHeader, arpLength, emitArp, parseArp } from "./wire/arp.ts";
export {
  type ChecksumStatus,
  checksum,
  checksumFold,
  checksumSum,
  checksumUpdate,
  pseudoHeaderSum,
} from "./wire/checksum.ts";
export { type EthernetFields, type EthernetHeader, emitEthernet, parseEthernet } from "./wire/ethernet.ts";
export { flowHash, sourcePort } from "./wire/flow-hash.ts";
export {
  emitGeneve,
  type GeneveFields,
  type GeneveHeader,
  type GeneveOption,
  type GeneveOptions,
  geneveLength,
  isCritical,
  parseGeneve,
} from "./wire/geneve.ts";
export {
  emitGre,
  type GreFields,
  type GreHeader,
  type GreOptions,
  greChecksum,
  greChecksumStatus,
  greLength,
  nvgreOf,
  parseGre,
} from "./wire/gre.ts";
export { emitIcmp, type IcmpFields, type IcmpHeader, icmpChecksum, parseIcmp } from "./wire/icmp.ts";
export {
  emitIpv4,
  type Ipv4Fields,
  type Ipv4Header,
  ipv4ChecksumIsGood,
  ipv4Length,
  parseIpv4,
} from "./wire/ipv4.ts";
export {
  emitIpv6,
  type Ipv6Extension,
  type Ipv6Fields,
  type Ipv6Fragment,
  type Ipv6Header,
  ipv6Fragment,
  ipv6Length,
  parseIpv6,
} from "./wire/ipv6.ts";
export { emitLlc, type LlcHeader, llcLength, parseLlc } from "./wire/llc.ts";
export type { Fields, Parsed, ParsedHeader, Stopped } from "./wire/parsed.ts";
export { type StopReason, stopReasons } from "./wire/stop-reasons.ts";
export { emitTcp, parseTcp, type TcpFields, type TcpHeader, tcpChecksum, tcpLength } from "./wire/tcp.ts";
export {
  emitUdp,
  parseUdp,
  type UdpFields,
  type UdpHeader,
  udpChecksum,
  udpChecksumStatus,
} from "./wire/udp.ts";
export {
  emitVlan,
  isTpid,
  parseVlan,
  type VlanFields,
  type VlanHeader,
  type VlanOptions,
} from "./wire/vlan.ts";
export {
  emitVxlan,
  parseVxlan,
  type VxlanGpe,
  type VxlanGroupPolicy,
  type VxlanHeader,
  type VxlanOptions,
} from "./wire/vxlan.ts";
