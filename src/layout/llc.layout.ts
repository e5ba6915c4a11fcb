// LLC (IEEE 802.2 clause 3.2) and SNAP (RFC 1042): offsets from the first byte of the header, in bytes.

export const LLC_DSAP = 0;
export const LLC_SSAP = 1;
export const LLC_CONTROL = 2;
export const LLC_LENGTH = 3; // unnumbered frames; numbered ones have a control field of two bytes
export const LLC_NUMBERED_LENGTH = 4;
/** Both low bits of the control field set: an unnumbered frame. */
export const LLC_UNNUMBERED = 0x03;

export const LLC_SAP_SNAP = 0xaa;
export const SNAP_OUI = 3;
export const SNAP_PROTOCOL = 6;
export const SNAP_LENGTH = 8; // with the LLC header before it
export const SNAP_OUI_ETHERTYPE = 0; // the protocol is an Ethernet type
