// Ethernet II (IEEE 802.3 clause 3.1.1): offsets from the first byte of the frame, in bytes.

export const ETHERNET_DESTINATION = 0;
export const ETHERNET_SOURCE = 6;
export const ETHERNET_TYPE = 12;
export const ETHERNET_LENGTH = 14;
export const MAC_LENGTH = 6;

/** A type field below this is an IEEE 802.3 length, and an LLC header follows. */
export const ETHERTYPE_MINIMUM = 0x0600;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_TEB = 0x6558; // transparent Ethernet bridging: a whole frame follows
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_LLDP = 0x88cc;
export const ETHERTYPE_NSH = 0x894f;
export const ETHERTYPE_MPLS = 0x8847;
export const ETHERTYPE_MPLS_MULTICAST = 0x8848;
export const ETHERTYPE_PPPOE_DISCOVERY = 0x8863;
export const ETHERTYPE_PPPOE = 0x8864;
export const ETHERTYPE_I_TAG = 0x88e7;
export const ETHERTYPE_VN_TAG = 0x8926;
export const ETHERTYPE_E_TAG = 0x893f;
// Only in GRE.
export const ETHERTYPE_ERSPAN_III = 0x22eb;
export const ETHERTYPE_PPP = 0x880b;
export const ETHERTYPE_ERSPAN = 0x88be; // types I and II
/** For local experiments (IEEE 802 clause 9.2.4). */
export const ETHERTYPE_EXPERIMENT = 0x88b5;
