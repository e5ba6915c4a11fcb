// Why reading a frame stopped before its end: one table of name and sentence.
// A name is stable, for programs; a sentence is for people.

/** Every reason for which a parser or {@link dissect} stops, with a sentence for people. */
export const stopReasons = {
  "cut-by-capture": "the capture holds no more bytes of this frame",
  "link-type": "no known link type",
  "layer-limit": "more layers than the limit allows",

  "ethernet-truncated": "ends inside the Ethernet header",
  "ethernet-length": "the IEEE 802.3 length reaches beyond the end",
  "vlan-truncated": "ends inside a VLAN tag",
  "llc-truncated": "ends inside the LLC header",
  "arp-truncated": "ends inside the ARP packet",

  "ip-version": "a raw IP packet whose version is neither 4 nor 6",
  "ip-fragment": "a fragment: only the reassembled packet shows what it carries",
  "ipv4-truncated": "ends inside the IPv4 header",
  "ipv4-version": "the version in the IPv4 header is not 4",
  "ipv4-header-length": "the IPv4 header length is below five words",
  "ipv4-length": "the IPv4 total length is shorter than the header or reaches beyond the end",
  "ipv6-truncated": "ends inside the IPv6 header",
  "ipv6-version": "the version in the IPv6 header is not 6",
  "ipv6-length": "the IPv6 payload length reaches beyond the end",
  "ipv6-extension": "ends inside an IPv6 extension header",

  "udp-truncated": "ends inside the UDP header",
  "udp-length": "the UDP length is shorter than the header or reaches beyond the end",
  "tcp-truncated": "ends inside the TCP header",
  "tcp-header-length": "the TCP header length is below five words",
  "icmp-truncated": "ends inside the ICMP header",

  "vxlan-truncated": "ends inside the VXLAN header",
  "vxlan-no-vni": "a VXLAN header without the I flag",
  "vxlan-reserved": "a VXLAN header with reserved bits set",
  "vxlan-version": "an unknown version of VXLAN GPE",
  "geneve-truncated": "ends inside the Geneve header",
  "geneve-version": "an unknown version of Geneve",
  "geneve-options": "the Geneve options do not add up to the option length",
  "geneve-critical-option": "a critical Geneve option that is not understood",
  "gre-truncated": "ends inside the GRE header",
  "gre-version": "an unknown version of GRE",
  "gre-reserved": "a GRE header with routing or other flags that must be discarded",
} as const;

/** The name of a reason: a key of {@link stopReasons}. */
export type StopReason = keyof typeof stopReasons;
