// What an encapsulation must produce, made by the codecs alone.
import type { EncapsulateStage } from "frameferry";
import {
  type ComposeLayer,
  compose,
  emitVxlan,
  flowHash,
  isTpid,
  parseEthernet,
  parseIp,
  parseMac,
  sourcePort,
} from "frameferry/wire";

export function outerLength(stage: EncapsulateStage): number {
  if (stage.header === "bare") return 8;
  const ip = parseIp("local", stage.local!).length === 4 ? 20 : 40;
  return 14 + (stage.outerVid === undefined ? 0 : 4) + ip + 16;
}

/** The passenger as it goes into the tunnel. */
export function passengerOf(stage: EncapsulateStage, frame: Uint8Array): Uint8Array {
  return stage.innerTag === "strip" ? popped(frame) : frame;
}

/** `frame` without its outermost VLAN tag, if it has one. */
export function popped(frame: Uint8Array, tpid?: number): Uint8Array {
  const parsed = parseEthernet(frame);
  if (!parsed.ok || frame.length < 18 || !isTpid(parsed.header.etherType)) return frame;
  if (tpid !== undefined && parsed.header.etherType !== tpid) return frame;
  return Uint8Array.from([...frame.subarray(0, 12), ...frame.subarray(16)]);
}

/** Why the frame must be dropped, or the packet. */
export function encapsulated(
  stage: EncapsulateStage,
  frame: Uint8Array,
  headroom: number,
): string | Uint8Array {
  if (frame.length < 14) return "frame-too-short";
  const passenger = passengerOf(stage, frame);
  const outer = outerLength(stage);
  const room = headroom + frame.length - passenger.length;
  if (stage.header === "bare") {
    if (room < 8) return "no-headroom";
    const into = new Uint8Array(8 + passenger.length);
    into.set(passenger, emitVxlan({ vni: stage.vni }, into, 0));
    return into;
  }
  const source = parseIp("local", stage.local!);
  const destination = parseIp("remote", stage.remote!);
  const version = source.length === 4 ? "ipv4" : "ipv6";
  // IPv4's length counts its header, IPv6's does not.
  if (passenger.length + 16 + (version === "ipv4" ? 20 : 0) > 65535) return "frame-too-long";
  if (room < outer) return "no-headroom";
  const ttl = stage.ttl ?? 64;
  const udpChecksum = stage.udpChecksum ?? version === "ipv6";
  const layers: ComposeLayer[] = [
    {
      name: "ethernet",
      destination: stage.remoteMac ?? macOf(destination),
      source: stage.localMac ?? macOf(source),
    },
  ];
  if (stage.outerVid !== undefined) layers.push({ name: "vlan", vid: stage.outerVid });
  const addresses = { source, destination, dscp: stage.dscp ?? 0 };
  layers.push(
    version === "ipv4"
      ? { name: "ipv4", ttl, dontFragment: true, ...addresses }
      : { name: "ipv6", hopLimit: ttl, ...addresses },
    {
      name: "udp",
      sourcePort: sourcePort(flowHash(passenger, stage.seed ?? 0)),
      destinationPort: stage.port ?? 4789,
      ...(udpChecksum ? {} : { checksum: 0 }),
    },
    { name: "vxlan", vni: stage.vni },
  );
  return compose(layers, passenger);
}

function macOf(ip: Uint8Array): Uint8Array {
  return parseMac("mac", Uint8Array.from([2, 0, ...ip.subarray(-4)]));
}
