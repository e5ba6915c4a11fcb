// A frame as boxes in one another: the carrier holds the tunnel, the tunnel holds the passenger.

import { dissect, formatIp, formatMac, isTunnel, vnisOf } from "./frameferry/wire.js";

const NAMES = { ethernet: "Ethernet", ipv4: "IPv4", ipv6: "IPv6", icmpv6: "ICMPv6", geneve: "Geneve" };

/** Options for `dissect`; `ports` are those of the pipeline's tunnels, by kind, beside the usual ones. */
export function dissectOptions({ linkType, wireLength }, ports) {
  return { linkType, wireLength, tunnelPorts: ports };
}

/**
 * The boxes of a frame, outermost first: each with its role, all bytes from its start on, and a row for each header.
 * `stop` says why reading ended early, if it did.
 */
export function boxesOf(frame, options) {
  const { layers, stop } = dissect(frame, options);
  const groups = [[]];
  for (const layer of layers) {
    if (isTunnel(layer)) groups.push([layer], []);
    else groups.at(-1).push(layer);
  }
  const boxes = groups
    .map((group, index) => ({ group, role: roleOf(group, index, groups.length) }))
    .filter(({ group }) => group.length > 0)
    .map(({ group, role }) => ({
      role,
      bytes: frame.length - group[0].offset,
      rows: group.map((layer) => ({
        name: NAMES[layer.name] ?? (layer.name === "payload" ? "payload" : layer.name.toUpperCase()),
        text: textOf(layer),
        bytes: layer.length,
      })),
    }));
  return { boxes, bytes: frame.length, vnis: vnisOf(layers).join(" › "), stop: stop?.sentence };
}

function roleOf(group, index, count) {
  if (group[0] !== undefined && isTunnel(group[0])) return "tunnel";
  if (count === 1) return "frame";
  if (index === 0) return "carrier";
  return index === count - 1 ? "passenger" : "passenger and carrier";
}

function textOf({ name, header }) {
  switch (name) {
    case "ethernet":
      return `${formatMac(header.source)} → ${formatMac(header.destination)}`;
    case "vlan":
      return `VLAN ${header.vid}${header.pcp > 0 ? `, priority ${header.pcp}` : ""}`;
    case "ipv4":
    case "ipv6":
      return `${formatIp(header.source)} → ${formatIp(header.destination)}`;
    case "udp":
    case "tcp":
      return `port ${header.sourcePort} → ${header.destinationPort}`;
    case "gre":
      return header.key === undefined ? "" : `key ${header.key}`;
    case "arp": {
      const [sender, target] = [header.senderIp, header.targetIp].map(ipText);
      return header.operation === 1
        ? `who has ${target}? tell ${sender}`
        : `${sender} is ${macText(header.senderMac)}`;
    }
    case "icmp":
      return { 0: "echo reply", 8: "echo request" }[header.type] ?? `type ${header.type}`;
    case "icmpv6":
      return { 128: "echo request", 129: "echo reply" }[header.type] ?? `type ${header.type}`;
    default:
      return header.vni === undefined ? "" : `VNI ${header.vni}`;
  }
}

// ARP announces the lengths of its addresses: they may be any.
function ipText(bytes) {
  return bytes.length === 4 || bytes.length === 16 ? formatIp(bytes) : "?";
}

function macText(bytes) {
  return bytes.length === 6 ? formatMac(bytes) : "?";
}
