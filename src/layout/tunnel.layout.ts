// Kinds of tunnels by number, as records name them, and the few numbers that kernels need of one. What else belongs to
// a kind stands in its row, in src/tunnel/.

export const TUNNEL_VXLAN = 0;
export const TUNNEL_GENEVE = 1;
export const TUNNEL_GRE = 2;
export const TUNNEL_NVGRE = 3;
export const TUNNEL_VXLAN_GPE = 4;
// Kinds that no switch has: they are only taken off.
export const WRAPPING_ERSPAN = 16;
export const WRAPPING_GRE_IN_UDP = 17;
export const WRAPPING_PPTP = 18;
export const WRAPPING_IPIP = 19;
export const WRAPPING_6IN4 = 20;
export const WRAPPING_4IN6 = 21;
export const WRAPPING_6IN6 = 22;
export const WRAPPING_GTP_U = 23;
export const WRAPPING_MPLS = 24;
export const WRAPPING_MPLS_IN_UDP = 25;
export const WRAPPING_PPPOE = 26;
export const WRAPPING_VN_TAG = 27;
export const WRAPPING_E_TAG = 28;
export const WRAPPING_I_TAG = 29;
export const WRAPPING_ETHERIP = 30;
export const WRAPPING_L2TP = 31;
export const WRAPPING_L2TPV3 = 32;
export const WRAPPING_NSH = 33;
export const WRAPPING_TZSP = 34;
export const WRAPPING_CAPWAP = 35;
export const TUNNEL_KINDS_MAXIMUM = 16; // numbers of kinds are below: keys of the remotes' table have four bits for them

// What kernels read of a kind: in the record of a decapsulation, and for each kind behind one another in that of a switch.
export const FORM_PORT = 0; // of UDP, as it lies in a packet; 0: over GRE
export const FORM_KIND = 4;
export const FORM_MASK = 8; // plain packets: which bits of the tunnel header's first word are looked at
export const FORM_BITS = 12; // and what they are, as they lie in memory
export const FORM_TRUNCATED = 16; // the drop reason for a packet that ends inside of the first eight bytes behind UDP
export const FORM_USUAL = 20; // flags of a decapsulation with which plain packets need no other checks
export const FORM_LENGTH = 32;

// Plain headers: Ethernet, IPv4 without options, and behind it UDP with eight bytes of tunnel header, the number in the
// fifth to seventh of them; or GRE with a key or nothing.
export const PLAIN_UDP_LENGTH = 50;
export const PLAIN_UDP_TUNNEL = 42; // where the tunnel header begins
export const PLAIN_GRE_LENGTH = 38;
export const PLAIN_KEYED_LENGTH = 42; // of GRE with a key
