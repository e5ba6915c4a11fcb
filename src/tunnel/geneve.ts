// Geneve as a kind of tunnel (RFC 8926).

import { ArgumentRangeError } from "../core/argument-error.ts";
import { bytes, choice, type Field, type Fields, type Kind, list, object, whole } from "../core/fields.ts";
import { DROP_GENEVE_TRUNCATED } from "../layout/drop.layout.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../layout/ethernet.layout.ts";
import { GENEVE_PORT, GENEVE_PROTOCOL, GENEVE_VNI } from "../layout/geneve.layout.ts";
import { TUNNEL_GENEVE } from "../layout/tunnel.layout.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import { emitGeneve, type GeneveOption, geneveLength } from "../wire/geneve.ts";
import {
  CARRIES,
  CRITICAL_OPTIONS,
  decapsulateUdp,
  encapsulateUdp,
  UDP_TUNNEL,
  USUAL_UDP,
} from "./fields.ts";
import type { CarriesEither, DecapsulateUdp, EncapsulateUdp, TunnelRow, UdpTunnelTo } from "./tunnel-kind.ts";

/** Takes Geneve headers and their options off. Control packets (O flag) are dropped: they carry no passengers. */
interface DecapsulateGeneve extends DecapsulateUdp {
  readonly kind: "geneve";
  /**
   * What becomes of packets with a critical option. No option is understood here, so that the default is `"drop"`
   * (RFC 8926 §3.5). `"take"` passes over them, for captures of networks whose options one knows: OVN's are critical.
   */
  readonly criticalOptions?: "drop" | "take" | undefined;
}

/** Puts the frame into a Geneve tunnel. */
interface EncapsulateGeneve extends EncapsulateUdp, CarriesEither {
  readonly kind: "geneve";
  /** Options that every packet gets, 252 bytes at most. A critical one sets the C flag. Default: none. */
  readonly options?: readonly GeneveOption[] | undefined;
}

/** Packets with critical options are not accepted: no option is understood here. */
interface GeneveTunnel extends UdpTunnelTo {
  readonly kind: "geneve";
  /**
   * Options that every packet gets, 252 bytes at most; frames and the switch's copies need headroom for them. A critical
   * one sets the C flag. Default: none.
   */
  readonly options?: readonly GeneveOption[] | undefined;
}

export interface Geneve {
  readonly decapsulate: DecapsulateGeneve;
  readonly encapsulate: EncapsulateGeneve;
  readonly tunnel: GeneveTunnel;
}

const OPTION: Fields<GeneveOption, "class" | "type" | "data"> = {
  class: { ...whole(0, 0xffff), required: true },
  type: { ...whole(0, 0xff), required: true },
  data: { ...bytes(), required: true },
};

/** How long they may be the codec says. */
const OPTIONS: Field<readonly GeneveOption[]> = {
  ...list(geneveOption()),
  flag: "--geneve-option <CLASS:TYPE:DATA>",
  help: "option of every Geneve header, data in hex; may be given several times",
};

const kind = { ...choice("geneve"), required: true } as const;

export const geneve: TunnelRow<Geneve> = {
  name: "geneve",
  title: "Geneve",
  number: TUNNEL_GENEVE,
  over: { protocol: "udp", port: GENEVE_PORT },
  numberName: "vni",
  numberRange: [0, VNI_MAXIMUM],
  placeholder: 0,
  numberAt: GENEVE_VNI,
  numberShift: 0,
  decapsulate: {
    kind,
    ...decapsulateUdp(GENEVE_PORT),
    criticalOptions: CRITICAL_OPTIONS,
  },
  encapsulate: { kind, ...encapsulateUdp(GENEVE_PORT), carries: CARRIES, options: OPTIONS },
  tunnel: { kind, ...UDP_TUNNEL, options: OPTIONS },
  ipTypes: { at: GENEVE_PROTOCOL, ipv4: ETHERTYPE_IPV4, ipv6: ETHERTYPE_IPV6 },
  header({ vni = 0, options = [] }) {
    const header = new Uint8Array(geneveLength({ options }));
    emitGeneve({ vni, options }, header);
    return header;
  },
  decapsulateFlags: 0,
  encapsulateFlags: 0,
  // Version 0, no options, O clear, and a whole frame; C and the reserved bits are ignored.
  plain: { mask: 0xff80ffff, bits: 0x00006558, usual: USUAL_UDP },
  truncated: DROP_GENEVE_TRUNCATED,
  alike: TUNNEL_GENEVE,
  layer: "geneve",
};

/** On a command line CLASS:TYPE:DATA, of which the data may be left out. */
function geneveOption(): Kind<GeneveOption> {
  const expected = "CLASS:TYPE:DATA with data in hex, a multiple of 4 bytes";
  return {
    ...object(OPTION),
    parse: (path, text) => {
      const [first = "", second = "", hex = "", ...more] = text.split(":");
      const option = {
        class: OPTION.class.parse?.(`${path} class`, first) as number,
        type: OPTION.type.parse?.(`${path} type`, second) as number,
        data: bytesOf(hex),
      };
      if (more.length === 0 && option.data.length * 2 === hex.length && hex.length % 8 === 0) return option;
      throw new ArgumentRangeError("malformed", path, `expected ${expected}, got ${JSON.stringify(text)}`);
    },
  };
}

/** Up to what is no hex. */
export function bytesOf(hex: string): Uint8Array {
  const pairs = /^(?:[0-9a-f]{2})*/i.exec(hex)?.[0].match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}
