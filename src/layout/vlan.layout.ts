// VLAN tags (IEEE 802.1Q clause 9): TPID(16) | PCP(3) DEI(1) VID(12), after the source MAC.

export const VLAN_TPID = 0;
export const VLAN_TCI = 2;
export const VLAN_LENGTH = 4;

export const TPID_CUSTOMER = 0x8100; // 802.1Q C-tag
export const TPID_SERVICE = 0x88a8; // 802.1ad S-tag
export const TPID_LEGACY = 0x9100; // pre-standard stacked tags: accepted, never sent unasked

export const VLAN_VID_MASK = 0x0fff;
export const VLAN_DEI_BIT = 0x1000;
export const VLAN_PCP_SHIFT = 13;
export const VLAN_PCP_MAXIMUM = 7;
export const VLAN_VID_PRIORITY = 0; // priority tag only: the frame belongs to no VLAN
export const VLAN_VID_RESERVED = 4095;

// The same tag seen from behind its TPID, which stands in the type field of the header before:
// TCI(16) | type(16).
export const VLAN_HEADER_TCI = 0;
export const VLAN_HEADER_TYPE = 2;
export const VLAN_HEADER_LENGTH = 4;
