// Labels: what each frame of a burst came out of, for captures that are to be told apart by it. They lie in the state of a
// decapsulation of any kind, one for each frame, and are written in front of its packet block, in a block of the
// numbers that pcapng leaves to everybody.

export const LABEL_IS = 0; // which of these it is
export const LABEL_NUMBER = 4; // a VNI; the number of a kind
export const LABEL_ADDRESS = 8; // 16 bytes: IPv4 as ::ffff:0:0/96
export const LABEL_LENGTH = 24;

/** Nothing was taken off, or nothing that has what is asked for. */
export const LABEL_NONE = 0;
export const LABEL_VNI = 1; // of the outermost wrapping that has a VNI, VSID or I-SID
export const LABEL_KIND = 2; // of the outermost wrapping
export const LABEL_REMOTE = 3; // source of the outermost tunnel over IP

/** Frames in a burst of a capture at most. */
export const LABELS_MAXIMUM = 256;

/** The block in front of a packet block; the label is in the section's byte order, but for the address. */
export const BLOCK_LABEL = 0x8f0ffe1a;
export const LABEL_BLOCK_BODY = 8;
export const LABEL_BLOCK_LENGTH = 36;
