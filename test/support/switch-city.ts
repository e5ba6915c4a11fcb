// Many bridge domains on one switch, all with the same MACs and IP addresses. Every frame bears the number of its
// domain in its last bytes; where it leaves says which domain it leaves in.
import type { TunnelKind } from "frameferry";
import { emitArp } from "frameferry/wire";
import { tunnelPacket, UNDERLAYS } from "./switch-frames.ts";
import type { DomainHandle, PortFrame, PortHandle, SwitchControl } from "./switch-types.ts";
import { KINDS, overUdp } from "./tunnel-kinds.ts";

export interface CityPlan {
  readonly domains: number;
  /** Whether each domain has an access port of its own. */
  readonly access: boolean;
  /** Each trunk: the VID of each domain that is on it. The first one's first VLAN is native. */
  readonly trunks: readonly ReadonlyMap<number, number>[];
  /** The kind of each. */
  readonly tunnels: readonly TunnelKind[];
}

/** What no frame may bear when it leaves. */
const NOWHERE = 0xffffffff;
const FIRST_VNI = 5000;
/** The tag inside another has it; no trunk does. */
const INNER_VID = 4094;
const HOSTS = 12;
const { local, remotes, stranger } = UNDERLAYS.ipv4;

/** 64 domains or so: each on an access port, four trunks and two tunnels. */
export function smallCity(domains: number, tunnels: readonly TunnelKind[]): CityPlan {
  const trunks = [0, 1, 2, 3].map(
    (t) =>
      new Map(
        Array.from({ length: domains }, (_, d) => [d, 1 + ((d * (2 * t + 1) + 100 * t) % 4000)] as const),
      ),
  );
  return { domains, access: true, trunks, tunnels };
}

/** Every domain there can be: each on two trunks of 4,093 VLANs, and all of them in one tunnel. */
export function largeCity(): CityPlan {
  const domains = 65535;
  const trunks: Map<number, number>[] = [];
  for (let d = 0; d < domains; d++) {
    // The other half of the trunks has them in another order.
    for (const [half, place] of [d, (d * 7919) % domains].entries()) {
      const t = 17 * half + Math.floor(place / 4093);
      while (trunks.length <= t) trunks.push(new Map());
      trunks[t]!.set(d, 1 + (place % 4093));
    }
  }
  return { domains, access: false, trunks, tunnels: ["vxlan"] };
}

export class City {
  readonly #access: PortHandle[] = [];
  readonly #trunks: { readonly port: PortHandle; readonly vids: ReadonlyMap<number, number> }[] = [];
  readonly #tunnels: readonly TunnelKind[];
  readonly #domains: number;
  /** By port number: the domain of an access port, or a trunk's domains by VID. */
  readonly #owners: (number | Int32Array)[] = [];
  #state: number;
  /** How many frames left, and how many of them by the uplink. */
  left = 0;
  leftByUplink = 0;

  constructor(sw: SwitchControl, plan: CityPlan, seed: number) {
    this.#domains = plan.domains;
    this.#tunnels = plan.tunnels;
    this.#state = seed;
    const asks = "addNeighbour" in sw;
    const domains: DomainHandle[] = [];
    for (let d = 0; d < plan.domains; d++) {
      const bridgeDomain = sw.addBridgeDomain({ vni: FIRST_VNI + d, arpSuppression: asks && d % 2 === 0 });
      domains.push(bridgeDomain);
      if (asks && d % 2 === 0 && d < 1000)
        sw.addNeighbour({ bridgeDomain, ip: "192.0.2.3", mac: neighbourMac(d) });
      if (!plan.access) continue;
      const port = sw.addPort({ bridgeDomain });
      this.#access.push(port);
      this.#owners[port.number] = d;
    }
    for (const [t, vids] of plan.trunks.entries()) {
      const vlans: Record<number, DomainHandle> = {};
      const owners = new Int32Array(4096).fill(-1);
      for (const [d, vid] of vids) {
        vlans[vid] = domains[d]!;
        owners[vid] = d;
      }
      const native = t === 0 ? vids.get(0) : undefined;
      // A frame of the native VLAN leaves without its tag: with none, or with the one that was inside.
      if (native !== undefined) owners[0] = owners[INNER_VID] = 0;
      const port = sw.addPort({ vlans, ...(native === undefined ? {} : { native }) });
      this.#trunks.push({ port, vids });
      this.#owners[port.number] = owners;
    }
    for (const [t, kind] of plan.tunnels.entries())
      sw.addTunnel({ kind, remote: remotes[t]!, bridgeDomains: domains });
  }

  /** A frame of any domain that comes in anywhere, in order or not. */
  arrival(): PortFrame {
    const d = this.#below(this.#domains);
    const kind = this.#below(this.#access.length > 0 ? 10 : 7);
    if (kind < 4) return this.#byTrunk(d);
    return kind < 7 ? this.#byUplink(d) : this.#byAccess(d);
  }

  /** Throws if `frame` has left in another domain than its own. */
  check(frame: Uint8Array, port: number): void {
    const end = frame.length;
    const bears =
      ((frame[end - 4]! << 24) | (frame[end - 3]! << 16) | (frame[end - 2]! << 8) | frame[end - 1]!) >>> 0;
    const kind = port === 0 ? this.#kindOf(frame) : undefined;
    const owner = kind !== undefined ? vniOf(frame, kind) - FIRST_VNI : this.#ownerAt(frame, port);
    this.left++;
    if (port === 0) this.leftByUplink++;
    if (owner !== bears) throw new Error(`a frame of domain ${bears} left port ${port} in domain ${owner}`);
    // An ARP answer must be that of the domain's own neighbour.
    const source = kind === undefined ? 6 : 6 + headersOf(kind);
    const whose = (frame[source + 4]! << 8) | frame[source + 5]!;
    if (frame[source] === 0x0a && whose !== bears)
      throw new Error(`an answer of domain ${whose} left in domain ${owner}`);
  }

  /** Of the tunnel that a packet leaves by. */
  #kindOf(packet: Uint8Array): TunnelKind {
    return this.#tunnels[remotes.indexOf(packet.subarray(30, 34).join("."))]!;
  }

  #ownerAt(frame: Uint8Array, port: number): number {
    const owners = this.#owners[port]!;
    if (typeof owners === "number") return owners;
    return owners[isTag(frame) ? ((frame[14]! & 15) << 8) | frame[15]! : 0]!;
  }

  #byAccess(d: number): PortFrame {
    const port = this.#access[d]!.number;
    const dice = this.#below(16);
    // A VLAN tag gets nobody into another domain, nor anywhere.
    if (dice === 0) return { port, bytes: this.#frame(NOWHERE, [1 + this.#below(4000)]) };
    if (dice === 1) return { port, bytes: this.#frame(d, [0]) };
    return { port, bytes: this.#frame(d, []) };
  }

  #byTrunk(d: number): PortFrame {
    const on = this.#trunks.filter(({ vids }) => vids.has(d));
    const trunk = on[this.#below(on.length)]!;
    const port = trunk.port.number;
    const dice = this.#below(32);
    if (dice === 0) return { port, bytes: this.#frame(NOWHERE, [4095]) };
    if (dice === 1) return { port, bytes: this.#frame(trunk === this.#trunks[0] ? 0 : NOWHERE, []) };
    const inner = dice < 6 ? [INNER_VID] : [];
    return { port, bytes: this.#frame(d, [trunk.vids.get(d)!, ...inner]) };
  }

  #byUplink(d: number): PortFrame {
    const dice = this.#below(32);
    const wrong = dice < 4;
    const passenger = this.#frame(wrong ? NOWHERE : d, dice === 0 ? [1 + this.#below(4000)] : []);
    const t = this.#below(this.#tunnels.length);
    const source = dice === 1 ? stranger : remotes[t]!;
    const vni = dice === 2 ? FIRST_VNI - 1 - this.#below(100) : FIRST_VNI + d;
    // By another kind of tunnel than it has nobody gets in.
    const other = dice === 3 ? 1 + this.#below(KINDS.length - 1) : 0;
    const kind = KINDS[(KINDS.indexOf(this.#tunnels[t]!) + other) % KINDS.length]!;
    return { port: 0, bytes: tunnelPacket({ kind, source, destination: local, vni }, passenger) };
  }

  /** 60 to 90 bytes and their tags; one in eight asks by ARP for what the domain knows, or does not. */
  #frame(bears: number, vids: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(60 + this.#below(32) + 4 * vids.length);
    const type = 12 + 4 * vids.length;
    const dice = this.#below(8);
    const source = 1 + this.#below(HOSTS);
    const destination = 1 + this.#below(HOSTS);
    if (dice < 2) bytes.fill(0xff, 0, 6);
    else bytes.set([dice === 2 ? 3 : 2, 0, 0, 0, 9, destination]);
    bytes.set([2, 0, 0, 0, 9, source], 6);
    vids.forEach((vid, i) => {
      bytes.set([0x81, 0, (this.#below(8) << 5) | (vid >>> 8), vid], 12 + 4 * i);
    });
    if (dice === 0) {
      bytes.set([8, 6], type);
      const target = 1 + this.#below(4);
      const senderMac = bytes.slice(6, 12);
      const senderIp = Uint8Array.of(192, 0, 2, 100 + source);
      const targetMac = new Uint8Array(6);
      emitArp(
        { operation: 1, senderMac, senderIp, targetMac, targetIp: Uint8Array.of(192, 0, 2, target) },
        bytes,
        type + 2,
      );
    } else bytes.set([0x88, 0xb5], type);
    bytes.set([bears >>> 24, bears >>> 16, bears >>> 8, bears], bytes.length - 4);
    return bytes;
  }

  /** A whole number below `limit`, the same ones for the same seed. */
  #below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }
}

function neighbourMac(d: number): string {
  const hex = (byte: number) => byte.toString(16).padStart(2, "0");
  return `0a:00:00:00:${hex(d >>> 8)}:${hex(d & 255)}`;
}

function isTag(frame: Uint8Array): boolean {
  return frame[12] === 0x81 && frame[13] === 0;
}

/** How long the headers over IPv4 are that the switch makes. */
function headersOf(kind: TunnelKind): number {
  return overUdp(kind) ? 50 : 42;
}

function vniOf(packet: Uint8Array, kind: TunnelKind): number {
  const at = headersOf(kind) - (kind === "gre" ? 3 : 4);
  return (packet[at]! << 16) | (packet[at + 1]! << 8) | packet[at + 2]!;
}
