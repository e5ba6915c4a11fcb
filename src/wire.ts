/**
 * Codecs for single frames in plain TypeScript: parse, emit, dissect, compose, checksums and the flow hash.
 * @module
 */

export { formatIp, formatMac, type IpAddress, type MacAddress, parseIp, parseMac } from "./core/addresses.ts";
export { type ArgumentError, type ErrorPath, isArgumentError } from "./core/argument-error.ts";
export { type ErrorCode, errorCodes } from "./core/error-codes.ts";
export { etherTypeText, ipProtocolText, linkTypeText, pppProtocolText } from "./core/number-names.ts";
export { compose } from "./packet/compose.ts";
export type { ComposeFields, ComposeLayer, ComposeName } from "./packet/compose-fields.ts";
export {
  type Dissection,
  type DissectOptions,
  type Dissector,
  dissect,
  dissector,
  type Oddity,
} from "./packet/dissect.ts";
export {
  keysOf,
  type Layer,
  type LayerHeaders,
  type LayerName,
  type LayerOf,
  type PayloadHeader,
  type StepName,
  type VniOptions,
  vlansOf,
  vnisOf,
} from "./packet/layers.ts";
export { isTunnel, type TunnelHeaderLayer, type TunnelPorts, tunnelTitle } from "./packet/tunnel-layers.ts";
export type { Stop } from "./packet/walk.ts";
export { type Wrapping, wrappingsOf } from "./packet/wrappings.ts";
export type { TunnelLayer } from "./tunnel/tunnel-kind.ts";
export { type AhHeader, ahLength, emitAh, parseAh } from "./wire/ah.ts";
export { type ArpFields, type ArpHeader, arpLength, emitArp, parseArp } from "./wire/arp.ts";
export {
  type CapwapFields,
  type CapwapHeader,
  capwapLength,
  emitCapwap,
  parseCapwap,
} from "./wire/capwap.ts";
export {
  type ChecksumStatus,
  checksum,
  checksumFold,
  checksumSum,
  checksumUpdate,
  pseudoHeaderSum,
} from "./wire/checksum.ts";
export { type ETagFields, type ETagHeader, emitETag, parseETag } from "./wire/e-tag.ts";
export {
  type ErspanFields,
  type ErspanHeader,
  type ErspanHeaderI,
  type ErspanHeaderII,
  type ErspanHeaderIII,
  type ErspanOptions,
  emitErspan,
  erspanLength,
  parseErspan,
} from "./wire/erspan.ts";
export { type EtherIpHeader, emitEtherIp, parseEtherIp } from "./wire/etherip.ts";
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
export {
  emitGtpU,
  type GtpUExtension,
  type GtpUFields,
  type GtpUHeader,
  gtpULength,
  parseGtpU,
} from "./wire/gtp-u.ts";
export { emitITag, type ITagFields, type ITagHeader, parseITag } from "./wire/i-tag.ts";
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
export { emitL2tp, type L2tpFields, type L2tpHeader, l2tpLength, parseL2tp } from "./wire/l2tp.ts";
export {
  emitL2tpv3,
  type L2tpv3Fields,
  type L2tpv3Header,
  type L2tpv3Options,
  type L2tpv3Sublayer,
  l2tpv3Length,
  parseL2tpv3,
} from "./wire/l2tpv3.ts";
export { emitLlc, type LlcHeader, llcLength, parseLlc } from "./wire/llc.ts";
export {
  emitHdlc,
  emitNull,
  type HdlcFields,
  type HdlcHeader,
  type NullFields,
  type NullHeader,
  parseHdlc,
  parseNull,
} from "./wire/loopback.ts";
export {
  type ControlWordFields,
  type ControlWordHeader,
  emitControlWord,
  emitMpls,
  type MplsFields,
  type MplsHeader,
  parseControlWord,
  parseMpls,
} from "./wire/mpls.ts";
export {
  emitNflog,
  type NflogField,
  type NflogFields,
  type NflogHeader,
  nflogLength,
  parseNflog,
} from "./wire/nflog.ts";
export { emitNsh, type NshFields, type NshHeader, nshLength, parseNsh } from "./wire/nsh.ts";
export type { Fields, LengthOptions, OddLength, Parsed, ParsedHeader, Stopped } from "./wire/parsed.ts";
export { emitPpp, type PppFields, type PppHeader, parsePpp, pppLength } from "./wire/ppp.ts";
export { emitPppoe, type PppoeFields, type PppoeHeader, parsePppoe } from "./wire/pppoe.ts";
export { emitPptp, type PptpFields, type PptpHeader, parsePptp, pptpLength } from "./wire/pptp.ts";
export {
  emitRadiotap,
  parseRadiotap,
  type RadiotapFlags,
  type RadiotapHeader,
  radiotapFlags,
  radiotapLength,
} from "./wire/radiotap.ts";
export {
  emitSll,
  emitSll2,
  parseSll,
  parseSll2,
  type Sll2Fields,
  type Sll2Header,
  type SllFields,
  type SllHeader,
} from "./wire/sll.ts";
export { type StopReason, stopReasons } from "./wire/stop-reasons.ts";
export { emitTcp, parseTcp, type TcpFields, type TcpHeader, tcpChecksum, tcpLength } from "./wire/tcp.ts";
export {
  emitTzsp,
  parseTzsp,
  type TzspFields,
  type TzspHeader,
  type TzspTag,
  tzspLength,
} from "./wire/tzsp.ts";
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
export { emitVnTag, parseVnTag, type VnTagFields, type VnTagHeader } from "./wire/vn-tag.ts";
export {
  emitVxlan,
  parseVxlan,
  type VxlanGpe,
  type VxlanGroupPolicy,
  type VxlanHeader,
  type VxlanOptions,
} from "./wire/vxlan.ts";
export {
  emitWlan,
  parseWlan,
  type WlanFields,
  type WlanHeader,
  type WlanOptions,
  wlanLength,
} from "./wire/wlan.ts";
