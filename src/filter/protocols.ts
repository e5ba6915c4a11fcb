// What the names of protocols mean: a type of Ethernet, a protocol of IP, or one of ISO's.

import { all, any, anyOf, type Formula, field } from "./formula.ts";
import {
  behind,
  ofIpv4Protocol,
  ofIpv6Protocol,
  ofType,
  type Place,
  SAP_IPX,
  SAP_ISO,
  SAP_NETBEUI,
  SAP_STP,
  TYPE_ARP,
  TYPE_IPV4,
  TYPE_IPV6,
  TYPE_RARP,
} from "./place.ts";
import { syntaxError } from "./syntax-error.ts";

/** By EtherType, or by service access point. */
const TYPES: Readonly<Record<string, number>> = {
  ip: TYPE_IPV4,
  ip6: TYPE_IPV6,
  arp: TYPE_ARP,
  rarp: TYPE_RARP,
  atalk: 0x809b,
  aarp: 0x80f3,
  decnet: 0x6003,
  lat: 0x6004,
  sca: 0x6007,
  moprc: 0x6002,
  mopdl: 0x6001,
  pppoed: 0x8863,
  iso: SAP_ISO,
  stp: SAP_STP,
  ipx: SAP_IPX,
  netbeui: SAP_NETBEUI,
};

/** By protocol number, and over which IP. */
const PROTOCOLS: Readonly<Record<string, { readonly number: number; readonly over: "ip" | "ip6" | "both" }>> =
  {
    tcp: { number: 6, over: "both" },
    udp: { number: 17, over: "both" },
    sctp: { number: 132, over: "both" },
    icmp: { number: 1, over: "ip" },
    icmp6: { number: 58, over: "ip6" },
    igmp: { number: 2, over: "ip" },
    igrp: { number: 9, over: "ip" },
    pim: { number: 103, over: "both" },
    vrrp: { number: 112, over: "ip" },
    carp: { number: 112, over: "ip" },
    ah: { number: 51, over: "both" },
    esp: { number: 50, over: "both" },
  };

const ISIS = 0x83;
export const ISO_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ["clnp", 0x81],
  ["esis", 0x82],
  ["isis", ISIS],
]);
/** Kinds of packets of IS-IS, by their types. */
const ISIS_TYPES: Readonly<Record<string, readonly number[]>> = {
  l1: [15, 17, 18, 24, 26],
  l2: [16, 17, 20, 25, 27],
  iih: [15, 16, 17],
  lsp: [18, 20],
  snp: [24, 25, 26, 27],
  csnp: [24, 25],
  psnp: [26, 27],
};

export function ofProtocol(place: Place, name: string, at: number): Formula {
  const type = TYPES[name];
  if (type !== undefined) return ofType(place, type, at);
  const protocol = PROTOCOLS[name];
  if (protocol !== undefined) return ofIpProtocol(place, protocol.number, protocol.over, at);
  const iso = ISO_PROTOCOLS.get(name);
  if (iso !== undefined) return ofIsoProtocol(place, iso, at);
  const isis = ISIS_TYPES[name];
  if (isis !== undefined) return ofIsisTypes(place, isis, at);
  throw syntaxError(at, `expected more behind ${name}, such as host or proto`);
}

export function ofIpProtocol(place: Place, number: number, over: "ip" | "ip6" | "both", at: number): Formula {
  if (over === "ip") return ofIpv4Protocol(place, number, at);
  if (over === "ip6") return ofIpv6Protocol(place, number, at);
  return any(ofIpv4Protocol(place, number, at), ofIpv6Protocol(place, number, at));
}

/** Behind the three bytes of LLC; PPP has none. */
function isoHeader(place: Place): Place["payload"] {
  return place.link === "ppp" ? place.payload : behind(place.payload, 3);
}

export function ofIsoProtocol(place: Place, number: number, at: number): Formula {
  return all(ofType(place, SAP_ISO, at), field(isoHeader(place), 0, 1, number));
}

export function ofIsisTypes(place: Place, numbers: readonly number[], at: number): Formula {
  const types = numbers.map((number) => field(isoHeader(place), 4, 1, number));
  return all(ofIsoProtocol(place, ISIS, at), anyOf(types));
}
