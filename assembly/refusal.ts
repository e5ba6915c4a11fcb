// How functions that find a place or a length say that there is none: one number, since a kernel's function has one result.

/** The result is a drop reason. */
export const REFUSED: u32 = 0x80000000;
/** Beside a reason: nothing was seen yet that says that the packet was meant for the tunnel. */
export const OTHER: u32 = 0x100;
