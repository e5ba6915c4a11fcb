// Steps of IP, and of what it carries.

import { IPV6_NO_NEXT_HEADER } from "../layout/ipv6.layout.ts";
import { parseAh } from "../wire/ah.ts";
import { parseArp } from "../wire/arp.ts";
import { parseIcmp } from "../wire/icmp.ts";
import { ipv4ChecksumIsGood, parseIpv4 } from "../wire/ipv4.ts";
import { ipv6Fragment, parseIpv6 } from "../wire/ipv6.ts";
import { parseTcp } from "../wire/tcp.ts";
import { parseUdp, udpChecksumStatus } from "../wire/udp.ts";
import { BY_PROTOCOL } from "./announced.ts";
import type { StepName } from "./layers.ts";
import { type Here, LENIENT, type Next, type Steps, unread } from "./walk.ts";

type IpStep = "arp" | "ipv4" | "ipv6" | "ah" | "udp" | "tcp" | "icmp" | "icmpv6";

export const IP_STEPS: Steps<IpStep> = {
  arp: { parse: parseArp, next: () => undefined },
  ipv4: {
    parse: (bytes, offset, end) => parseIpv4(bytes, offset, end, LENIENT),
    next(header, walk) {
      walk.addresses = header;
      return byProtocol(header.protocol, header.moreFragments || header.fragmentOffset > 0);
    },
    verify: ({ frame }, offset, payload) =>
      ipv4ChecksumIsGood(frame, offset, payload - offset) ? "good" : "bad",
    bounds: true,
  },
  ipv6: {
    parse: (bytes, offset, end) => parseIpv6(bytes, offset, end, LENIENT),
    next(header, walk) {
      walk.addresses = header;
      // One that is both first and last is a whole packet (RFC 6946).
      const fragment = ipv6Fragment(header);
      const partial = fragment !== undefined && (fragment.moreFragments || fragment.fragmentOffset > 0);
      return byProtocol(header.protocol, partial);
    },
    bounds: true,
  },
  ah: { parse: parseAh, next: ({ protocol }) => byProtocol(protocol, false) },
  udp: {
    parse: (bytes, offset, end) => parseUdp(bytes, offset, end, LENIENT),
    next: ({ destinationPort }, walk) => walk.tunnels.get(destinationPort) ?? unread(),
    verify: ({ frame, addresses }, offset, _, end) =>
      addresses === undefined
        ? "unknown"
        : udpChecksumStatus(frame, offset, end, addresses.source, addresses.destination),
    bounds: true,
  },
  tcp: { parse: parseTcp, next: unread },
  icmp: { parse: parseIcmp, next: unread },
  icmpv6: { parse: parseIcmp, next: unread },
};

const HERE: ReadonlyMap<StepName, Here> = new Map([...BY_PROTOCOL.values()].map((name) => [name, { name }]));

function byProtocol(protocol: number, fragment: boolean): Next | undefined {
  if (fragment) return { name: "payload", header: { protocol }, stop: "ip-fragment" };
  const name = BY_PROTOCOL.get(protocol);
  if (name !== undefined) return HERE.get(name);
  return protocol === IPV6_NO_NEXT_HEADER ? undefined : { name: "payload", header: { protocol } };
}
