// Decapsulation of one frame, slowly and plainly, in the order that the kernels document:
// what cannot be known to be for the tunnel is "other"; then IP, UDP and tunnel headers must hold together.
import {
  greChecksumStatus,
  ipv4ChecksumIsGood,
  isCritical,
  isTpid,
  nvgreOf,
  parseEthernet,
  parseGeneve,
  parseGre,
  parseVlan,
  parseVxlan,
  udpChecksumStatus,
} from "frameferry/wire";
import { type AnyDecapsulate, defaultPort, overUdp } from "./tunnel-kinds.ts";

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
  stage: AnyDecapsulate,
  frame: Modelled,
): { readonly result: Modelled | string; readonly changed: boolean } {
  const bare = stage.header === "bare";
  const number = stage.key ?? stage.vni;
  const opened = bare ? openBare(stage, frame, number) : openPacket(stage, frame, number);
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

function openBare(stage: AnyDecapsulate, frame: Modelled, vni: number | undefined): Modelled | Refused {
  if (overUdp(stage.kind)) return openTunnel(stage, frame, 0, frame.wireLength, vni);
  return meantFor(stage, frame.bytes, 0) ?? openGre(stage, frame, 0, frame.wireLength, vni);
}

function openPacket(stage: AnyDecapsulate, frame: Modelled, vni: number | undefined): Modelled | Refused {
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
  stage: AnyDecapsulate,
  frame: Modelled,
  ip: number,
  vni: number | undefined,
): Modelled | Refused {
  const { bytes, wireLength } = frame;
  if (bytes.length < ip + 20) return other("outer-ip-truncated");
  const version = bytes[ip]! >>> 4;
  const headerLength = 4 * (bytes[ip]! & 15);
  if (version !== 4 || headerLength < 20) return other("outer-ip-header");
  const carried = bytes[ip + 9]!;
  if (carried !== protocolOf(stage) && carried !== 51) return other("not-tunnel");
  // All fragments have one fate: only the first shows whose they are.
  if ((word(bytes, ip + 6) & 0x3fff) !== 0) return other("outer-ip-fragment");
  if (bytes.length < ip + headerLength) return other("outer-ip-truncated");
  const passed = passOver(stage, bytes, ip + headerLength, carried, [51]);
  if (typeof passed !== "number") return passed;
  if (passed - ip > 248) return other("not-tunnel");
  const refused = meantFor(stage, bytes, passed);
  if (refused !== undefined) return refused;

  if (stage.ipChecksum !== "ignore" && !ipv4ChecksumIsGood(bytes, ip, headerLength))
    return bad("outer-ip-checksum");
  const said = word(bytes, ip + 2);
  const end = endOf(stage, said === 0 ? 0 : ip + said, wireLength, wireLength - ip);
  if (end < passed + shortest(stage)) return bad("outer-ip-header");
  if (end > wireLength && stage.lengths === "strict") return bad("outer-ip-truncated");
  if (!overUdp(stage.kind)) return openGre(stage, frame, passed, end, vni);
  const [source, destination] = [bytes.slice(ip + 12, ip + 16), bytes.slice(ip + 16, ip + 20)];
  return openUdp(stage, frame, passed, end, said === 0, source, destination, vni);
}

function openIpv6(
  stage: AnyDecapsulate,
  frame: Modelled,
  ip: number,
  vni: number | undefined,
): Modelled | Refused {
  const { bytes, wireLength } = frame;
  if (bytes.length < ip + 40) return other("outer-ip-truncated");
  if (bytes[ip]! >>> 4 !== 6) return other("outer-ip-header");
  const passed = passOver(stage, bytes, ip + 40, bytes[ip + 6]!, EXTENSIONS);
  if (typeof passed !== "number") return passed;
  if (passed - ip > 248) return other("not-tunnel");
  const refused = meantFor(stage, bytes, passed);
  if (refused !== undefined) return refused;

  const said = word(bytes, ip + 4);
  const end = endOf(stage, said === 0 ? 0 : ip + 40 + said, wireLength, wireLength - ip - 40);
  if (end < passed + shortest(stage)) return bad("outer-ip-header");
  if (end > wireLength && stage.lengths === "strict") return bad("outer-ip-truncated");
  if (!overUdp(stage.kind)) return openGre(stage, frame, passed, end, vni);
  const [source, destination] = [bytes.slice(ip + 8, ip + 24), bytes.slice(ip + 24, ip + 40)];
  return openUdp(stage, frame, passed, end, said === 0, source, destination, vni);
}

/** Hop-by-hop options, routing, fragments, authentication, destination options, mobility, HIP, shim6. */
const EXTENSIONS = [0, 43, 44, 51, 60, 135, 139, 140];

/** Where what is carried begins, if it is what the stage takes: `next` and what is among `known` is passed over. */
function passOver(
  stage: AnyDecapsulate,
  bytes: Uint8Array,
  at: number,
  next: number,
  known: readonly number[],
): number | Refused {
  for (let headers = 0; headers < 16 && known.includes(next); headers++) {
    const needed = next === 51 ? 12 : 8;
    if (bytes.length < at + needed) return other("outer-ip-truncated");
    const one = bytes[at]!;
    if (next === 44 && (word(bytes, at + 2) & 0xfff9) !== 0) {
      const ours = one === protocolOf(stage) || known.includes(one);
      return other(ours ? "outer-ip-fragment" : "not-tunnel");
    }
    if (next === 51) at += 4 * (bytes[at + 1]! + 2);
    else at += next === 44 ? 8 : 8 * (bytes[at + 1]! + 1);
    next = one;
  }
  return next === protocolOf(stage) ? at : other("not-tunnel");
}

/** Where a packet ends whose length says `end`, or 0 if it says none: at the end of the frame, as strictly as asked. */
function endOf(stage: AnyDecapsulate, end: number, wireLength: number, counted: number): number {
  const whole = end === 0 && counted < 2 ** 31 && (stage.lengths !== "strict" || counted > 65535);
  return whole ? wireLength : end;
}

const protocolOf = (stage: AnyDecapsulate): number => (overUdp(stage.kind) ? 17 : 47);
/** What the IP payload must hold at least. */
const shortest = (stage: AnyDecapsulate): number => (overUdp(stage.kind) ? 8 : 4);

/** Undefined if the IP payload is meant for the tunnel: UDP to its port, or GRE with an Ethernet frame in it. */
function meantFor(stage: AnyDecapsulate, bytes: Uint8Array, at: number): Refused | undefined {
  if (overUdp(stage.kind)) {
    if (bytes.length < at + 8) return other("udp-truncated");
    return word(bytes, at + 2) === (stage.port ?? defaultPort(stage.kind)) ? undefined : other("not-tunnel");
  }
  if (bytes.length < at + 4) return other("gre-truncated");
  if ((bytes[at + 1]! & 7) !== 0) return other("gre-version");
  return word(bytes, at + 2) === 0x6558 ? undefined : other("gre-protocol");
}

function openUdp(
  stage: AnyDecapsulate,
  frame: Modelled,
  udp: number,
  packetEnd: number,
  uncut: boolean,
  source: Uint8Array,
  destination: Uint8Array,
  vni: number | undefined,
): Modelled | Refused {
  const { bytes } = frame;
  const said = word(bytes, udp + 4);
  const end = said === 0 && uncut ? packetEnd : udp + said;
  if (end < udp + 8 || end > packetEnd) return bad("udp-length");
  if (end - udp < 16 || bytes.length < udp + 16)
    return bad(stage.kind === "geneve" ? "geneve-truncated" : "vxlan-truncated");
  if (stage.udpChecksum === "verify" && end - udp <= 65535) {
    if (udpChecksumStatus(bytes, udp, end, source, destination) === "bad") return bad("udp-checksum");
  }
  return openTunnel(stage, frame, udp + 8, end, vni);
}

function openTunnel(
  stage: AnyDecapsulate,
  frame: Modelled,
  at: number,
  end: number,
  vni: number | undefined,
): Modelled | Refused {
  if (stage.kind === "geneve") return openGeneve(stage, frame, at, end, vni);
  if (stage.kind === "vxlan-gpe") return openGpe(stage, frame, at, end, vni);
  const vxlan = parseVxlan(frame.bytes, at, end, { rule: stage.rule ?? "rfc" });
  if (!vxlan.ok) return bad(vxlan.stop === "cut-by-capture" ? "vxlan-truncated" : vxlan.stop);
  if (vni !== undefined && vxlan.header.vni !== vni) return bad("other-vni");
  return passenger(stage, frame, vxlan.payload, end, vxlan.header.vni);
}

/** What a header says counts before what it must not say. */
function openGpe(
  stage: AnyDecapsulate,
  frame: Modelled,
  at: number,
  end: number,
  vni: number | undefined,
): Modelled | Refused {
  const lax = parseVxlan(frame.bytes, at, end, { extension: "gpe" });
  if (!lax.ok && lax.stop === "vxlan-version") return bad("gpe-version");
  if (!lax.ok) return bad(lax.stop === "cut-by-capture" ? "vxlan-truncated" : lax.stop);
  const { oam, nextProtocol = 3 } = lax.header.gpe!;
  if (oam) return bad("gpe-oam");
  if (nextProtocol !== 3) return bad("gpe-protocol");
  const parsed = parseVxlan(frame.bytes, at, end, { extension: "gpe", rule: stage.rule ?? "rfc" });
  if (!parsed.ok) return bad(parsed.stop);
  if (vni !== undefined && parsed.header.vni !== vni) return bad("other-vni");
  return passenger(stage, frame, parsed.payload, end, parsed.header.vni);
}

function openGeneve(
  stage: AnyDecapsulate,
  frame: Modelled,
  at: number,
  end: number,
  vni: number | undefined,
): Modelled | Refused {
  const { bytes } = frame;
  const geneve = parseGeneve(bytes, at, end);
  if (!geneve.ok && geneve.stop !== "geneve-options")
    return bad(geneve.stop === "cut-by-capture" ? "geneve-truncated" : geneve.stop);
  if (bytes[at + 1]! >= 0x80) return bad("geneve-oam");
  if (word(bytes, at + 2) !== 0x6558) return bad("geneve-protocol");
  if (!geneve.ok) return bad(geneve.stop);
  const { header, payload } = geneve;
  if (stage.criticalOptions !== "take" && header.options.some(isCritical))
    return bad("geneve-critical-option");
  if (vni !== undefined && header.vni !== vni) return bad("other-vni");
  return passenger(stage, frame, payload, end, header.vni);
}

function openGre(
  stage: AnyDecapsulate,
  frame: Modelled,
  at: number,
  end: number,
  number: number | undefined,
): Modelled | Refused {
  const { bytes } = frame;
  const flags = word(bytes, at);
  if ((flags & (stage.rule === "strict" ? 0x4ff8 : 0x4c00)) !== 0) return bad("gre-reserved");
  if (stage.kind === "nvgre" && (flags & 0xb000) !== 0x2000) return bad("nvgre-fields");
  const gre = parseGre(bytes, at, end);
  if (!gre.ok) return bad("gre-truncated");
  const { header, payload } = gre;
  if (stage.checksum !== "ignore" && end - at <= 65535 && greChecksumStatus(bytes, at, end) === "bad")
    return bad("gre-checksum");
  if (stage.kind === "nvgre") {
    const vsid = nvgreOf(header)!.vsid;
    if (number !== undefined && vsid !== number) return bad("other-vni");
    return passenger(stage, frame, payload, end, vsid);
  }
  if (number !== undefined && header.key !== number) return bad("other-key");
  // The last key cannot be told from none.
  return passenger(stage, frame, payload, end, header.key === 0xffffffff ? undefined : header.key);
}

function passenger(
  stage: AnyDecapsulate,
  frame: Modelled,
  at: number,
  end: number,
  vni: number | undefined,
): Modelled | Refused {
  const bytes = frame.bytes.subarray(at, Math.min(end, frame.bytes.length));
  if (bytes.length < 14) return bad("inner-truncated");
  const refused = stage.innerTag === "drop" || (stage.kind === "nvgre" && !stage.keepsTags);
  if (refused && isTpid(word(bytes, 12))) return bad("inner-tagged");
  return { bytes, wireLength: end - at, vni };
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
