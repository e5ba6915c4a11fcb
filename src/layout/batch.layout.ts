// Frame slots: headroom, then room for the frame.

/** Enough for two wrappings in VXLAN over IPv4 with a VLAN tag each. */
export const HEADROOM_DEFAULT = 128;
/** With the default headroom a slot takes 2,112 bytes: an odd number of cache lines. */
export const FRAME_BYTES_DEFAULT = 1984;
export const BATCH_FRAMES_DEFAULT = 256;
export const BATCH_FRAMES_MAXIMUM = 65536;
export const FRAME_BYTES_MAXIMUM = 65535;
export const HEADROOM_MAXIMUM = 4096;
