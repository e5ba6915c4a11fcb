// Whom a router may speak to about a packet (RFC 1122 §3.2.2, RFC 4443 §2.4 e): an address that names one host, and a
// host that is not the router. What is the broadcast of a network can be known of those that the router stands in.

import {
  GROUP_FORWARD,
  GROUP_HOPS,
  GROUP_KIND,
  GROUP_LOCAL,
  HOP_NETWORK_BITS,
  INTERFACE_ROUTER,
  ROUTER_IPV4,
  ROUTER_IPV6,
} from "../src/layout/route.layout";
import { isHostIpv4, isHostIpv6 } from "./ip-address";
import { longestMatchIpv4, longestMatchIpv6 } from "./lpm";

/** Networks of so many bits have no broadcast (RFC 3021), and no anycast address of their routers (RFC 6164 §5.1). */
const POINT_TO_POINT_IPV4: u32 = 31;
const POINT_TO_POINT_IPV6: u32 = 127;

/** Neither one of the router's own addresses nor the first or last of a network it stands in; as isHostIpv4 takes it. */
export function isOtherHostIpv4(face: usize, address: u32): bool {
  if (!isHostIpv4(address)) return false;
  const group = longestMatchIpv4(load<u32>(face, INTERFACE_ROUTER) + ROUTER_IPV4, address);
  if (isLocal(group)) return false;
  const bits = networkBits(group);
  if (bits === 0 || bits >= POINT_TO_POINT_IPV4) return true;
  const hosts: u32 = 0xffffffff >>> bits;
  const host: u32 = bswap<u32>(address) & hosts;
  return host !== 0 && host !== hosts;
}

/** As isOtherHostIpv4. The first address of a network is all its routers' (RFC 4291 §2.6.1); IPv6 has no broadcast. */
export function isOtherHostIpv6(face: usize, address: usize): bool {
  if (!isHostIpv6(address)) return false;
  const group = longestMatchIpv6(load<u32>(face, INTERFACE_ROUTER) + ROUTER_IPV6, address);
  if (isLocal(group)) return false;
  const bits = networkBits(group);
  if (bits === 0 || bits >= POINT_TO_POINT_IPV6) return true;
  const low: u64 = bswap<u64>(load<u64>(address, 8));
  if (bits >= 64) return bits === 64 ? low !== 0 : low << (bits - 64) !== 0;
  return bswap<u64>(load<u64>(address)) << bits !== 0 || low !== 0;
}

function isLocal(group: usize): bool {
  return group !== 0 && load<u32>(group, GROUP_KIND) === GROUP_LOCAL;
}

/** Length of the connected network that a group leads to; 0 if it leads elsewhere. */
function networkBits(group: usize): u32 {
  if (group === 0 || load<u32>(group, GROUP_KIND) !== GROUP_FORWARD) return 0;
  return load<u32>(<usize>load<u32>(group, GROUP_HOPS), HOP_NETWORK_BITS);
}
