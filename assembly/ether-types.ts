// EtherTypes of IP, as a little-endian load sees them. A file of their own: who needs no more does not get the tables of
// those that read more.

export const TYPE_IPV4: u32 = 0x0008;
export const TYPE_IPV6: u32 = 0xdd86;
