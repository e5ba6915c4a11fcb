// GRE as a kind of tunnel (RFC 2784, RFC 2890): protocol type 0x6558.

import { choice, type Fields, flag, whole } from "../core/fields.ts";
import { DROP_GRE_TRUNCATED } from "../layout/drop.layout.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TEB } from "../layout/ethernet.layout.ts";
import { GRE_PROTOCOL } from "../layout/gre.layout.ts";
import {
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_KEYED,
  DECAPSULATE_STRICT_LENGTHS,
  DECAPSULATE_TRUST_GRE,
} from "../layout/stage.layout.ts";
import { TUNNEL_GRE } from "../layout/tunnel.layout.ts";
import { emitGre, type GreFields, greLength } from "../wire/gre.ts";
import {
  CARRIES,
  DECAPSULATE,
  ENCAPSULATE,
  GRE_CHECKSUM,
  INNER_TAGS_KEPT,
  RESERVED_BITS,
  SOURCE_TAGS_KEPT,
  TUNNEL,
} from "./fields.ts";
import type { CarriesEither, Decapsulate, Encapsulate, IpTypes, TunnelRow, TunnelTo } from "./tunnel-kind.ts";

/**
 * Takes GRE headers off that carry Ethernet frames, with or without checksum, key and sequence number, which is not looked
 * at, as in Open vSwitch.
 */
interface DecapsulateGre extends Decapsulate {
  readonly kind: "gre";
  /** Only packets with this key, 0 to 2^32 - 1; the outermost one counts where tunnels are nested. Default: any, or none. */
  readonly key?: number | undefined;
  /**
   * What flags mean: `"rfc"` drops packets with those that a receiver must not take and ignores the rest
   * (RFC 2784 §2.3), the default; `"strict"` drops packets with any but those of checksum, key and sequence number, as
   * Open vSwitch does.
   */
  readonly rule?: "rfc" | "strict" | undefined;
  /** Whether a GRE checksum that is there must be right (RFC 2784 §2.5). Default `"verify"`, as Linux and Open vSwitch do. */
  readonly checksum?: "ignore" | "verify" | undefined;
  /** What becomes of a passenger with a VLAN tag. Default `"keep"`. */
  readonly innerTag?: "keep" | "drop" | undefined;
}

/** What GRE has in whatever lies around it. */
export interface GreOptions extends CarriesEither {
  /** 0 to 2^32 - 1. Default: no key. */
  readonly key?: number | undefined;
  /** Whether to compute the GRE checksum over header and passenger (RFC 2784 §2.5). Default false. */
  readonly checksum?: boolean | undefined;
}

/**
 * Puts the frame into a GRE tunnel. There are no sequence numbers: they are a state of the tunnel, and several workers have
 * none in common.
 */
interface EncapsulateGre extends Encapsulate, GreOptions {
  readonly kind: "gre";
}

/**
 * GRE with a key, which is the VNI of the frame's bridge domain. Packets without a key, or with one of more than 24 bits,
 * are not accepted; checksums that are there must be right.
 */
interface GreTunnel extends TunnelTo {
  readonly kind: "gre";
  /** Whether the GRE checksum is computed over header and frame. Default false. */
  readonly checksum?: boolean | undefined;
}

export interface Gre {
  readonly decapsulate: DecapsulateGre;
  readonly encapsulate: EncapsulateGre;
  readonly tunnel: GreTunnel;
}

/** Flags of a decapsulation that change nothing for a plain packet, or that the loop knows. */
export const USUAL_GRE: number =
  DECAPSULATE_KEEP_OTHERS | DECAPSULATE_TRUST_GRE | DECAPSULATE_KEYED | DECAPSULATE_STRICT_LENGTHS;

const KEY_MAXIMUM = 0xffffffff;
const kind = { ...choice("gre"), required: true } as const;

/** Of GRE in whatever lies around it. */
export const GRE_FIELDS: Fields<GreOptions, "checksum" | "carries"> = {
  key: {
    ...whole(0, KEY_MAXIMUM),
    flag: "--key <N>",
    help: `GRE key, 0 to ${KEY_MAXIMUM} (default: none)`,
  },
  checksum: { ...flag(), fallback: false, flag: "--gre-checksum", help: "compute the GRE checksum" },
  innerTag: SOURCE_TAGS_KEPT,
  carries: CARRIES,
};

export const GRE_IP_TYPES: IpTypes = { at: GRE_PROTOCOL, ipv4: ETHERTYPE_IPV4, ipv6: ETHERTYPE_IPV6 };

export const gre: TunnelRow<Gre> = {
  name: "gre",
  title: "GRE",
  number: TUNNEL_GRE,
  over: { protocol: "gre", type: ETHERTYPE_TEB },
  numberName: "key",
  numberRange: [0, KEY_MAXIMUM],
  placeholder: 0,
  numberAt: -4,
  numberShift: 8,
  decapsulate: {
    kind,
    ...DECAPSULATE,
    key: {
      ...whole(0, KEY_MAXIMUM),
      flag: "--key <N>",
      help: "only GRE tunnels with this key (the outermost, where nested)",
    },
    rule: RESERVED_BITS,
    checksum: GRE_CHECKSUM,
    innerTag: INNER_TAGS_KEPT,
  },
  encapsulate: {
    kind,
    ...ENCAPSULATE,
    ...GRE_FIELDS,
  },
  tunnel: { kind, ...TUNNEL, checksum: flag() },
  ipTypes: GRE_IP_TYPES,
  header: ({ key, checksum }) => greHeader({ key, checksum: checksum ? 0 : undefined }),
  decapsulateFlags: 0,
  encapsulateFlags: 0,
  // Version 0, a whole frame, and none of the bits that a receiver must look at but K.
  plain: { mask: 0xdc07ffff, bits: 0x00006558, usual: USUAL_GRE },
  truncated: DROP_GRE_TRUNCATED,
  alike: TUNNEL_GRE,
  layer: "gre",
};

export function greHeader(fields: GreFields): Uint8Array {
  const header = new Uint8Array(greLength(fields));
  emitGre(fields, header);
  return header;
}
