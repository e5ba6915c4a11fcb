// What an encapsulation must produce, made by the codecs alone.
import type { TunnelKind } from "frameferry";
import {
  type ComposeLayer,
  compose,
  flowHash,
  geneveLength,
  greLength,
  isTpid,
  parseEthernet,
  parseIp,
  parseMac,
  sourcePort,
} from "frameferry/wire";
import { type AnyEncapsulate, defaultPort, overUdp } from "./tunnel-kinds.ts";

/** What an IP header lies in front of. */
function tunnelLength(stage: AnyEncapsulate): number {
  if (stage.kind === "gre") return greLength({ key: stage.key, checksum: stage.checksum ? 0 : undefined });
  if (stage.kind === "nvgre") return 8;
  const header = stage.kind === "geneve" ? geneveLength({ options: stage.options }) : 8;
  return header + (stage.header === "bare" ? 0 : 8);
}

export function outerLength(stage: AnyEncapsulate): number {
  if (stage.header === "bare") return tunnelLength(stage);
  const ip = parseIp("local", stage.local!).length === 4 ? 20 : 40;
  return 14 + (stage.outerVid === undefined ? 0 : 4) + ip + tunnelLength(stage);
}

/** The passenger as it goes into the tunnel. */
export function passengerOf(stage: AnyEncapsulate, frame: Uint8Array): Uint8Array {
  if (stage.kind !== "nvgre") return stage.innerTag === "strip" ? popped(frame) : frame;
  const less = popped(frame);
  return less === frame ? frame : passengerOf(stage, less);
}

/** The tunnel header, and UDP in front of it. */
function tunnelLayers(stage: AnyEncapsulate, passenger: Uint8Array, udpChecksum: boolean): ComposeLayer[] {
  const { kind, vni = 0, key, checksum, options } = stage;
  const hash = flowHash(passenger, stage.seed ?? 0);
  if (kind === "gre") return [{ name: "gre", key, checksum }];
  if (kind === "nvgre") return [{ name: "gre", key: ((vni << 8) | (hash >>> 24)) >>> 0 }];
  return [
    {
      name: "udp",
      sourcePort: sourcePort(hash),
      destinationPort: stage.port ?? defaultPort(kind),
      ...(udpChecksum ? {} : { checksum: 0 }),
    },
    kind === "geneve" ? { name: "geneve", vni, options } : { name: "vxlan", vni, ...gpeOf(kind) },
  ];
}

const gpeOf = (kind: TunnelKind): object =>
  kind === "vxlan-gpe" ? { gpe: { nextProtocol: 3, bum: false, oam: false } } : {};

/** `frame` without its outermost VLAN tag, if it has one. */
export function popped(frame: Uint8Array, tpid?: number): Uint8Array {
  const parsed = parseEthernet(frame);
  if (!parsed.ok || frame.length < 18 || !isTpid(parsed.header.etherType)) return frame;
  if (tpid !== undefined && parsed.header.etherType !== tpid) return frame;
  return Uint8Array.from([...frame.subarray(0, 12), ...frame.subarray(16)]);
}

/** Why the frame must be dropped, or the packet. */
export function encapsulated(
  stage: AnyEncapsulate,
  frame: Uint8Array,
  headroom: number,
): string | Uint8Array {
  if (frame.length < 14) return "frame-too-short";
  const passenger = passengerOf(stage, frame);
  const outer = outerLength(stage);
  const room = headroom + frame.length - passenger.length;
  if (stage.header === "bare") {
    if (room < outer) return "no-headroom";
    return compose(tunnelLayers(stage, passenger, false).slice(overUdp(stage.kind) ? 1 : 0), passenger);
  }
  const source = parseIp("local", stage.local!);
  const destination = parseIp("remote", stage.remote!);
  const version = source.length === 4 ? "ipv4" : "ipv6";
  // IPv4's length counts its header, IPv6's does not.
  if (passenger.length + tunnelLength(stage) + (version === "ipv4" ? 20 : 0) > 65535) return "frame-too-long";
  if (room < outer) return "no-headroom";
  const ttl = Number(stage.ttl ?? 64);
  const udpChecksum = stage.udpChecksum ?? version === "ipv6";
  const layers: ComposeLayer[] = [
    {
      name: "ethernet",
      destination: stage.remoteMac ?? macOf(destination),
      source: stage.localMac ?? macOf(source),
    },
  ];
  if (stage.outerVid !== undefined) layers.push({ name: "vlan", vid: stage.outerVid });
  const addresses = { source, destination, dscp: Number(stage.dscp ?? 0) };
  layers.push(
    version === "ipv4"
      ? { name: "ipv4", ttl, dontFragment: true, ...addresses }
      : { name: "ipv6", hopLimit: ttl, ...addresses },
    ...tunnelLayers(stage, passenger, udpChecksum),
  );
  return compose(layers, passenger);
}

function macOf(ip: Uint8Array): Uint8Array {
  return parseMac("mac", Uint8Array.from([2, 0, ...ip.subarray(-4)]));
}
