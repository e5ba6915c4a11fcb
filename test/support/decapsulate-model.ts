// VXLAN decapsulation of one frame, slowly and plainly, in the order that the kernel documents:
// what cannot be known to be for the tunnel's port is "other"; then IP, UDP and VXLAN headers must hold together.
import type { DecapsulateStage } from "frameferry";
import {
  ipv4ChecksumIsGood,
  isTpid,
  parseEthernet,
  parseIpv4,
  parseIpv6,
  parseUdp,
  parseVlan,
  parseVxlan,
  udpChecksumStatus,
} from "frameferry/wire";

export interface Modelled {
  readonly bytes: Uint8Array;
  readonly wireLength: number;
  readonly vni: number | undefined;
}

/** A frame that stays as it is, and why. */
interface Refused {
  readonly reason: string;
  /** Nobody can say that it was meant for the tunnel. */
  readonly other: boolean;
}

const other = (reason: string): Refused => ({ reason, other: true });
const bad = (reason: string): Refused => ({ reason, other: false });

/** The frame that leaves the stage, or the name of the reason for which it is dropped; and whether the stage changed it. */
export function decapsulate(
  stage: DecapsulateStage,
  frame: Modelled,
): { readonly result: Modelled | string; readonly changed: boolean } {
  const bare = stage.header === "bare";
  const opened = bare
    ? openTunnel(stage, frame, 0, frame.wireLength, stage.vni)
    : openPacket(stage, frame, stage.vni);
  if ("reason" in opened) {
    const kept = opened.other && stage.others === "keep";
    return { result: kept ? frame : opened.reason, changed: false };
  }
  let inner = opened;
  const depth = stage.depth === "all" ? 64 : (stage.depth ?? 1);
  for (let level = 1; level < depth; level++) {
    const deeper = openPacket(stage, inner, undefined);
    if ("reason" in deeper) break;
    inner = deeper;
  }
  return { result: inner, changed: true };
}

function openPacket(stage: DecapsulateStage, frame: Modelled, vni: number | undefined): Modelled | Refused {
  const { bytes, wireLength } = frame;
  const ethernet = parseEthernet(bytes, 0, wireLength);
  if (bytes.length < 14) return other("frame-too-short");
  let type = ethernet.ok ? ethernet.header.etherType : 0;
  let ip = 14;
  for (let tags = 0; tags < 4 && isTpid(type); tags++) {
    const tag = parseVlan(bytes, ip, wireLength);
    if (!tag.ok) {
      // A length behind the tag that cannot be is no matter here: what follows is no IP.
      if (bytes.length < ip + 4) return other("not-tunnel");
      type = 0;
    } else type = tag.header.etherType;
    ip += 4;
  }
  if (type === 0x0800) return openIpv4(stage, frame, ip, vni);
  if (type === 0x86dd) return openIpv6(stage, frame, ip, vni);
  return other("not-tunnel");
}

function openIpv4(
  stage: DecapsulateStage,
  frame: Modelled,
  ip: number,
  vni: number | undefined,
): Modelled | Refused {
  const { bytes, wireLength } = frame;
  if (bytes.length < ip + 20) return other("outer-ip-truncated");
  const version = bytes[ip]! >>> 4;
  const headerLength = 4 * (bytes[ip]! & 15);
  if (version !== 4 || headerLength < 20) return other("outer-ip-header");
  if (bytes[ip + 9] !== 17) return other("not-tunnel");
  const flags = word(bytes, ip + 6);
  if ((flags & 0x1fff) !== 0) return other("not-tunnel");
  if (bytes.length < ip + headerLength) return other("outer-ip-truncated");
  const udp = ip + headerLength;
  const port = portOf(stage, bytes, udp);
  if (port !== undefined) return port;

  if ((flags & 0x2000) !== 0) return bad("outer-ip-fragment");
  if (stage.ipChecksum !== "ignore" && !ipv4ChecksumIsGood(bytes, ip, headerLength))
    return bad("outer-ip-checksum");
  const said = word(bytes, ip + 2);
  const big = said === 0 && wireLength - ip > 65535;
  if (!big && said < headerLength + 8) return bad("outer-ip-header");
  const parsed = parseIpv4(bytes, ip, wireLength);
  if (!parsed.ok) return bad("outer-ip-truncated");
  const { source, destination } = parsed.header;
  return openUdp(stage, frame, parsed.payload, parsed.end, source, destination, vni);
}

function openIpv6(
  stage: DecapsulateStage,
  frame: Modelled,
  ip: number,
  vni: number | undefined,
): Modelled | Refused {
  const { bytes, wireLength } = frame;
  if (bytes.length < ip + 40) return other("outer-ip-truncated");
  if (bytes[ip]! >>> 4 !== 6) return other("outer-ip-header");
  if (bytes[ip + 6] !== 17) return other("not-tunnel");
  const port = portOf(stage, bytes, ip + 40);
  if (port !== undefined) return port;

  const said = word(bytes, ip + 4);
  const big = said === 0 && wireLength - ip - 40 > 65535;
  if (!big && said < 8) return bad("outer-ip-header");
  if (!big && ip + 40 + said > wireLength) return bad("outer-ip-truncated");
  const parsed = parseIpv6(bytes, ip, wireLength);
  if (!parsed.ok) return bad("outer-ip-truncated");
  const { source, destination } = parsed.header;
  return openUdp(stage, frame, ip + 40, parsed.end, source, destination, vni);
}

/** Undefined if the datagram goes to the tunnel's port. */
function portOf(stage: DecapsulateStage, bytes: Uint8Array, udp: number): Refused | undefined {
  if (bytes.length < udp + 8) return other("udp-truncated");
  return word(bytes, udp + 2) === (stage.port ?? 4789) ? undefined : other("not-tunnel");
}

function openUdp(
  stage: DecapsulateStage,
  frame: Modelled,
  udp: number,
  packetEnd: number,
  source: Uint8Array,
  destination: Uint8Array,
  vni: number | undefined,
): Modelled | Refused {
  const { bytes } = frame;
  const parsed = parseUdp(bytes, udp, packetEnd);
  if (!parsed.ok) return bad("udp-length");
  const { end } = parsed;
  if (end - udp < 16 || bytes.length < udp + 16) return bad("vxlan-truncated");
  if (stage.udpChecksum === "verify" && end - udp <= 65535) {
    if (udpChecksumStatus(bytes, udp, end, source, destination) === "bad") return bad("udp-checksum");
  }
  return openTunnel(stage, frame, udp + 8, end, vni);
}

function openTunnel(
  stage: DecapsulateStage,
  frame: Modelled,
  at: number,
  end: number,
  vni: number | undefined,
): Modelled | Refused {
  const vxlan = parseVxlan(frame.bytes, at, end, { rule: stage.rule ?? "rfc" });
  if (!vxlan.ok) return bad(vxlan.stop === "cut-by-capture" ? "vxlan-truncated" : vxlan.stop);
  if (vni !== undefined && vxlan.header.vni !== vni) return bad("other-vni");
  const bytes = frame.bytes.subarray(vxlan.payload, Math.min(end, frame.bytes.length));
  if (bytes.length < 14) return bad("inner-truncated");
  if (stage.innerTag === "drop" && isTpid(word(bytes, 12))) return bad("inner-tagged");
  return { bytes, wireLength: end - vxlan.payload, vni: vxlan.header.vni };
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
