/** The six bytes at `address` as a number, as in an FDB key; reads nothing beyond them. */
export function loadMac(address: usize): u64 {
  return load<u32>(address) | ((<u64>load<u16>(address, 4)) << 32);
}

export function storeMac(address: usize, mac: u64): void {
  store<u32>(address, <u32>mac);
  store<u16>(address, <u16>(mac >>> 32), 4);
}
