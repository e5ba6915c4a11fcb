// What a router is told, checked.

import { prefix as prefixKind, stationMac } from "../core/address-fields.ts";
import { formatIp, type IpAddress, type MacAddress, parseIp, parseStationMac } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { wholeNumber } from "../core/arguments.ts";
import { checkFields, type Fields, fieldOf, given, list, onlyFields, whole } from "../core/fields.ts";
import {
  formatPrefix,
  networkOf,
  type Prefix,
  parseAddressWithLength,
  parsePrefix,
} from "../core/prefixes.ts";
import {
  GROUP_HOPS_MAXIMUM,
  ROUTER_MTU_DEFAULT,
  ROUTER_MTU_MAXIMUM,
  ROUTER_MTU_MINIMUM,
  ROUTER_MTU_MINIMUM_IPV6,
  ROUTES_DEFAULT_LIMIT,
  ROUTES_MAXIMUM,
} from "../layout/route.layout.ts";

/** A bridge domain as a router needs it. */
export interface DomainHandle {
  readonly id: number;
}

export interface RouterOptions {
  /** Most routes, connected networks and the router's own addresses included: 1 to 4,194,304, default 65,536. */
  readonly routes?: number | undefined;
}

export const ROUTER_FIELDS: Fields<RouterOptions, "routes"> = {
  routes: { ...whole(1, ROUTES_MAXIMUM), fallback: ROUTES_DEFAULT_LIMIT },
};

/** Where a router stands in a bridge domain. */
export interface InterfaceOptions {
  readonly bridgeDomain: DomainHandle;
  /** The gateway's MAC in this bridge domain. */
  readonly mac: MacAddress;
  /** The gateway's addresses, each with the length of its network: `10.0.0.1/24`, `fc00::1/64`. */
  readonly addresses: readonly string[];
  /** Longest packet in bytes: 68 (with IPv6 1,280) to 65,535, default 1,500. */
  readonly mtu?: number | undefined;
}

/** A route: by one next hop, by up to 64 among which flows are spread, or nowhere. */
export type RouteOptions =
  | { readonly prefix: string; readonly via: IpAddress | readonly IpAddress[] }
  | { readonly prefix: string; readonly blackhole: true };

type Defaults = "bridgeDomain" | "mac" | "addresses" | "mtu";

const INTERFACE_FIELDS: Fields<InterfaceOptions, Defaults> = {
  // Whether it is one of the switch, and there still, only the switch knows.
  bridgeDomain: { ...given<DomainHandle>("a bridge domain"), required: true },
  mac: { ...stationMac(), required: true },
  addresses: { ...list(prefixKind()), required: true },
  mtu: { ...whole(ROUTER_MTU_MINIMUM, ROUTER_MTU_MAXIMUM), fallback: ROUTER_MTU_DEFAULT },
};

/** Of both kinds of routes at once: which of the two it is, `checkRoute` finds out. */
interface AnyRouteOptions {
  readonly prefix: string;
  readonly via?: IpAddress | readonly IpAddress[] | undefined;
  readonly blackhole?: true | undefined;
}

/** Checked one by one: there may be millions of routes. */
const ROUTE_FIELDS = {
  prefix: { ...given<string>("a prefix such as 10.0.0.0/8"), required: true },
  via: given<IpAddress | readonly IpAddress[]>("an address, or an array of such"),
  blackhole: given<true>("true"),
} satisfies Fields<AnyRouteOptions, "prefix">;

export interface CheckedInterface {
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly addresses: readonly CheckedAddress[];
}

export interface CheckedAddress {
  readonly ip: Uint8Array;
  /** The address itself, as a prefix. */
  readonly host: Prefix;
  /** The network it is connected to; none for an address that is its own, and for a link-local one. */
  readonly network: Prefix | undefined;
}

export function checkInterface(options: InterfaceOptions): CheckedInterface {
  const checked = checkFields<InterfaceOptions, Defaults>("options", INTERFACE_FIELDS, options);
  const mac = parseStationMac("mac", checked.mac);
  if (checked.addresses.length === 0)
    throw new ArgumentRangeError("out-of-range", "addresses", "expected at least one, got none");
  const addresses = checked.addresses.map((text, i) => checkAddress(`addresses[${i}]`, text));
  const hosts = new Set(addresses.map(({ ip }) => formatIp(ip)));
  if (hosts.size < addresses.length)
    throw new ArgumentRangeError("taken", "addresses", "one of them stands there twice");
  const ipv6 = addresses.some(({ ip }) => ip.length === 16);
  const least = ipv6 ? ROUTER_MTU_MINIMUM_IPV6 : ROUTER_MTU_MINIMUM;
  const mtu = wholeNumber("mtu", checked.mtu, least, ROUTER_MTU_MAXIMUM);
  return { mac, mtu, addresses };
}

function checkAddress(name: string, text: unknown): CheckedAddress {
  const { bytes: ip, length } = parseAddressWithLength(name, text);
  const bits = ip.length * 8;
  if (!isHost(ip))
    throw new ArgumentRangeError("malformed", name, `expected the address of one host, got ${text}`);
  if (length === 0) throw new ArgumentRangeError("malformed", name, "expected a network, got all there are");
  const host: Prefix = { bytes: ip, length: bits };
  if (length === bits || isLinkLocal(ip)) return { ip, host, network: undefined };
  const network = networkOf({ bytes: ip, length });
  if (bits === 32 && length < 31) {
    const last = ip.map((byte, i) => byte | (0xff >> Math.min(8, Math.max(0, length - 8 * i))));
    const same = (other: Uint8Array) => other.every((byte, i) => byte === ip[i]);
    if (same(network.bytes) || same(last))
      throw new ArgumentRangeError(
        "malformed",
        name,
        `${formatIp(ip)} names no host in ${formatPrefix(network)}`,
      );
  }
  return { ip, host, network };
}

/** The same as in assembly/ip-address.ts. */
function isHost(ip: Uint8Array): boolean {
  const first = ip[0] as number;
  if (ip.length === 4) return first !== 0 && first !== 127 && first < 224;
  return first !== 0xff && (ip.subarray(0, 15).some((byte) => byte !== 0) || (ip[15] as number) > 1);
}

export function isLinkLocal(ip: Uint8Array): boolean {
  return ip.length === 16 && ip[0] === 0xfe && ((ip[1] as number) & 0xc0) === 0x80;
}

export interface CheckedRoute {
  readonly prefix: Prefix;
  /** None for a blackhole. */
  readonly via: readonly Uint8Array[];
}

export function checkRoute(options: RouteOptions): CheckedRoute {
  onlyFields("options", ROUTE_FIELDS, options);
  const prefix = parsePrefix("prefix", fieldOf(ROUTE_FIELDS, options, "prefix"));
  if ("blackhole" in options) {
    if (options.blackhole !== true)
      throw new ArgumentTypeError("not-one-of", "blackhole", "expected true, or no blackhole at all");
    if ("via" in options) throw new ArgumentTypeError("contradiction", "via", "a blackhole has no next hop");
    return { prefix, via: [] };
  }
  const list: readonly unknown[] = Array.isArray(options.via) ? options.via : [options.via];
  wholeNumber("via.length", list.length, 1, GROUP_HOPS_MAXIMUM);
  const via = list.map((one, i) => {
    const name = Array.isArray(options.via) ? `via[${i}]` : "via";
    const ip = parseIp(name, one as IpAddress);
    if (ip.length !== prefix.bytes.length)
      throw new ArgumentRangeError(
        "contradiction",
        name,
        `expected an address of the prefix's version of IP, got ${formatIp(ip)}`,
      );
    return ip;
  });
  if (new Set(via.map(formatIp)).size < via.length)
    throw new ArgumentRangeError("taken", "via", "one of them stands there twice");
  return { prefix, via };
}
