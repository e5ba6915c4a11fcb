// A decapsulation of any kind: its options, as a table.

import { ip } from "../core/address-fields.ts";
import type { IpAddress } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { alternatives } from "../core/arguments.ts";
import { choice, type Fields, type Kind, list, object, several, whole } from "../core/fields.ts";
import { ANY_ADDRESSES_MAXIMUM, ANY_NUMBERS_MAXIMUM } from "../layout/stage.layout.ts";
import {
  CRITICAL_OPTIONS,
  DECAPSULATE,
  GRE_CHECKSUM,
  INNER_TAGS_KEPT,
  RESERVED_BITS,
  UDP_CHECKSUM,
  VNI,
} from "./fields.ts";
import { type OtherWrapping, WRAPPING_KINDS, WRAPPING_ROWS, type WrappingKind } from "./wrappings.ts";

/** UDP destination ports, by kind: what is given replaces a kind's usual ones. */
export type WrappingPorts = { readonly [K in WrappingKind]?: readonly number[] | undefined };

/** What frames can be told apart by once they are out: see `splitCapture`. */
export type FrameLabel = "vni" | "kind" | "remote";

/** Takes off whatever wrapping is there, mixed ones too: of all kinds, of some of them, or of one that no tunnel here has. */
export interface DecapsulateAny {
  readonly stage: "decapsulate";
  /** `"any"`: all of `kinds`; or one of those kinds that are only taken off. */
  readonly kind: "any" | OtherWrapping;
  /** With `"any"`: what to take off. Default: all but `"nvgre"`, which looks as GRE with a key does. */
  readonly kinds?: readonly WrappingKind[] | undefined;
  /**
   * How many wrappings to take off, one in the other, 1 to 64, or all of them. Default 1. One that carries another directly,
   * as GRE carries MPLS, counts together with that.
   */
  readonly depth?: number | "all" | undefined;
  /**
   * What an IP packet becomes that was in no Ethernet frame: `"ethernet"`, the default, gives it an Ethernet header from
   * 02:00:00:00:00:01 to 02:00:00:00:00:02; `"raw"` leaves it without.
   */
  readonly link?: "ethernet" | "raw" | undefined;
  /**
   * What becomes of frames from which nothing can be taken off. Default `"drop"`. `"keep"` keeps those in which nothing that
   * is known was seen, fragments, control packets, and what carries neither Ethernet nor IP.
   */
  readonly others?: "drop" | "keep" | undefined;
  /** UDP destination ports by kind. Default: see `wrappingKinds`. */
  readonly ports?: WrappingPorts | undefined;
  /** Only frames whose outermost VNI, VSID or I-SID is one of these. Keys and VNIs together: at most 32. Default: any. */
  readonly vni?: number | readonly number[] | undefined;
  /** Only frames whose outermost number is a GRE key, and one of these. With `vni` as well: either. Default: any. */
  readonly key?: number | readonly number[] | undefined;
  /** Only packets whose outermost tunnel over IP leads to one of these addresses. With `remote` at most 16. Default: any. */
  readonly local?: IpAddress | readonly IpAddress[] | undefined;
  /** Only packets whose outermost tunnel over IP comes from one of these addresses. Default: any. */
  readonly remote?: IpAddress | readonly IpAddress[] | undefined;
  /** Reserved bits of VXLAN, VXLAN-GPE and GRE: as for those kinds. Default `"rfc"`. */
  readonly rule?: "rfc" | "strict" | undefined;
  /** Whether outer IPv4 header checksums must be right. Default `"verify"`. */
  readonly ipChecksum?: "ignore" | "verify" | undefined;
  /** Whether UDP checksums that are there must be right. Default `"ignore"`. */
  readonly udpChecksum?: "ignore" | "verify" | undefined;
  /** Whether GRE checksums that are there must be right. Default `"verify"`. */
  readonly checksum?: "ignore" | "verify" | undefined;
  /** What becomes of Geneve packets with critical options. Default `"drop"`. */
  readonly criticalOptions?: "drop" | "take" | undefined;
  /** What becomes of passengers with a VLAN tag. Default `"keep"`. */
  readonly innerTag?: "keep" | "drop" | undefined;
  /**
   * What an IP length means that cannot be. `"tolerant"`, the default: zero is all that is there, as hosts have it that leave
   * segmentation to their cards; and what is longer than the frame was cut by a mirror that did not say so, so that the
   * passenger's length on the wire is what the outer length says. `"strict"` drops such packets.
   */
  readonly lengths?: "strict" | "tolerant" | undefined;
  /** What passengers take over of the IP packets around them: as for single kinds, from the outermost to the innermost. */
  readonly ecn?: "ignore" | "rfc6040" | undefined;
  readonly dscp?: "pipe" | "uniform" | undefined;
  readonly ttl?: "pipe" | "uniform" | undefined;
  /**
   * In a pcapng that is written a block in front of each frame says its outermost VNI, VSID or I-SID (`"vni"`), the kind of its
   * outermost wrapping, or where its outermost tunnel over IP comes from: what `splitCapture` reads, and
   * other programs pass over. Default: there are no such blocks.
   */
  readonly label?: FrameLabel | undefined;
}

type Defaults =
  | "stage"
  | "kind"
  | "depth"
  | "link"
  | "others"
  | "rule"
  | "ipChecksum"
  | "udpChecksum"
  | "checksum"
  | "criticalOptions"
  | "innerTag"
  | "lengths"
  | "ecn"
  | "dscp"
  | "ttl";

const KINDS = choice(...WRAPPING_KINDS);
const PORT = whole(1, 65535);
const UDP_ROWS = WRAPPING_ROWS.filter(({ ports }) => ports.length > 0);

/** The name of a port's kind on a command line that names none. */
export const NO_KIND = "";

const PORTS = object<WrappingPorts>(
  Object.fromEntries(UDP_ROWS.map(({ name }) => [name, list(PORT)])) as unknown as Fields<WrappingPorts>,
);

const { header: _, ...COMMON } = DECAPSULATE;

export const DECAPSULATE_ANY: Fields<DecapsulateAny, Defaults> = {
  ...COMMON,
  kind: {
    ...(choice("any", ...WRAPPING_KINDS) as Kind<DecapsulateAny["kind"]>),
    required: true,
  },
  kinds: {
    ...list(KINDS),
    flag: "--kind <KIND>",
    help: `take only this kind off; may be given several times (default: all but nvgre): ${alternatives(WRAPPING_KINDS)}`,
  },
  link: {
    ...choice("ethernet", "raw"),
    fallback: "ethernet",
    flag: "--link <LINK>",
    help: "IP packets that were in no Ethernet frame: with an Ethernet header made up, or raw",
  },
  ports: {
    ...PORTS,
    repeats: true,
    flag: "--port <[KIND=]P>",
    help: "UDP destination port of a kind in place of the usual ones; may be given several times, without KIND of the only --kind, or of VXLAN",
    parse: (path, text, before = {}) => portsOfText(path, text, before as WrappingPorts),
  },
  vni: {
    ...several(VNI, ANY_NUMBERS_MAXIMUM),
    flag: "--vni <N>",
    help: "only frames with this VNI, VSID or I-SID (the outermost, where nested); may be given several times",
  },
  key: {
    ...several(whole(0, 0xffffffff), ANY_NUMBERS_MAXIMUM),
    flag: "--key <N>",
    help: "only frames with this GRE key (the outermost number, where nested); may be given several times",
  },
  local: {
    ...several(ip(), ANY_ADDRESSES_MAXIMUM),
    flag: "--local <IP>",
    help: "only tunnels to this address (the outermost, where nested); may be given several times",
  },
  remote: {
    ...several(ip(), ANY_ADDRESSES_MAXIMUM),
    flag: "--remote <IP>",
    help: "only tunnels from this address (the outermost, where nested); may be given several times",
  },
  rule: RESERVED_BITS,
  udpChecksum: UDP_CHECKSUM,
  checksum: GRE_CHECKSUM,
  criticalOptions: CRITICAL_OPTIONS,
  innerTag: INNER_TAGS_KEPT,
  label: choice("vni", "kind", "remote"),
};

/** `6082`, `geneve=6082` or `geneve=6082,6083`, beside those given before. */
function portsOfText(path: string, text: string, before: WrappingPorts): WrappingPorts {
  const [first = "", second, ...more] = text.split("=");
  const kind = second === undefined ? NO_KIND : first;
  if (more.length > 0 || (kind !== NO_KIND && !UDP_ROWS.some(({ name }) => name === kind))) {
    const kinds = alternatives(UDP_ROWS.map(({ name }) => name));
    throw new ArgumentRangeError(
      "malformed",
      path,
      `expected P or KIND=P with KIND ${kinds}, got ${JSON.stringify(text)}`,
    );
  }
  const ports = (second ?? first).split(",").map((port) => PORT.parse?.(path, port) as number);
  return { ...before, [kind]: [...(before[kind as WrappingKind] ?? []), ...ports] };
}
