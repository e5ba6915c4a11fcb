// Where in a frame a primitive looks: behind tags, labels and tunnels that stand in front of it in the text.

import { LINK_ETHERNET } from "../layout/link.layout.ts";
import {
  LAYER_ETHERNET,
  LAYER_FLAGS,
  LAYER_HAS_ETHERNET,
  LAYER_IS_LATER_FRAGMENT,
  LAYER_NETWORK,
  LAYER_NEXT,
  LAYER_TRANSPORT,
  LAYER_TYPE,
} from "../layout/walk.layout.ts";
import {
  all,
  any,
  begins,
  ENTRY,
  type Formula,
  FRAME,
  field,
  guard,
  ipv4Payload,
  layerAt,
  not,
  type Spot,
  START,
} from "./formula.ts";
import { syntaxError } from "./syntax-error.ts";

export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const TYPE_RARP = 0x8035;
export const TYPE_IPV6 = 0x86dd;
/** Types of VLAN tags, in the order in which libpcap asks. */
export const TYPES_VLAN: readonly number[] = [0x8100, 0x88a8, 0x9100];
const TYPE_ATALK = 0x809b;
const TYPE_AARP = 0x80f3;
const TYPE_IPX = 0x8137;
export const TYPE_LENGTH_MOST = 1500;
const IPV4_PROTOCOL = 9;
const IPV6_NEXT_HEADER = 6;
const IPV6_LENGTH = 40;
const FRAGMENT_HEADER = 44;

export const SAP_ISO = 0xfe;
const SAP_STP = 0x42;
const SAP_IPX = 0xe0;
const SAP_NETBEUI = 0xf0;
const SAP_IP = 0x06;

/** What PPP calls protocols that Ethernet knows by another number. */
const PPP_TYPES: ReadonlyMap<number, number> = new Map([
  [TYPE_IPV4, 0x0021],
  [TYPE_IPV6, 0x0057],
  [0x6003, 0x0027],
  [TYPE_ATALK, 0x0029],
  [0x0600, 0x0025],
  [SAP_ISO, 0x0023],
  [SAP_STP, 0x0031],
  [SAP_IPX, 0x002b],
]);

export interface Place {
  /** `"layer"`: one that the walk has found. */
  readonly link: "ethernet" | "ppp" | "layer";
  /** The link header, the field that says what it carries, and what it carries. */
  readonly header: Spot;
  readonly type: Spot;
  readonly payload: Spot;
  /** MPLS labels in front of the packet. */
  readonly labels: number;
  /** Where a tunnel, or the capture, may carry a packet without an Ethernet header: its registers. */
  readonly tunnel: number | "link" | undefined;
  /** Of a layer: how many of its VLAN tags have been asked for. */
  readonly tags: number;
}

export const OUTERMOST: Place = {
  link: "ethernet",
  header: { base: START, offset: 0 },
  type: { base: FRAME, offset: 12 },
  payload: { base: FRAME, offset: 14 },
  labels: 0,
  tunnel: "link",
  tags: 0,
};

/** A layer that the walk has found, tags and extension headers passed over. */
export const LAYER: Place = {
  link: "layer",
  header: layerAt(LAYER_ETHERNET),
  type: behind(ENTRY, LAYER_TYPE),
  payload: layerAt(LAYER_NETWORK),
  labels: 0,
  tunnel: undefined,
  tags: 0,
};

export function behind(spot: Spot, more: number): Spot {
  return { base: spot.base, offset: spot.offset + more };
}

/** Where the packet begins that the link header carries, labels left out. */
export function networkOf(place: Place): Spot {
  return behind(place.payload, 4 * place.labels);
}

/** Where TCP and the like begin; over IPv6 extension headers are passed over in layers only. */
export function transportOf(place: Place, over: "ip" | "ip6"): Spot {
  if (place.link === "layer") return layerAt(LAYER_TRANSPORT);
  const network = networkOf(place);
  return over === "ip" ? { base: ipv4Payload(network), offset: 0 } : behind(network, IPV6_LENGTH);
}

/** Whether an IP header, which is there, says that it carries this protocol. */
export function carriesProtocol(place: Place, over: "ip" | "ip6", protocol: number): Formula {
  if (place.link === "layer") return guard(layerAt(LAYER_NEXT), 0, 1, protocol);
  return guard(networkOf(place), over === "ip" ? IPV4_PROTOCOL : IPV6_NEXT_HEADER, 1, protocol);
}

/** Whether what follows is of this type: an EtherType, or a service access point below. */
export function ofType(place: Place, type: number, at: number): Formula {
  if (place.labels > 0) return ofLabelledType(place, type, at);
  const is = (value: number): Formula => guard(place.type, 0, 2, value);
  if (place.link === "ppp") return is(PPP_TYPES.get(type) ?? type);
  const length = not(field(place.type, 0, 2, TYPE_LENGTH_MOST, 0xffff, ">"));
  switch (type) {
    case SAP_ISO:
    case SAP_IP:
    case SAP_NETBEUI:
      return all(length, field(place.payload, 0, 2, type * 0x101));
    case SAP_IPX: {
      const raw = [field(place.payload, 0, 1, SAP_IPX), field(place.payload, 0, 2, 0xffff)];
      return any(is(TYPE_IPX), all(length, any(snap(place, 0, TYPE_IPX), ...raw)));
    }
    case TYPE_ATALK:
      return any(is(type), all(length, snap(place, 0x080007, type)));
    case TYPE_AARP:
      return any(is(type), all(length, snap(place, 0, type)));
    default:
      return type <= TYPE_LENGTH_MOST ? all(length, field(place.payload, 0, 1, type)) : is(type);
  }
}

/** The bottom of the stack, and the version of IP behind it: labels do not say what they carry. */
function ofLabelledType(place: Place, type: number, at: number): Formula {
  if (type !== TYPE_IPV4 && type !== TYPE_IPV6)
    throw syntaxError(at, "behind mpls there can be IPv4 and IPv6 only");
  const network = networkOf(place);
  return all(guard(network, -2, 1, 1, 1), guard(network, 0, 1, type === TYPE_IPV4 ? 0x40 : 0x60, 0xf0));
}

/** The last four bytes are looked at first. */
function snap(place: Place, organisation: number, type: number): Formula {
  return all(
    field(place.payload, 4, 4, ((organisation & 0xffff) * 0x10000 + type) >>> 0),
    field(place.payload, 0, 4, (0xaaaa0300 | (organisation >>> 16)) >>> 0),
  );
}

/** IPv4, or IPv6 with this next header; a fragment header in front of it is passed over. */
export function ofIpv4Protocol(place: Place, protocol: number, at: number): Formula {
  return all(ofType(place, TYPE_IPV4, at), carriesProtocol(place, "ip", protocol));
}

export function ofIpv6Protocol(place: Place, protocol: number, at: number): Formula {
  const network = networkOf(place);
  const direct = carriesProtocol(place, "ip6", protocol);
  if (place.link === "layer") return all(ofType(place, TYPE_IPV6, at), direct);
  const behindFragment = guard(network, IPV6_LENGTH, 1, protocol);
  return all(
    ofType(place, TYPE_IPV6, at),
    any(direct, all(carriesProtocol(place, "ip6", FRAGMENT_HEADER), behindFragment)),
  );
}

/** The first fragment of an IPv4 packet, or all of it; in layers of IPv6, too. */
export function firstFragment(place: Place): Formula {
  if (place.link === "layer") return guard(ENTRY, LAYER_FLAGS, 1, 0, LAYER_IS_LATER_FRAGMENT);
  return guard(networkOf(place), 6, 2, 0, 0x1fff);
}

/** Only where there is an Ethernet header at all. */
export function withHeader(place: Place, formula: Formula): Formula {
  if (place.link === "layer")
    return all(guard(ENTRY, LAYER_FLAGS, 1, LAYER_HAS_ETHERNET, LAYER_HAS_ETHERNET), formula);
  if (place.tunnel === undefined) return formula;
  if (place.tunnel === "link") return all(begins(LINK_ETHERNET), formula);
  return all({ kind: "carries", register: place.tunnel }, formula);
}
