// EtherTypes as a little-endian load sees them. They stand apart from who hashes: a module that only compares them must not
// get the hash's table.

export const TYPE_IPV4: u32 = 0x0008;
export const TYPE_IPV6: u32 = 0xdd86;
