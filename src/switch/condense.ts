// Addresses as numbers, for keys of tables.

/** 32 bits of an IPv6 address, as assembly/switch-underlay.ts computes them: part of a key, never all that is compared. */
export function condensed(address: Uint8Array): number {
  const view = new DataView(address.buffer, address.byteOffset, 16);
  let h = Math.imul(view.getUint32(0, true), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ view.getUint32(4, true), 0x85ebca77);
  h = Math.imul(h ^ (h >>> 13) ^ view.getUint32(8, true), 0xc2b2ae3d);
  h = Math.imul(h ^ (h >>> 16) ^ view.getUint32(12, true), 0x27d4eb2f);
  return (h ^ (h >>> 15)) >>> 0;
}

/** The four bytes of an IPv4 address as they lie in memory. */
function wordOf(address: Uint8Array): number {
  const byte = (index: number): number => (address[index] as number) << (8 * index);
  return byte(0) | byte(1) | byte(2) | byte(3);
}

/** What keys hold of an address: an IPv4 one whole, of an IPv6 one what it is condensed to. */
export function bitsOf(address: Uint8Array): number {
  return address.length === 4 ? wordOf(address) : condensed(address);
}
