// Builds a packet from a list of headers, outermost first: the way back from dissect.
//
// Lengths are known before anything is written, so each header is written once, innermost first: a checksum then finds
// everything it covers in its place.

import { parseIp } from "../core/addresses.ts";
import { ArgumentRangeError, under } from "../core/argument-error.ts";
import { byteArray, oneOf, wrongType } from "../core/arguments.ts";
import {
  ETHERNET_LENGTH,
  ETHERTYPE_ARP,
  ETHERTYPE_EXPERIMENT,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MINIMUM,
  ETHERTYPE_TEB,
} from "../layout/ethernet.layout.ts";
import { GRE_IN_UDP_PORT, GRE_LENGTH } from "../layout/gre.layout.ts";
import { ICMP_CHECKSUM, ICMP_LENGTH } from "../layout/icmp.layout.ts";
import {
  IP_PROTOCOL_EXPERIMENT,
  IP_PROTOCOL_GRE,
  IP_PROTOCOL_ICMP,
  IP_PROTOCOL_ICMPV6,
  IP_PROTOCOL_IPV4,
  IP_PROTOCOL_IPV6,
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
} from "../layout/ipv4.layout.ts";
import { IPV6_LENGTH } from "../layout/ipv6.layout.ts";
import { TCP_CHECKSUM } from "../layout/tcp.layout.ts";
import { UDP_CHECKSUM, UDP_LENGTH } from "../layout/udp.layout.ts";
import { TPID_CUSTOMER, VLAN_HEADER_LENGTH } from "../layout/vlan.layout.ts";
import { VXLAN_LENGTH } from "../layout/vxlan.layout.ts";
import { type ArpFields, arpLength, emitArp } from "../wire/arp.ts";
import { write16 } from "../wire/bytes.ts";
import { pseudoHeaderSum } from "../wire/checksum.ts";
import { type EthernetFields, emitEthernet } from "../wire/ethernet.ts";
import { flowHash, sourcePort } from "../wire/flow-hash.ts";
import { emitGeneve, type GeneveFields, geneveLength } from "../wire/geneve.ts";
import { emitGre, type GreFields, greChecksum, greLength } from "../wire/gre.ts";
import { emitIcmp, type IcmpFields, icmpChecksum } from "../wire/icmp.ts";
import { emitIpv4, type Ipv4Fields, ipv4Length } from "../wire/ipv4.ts";
import { emitIpv6, type Ipv6Fields, ipv6Length } from "../wire/ipv6.ts";
import { emitLlc, type LlcHeader, llcLength } from "../wire/llc.ts";
import type { Fields } from "../wire/parsed.ts";
import { emitTcp, type TcpFields, tcpChecksum, tcpLength } from "../wire/tcp.ts";
import { emitUdp, type UdpFields, udpChecksum } from "../wire/udp.ts";
import { emitVlan, type VlanFields } from "../wire/vlan.ts";
import { emitVxlan, type VxlanHeader } from "../wire/vxlan.ts";
import { isTunnelName, portOfLayer } from "./tunnel-layers.ts";

/** The header fields of each kind of layer that {@link compose} takes. What it fills in may be left out. */
export interface ComposeFields {
  ethernet: Fields<EthernetFields, "etherType">;
  vlan: Fields<VlanFields, "etherType">;
  llc: LlcHeader;
  arp: ArpFields;
  ipv4: Fields<Ipv4Fields, "totalLength" | "protocol">;
  ipv6: Fields<Ipv6Fields, "payloadLength" | "protocol">;
  udp: Fields<UdpFields, "length" | "sourcePort" | "destinationPort">;
  tcp: TcpFields;
  icmp: IcmpFields;
  icmpv6: IcmpFields;
  vxlan: VxlanHeader;
  geneve: GeneveFields;
  /** A checksum that is true is computed; GRE has none unless asked. */
  gre: Omit<GreFields, "checksum"> & { readonly checksum?: number | boolean | undefined };
}

/** The name of a kind of layer that {@link compose} takes. */
export type ComposeName = keyof ComposeFields;

/** One header to compose: its name and its fields. */
export type ComposeLayer = {
  [Name in ComposeName]: { readonly name: Name } & ComposeFields[Name];
}[ComposeName];

/** Where a header stands in the packet, and between which others. */
interface Place {
  readonly into: Uint8Array;
  readonly offset: number;
  readonly payload: number;
  readonly end: number;
  readonly outer: ComposeLayer | undefined;
  readonly inner: ComposeLayer | undefined;
}

interface Composer<Name extends ComposeName> {
  length(fields: ComposeFields[Name]): number;
  emit(fields: ComposeFields[Name], place: Place): void;
}

/**
 * Builds the bytes of the given headers, outermost first, with `payload` behind them. Fills in what is left out:
 * lengths, Ethernet types, protocol numbers, tunnels' UDP ports (the source port from the passenger's flow hash) and
 * checksums; what is given is taken as it is, right or wrong. A payload with no type of its own is announced as an
 * experiment (0x88b5, 253). Headers from {@link dissect} give back the bytes they were read from.
 *
 *     compose([{ name: "ethernet", destination, source }, { name: "arp", operation: 1, ... }])
 */
export function compose(
  layers: readonly ComposeLayer[],
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  if (!Array.isArray(layers)) throw wrongType("layers", "an array", layers);
  byteArray("payload", payload);
  const ends: number[] = [];
  let length = 0;
  layers.forEach((layer, i) => {
    ends.push((length += under(["layers", i], () => composerOf(layer).length(layer))));
  });
  const into = new Uint8Array(length + payload.length);
  into.set(payload, length);
  for (let i = layers.length - 1; i >= 0; i--) {
    const offset = ends[i - 1] ?? 0;
    const place = {
      into,
      offset,
      payload: ends[i]!,
      end: into.length,
      outer: layers[i - 1],
      inner: layers[i + 1],
    };
    under(["layers", i], () => composerOf(layers[i]!).emit(layers[i]!, place));
  }
  return into;
}

const composers: { readonly [Name in ComposeName]: Composer<Name> } = {
  ethernet: {
    length: () => ETHERNET_LENGTH,
    emit: (fields, place) =>
      emitEthernet(
        { ...fields, etherType: fields.etherType ?? typeOrLength(place) },
        place.into,
        place.offset,
      ),
  },
  vlan: {
    length: () => VLAN_HEADER_LENGTH,
    emit: (fields, place) =>
      emitVlan({ ...fields, etherType: fields.etherType ?? typeOrLength(place) }, place.into, place.offset),
  },
  llc: { length: llcLength, emit: (fields, { into, offset }) => emitLlc(fields, into, offset) },
  arp: { length: arpLength, emit: (fields, { into, offset }) => emitArp(fields, into, offset) },
  ipv4: {
    length: ipv4Length,
    emit: (fields, place) => {
      const { totalLength = place.end - place.offset, protocol = protocolOf(place.inner) } = fields;
      emitIpv4({ ...fields, totalLength, protocol }, place.into, place.offset);
    },
  },
  ipv6: {
    length: ipv6Length,
    emit: (fields, place) => {
      const { payloadLength = place.end - place.offset - IPV6_LENGTH } = fields;
      const { protocol = protocolOf(place.inner) } = fields;
      emitIpv6({ ...fields, payloadLength, protocol }, place.into, place.offset);
    },
  },
  udp: {
    length: () => UDP_LENGTH,
    emit: (fields, place) => {
      const { into, offset, end } = place;
      const { length = end - offset, sourcePort = sourcePortOf(place) } = fields;
      const { destinationPort = destinationPortOf(place.inner) } = fields;
      emitUdp({ ...fields, length, sourcePort, destinationPort }, into, offset);
      const addresses = addressesOf(place.outer);
      if (fields.checksum !== undefined || addresses === undefined) return;
      write16(into, offset + UDP_CHECKSUM, udpChecksum(into, offset, end, ...addresses));
    },
  },
  tcp: {
    length: tcpLength,
    emit: (fields, { into, offset, end, outer }) => {
      emitTcp(fields, into, offset);
      const addresses = addressesOf(outer);
      if (fields.checksum !== undefined || addresses === undefined) return;
      write16(into, offset + TCP_CHECKSUM, tcpChecksum(into, offset, end, ...addresses));
    },
  },
  icmp: {
    length: () => ICMP_LENGTH,
    emit: (fields, { into, offset, end }) => {
      emitIcmp(fields, into, offset);
      if (fields.checksum !== undefined) return;
      write16(into, offset + ICMP_CHECKSUM, icmpChecksum(into, offset, end));
    },
  },
  icmpv6: {
    length: () => ICMP_LENGTH,
    emit: (fields, { into, offset, end, outer }) => {
      emitIcmp(fields, into, offset);
      const addresses = addressesOf(outer);
      if (fields.checksum !== undefined || addresses === undefined) return;
      const pseudo = pseudoHeaderSum(...addresses, IP_PROTOCOL_ICMPV6, end - offset);
      write16(into, offset + ICMP_CHECKSUM, icmpChecksum(into, offset, end, pseudo));
    },
  },
  vxlan: {
    length: () => VXLAN_LENGTH,
    emit: (fields, { into, offset }) => emitVxlan(fields, into, offset),
  },
  geneve: {
    length: geneveLength,
    emit: (fields, { into, offset, inner }) => {
      const { protocol = inner ? etherTypeOf(inner, "protocol") : ETHERTYPE_TEB } = fields;
      emitGeneve({ ...fields, protocol }, into, offset);
    },
  },
  gre: {
    length: (fields) => greLength({ ...fields, checksum: greChecksumField(fields.checksum) }),
    emit: (fields, { into, offset, end, inner }) => {
      const { protocol = inner ? etherTypeOf(inner, "protocol") : ETHERTYPE_TEB } = fields;
      emitGre({ ...fields, protocol, checksum: greChecksumField(fields.checksum) }, into, offset);
      if (fields.checksum === true) write16(into, offset + GRE_LENGTH, greChecksum(into, offset, end));
    },
  },
};

function composerOf(layer: ComposeLayer): Composer<ComposeName> {
  if (typeof layer !== "object" || layer === null) throw wrongType("", "an object", layer);
  const name = oneOf("name", layer.name, Object.keys(composers));
  return composers[name as ComposeName] as Composer<ComposeName>;
}

/** 0 holds the place of a checksum that is still to be computed. */
function greChecksumField(checksum: number | boolean | undefined): number | undefined {
  return typeof checksum === "boolean" ? (checksum ? 0 : undefined) : checksum;
}

function typeOrLength({ inner, payload, end }: Place): number {
  if (inner?.name !== "llc") return etherTypeOf(inner);
  const length = end - payload;
  if (length < ETHERTYPE_MINIMUM) return length;
  throw new ArgumentRangeError(
    "out-of-range",
    "etherType",
    `expected at most ${ETHERTYPE_MINIMUM - 1} bytes from llc on, got ${length}`,
  );
}

/** `field` is what the caller calls the type, where nothing announces the layer. */
function etherTypeOf(inner: ComposeLayer | undefined, field = "etherType"): number {
  if (inner === undefined) return ETHERTYPE_EXPERIMENT;
  switch (inner.name) {
    case "vlan":
      return inner.tpid ?? TPID_CUSTOMER;
    case "ipv4":
      return ETHERTYPE_IPV4;
    case "ipv6":
      return ETHERTYPE_IPV6;
    case "arp":
      return ETHERTYPE_ARP;
    case "ethernet":
      return ETHERTYPE_TEB;
    default:
      throw new ArgumentRangeError("missing", field, `missing; no Ethernet type announces ${inner.name}`);
  }
}

function protocolOf(inner: ComposeLayer | undefined): number {
  if (inner === undefined) return IP_PROTOCOL_EXPERIMENT;
  switch (inner.name) {
    case "udp":
      return IP_PROTOCOL_UDP;
    case "tcp":
      return IP_PROTOCOL_TCP;
    case "icmp":
      return IP_PROTOCOL_ICMP;
    case "icmpv6":
      return IP_PROTOCOL_ICMPV6;
    case "gre":
      return IP_PROTOCOL_GRE;
    case "ipv4":
      return IP_PROTOCOL_IPV4;
    case "ipv6":
      return IP_PROTOCOL_IPV6;
    default:
      throw new ArgumentRangeError(
        "missing",
        "protocol",
        `missing; no IP protocol number announces ${inner.name}`,
      );
  }
}

function destinationPortOf(inner: ComposeLayer | undefined): number {
  if (inner?.name === "gre") return GRE_IN_UDP_PORT;
  const gpe = inner?.name === "vxlan" && inner.gpe !== undefined;
  const port = inner && portOfLayer(inner.name, gpe ? "gpe" : undefined);
  if (port !== undefined) return port;
  throw new ArgumentRangeError(
    "missing",
    "destinationPort",
    "missing; expected a port, since no tunnel follows",
  );
}

function sourcePortOf({ inner, into, payload, end }: Place): number {
  if (inner === undefined || !isTunnelName(inner.name)) {
    throw new ArgumentRangeError(
      "missing",
      "sourcePort",
      "missing; expected a port, since no tunnel follows",
    );
  }
  const passenger = payload + composerOf(inner).length(inner);
  return sourcePort(flowHash(into.subarray(passenger, end)));
}

/** Source and destination of the IP header in front; undefined if there is none. */
function addressesOf(outer: ComposeLayer | undefined): [Uint8Array, Uint8Array] | undefined {
  if (outer?.name !== "ipv4" && outer?.name !== "ipv6") return undefined;
  return [parseIp("source", outer.source), parseIp("destination", outer.destination)];
}
