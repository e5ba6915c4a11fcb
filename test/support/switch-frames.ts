// Frames and packets for a switch, made by the codecs.
import type { TunnelKind } from "frameferry";
import { type ComposeLayer, compose, emitArp, type GeneveOption, isTpid } from "frameferry/wire";
import { noise } from "./passengers.ts";
import type { ArrivalRecipe, FrameRecipe, PacketRecipe } from "./switch-recipes.ts";
import { defaultPort, KINDS, overUdp } from "./tunnel-kinds.ts";

export const BROADCAST = "ff:ff:ff:ff:ff:ff";
const SPECIAL = [
  BROADCAST,
  BROADCAST,
  "01:00:5e:00:00:fb",
  "01:80:c2:00:00:0e",
  "01:80:c2:00:00:10",
  "00:00:00:00:00:00",
];

/** Host MACs by number; negative numbers are special ones. */
export function macOf(number: number, hosts: number): string {
  if (number < 0) return SPECIAL[-1 - number]!;
  return `02:00:00:00:01:${(number % hosts).toString(16).padStart(2, "0")}`;
}

export function hostIp(host: number): string {
  return `192.168.7.${host}`;
}

function macBytes(mac: string): number[] {
  return mac.split(":").map((byte) => Number.parseInt(byte, 16));
}

/** The frame of a recipe: MACs, tags, then ARP, what looks like IPv4, or noise, cut at its length. */
export function cookFrame(recipe: FrameRecipe, hosts: number): Uint8Array {
  const { source, destination, tags, length, arp, seed } = recipe;
  const head = [...macBytes(macOf(destination, hosts)), ...macBytes(macOf(source, hosts))];
  for (const { tpid, vid, priority } of tags)
    head.push(tpid >>> 8, tpid & 0xff, (priority << 4) | (vid >>> 8), vid & 0xff);
  const body = arp === undefined ? bodyOf(length, seed) : arpBody(recipe, hosts);
  const frame = new Uint8Array(arp === undefined ? length : head.length + body.length);
  for (const [at, part] of [
    [head.length, body],
    [0, Uint8Array.from(head)],
  ] as const)
    if (at < frame.length) frame.set(part.subarray(0, frame.length - at), at);
  return frame;
}

/** Type and payload. */
function bodyOf(length: number, seed: number): Uint8Array {
  const body = noise(length, seed);
  if (seed % 3 !== 0) body.set([8, 0, 0x45].slice(0, length));
  // Half of them no fragments: the plain form, which goes into tunnels by a way of its own.
  if (seed % 3 === 1 && length > 9) body.set([0x40, 0], 8);
  // A type that is none of a tag's, unless the recipe said so.
  if (length > 1 && isTpid((body[0]! << 8) | body[1]!)) body[0] = 0;
  if (length > 11) body[11] = [6, 17, 132, 1][seed % 4]!;
  return body;
}

/** Type, an ARP request that may have a fault, and up to 18 bytes behind it. */
function arpBody({ arp, source, seed, length }: FrameRecipe, hosts: number): Uint8Array {
  const { sender, target, fault } = arp!;
  const body = noise(2 + 28 + (length % 19), seed);
  body.set([8, 6]);
  const senderMac = fault === "other-sender" ? macOf(source + 1, hosts) : macOf(source, hosts);
  emitArp(
    {
      hardwareType: fault === "hardware" ? 6 : 1,
      protocolType: fault === "protocol" ? 0x86dd : 0x0800,
      operation: fault === "operation" ? 2 + (seed % 2) : 1,
      senderMac,
      senderIp: hostIp(sender),
      targetMac: "00:00:00:00:00:00",
      targetIp: hostIp(target),
    },
    body,
    2,
  );
  if (fault === "lengths") body[6 + (seed % 2)] = 5;
  return fault === "short" ? body.subarray(0, 2 + (seed % 28)) : body;
}

export interface Underlay {
  /** The VTEP's address, the remotes' and somebody else's. */
  readonly local: string;
  readonly remotes: readonly string[];
  readonly stranger: string;
}

export const UNDERLAYS: Readonly<Record<"ipv4" | "ipv6", Underlay>> = {
  ipv4: {
    local: "10.1.5.7",
    remotes: ["10.1.5.8", "10.1.5.9", "10.1.5.10", "10.1.5.11", "10.1.5.12", "10.1.5.13"],
    stranger: "10.1.5.66",
  },
  ipv6: {
    local: "2001:db8::7",
    remotes: ["2001:db8::8", "2001:db8::9", "2001:db8::a", "2001:db8::b", "2001:db8::c", "2001:db8::d"],
    stranger: "2001:db8::66",
  },
};

export interface PacketFields {
  /** Default VXLAN. */
  readonly kind?: TunnelKind;
  readonly source: string;
  readonly destination: string;
  /** Of GRE the key; of NVGRE the VSID. */
  readonly vni: number;
  readonly port?: number;
  /** Of UDP; of GRE its own. */
  readonly udpChecksum?: boolean;
  readonly moreFragments?: boolean;
  readonly outerTags?: number;
  readonly options?: readonly GeneveOption[];
  /** Of GRE: no key. */
  readonly keyless?: boolean;
  readonly sequence?: number;
}

/** A packet of a tunnel around `passenger`, as another VTEP would send it. */
export function tunnelPacket(fields: PacketFields, passenger: Uint8Array): Uint8Array {
  const { source, destination, moreFragments = false, outerTags = 0 } = fields;
  const ipv6 = source.includes(":");
  const layers: ComposeLayer[] = [
    { name: "ethernet", destination: "02:00:0a:01:05:07", source: "02:00:0a:01:05:08" },
    ...Array.from({ length: outerTags }, (): ComposeLayer => ({ name: "vlan", vid: 9 })),
    ipv6 ? { name: "ipv6", source, destination } : { name: "ipv4", source, destination, moreFragments },
    ...tunnelLayers(fields),
  ];
  return compose(layers, passenger);
}

function tunnelLayers(fields: PacketFields): ComposeLayer[] {
  const { kind = "vxlan", vni, udpChecksum = false, options = [], keyless = false, sequence } = fields;
  if (!overUdp(kind)) {
    const key = kind === "gre" ? vni : vni * 256 + 0x5a;
    return [
      {
        name: "gre",
        checksum: udpChecksum,
        ...(keyless ? {} : { key }),
        ...(sequence === undefined ? {} : { sequence }),
      },
    ];
  }
  return [
    {
      name: "udp",
      sourcePort: 50000,
      destinationPort: fields.port ?? defaultPort(kind),
      ...(udpChecksum ? {} : { checksum: 0 }),
    },
    kind === "geneve"
      ? { name: "geneve", vni, options }
      : {
          name: "vxlan",
          vni,
          ...(kind === "vxlan-gpe" && { gpe: { nextProtocol: 3, bum: false, oam: false } }),
        },
  ];
}

/** Of tunnel headers, with UDP where it is a part of them. */
export function tunnelLength(fields: Omit<PacketFields, "source" | "destination">): number {
  return compose(tunnelLayers({ source: "", destination: "", ...fields })).length;
}

/** A VXLAN packet around `passenger`, as another VTEP would send it. */
export function vxlanPacket(fields: PacketFields, passenger: Uint8Array): Uint8Array {
  return tunnelPacket(fields, passenger);
}

/** Whose packet comes in by the uplink. */
export interface Sender {
  readonly kind: TunnelKind;
  readonly remote: string;
  readonly vni: number;
}

/** What comes in by the uplink from a remote: right, or with the fault of its recipe. */
export function cookPacket(
  arrival: ArrivalRecipe & { readonly packet: PacketRecipe },
  { local, stranger }: Underlay,
  { kind: right, remote, vni }: Sender,
  hosts: number,
): Uint8Array {
  const { fault, cut, outerTags, udpChecksum } = arrival.packet;
  if (fault === "noise") return noise(arrival.length, arrival.seed);
  if (fault === "arp" || fault === "other-arp")
    return askForVtep(arrival, fault === "arp" ? local : stranger, hosts);
  const kind =
    fault === "kind" ? KINDS[(KINDS.indexOf(right) + 1 + (cut % (KINDS.length - 1))) % KINDS.length]! : right;
  // Few passengers keep their tags: they go no further.
  const passenger = cookFrame(arrival.seed % 8 === 0 ? arrival : { ...arrival, tags: [] }, hosts);
  const fields: PacketFields = {
    kind,
    source: fault === "unknown-remote" ? stranger : remote,
    destination: fault === "destination" ? stranger : local,
    vni: fault === "other-vni" ? 99 : fault === "key" && kind === "gre" ? vni + 0x1000000 * (cut & 255) : vni,
    ...(fault === "port" ? { port: 8472 } : {}),
    moreFragments: fault === "fragment",
    outerTags,
    // An NVGRE packet has none.
    udpChecksum: kind !== "nvgre" && (udpChecksum || fault === "udp-checksum"),
    ...(kind === "geneve" && cut % 3 === 0
      ? { options: [{ class: 0x0102, type: cut, data: noise(4 * (cut % 5), cut + 1) }] }
      : {}),
    ...(kind === "gre" && cut % 5 === 0 ? { sequence: cut } : {}),
    keyless: fault === "key" && cut % 2 === 0,
  };
  const packet = tunnelPacket(fields, passenger);
  const tunnel = packet.length - passenger.length - tunnelLength(fields) + (overUdp(kind) ? 8 : 0);
  const isVxlan = kind === "vxlan";
  if (fault === "reserved-bit" && isVxlan)
    packet[tunnel + [0, 1, 2, 3, 7][cut % 5]!]! ^= cut % 5 === 0 ? 0x40 : 1;
  if (fault === "no-vni" && isVxlan) packet[tunnel]! ^= 8;
  if (fault === "header" || (!isVxlan && (fault === "reserved-bit" || fault === "no-vni")))
    packet[tunnel + (cut >> 3)]! ^= 1 << (cut & 7);
  if (fault === "ip-checksum") packet[14 + 4 * outerTags + 10]! ^= 1;
  // In GRE's checksum, or in what follows it.
  if (fault === "udp-checksum") packet[overUdp(kind) ? tunnel - 2 : tunnel + 4]! ^= 1;
  return fault === "cut" ? packet.slice(0, cut) : packet;
}

/** An ARP request for an IPv4 VTEP; for an IPv6 one something that is none. */
function askForVtep(arrival: ArrivalRecipe, target: string, hosts: number): Uint8Array {
  const request = cookFrame(
    { ...arrival, arp: arrival.arp ?? { sender: 1, target: 2, fault: "none" } },
    hosts,
  );
  if (target.includes(":")) return request;
  const at = 12 + 4 * arrival.tags.length + 2 + 24;
  if (at + 4 <= request.length) request.set(target.split(".").map(Number), at);
  return request;
}

export interface PlainTag {
  readonly tpid?: number;
  readonly pcp?: number;
  readonly dei?: boolean;
  readonly vid: number;
}

/** An untagged or tagged frame with a payload of noise: 46 bytes behind its header unless told otherwise. */
export function frame(
  destination: string,
  source: string,
  options: { readonly tags?: readonly PlainTag[]; readonly payload?: number } = {},
): Uint8Array {
  const { tags = [], payload = 46 } = options;
  const layers: ComposeLayer[] = [{ name: "ethernet", destination, source, etherType: 0x88b5 }];
  // The type stands in the last of the headers.
  tags.forEach((tag, i) => {
    const last = i === tags.length - 1 ? { etherType: 0x88b5 } : {};
    layers.push({ name: "vlan", ...tag, ...last });
  });
  if (tags.length > 0) layers[0] = { name: "ethernet", destination, source };
  return compose(layers, noise(payload, payload + 1));
}

/** An ARP request behind at most one tag, with `behind` bytes of padding. */
export function arpRequest(
  sender: { readonly mac: string; readonly ip: string },
  target: string,
  options: { readonly tags?: readonly PlainTag[]; readonly behind?: number } = {},
): Uint8Array {
  const { tags = [], behind = 18 } = options;
  return compose(
    [
      { name: "ethernet", destination: BROADCAST, source: sender.mac },
      ...tags.map((tag): ComposeLayer => ({ name: "vlan", ...tag })),
      {
        name: "arp",
        operation: 1,
        senderMac: sender.mac,
        senderIp: sender.ip,
        targetMac: "00:00:00:00:00:00",
        targetIp: target,
      },
    ],
    noise(behind, 3),
  );
}
