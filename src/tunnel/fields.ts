// Rows of options that kinds have in common.

import { ip, mac } from "../core/address-fields.ts";
import { choice, type Field, type Fields, flag, type Kind, whole } from "../core/fields.ts";
import {
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_STRICT_LENGTHS,
  DECAPSULATE_TAKE_CRITICAL,
} from "../layout/stage.layout.ts";
import { VLAN_VID_RESERVED } from "../layout/vlan.layout.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import type {
  Decapsulate,
  DecapsulateUdp,
  Encapsulate,
  EncapsulateOverUdp,
  EncapsulateUdp,
  TunnelTo,
  UdpTunnelTo,
} from "./tunnel-kind.ts";

/** More tunnels in one another than a frame of 64 KiB can hold headers for are not waited for. */
export const DEPTH_MAXIMUM = 64;

/** What is said of DSCP and TTL: tunnel and passenger have one of their own together (RFC 2983 §3.1.2, RFC 3443 §3.1). */
const UNIFORM = "uniform";

/** Flags of a decapsulation over UDP that change nothing for a plain packet. */
export const USUAL_UDP: number =
  DECAPSULATE_KEEP_OTHERS | DECAPSULATE_TAKE_CRITICAL | DECAPSULATE_STRICT_LENGTHS;

export const SOURCE_TAGS_KEPT: Field<"keep" | "strip"> = {
  ...choice("keep", "strip"),
  fallback: "keep",
  flag: "--strip-tag",
  says: "strip",
  help: "take the passenger's outermost VLAN tag off (RFC 7348 section 6.1)",
};

export const INNER_TAGS_KEPT: Field<"keep" | "drop"> = {
  ...choice("keep", "drop"),
  fallback: "keep",
  flag: "--refuse-tagged",
  says: "drop",
  help: "drop passengers with a VLAN tag (RFC 7348 section 6.1)",
};

export const RESERVED_BITS: Field<"rfc" | "strict"> = {
  ...choice("rfc", "strict"),
  fallback: "rfc",
  flag: "--strict",
  says: "strict",
  help: "drop packets with reserved bits of the tunnel header set, as Open vSwitch does",
};

export const GRE_CHECKSUM: Field<"verify" | "ignore"> & { readonly fallback: "verify" } = {
  ...choice("verify", "ignore"),
  fallback: "verify",
  flag: "--ignore-gre-checksum",
  says: "ignore",
  help: "take packets whose GRE checksum is wrong, too",
};

export const CRITICAL_OPTIONS: Field<"drop" | "take"> & { readonly fallback: "drop" } = {
  ...choice("drop", "take"),
  fallback: "drop",
  flag: "--take-critical",
  says: "take",
  help: "take Geneve packets with critical options, too, and pass over them",
};

export const UDP_CHECKSUM: Field<"ignore" | "verify"> & { readonly fallback: "ignore" } = {
  ...choice("ignore", "verify"),
  fallback: "ignore",
  flag: "--verify-udp",
  says: "verify",
  help: "drop packets whose UDP checksum is wrong",
};

export const LENGTHS: Field<"tolerant" | "strict"> & { readonly fallback: "tolerant" } = {
  ...choice("tolerant", "strict"),
  fallback: "tolerant",
  flag: "--strict-lengths",
  says: "strict",
  help: "drop packets whose outer IP length is zero or goes beyond the frame, which offloads and mirrors leave behind",
};

export const DECAPSULATE: Fields<
  Decapsulate,
  "stage" | "depth" | "others" | "ipChecksum" | "lengths" | "ecn" | "dscp" | "ttl" | "header"
> = {
  stage: { ...choice("decapsulate"), required: true },
  depth: {
    ...depth(),
    fallback: 1,
    flag: "--depth <N>",
    help: "how many tunnels to take off, one in the other, or all",
  },
  others: {
    ...choice("drop", "keep"),
    fallback: "drop",
    flag: "--keep-others",
    says: "keep",
    help: "keep frames that are no packets of this tunnel, unchanged",
  },
  ipChecksum: {
    ...choice("verify", "ignore"),
    fallback: "verify",
    flag: "--ignore-ip-checksum",
    says: "ignore",
    help: "take packets whose outer IPv4 header checksum is wrong, too",
  },
  lengths: LENGTHS,
  ecn: {
    ...choice("ignore", "rfc6040"),
    fallback: "ignore",
    flag: "--ecn",
    says: "rfc6040",
    help: "passengers take the outer ECN field over (RFC 6040 section 4.2)",
  },
  dscp: {
    ...choice("pipe", UNIFORM),
    fallback: "pipe",
    flag: "--uniform-dscp",
    says: UNIFORM,
    help: "passengers take the outer differentiated services code point over",
  },
  ttl: {
    ...choice("pipe", UNIFORM),
    fallback: "pipe",
    flag: "--uniform-ttl",
    says: UNIFORM,
    help: "passengers take the outer time to live over where it is less than their own",
  },
  header: { ...choice("full", "bare"), fallback: "full" },
};

export const ENCAPSULATE: Fields<Encapsulate, "stage" | "ttl" | "dscp" | "ecn" | "header" | "seed"> = {
  stage: { ...choice("encapsulate"), required: true },
  local: { ...ip(), flag: "--local <IP>", help: "outer source address, IPv4 or IPv6" },
  remote: { ...ip(), flag: "--remote <IP>", help: "outer destination address, of the same family" },
  localMac: {
    ...mac(),
    flag: "--local-mac <MAC>",
    help: "outer source MAC (default: made of the address)",
  },
  remoteMac: {
    ...mac(),
    flag: "--remote-mac <MAC>",
    help: "outer destination MAC (default: made of the address)",
  },
  ttl: {
    ...numberOr(whole(1, 255), UNIFORM),
    fallback: 64,
    flag: "--ttl <N>",
    help: "time to live or hop limit, or uniform: the passenger's",
  },
  dscp: {
    ...numberOr(whole(0, 63), UNIFORM),
    fallback: 0,
    flag: "--dscp <N>",
    help: "differentiated services code point, or uniform: the passenger's",
  },
  ecn: {
    ...choice("zero", "rfc6040"),
    fallback: "zero",
    flag: "--ecn",
    says: "rfc6040",
    help: "the outer ECN field is the passenger's (RFC 6040 section 4.1)",
  },
  outerVid: { ...whole(1, VLAN_VID_RESERVED - 1), flag: "--outer-vid <N>", help: "VLAN of the outer frame" },
  header: { ...choice("full", "bare"), fallback: "full" },
  seed: { ...whole(0, 0xffffffff), fallback: 0, flag: "--seed <N>", help: "seed of the flow hash" },
};

/** A switch's tunnel: only the remote is checked by it, which is fast. */
export const TUNNEL: Fields<TunnelTo, "remote"> = {
  remote: { ...ip(), required: true },
  remoteMac: mac(),
  ttl: numberOr(whole(1, 255), UNIFORM),
  dscp: numberOr(whole(0, 63), UNIFORM),
  ecn: choice("zero", "rfc6040"),
};

export const CARRIES: Field<"ethernet" | "ip"> & { readonly fallback: "ethernet" } = {
  ...choice("ethernet", "ip"),
  fallback: "ethernet",
};

const UDP_PORT: Kind<number> = whole(1, 65535);
export const VNI: Kind<number> = whole(0, VNI_MAXIMUM);

/** For a kind over UDP whose port is this. */
export function decapsulateUdp(
  port: number,
): Fields<
  DecapsulateUdp,
  | "stage"
  | "depth"
  | "others"
  | "ipChecksum"
  | "lengths"
  | "ecn"
  | "dscp"
  | "ttl"
  | "header"
  | "port"
  | "udpChecksum"
  | "innerTag"
> {
  return {
    ...DECAPSULATE,
    port: {
      ...UDP_PORT,
      fallback: port,
      flag: "--port <P>",
      help: "UDP destination port of the tunnel",
    },
    vni: {
      ...VNI,
      flag: "--vni <N>",
      help: "only tunnels with this VNI or VSID (the outermost, where nested)",
    },
    udpChecksum: UDP_CHECKSUM,
    innerTag: INNER_TAGS_KEPT,
  };
}

/** For a kind over UDP whose port is this. */
export function encapsulateOverUdp(
  port: number,
): Fields<EncapsulateOverUdp, "stage" | "ttl" | "dscp" | "ecn" | "header" | "seed" | "port"> {
  return {
    ...ENCAPSULATE,
    port: {
      ...UDP_PORT,
      fallback: port,
      flag: "--dst-port <P>",
      help: "UDP destination port",
    },
    udpChecksum: {
      ...flag(),
      flag: "--udp-checksum",
      help: "compute the outer UDP checksum (default over IPv6)",
      off: { flag: "--no-udp-checksum", help: "leave the outer UDP checksum zero (default over IPv4)" },
    },
  };
}

/** The same with a VNI, for Ethernet frames. */
export function encapsulateUdp(
  port: number,
): Fields<
  EncapsulateUdp,
  "stage" | "ttl" | "dscp" | "ecn" | "header" | "seed" | "vni" | "port" | "innerTag"
> {
  return {
    ...encapsulateOverUdp(port),
    vni: {
      ...VNI,
      required: true,
      flag: "--vni <N>",
      help: `VNI, 0 to ${VNI_MAXIMUM}`,
    },
    innerTag: SOURCE_TAGS_KEPT,
  };
}

/** The port's default is the VTEP's. */
export const UDP_TUNNEL: Fields<UdpTunnelTo, "remote"> = {
  ...TUNNEL,
  port: UDP_PORT,
  udpChecksum: flag(),
};

function depth(): Kind<number | "all"> {
  return numberOr(whole(1, DEPTH_MAXIMUM), "all");
}

/** A number, or one word in its place. */
function numberOr<const W extends string>(number: Kind<number>, word: W): Kind<number | W> {
  return {
    expected: `${number.expected} or ${word}`,
    check: (path, value) => (value === word ? word : number.check(path, value)),
    parse: (path, text) => (text === word ? word : (number.parse?.(path, text) as number)),
  };
}
