// Encapsulations on Ethernet, some over IP as well: MPLS, PPPoE, NSH.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { type Checked, type Field, type Fields, flag, type Kind, several, whole } from "../core/fields.ts";
import { ETHERTYPE_MPLS, ETHERTYPE_NSH, ETHERTYPE_PPPOE } from "../layout/ethernet.layout.ts";
import { PPP_PROTOCOL_IPV4, PPP_PROTOCOL_IPV6 } from "../layout/link.layout.ts";
import { IP_PROTOCOL_MPLS, MPLS_IN_UDP_PORT } from "../layout/mpls.layout.ts";
import { NSH_NEXT_ETHERNET, NSH_NEXT_IPV4, NSH_NEXT_IPV6 } from "../layout/nsh.layout.ts";
import { PPPOE_LENGTH, PPPOE_PAYLOAD_LENGTH, PPPOE_VERSION_1_TYPE_1 } from "../layout/pppoe.layout.ts";
import { VXLAN_NEXT_NSH, VXLAN_PORT_GPE } from "../layout/vxlan.layout.ts";
import {
  bit,
  type EncapsulateOnEthernet,
  type EncapsulationRow,
  encapsulation,
  isOnEthernet,
  ON_ETHERNET,
  u16,
  u32,
} from "./encapsulation.ts";
import { CARRIES, ENCAPSULATE, encapsulateOverUdp, SOURCE_TAGS_KEPT, VNI } from "./fields.ts";
import type { CarriesEither, Encapsulate, EncapsulateOverUdp } from "./tunnel-kind.ts";

/** What MPLS has wherever it stands. */
interface MplsOptions extends CarriesEither {
  /** 0 to 1048575; of a stack from the top to the bottom, at most 16. */
  readonly label: number | readonly number[];
  /** Traffic class of all entries, 0 to 7. Default 0. */
  readonly trafficClass?: number | undefined;
  /**
   * Whether a control word (RFC 4385 §3) stands in front of an Ethernet frame, without a sequence number. Default false. Not
   * with `carries: "ip"`.
   */
  readonly controlWord?: boolean | undefined;
}

/**
 * A label stack (RFC 3032) with an Ethernet pseudowire (RFC 4448) or an IP packet: on Ethernet, or with `local` and `remote` over
 * IP (RFC 4023). `ttl` is that of the entries, too.
 */
export interface EncapsulateMpls extends Omit<Encapsulate, "header">, MplsOptions {
  readonly kind: "mpls";
}

/** The same over UDP (RFC 7510), whose source port tells flows apart. */
export interface EncapsulateMplsInUdp extends EncapsulateOverUdp, MplsOptions {
  readonly kind: "mpls-in-udp";
}

const LABELS_MAXIMUM = 16;

const MPLS: Fields<MplsOptions, "label" | "trafficClass" | "carries"> = {
  label: {
    ...labels(),
    required: true,
  },
  trafficClass: {
    ...whole(0, 7),
    fallback: 0,
  },
  controlWord: flag(),
  innerTag: SOURCE_TAGS_KEPT,
  carries: CARRIES,
};

const LABEL_TTL = 64;

function labels(): Kind<number | readonly number[]> {
  const any = several(whole(0, 0xfffff), LABELS_MAXIMUM);
  const check = (path: string, value: unknown): readonly number[] => {
    const all = any.check(path, value) as readonly number[];
    if (all.length > 0) return all;
    throw new ArgumentRangeError("out-of-range", path, `expected 1 to ${LABELS_MAXIMUM} labels, got none`);
  };
  return { ...any, check } as Kind<number | readonly number[]>;
}

function stack(
  options: Checked<MplsOptions, "label" | "trafficClass" | "carries"> & { readonly ttl: number | "uniform" },
): number[] {
  const { label, trafficClass, controlWord, carries } = options;
  // The passenger's is the outer packet's then; labels have one of their own (RFC 3443 §3.2).
  const ttl = options.ttl === "uniform" ? LABEL_TTL : options.ttl;
  if (carries === "ip" && controlWord !== undefined)
    throw new ArgumentTypeError("contradiction", "controlWord", 'is for frames, not for `carries: "ip"`');
  const all = label as readonly number[];
  const entries = all.flatMap((one, index) =>
    u32((one << 12) | (trafficClass << 9) | bit(index === all.length - 1, 8) | ttl),
  );
  return controlWord ? [...entries, ...u32(0)] : entries;
}

const { header: _, ...OVER_IP } = ENCAPSULATE;

const mpls: EncapsulationRow = encapsulation<
  EncapsulateMpls,
  "stage" | "ttl" | "dscp" | "seed" | "label" | "trafficClass" | "carries"
>(
  "mpls",
  { ...OVER_IP, ...MPLS },
  (options) => ({
    carries: options.carries,
    around: isOnEthernet(options) ? { etherType: ETHERTYPE_MPLS } : { protocol: IP_PROTOCOL_MPLS },
    header: stack(options),
  }),
  ["dscp", "ecn"],
);

const mplsInUdp: EncapsulationRow = encapsulation<
  EncapsulateMplsInUdp,
  "stage" | "ttl" | "dscp" | "seed" | "header" | "port" | "label" | "trafficClass" | "carries"
>("mpls-in-udp", { ...encapsulateOverUdp(MPLS_IN_UDP_PORT), ...MPLS }, (options) => ({
  carries: options.carries,
  around: { udp: options.port },
  header: stack(options),
}));

/** An IP packet in a session of PPP over Ethernet (RFC 2516). Frames of any link. */
export interface EncapsulatePppoe extends EncapsulateOnEthernet {
  readonly kind: "pppoe";
  /** 1 to 65534. */
  readonly session: number;
}

const pppoe: EncapsulationRow = encapsulation<EncapsulatePppoe, "stage" | "seed" | "session">(
  "pppoe",
  {
    ...ON_ETHERNET,
    session: { ...whole(1, 0xfffe), required: true },
  },
  ({ session }) => ({
    carries: "ip",
    around: { etherType: ETHERTYPE_PPPOE },
    header: [PPPOE_VERSION_1_TYPE_1, 0, ...u16(session), 0, 0, 0, 0],
    ipTypes: { at: PPPOE_LENGTH, ipv4: PPP_PROTOCOL_IPV4, ipv6: PPP_PROTOCOL_IPV6 },
    length: { at: PPPOE_PAYLOAD_LENGTH, from: PPPOE_LENGTH },
  }),
);

/**
 * A service function chain's header (RFC 8300), without metadata: on Ethernet, or with `local`, `remote` and `vni` in
 * VXLAN-GPE.
 */
export interface EncapsulateNsh extends Omit<EncapsulateOverUdp, "header">, CarriesEither {
  readonly kind: "nsh";
  /** Service path, 0 to 16777215. */
  readonly path: number;
  /** Place in the path, 0 to 255. Default 255. */
  readonly index?: number | undefined;
  /** Of VXLAN-GPE, 0 to 16777215: only there, and required there. */
  readonly vni?: number | undefined;
}

const { header: __, ...OVER_UDP } = encapsulateOverUdp(VXLAN_PORT_GPE);
const { fallback: ___, ...GPE_PORT } = OVER_UDP.port as Field<number>;

const NSH: Fields<
  Omit<EncapsulateNsh, "kind">,
  "stage" | "ttl" | "dscp" | "seed" | "path" | "index" | "carries"
> = {
  ...OVER_UDP,
  port: GPE_PORT,
  path: {
    ...whole(0, 0xffffff),
    required: true,
  },
  index: {
    ...whole(0, 255),
    fallback: 255,
  },
  vni: VNI,
  innerTag: SOURCE_TAGS_KEPT,
  carries: CARRIES,
};

const nsh: EncapsulationRow = encapsulation<
  EncapsulateNsh,
  "stage" | "ttl" | "dscp" | "seed" | "path" | "index" | "carries"
>(
  "nsh",
  NSH,
  (options) => {
    const { path, index, carries, vni, port = VXLAN_PORT_GPE } = options;
    // Time to live 63, two words, metadata of type 2: none.
    const own = [...u16((63 << 6) | 2), 2, NSH_NEXT_ETHERNET, ...u32((path << 8) | index)];
    const ipTypes = (before: number): { at: number; ipv4: number; ipv6: number } => ({
      at: before + 2,
      ipv4: 0x200 | NSH_NEXT_IPV4,
      ipv6: 0x200 | NSH_NEXT_IPV6,
    });
    if (isOnEthernet(options))
      return { carries, around: { etherType: ETHERTYPE_NSH }, header: own, ipTypes: ipTypes(0) };
    if (vni === undefined)
      throw new ArgumentTypeError(
        "missing",
        "vni",
        "NSH between two addresses is in VXLAN-GPE, which needs it",
      );
    const gpe = [0x0c, 0, 0, VXLAN_NEXT_NSH, ...u32(vni << 8)];
    return { carries, around: { udp: port }, header: [...gpe, ...own], ipTypes: ipTypes(gpe.length) };
  },
  ["dscp", "ecn", "ttl", "port", "udpChecksum", "vni"],
);

export const ETHERNET_ENCAPSULATIONS: readonly EncapsulationRow[] = [mpls, mplsInUdp, pppoe, nsh];
