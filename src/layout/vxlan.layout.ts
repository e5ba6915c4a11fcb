// VXLAN (RFC 7348 §5): flags(8) reserved(24) | VNI(24) reserved(8).

export const VXLAN_FLAGS = 0;
export const VXLAN_VNI = 4;
export const VXLAN_LENGTH = 8;

export const VXLAN_FLAG_VNI = 0x08;
export const VXLAN_PORT = 4789;
export const VXLAN_PORT_LINUX = 8472; // Linux's historic default, and flannel's
export const VXLAN_PORT_GPE = 4790;
export const VNI_MAXIMUM = 0xffffff;

// Extensions of the flags: group policy (draft-smith-vxlan-group-policy) and GPE (draft-ietf-nvo3-vxlan-gpe).
export const VXLAN_FLAG_GROUP_POLICY = 0x80;
export const VXLAN_FLAG_NEXT_PROTOCOL = 0x04;
export const VXLAN_FLAG_OAM = 0x01;
export const VXLAN_POLICY_FLAGS = 1;
export const VXLAN_POLICY_DONT_LEARN = 0x40;
export const VXLAN_POLICY_APPLIED = 0x08;
export const VXLAN_GROUP = 2;
export const VXLAN_NEXT_PROTOCOL = 3;
export const VXLAN_NEXT_IPV4 = 1;
export const VXLAN_NEXT_IPV6 = 2;
export const VXLAN_NEXT_ETHERNET = 3;
export const VXLAN_NEXT_NSH = 4;
export const VXLAN_NEXT_MPLS = 5; // of an earlier draft

/** Outer source ports lie in the dynamic range (RFC 7348 §5). */
export const SOURCE_PORT_BASE = 49152;
export const SOURCE_PORT_BITS = 14; // 16,384 ports: up to 65,535
export const VXLAN_FLAGS_VERSION = 0x30; // GPE
export const VXLAN_FLAG_BUM = 0x02; // GPE: broadcast, unknown unicast or multicast, replicated at the ingress
