// Composers of IP, and of what it carries.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { ICMP_CHECKSUM, ICMP_LENGTH } from "../layout/icmp.layout.ts";
import { IP_PROTOCOL_ICMPV6 } from "../layout/ipv4.layout.ts";
import { IPV6_LENGTH } from "../layout/ipv6.layout.ts";
import { L2TP_PORT } from "../layout/l2tp.layout.ts";
import { TCP_CHECKSUM } from "../layout/tcp.layout.ts";
import { UDP_CHECKSUM, UDP_LENGTH } from "../layout/udp.layout.ts";
import { ahLength, emitAh } from "../wire/ah.ts";
import { arpLength, emitArp } from "../wire/arp.ts";
import { write16 } from "../wire/bytes.ts";
import { pseudoHeaderSum } from "../wire/checksum.ts";
import { flowHash, sourcePort } from "../wire/flow-hash.ts";
import { emitIcmp, icmpChecksum } from "../wire/icmp.ts";
import { emitIpv4, ipv4Length } from "../wire/ipv4.ts";
import { emitIpv6, ipv6Length } from "../wire/ipv6.ts";
import { emitTcp, tcpChecksum, tcpLength } from "../wire/tcp.ts";
import { emitUdp, udpChecksum } from "../wire/udp.ts";
import { type Composers, type Place, protocolOf } from "./composing.ts";
import { portOfLayer } from "./tunnel-layers.ts";

type IpName = "arp" | "ipv4" | "ipv6" | "ah" | "udp" | "tcp" | "icmp" | "icmpv6";

export const IP_COMPOSERS: Composers<IpName> = {
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
  ah: {
    length: ahLength,
    emit: (fields, { into, offset, inner }) => {
      const { protocol = protocolOf(inner) } = fields;
      emitAh({ ...fields, protocol }, into, offset);
    },
  },
  udp: {
    length: () => UDP_LENGTH,
    emit: (fields, place) => {
      const { into, offset, end, addresses } = place;
      const { length = end - offset, sourcePort = sourcePortOf(place) } = fields;
      const { destinationPort = destinationPortOf(place) } = fields;
      emitUdp({ ...fields, length, sourcePort, destinationPort }, into, offset);
      if (fields.checksum !== undefined || addresses === undefined) return;
      write16(into, offset + UDP_CHECKSUM, udpChecksum(into, offset, end, ...addresses));
    },
  },
  tcp: {
    length: tcpLength,
    emit: (fields, { into, offset, end, addresses }) => {
      emitTcp(fields, into, offset);
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
    emit: (fields, { into, offset, end, addresses }) => {
      emitIcmp(fields, into, offset);
      if (fields.checksum !== undefined || addresses === undefined) return;
      const pseudo = pseudoHeaderSum(...addresses, IP_PROTOCOL_ICMPV6, end - offset);
      write16(into, offset + ICMP_CHECKSUM, icmpChecksum(into, offset, end, pseudo));
    },
  },
};

function destinationPortOf({ inner }: Place): number {
  const gpe = inner?.name === "vxlan" && inner.gpe !== undefined;
  if (inner?.name === "l2tp") return L2TP_PORT;
  return (inner && portOfLayer(inner.name, gpe ? "gpe" : undefined)) ?? noTunnel("destinationPort");
}

function sourcePortOf({ inner, into, passenger, end }: Place): number {
  const tunnel = inner && (inner.name === "l2tp" || portOfLayer(inner.name, undefined) !== undefined);
  if (!tunnel) return noTunnel("sourcePort");
  return sourcePort(flowHash(into.subarray(passenger, end)));
}

function noTunnel(field: string): never {
  throw new ArgumentRangeError("missing", field, "missing; expected a port, since no tunnel follows");
}
