/** A number of 16 bits with its bytes changed places: network byte order to memory's and back. */
export function swapped16(value: u32): u32 {
  return ((value & 0xff) << 8) | (value >>> 8);
}
