// Encapsulations directly over IP: IP itself, GRE with ERSPAN, EtherIP, L2TPv3.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { byteArray } from "../core/arguments.ts";
import { choice, type Field, type Fields, flag, type Kind, whole } from "../core/fields.ts";
import { IP_PROTOCOL_ETHERIP } from "../layout/etherip.layout.ts";
import { ETHERTYPE_ERSPAN, ETHERTYPE_ERSPAN_III } from "../layout/ethernet.layout.ts";
import { GRE_FLAG_SEQUENCE } from "../layout/gre.layout.ts";
import { IP_PROTOCOL_GRE, IP_PROTOCOL_IPV4, IP_PROTOCOL_IPV6 } from "../layout/ipv4.layout.ts";
import { IP_PROTOCOL_L2TP, L2TP_PORT } from "../layout/l2tp.layout.ts";
import { bit, type EncapsulationRow, encapsulation, u16, u32 } from "./encapsulation.ts";
import { ENCAPSULATE, encapsulateOverUdp, SOURCE_TAGS_KEPT } from "./fields.ts";
import type { CarriesEthernet, Encapsulate, EncapsulateOverUdp } from "./tunnel-kind.ts";

/** Options of an outer IP packet that have a value always. */
type OfIp = "stage" | "ttl" | "dscp" | "seed" | "header";

/** Puts the IP packet of a frame into another: frames of any link, without link header, VLAN tags and padding. */
interface EncapsulateIp<K extends string> extends Omit<Encapsulate, "header"> {
  readonly kind: K;
}

/** IPv4 in IPv4 (RFC 2003). */
export interface EncapsulateIpip extends EncapsulateIp<"ipip"> {}
/** IPv6 in IPv4 (RFC 4213). */
export interface Encapsulate6in4 extends EncapsulateIp<"6in4"> {}
/** IPv4 in IPv6 (RFC 2473). */
export interface Encapsulate4in6 extends EncapsulateIp<"4in6"> {}
/** IPv6 in IPv6 (RFC 2473). */
export interface Encapsulate6in6 extends EncapsulateIp<"6in6"> {}

const { header: _, ...IN_IP } = ENCAPSULATE;

function ipInIp<K extends string>(name: K, inner: 4 | 6, version: 4 | 6): EncapsulationRow {
  const protocol = inner === 4 ? IP_PROTOCOL_IPV4 : IP_PROTOCOL_IPV6;
  return encapsulation<EncapsulateIp<K>, Exclude<OfIp, "header">>(name, IN_IP, () => ({
    carries: inner === 4 ? "ipv4" : "ipv6",
    around: { protocol, version },
    header: [],
  }));
}

/** Mirrors the frame as ERSPAN does (draft-foschiano-erspan). GRE sequence numbers and times are zero. */
export interface EncapsulateErspan extends Encapsulate, CarriesEthernet {
  readonly kind: "erspan";
  /** Default 2. Type I is a frame in GRE with no header of its own. */
  readonly type?: 1 | 2 | 3 | undefined;
  /** 0 to 1023. Default 0; not of type I. */
  readonly session?: number | undefined;
  /** VLAN of the mirrored frame, 0 to 4095. Default 0; not of type I. */
  readonly vlan?: number | undefined;
  /** Class of service of the mirrored frame, 0 to 7. Default 0; not of type I. */
  readonly cos?: number | undefined;
  /** Port and direction of the mirrored frame, 0 to 1048575. Default 0; only of type II. */
  readonly index?: number | undefined;
  /** Security group tag, 0 to 65535. Default 0; only of type III. */
  readonly securityGroup?: number | undefined;
  /** 0 to 63. Default 0; only of type III. */
  readonly hardware?: number | undefined;
  /** Mirrored on the way out. Default false; only of type III. */
  readonly egress?: boolean | undefined;
}

const ERSPAN: Fields<Omit<EncapsulateErspan, "kind">, OfIp | "type" | "innerTag"> = {
  ...ENCAPSULATE,
  type: {
    ...(whole(1, 3) as Kind<1 | 2 | 3>),
    fallback: 2,
  },
  session: whole(0, 1023),
  vlan: {
    ...whole(0, 4095),
  },
  cos: whole(0, 7),
  index: whole(0, 0xfffff),
  securityGroup: whole(0, 0xffff),
  hardware: whole(0, 63),
  egress: flag(),
  innerTag: SOURCE_TAGS_KEPT as Field<"keep" | "strip"> & { readonly fallback: "keep" },
};

/** Which options of ERSPAN's header each type has none of. */
const NOT_OF: Readonly<Record<1 | 2 | 3, readonly (keyof EncapsulateErspan)[]>> = {
  1: ["session", "vlan", "cos", "index", "securityGroup", "hardware", "egress"],
  2: ["securityGroup", "hardware", "egress"],
  3: ["index"],
};

const erspan: EncapsulationRow = encapsulation<EncapsulateErspan, OfIp | "type" | "innerTag">(
  "erspan",
  ERSPAN,
  (options) => {
    const {
      type,
      session = 0,
      vlan = 0,
      cos = 0,
      index = 0,
      securityGroup = 0,
      hardware = 0,
      egress,
    } = options;
    for (const name of NOT_OF[type])
      if (options[name as keyof typeof options] !== undefined)
        throw new ArgumentTypeError("not-for-this", name, `ERSPAN of type ${type} has no such option`);
    const sequence = [0, 0, 0, 0];
    const mirrored = [...u16(vlan), ...u16((cos << 13) | session)];
    const around = { protocol: IP_PROTOCOL_GRE };
    const gre = (type: number, flags: number): number[] => [...u16(flags), ...u16(type)];
    if (type === 1) return { carries: "ethernet", around, header: gre(ETHERTYPE_ERSPAN, 0) };
    if (type === 2) {
      // A tag stays in the frame: that is what 3 says.
      const kept = [...u16(0x1000 | vlan), ...u16((cos << 13) | (3 << 11) | session)];
      return {
        carries: "ethernet",
        around,
        header: [...gre(ETHERTYPE_ERSPAN, GRE_FLAG_SEQUENCE), ...sequence, ...kept, ...u32(index)],
      };
    }
    mirrored[0] = (mirrored[0] as number) | 0x20;
    const flags = bit(true, 15) | (hardware << 4) | bit(egress, 3);
    return {
      carries: "ethernet",
      around,
      header: [
        ...gre(ETHERTYPE_ERSPAN_III, GRE_FLAG_SEQUENCE),
        ...sequence,
        ...mirrored,
        ...u32(0),
        ...u16(securityGroup),
        ...u16(flags),
      ],
    };
  },
);

/** Ethernet in IP (RFC 3378). */
export interface EncapsulateEtherIp extends Encapsulate, CarriesEthernet {
  readonly kind: "etherip";
}

const etherip: EncapsulationRow = encapsulation<EncapsulateEtherIp, OfIp>(
  "etherip",
  { ...ENCAPSULATE, innerTag: SOURCE_TAGS_KEPT },
  () => ({ carries: "ethernet", around: { protocol: IP_PROTOCOL_ETHERIP }, header: [0x30, 0] }),
);

/** An Ethernet frame in a session of L2TP version 3 (RFC 3931, RFC 4719). */
export interface EncapsulateL2tpv3 extends Omit<EncapsulateOverUdp, "port">, CarriesEthernet {
  readonly kind: "l2tpv3";
  /** 1 to 2^32 - 1. */
  readonly session: number;
  /** Directly over IP, the default, or over UDP, both ports 1701. */
  readonly over?: "ip" | "udp" | undefined;
  /** 4 or 8 bytes. Default: none. */
  readonly cookie?: Uint8Array | undefined;
  /** Whether the default sublayer is there, without a sequence number. Default false. */
  readonly sublayer?: boolean | undefined;
}

/** 4 or 8 bytes. */
function cookie(): Kind<Uint8Array> {
  const expected = "a Uint8Array of 4 or 8 bytes";
  const check = (path: string, value: unknown): Uint8Array => {
    const { length } = byteArray(path, value);
    if (length === 4 || length === 8) return value as Uint8Array;
    throw new ArgumentRangeError("out-of-range", path, `expected 4 or 8 bytes, got ${length}`);
  };
  return { expected, check };
}

const { port: __, ...UDP_WITHOUT_PORT } = encapsulateOverUdp(L2TP_PORT);

const l2tpv3: EncapsulationRow = encapsulation<EncapsulateL2tpv3, OfIp | "session" | "over">(
  "l2tpv3",
  {
    ...UDP_WITHOUT_PORT,
    session: {
      ...whole(1, 0xffffffff),
      required: true,
    },
    over: { ...choice("ip", "udp"), fallback: "ip" },
    cookie: cookie(),
    sublayer: flag(),
    innerTag: SOURCE_TAGS_KEPT,
  },
  ({ session, over, cookie: bytes = [], sublayer, udpChecksum }) => {
    if (over === "ip" && udpChecksum !== undefined)
      throw new ArgumentTypeError("not-for-this", "udpChecksum", "L2TPv3 over IP has no such option");
    const header = [...u32(session), ...bytes, ...(sublayer ? u32(0) : [])];
    if (over === "ip") return { carries: "ethernet", around: { protocol: IP_PROTOCOL_L2TP }, header };
    const around = { udp: L2TP_PORT, source: L2TP_PORT };
    return { carries: "ethernet", around, header: [...u32(0x00030000), ...header] };
  },
);

export const IP_ENCAPSULATIONS: readonly EncapsulationRow[] = [
  erspan,
  ipInIp("ipip", 4, 4),
  ipInIp("6in4", 6, 4),
  ipInIp("4in6", 4, 6),
  ipInIp("6in6", 6, 6),
  etherip,
  l2tpv3,
];
