// A descriptor tells the kernels all about one frame: 32 bytes, two to a cache line.
//
//    0 offset      address of the frame's first byte
//    4 length      bytes of the frame that are in memory
//    8 wire length bytes the frame had on the wire; more than length if a capture cut it
//   12 floor       lowest address that a push may reach: the start of the headroom
//   16 verdict, drop reason, link, trailer; all zero for an Ethernet frame that goes on and has no check sequence behind it,
//      so that the fast loops compare one word
//   20 VNI         of the tunnel the frame came out of last: its VNI, VSID or GRE key
//   24 flow hash   of the frame's addresses and ports, once a kernel needed it
//   28 mark        a number of the caller's: kernels carry it along

export const DESCRIPTOR_OFFSET = 0;
/** Behind the offset: kernels read and write both at once. */
export const DESCRIPTOR_FRAME_LENGTH = 4;
export const DESCRIPTOR_WIRE_LENGTH = 8;
export const DESCRIPTOR_FLOOR = 12;
export const DESCRIPTOR_VERDICT = 16;
export const DESCRIPTOR_REASON = 17;
/** With what the frame's bytes begin: a number of link.layout, 0 for Ethernet. */
export const DESCRIPTOR_LINK = 18;
/**
 * Bytes of a frame check sequence that the capture declares and that are not counted in the frame's lengths: they stand
 * behind it. Whoever changes the frame sets this to zero, since the check sequence does not fit it any more.
 */
export const DESCRIPTOR_TRAILER = 19;
export const DESCRIPTOR_VNI = 20;
export const DESCRIPTOR_FLOW_HASH = 24;
export const DESCRIPTOR_MARK = 28;
export const DESCRIPTOR_LENGTH = 32;

/** In the VNI field: the frame has not come out of a tunnel, or out of one without a number. A GRE key may be the same. */
export const VNI_NONE = 0xffffffff;

/**
 * In the link of a frame that was dropped, where notices of drops are made: its trailer says which stage did that, from 0,
 * or NO_STAGE.
 */
export const LINK_NOTED = 255;
export const NO_STAGE = 255;

export const VERDICT_FORWARD = 0;
export const VERDICT_DROP = 1;
