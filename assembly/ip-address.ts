// Which addresses name one host that a router may send to.

/** IPv6 addresses that are link-local, fe80::/10, as a little-endian load of their first two bytes sees them. */
const LINK_LOCAL_MASK: u32 = 0xc0ff;
const LINK_LOCAL: u32 = 0x80fe;

/** Not 0/8, loopback, multicast, reserved or broadcast (RFC 1812 §5.3.7); the address as its bytes lie in memory. */
export function isHostIpv4(address: u32): bool {
  const first = address & 0xff;
  return first !== 0 && first !== 127 && first < 224;
}

/** Not multicast, unspecified or loopback (RFC 4291 §2.5, §2.7). */
export function isHostIpv6(address: usize): bool {
  if (load<u8>(address) === 0xff) return false;
  return load<u64>(address) !== 0 || (load<u64>(address, 8) & 0xfeffffffffffffff) !== 0;
}

export function isLinkLocal(address: usize): bool {
  return (load<u16>(address) & LINK_LOCAL_MASK) === LINK_LOCAL;
}
