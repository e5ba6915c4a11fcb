// Encapsulations over UDP: GRE, GTP-U, L2TP, TZSP, CAPWAP.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { type Field, type Fields, flag, whole } from "../core/fields.ts";
import { CAPWAP_PORT } from "../layout/capwap.layout.ts";
import { GRE_IN_UDP_PORT, GRE_LENGTH } from "../layout/gre.layout.ts";
import { GTP_LENGTH, GTP_PAYLOAD_LENGTH, GTP_PDU, GTP_PORT } from "../layout/gtp-u.layout.ts";
import { L2TP_PORT } from "../layout/l2tp.layout.ts";
import { PPP_ADDRESS, PPP_CONTROL, PPP_PROTOCOL_IPV4, PPP_PROTOCOL_IPV6 } from "../layout/link.layout.ts";
import { TZSP_PORT } from "../layout/tzsp.layout.ts";
import { bit, type EncapsulationRow, encapsulation, u16, u32 } from "./encapsulation.ts";
import { encapsulateOverUdp, SOURCE_TAGS_KEPT } from "./fields.ts";
import { GRE_FIELDS, GRE_IP_TYPES, type GreOptions, greHeader } from "./gre.ts";
import type { CarriesEthernet, EncapsulateOverUdp } from "./tunnel-kind.ts";

/** Options of an outer UDP packet that have a value always. */
type OfUdp = "stage" | "ttl" | "dscp" | "seed" | "header" | "port";

/** Where GRE is followed by its own checksum, if it has one. */
export const GRE_CHECKSUM_AT: number = GRE_LENGTH;

/** GRE in UDP (RFC 8086): its source port tells flows apart. */
export interface EncapsulateGreInUdp extends EncapsulateOverUdp, GreOptions {
  readonly kind: "gre-in-udp";
}

const greInUdp: EncapsulationRow = encapsulation<EncapsulateGreInUdp, OfUdp | "checksum" | "carries">(
  "gre-in-udp",
  { ...encapsulateOverUdp(GRE_IN_UDP_PORT), ...GRE_FIELDS },
  ({ key, checksum, carries, port }) => ({
    carries,
    around: { udp: port },
    header: greHeader({ key, checksum: checksum ? 0 : undefined }),
    ipTypes: GRE_IP_TYPES,
    checksumAt: checksum ? GRE_CHECKSUM_AT : undefined,
  }),
);

/** A user's IP packet on its way through a mobile network (3GPP TS 29.281). Frames of any link. */
export interface EncapsulateGtpU extends EncapsulateOverUdp {
  readonly kind: "gtp-u";
  /** Tunnel endpoint identifier, 0 to 2^32 - 1. */
  readonly teid: number;
  /** QoS flow of 5G, 0 to 63, in a PDU session container (3GPP TS 38.415). Default: no container. */
  readonly qfi?: number | undefined;
  /** Whether the packet comes from the user, as the container says. Default false. */
  readonly uplink?: boolean | undefined;
}

const gtpU: EncapsulationRow = encapsulation<EncapsulateGtpU, OfUdp | "teid">(
  "gtp-u",
  {
    ...encapsulateOverUdp(GTP_PORT),
    teid: {
      ...whole(0, 0xffffffff),
      required: true,
    },
    qfi: {
      ...whole(0, 63),
    },
    uplink: flag(),
  },
  ({ teid, qfi, uplink, port }) => {
    if (qfi === undefined && uplink !== undefined)
      throw new ArgumentTypeError("contradiction", "uplink", "is told together with qfi only");
    // No sequence, no N-PDU number, and the one extension, of four bytes, behind which there is no other.
    const container = qfi === undefined ? [] : [0, 0, 0, 0x85, 1, bit(uplink, 4), qfi, 0];
    return {
      carries: "ip",
      around: { udp: port },
      header: [container.length > 0 ? 0x34 : 0x30, GTP_PDU, 0, 0, ...u32(teid), ...container],
      length: { at: GTP_PAYLOAD_LENGTH, from: GTP_LENGTH },
    };
  },
);

/** An IP packet in PPP in a session of L2TP version 2 (RFC 2661). Frames of any link. */
export interface EncapsulateL2tp extends Omit<EncapsulateOverUdp, "port"> {
  readonly kind: "l2tp";
  /** 1 to 65535. Both UDP ports are 1701. */
  readonly tunnel: number;
  /** 1 to 65535. */
  readonly session: number;
}

const { port: _, ...WITHOUT_PORT } = encapsulateOverUdp(L2TP_PORT);
const ID = whole(1, 0xffff);

const l2tp: EncapsulationRow = encapsulation<EncapsulateL2tp, Exclude<OfUdp, "port"> | "tunnel" | "session">(
  "l2tp",
  {
    ...WITHOUT_PORT,
    tunnel: { ...ID, required: true },
    session: { ...ID, required: true },
  },
  ({ tunnel, session }) => ({
    carries: "ip",
    around: { udp: L2TP_PORT, source: L2TP_PORT },
    header: [0, 2, ...u16(tunnel), ...u16(session), PPP_ADDRESS, PPP_CONTROL, 0, 0],
    ipTypes: { at: 8, ipv4: PPP_PROTOCOL_IPV4, ipv6: PPP_PROTOCOL_IPV6 },
  }),
);

/** A frame that was received, as sniffers send it on (TaZmen Sniffer Protocol). */
export interface EncapsulateTzsp extends EncapsulateOverUdp, CarriesEthernet {
  readonly kind: "tzsp";
}

const tzsp: EncapsulationRow = encapsulation<EncapsulateTzsp, OfUdp>(
  "tzsp",
  { ...encapsulateOverUdp(TZSP_PORT), innerTag: SOURCE_TAGS_KEPT },
  // Version 1, received, Ethernet, and no tags but the end.
  ({ port }) => ({ carries: "ethernet", around: { udp: port }, header: [1, 0, 0, 1, 1] }),
);

/**
 * An Ethernet frame as an access point bridges it to its controller (RFC 5415 §4.3): whole, in the clear. Both UDP ports are
 * the controller's.
 */
export interface EncapsulateCapwap extends EncapsulateOverUdp, CarriesEthernet {
  readonly kind: "capwap";
  /** 1 to 31. Default 1. */
  readonly radio?: number | undefined;
}

const RADIO: Field<number> & { readonly fallback: number } = {
  ...whole(1, 31),
  fallback: 1,
};

const CAPWAP: Fields<Omit<EncapsulateCapwap, "kind">, OfUdp | "radio"> = {
  ...encapsulateOverUdp(CAPWAP_PORT),
  radio: RADIO,
  innerTag: SOURCE_TAGS_KEPT,
};

const capwap: EncapsulationRow = encapsulation<EncapsulateCapwap, OfUdp | "radio">(
  "capwap",
  CAPWAP,
  // Two words; the radio's binding is IEEE 802.11, the frame IEEE 802.3.
  ({ radio, port }) => ({
    carries: "ethernet",
    around: { udp: port, source: port },
    header: [0, ...u16((2 << 11) | (radio << 6) | (1 << 1)), 0, 0, 0, 0, 0],
  }),
);

export const UDP_ENCAPSULATIONS: readonly EncapsulationRow[] = [greInUdp, gtpU, l2tp, tzsp, capwap];
