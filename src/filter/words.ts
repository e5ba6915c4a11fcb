// The words of the language that stand for numbers, as tables: no resolver and no files are asked, so that the same text
// means the same everywhere.

import {
  TUNNEL_GENEVE,
  TUNNEL_GRE,
  TUNNEL_VXLAN,
  TUNNEL_VXLAN_GPE,
  WRAPPING_4IN6,
  WRAPPING_6IN4,
  WRAPPING_6IN6,
  WRAPPING_ERSPAN,
  WRAPPING_IPIP,
} from "../layout/tunnel.layout.ts";

/** Names of header fields and of what may stand in them: in arithmetic they are numbers. */
export const CONSTANTS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    icmptype: 0,
    icmpcode: 1,
    "icmp-echoreply": 0,
    "icmp-unreach": 3,
    "icmp-sourcequench": 4,
    "icmp-redirect": 5,
    "icmp-echo": 8,
    "icmp-routeradvert": 9,
    "icmp-routersolicit": 10,
    "icmp-timxceed": 11,
    "icmp-paramprob": 12,
    "icmp-tstamp": 13,
    "icmp-tstampreply": 14,
    "icmp-ireq": 15,
    "icmp-ireqreply": 16,
    "icmp-maskreq": 17,
    "icmp-maskreply": 18,
    icmp6type: 0,
    icmp6code: 1,
    "icmp6-destinationunreach": 1,
    "icmp6-packettoobig": 2,
    "icmp6-timeexceeded": 3,
    "icmp6-parameterproblem": 4,
    "icmp6-echo": 128,
    "icmp6-echoreply": 129,
    "icmp6-multicastlistenerquery": 130,
    "icmp6-multicastlistenerreportv1": 131,
    "icmp6-multicastlistenerdone": 132,
    "icmp6-routersolicit": 133,
    "icmp6-routeradvert": 134,
    "icmp6-neighborsolicit": 135,
    "icmp6-neighboradvert": 136,
    "icmp6-redirect": 137,
    "icmp6-routerrenum": 138,
    "icmp6-nodeinformationquery": 139,
    "icmp6-nodeinformationresponse": 140,
    "icmp6-ineighbordiscoverysolicit": 141,
    "icmp6-ineighbordiscoveryadvert": 142,
    "icmp6-multicastlistenerreportv2": 143,
    "icmp6-homeagentdiscoveryrequest": 144,
    "icmp6-homeagentdiscoveryreply": 145,
    "icmp6-mobileprefixsolicit": 146,
    "icmp6-mobileprefixadvert": 147,
    "icmp6-certpathsolicit": 148,
    "icmp6-certpathadvert": 149,
    "icmp6-multicastrouteradvert": 151,
    "icmp6-multicastroutersolicit": 152,
    "icmp6-multicastrouterterm": 153,
    tcpflags: 13,
    "tcp-fin": 1,
    "tcp-syn": 2,
    "tcp-rst": 4,
    "tcp-push": 8,
    "tcp-ack": 16,
    "tcp-urg": 32,
    "tcp-ece": 64,
    "tcp-cwr": 128,
  }),
);

/** Ports that have a name here: those that all systems agree on. */
export const PORTS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    "ftp-data": 20,
    ftp: 21,
    ssh: 22,
    telnet: 23,
    smtp: 25,
    domain: 53,
    bootps: 67,
    bootpc: 68,
    tftp: 69,
    http: 80,
    kerberos: 88,
    pop3: 110,
    sunrpc: 111,
    ntp: 123,
    "netbios-ns": 137,
    "netbios-dgm": 138,
    "netbios-ssn": 139,
    imap2: 143,
    snmp: 161,
    "snmp-trap": 162,
    bgp: 179,
    ldap: 389,
    https: 443,
    "microsoft-ds": 445,
    isakmp: 500,
    syslog: 514,
    submission: 587,
    ldaps: 636,
    imaps: 993,
    pop3s: 995,
    socks: 1080,
    mysql: 3306,
    postgresql: 5432,
    sip: 5060,
    "sip-tls": 5061,
    xmpp: 5222,
    mdns: 5353,
  }),
);

/** Protocols by EtherType; those up to 1,500 are service access points of LLC. */
export const ETHER_TYPES: Readonly<Record<string, number>> = {
  ip: 0x0800,
  ip6: 0x86dd,
  arp: 0x0806,
  rarp: 0x8035,
  aarp: 0x80f3,
  atalk: 0x809b,
  decnet: 0x6003,
  lat: 0x6004,
  moprc: 0x6002,
  mopdl: 0x6001,
  sca: 0x6007,
  pppoed: 0x8863,
  iso: 0xfe,
  stp: 0x42,
  ipx: 0xe0,
  netbeui: 0xf0,
};

/** The names that `ether proto` knows. */
export const ETHER_PROTOCOLS: ReadonlyMap<string, number> = new Map(
  Object.entries({ ...ETHER_TYPES, loopback: 0x9000 }),
);

/** Protocols of IP that are words, by number, and over which IP. */
export const IP_WORDS: Readonly<Record<string, readonly [number: number, over: "ip" | "ip6" | "both"]>> = {
  tcp: [6, "both"],
  udp: [17, "both"],
  sctp: [132, "both"],
  icmp: [1, "ip"],
  icmp6: [58, "ip6"],
  igmp: [2, "ip"],
  igrp: [9, "ip"],
  pim: [103, "both"],
  vrrp: [112, "ip"],
  carp: [112, "ip"],
  ah: [51, "both"],
  esp: [50, "both"],
};

/** The names that `proto` knows. */
export const IP_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ...Object.entries(IP_WORDS).map(([name, [number]]): [string, number] => [name, number]),
  ...Object.entries({ egp: 8, gre: 47, "ipv6-icmp": 58, ospf: 89, l2tp: 115 }),
]);

export const ISO_PROTOCOLS: Readonly<Record<string, number>> = { clnp: 0x81, esis: 0x82, isis: 0x83 };
/** Kinds of packets of IS-IS, by their types. */
export const ISIS_TYPES: Readonly<Record<string, readonly number[]>> = {
  l1: [15, 17, 18, 24, 26],
  l2: [16, 17, 20, 25, 27],
  iih: [15, 16, 17],
  lsp: [18, 20],
  snp: [24, 25, 26, 27],
  csnp: [24, 25],
  psnp: [26, 27],
};

/** Words that begin a primitive or stand before one with the name of a protocol; some have two spellings. */
export const PROTOCOLS: ReadonlySet<string> = new Set(
  [{ ether: 0, radio: 0 }, ETHER_TYPES, IP_WORDS, ISO_PROTOCOLS, ISIS_TYPES].flatMap(Object.keys),
);

/** Other spellings of those. */
export const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ...["link", "ppp", "slip", "fddi", "tr", "wlan"].map((name): [string, string] => [name, "ether"]),
  ["es-is", "esis"],
  ["is-is", "isis"],
  ["direction", "dir"],
  ...[1, 2, 3, 4].map((number): [string, string] => [`address${number}`, `addr${number}`]),
]);

/** Addresses of an 802.11 header: by their place, that of the receiver, and that of the transmitter. */
export const WLAN_ADDRESSES: readonly string[] = ["addr1", "addr2", "addr3", "addr4", "ra", "ta"];

export const WORDS: ReadonlySet<string> = new Set([
  ...["and", "or", "not", "src", "dst", "host", "net", "mask", "port", "portrange", "proto", "broadcast"],
  ...["multicast", "less", "greater", "len", "length", "vlan", "mpls", "pppoes", "geneve", "vxlan"],
  ...["protochain", "byte", "inbound", "outbound", "ifindex", "llc", "type", "subtype", "dir", "gateway"],
  ...WLAN_ADDRESSES,
  ...PROTOCOLS,
  ...SPELLINGS.keys(),
]);

/** Kinds of tunnels that can be asked for: the numbers are those that decapsulations have. */
export const TUNNEL_KINDS: ReadonlyMap<string, number> = new Map([
  ["vxlan", TUNNEL_VXLAN],
  ["geneve", TUNNEL_GENEVE],
  ["gre", TUNNEL_GRE],
  ["nvgre", TUNNEL_GRE],
  ["vxlan-gpe", TUNNEL_VXLAN_GPE],
  ["erspan", WRAPPING_ERSPAN],
  ["ipip", WRAPPING_IPIP],
  ["6in4", WRAPPING_6IN4],
  ["4in6", WRAPPING_4IN6],
  ["6in6", WRAPPING_6IN6],
]);
