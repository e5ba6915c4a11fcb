// The switch in plain TypeScript: what happens to a frame, one step after the other, with Maps and loops.
// It knows nothing of the kernels; tests compare the two.
import type { TunnelKind } from "frameferry";
import { decapsulate, type Modelled } from "./decapsulate-model.ts";
import { encapsulated } from "./encapsulate-model.ts";
import {
  type Attachment,
  type DomainModel,
  type PortModel,
  SwitchModelControl,
  stampOf,
} from "./switch-model-control.ts";
import {
  addressKey,
  arpReply,
  destinationOf,
  isGroup,
  isReservedGroup,
  outerAddresses,
  sourceOf,
  startsWithTag,
  type Tag,
  tagOf,
  withoutTag,
  withTag,
} from "./switch-model-frames.ts";
import type { PortFrame } from "./switch-types.ts";
import type { AnyEncapsulate } from "./tunnel-kinds.ts";

/** A frame on its way, and the headroom it has. */
interface Passing {
  readonly bytes: Uint8Array;
  readonly room: number;
  readonly tag: Tag | undefined;
  /** Where it came in. */
  readonly from: PortModel;
  readonly domain: DomainModel;
}

/** What counts a frame that comes in. */
interface Ingress {
  readonly kind: string;
  readonly tally: { received: number; receivedBytes: number; dropped: number };
}

/** A passenger that came out of a tunnel. */
interface Opened {
  readonly tunnel: PortModel;
  readonly domain: DomainModel;
  readonly bytes: Uint8Array;
  /** How many bytes of headers stood in front of it. */
  readonly pulled: number;
}

export class SwitchModel extends SwitchModelControl {
  #outputs: PortFrame[] = [];
  #now = 0;

  /** Runs a burst; returns the frames that leave, in order. `headroom` is that of the frames' slots. */
  forward(frames: readonly PortFrame[], nowMs: number, headroom = 128): PortFrame[] {
    this.#outputs = [];
    this.#now = stampOf(nowMs);
    for (const { port: number, bytes } of frames) {
      const port = number === 0 ? this.uplink : this.portModels.get(number);
      // A tunnel is none for frames to come in by: they come by the uplink.
      if (port === undefined || port.kind === "tunnel") this.#fromNowhere(bytes);
      else if (port.kind === "uplink") this.#fromUplink(port, bytes, headroom);
      else this.#fromPort(port, bytes, headroom);
    }
    return this.#outputs;
  }

  #fromNowhere(bytes: Uint8Array): void {
    const counted = this.uplink ?? { tally: { received: 0, receivedBytes: 0, dropped: 0 }, kind: "uplink" };
    this.#receive(counted, bytes);
    this.#drop("no-port", counted);
  }

  #fromPort(port: PortModel, bytes: Uint8Array, room: number): void {
    this.#receive(port, bytes);
    const reason = bytes.length < 14 ? "frame-too-short" : this.#badSource(bytes);
    const found = reason ?? this.#classify(port, bytes, room);
    if (typeof found === "string") this.#drop(found, port);
    else this.#inDomain(found);
  }

  #classify(from: PortModel, bytes: Uint8Array, room: number): Passing | string {
    const tagged = startsWithTag(bytes);
    if (tagged && bytes.length < 18) return "frame-too-short";
    const tag = tagged ? tagOf(bytes) : undefined;
    const vid = tag?.vid ?? 0;
    // The native VLAN's domain stands under 0.
    const domain = from.domains.get(from.kind === "trunk" && vid === from.settings.native ? 0 : vid);
    return domain === undefined ? "vlan-not-allowed" : { bytes, room, tag, from, domain };
  }

  #badSource(bytes: Uint8Array): string | undefined {
    const source = sourceOf(bytes);
    if (isGroup(source)) return "source-multicast";
    return source === "00:00:00:00:00:00" ? "source-zero" : undefined;
  }

  #fromUplink(uplink: PortModel, packet: Uint8Array, room: number): void {
    this.#receive(uplink, packet);
    const typeAt = startsWithTag(packet) ? 16 : 12;
    const own = new Map([[addressKey(this.settings.vtep!.address), this.localMac]]);
    const answer = arpReply(packet, typeAt, own);
    if (answer !== undefined) {
      this.arpAnswers++;
      this.#leave(uplink, undefined, answer);
      return;
    }
    const found = this.#openTunnel(packet);
    if (typeof found === "string") this.#drop(found, uplink);
    else this.#fromTunnel(found, room);
  }

  /** Whose packet it is and the passenger in it, or why nobody's. */
  #openTunnel(packet: Uint8Array): Opened | string {
    const { address } = this.settings.vtep!;
    const outer = outerAddresses(packet);
    let kind: TunnelKind = "vxlan";
    let result = this.#decapsulated(kind, packet);
    for (const other of ["geneve", "vxlan-gpe"] as const) {
      if (result !== "not-tunnel") break;
      kind = other;
      result = this.#decapsulated(kind, packet);
    }
    if (result === "not-tunnel") {
      kind = this.tunnelTo(outer.source, "nvgre") === undefined ? "gre" : "nvgre";
      result = this.#decapsulated(kind, packet);
    }
    if (typeof result === "string") return result;
    if (outer.destination !== addressKey(address)) return "not-tunnel";
    const number = result.vni;
    if (number === undefined || number > 0xffffff) return "other-key";
    const domain = this.bridgeDomains().find(({ vni }) => vni === number);
    if (domain === undefined) return "other-vni";
    const tunnel = this.tunnelTo(outer.source, kind);
    if (!domain.members.some(({ port }) => port === tunnel)) return "unknown-remote";
    const { bytes } = result;
    return { tunnel: tunnel!, domain, bytes, pulled: bytes.byteOffset - packet.byteOffset };
  }

  #decapsulated(kind: TunnelKind, packet: Uint8Array): Modelled | string {
    const { address, mac, ports, ...rules } = this.settings.vtep!;
    const listens = ports?.[kind];
    const stage = {
      kind,
      ...rules,
      keepsTags: true,
      lengths: "strict",
      ...(listens === undefined ? {} : { port: listens }),
    } as const;
    return decapsulate(stage, { bytes: packet, wireLength: packet.length, vni: undefined }).result;
  }

  #fromTunnel({ tunnel, domain, bytes, pulled }: Opened, room: number): void {
    this.#receive(tunnel, bytes);
    const reason = this.#badSource(bytes) ?? (startsWithTag(bytes) ? "inner-tagged" : undefined);
    if (reason !== undefined) this.#drop(reason, tunnel);
    else this.#inDomain({ bytes, room: room + pulled, tag: undefined, from: tunnel, domain });
  }

  #inDomain(frame: Passing): void {
    frame.domain.tally.received++;
    const reason = this.#forwardInDomain(frame);
    if (reason !== undefined) this.#drop(reason, frame.from, frame.domain);
  }

  /** From here on a step returns the reason for which the frame must be dropped, if there is one. */
  #forwardInDomain(frame: Passing): string | undefined {
    const { bytes, tag, from, domain } = frame;
    const destination = destinationOf(bytes);
    if (isReservedGroup(destination)) return "reserved-group";
    const refused = this.#learn(from, domain, sourceOf(bytes));
    if (refused !== undefined) return refused;

    const known = domain.settings.arpSuppression ? domain.neighbours : new Map<string, string>();
    const answer = arpReply(bytes, tag === undefined ? 12 : 16, known);
    if (answer !== undefined) {
      const reason = this.#send(
        { ...frame, bytes: answer },
        domain.members.find((one) => one.port === from)!,
      );
      if (reason === undefined) this.arpAnswers++;
      return reason;
    }
    if (isGroup(destination)) return this.#flood(frame);
    const entry = this.fdbModel.get(domain.id, destination);
    if (entry === undefined)
      return domain.settings.unknownUnicast === "drop" ? "unknown-unicast" : this.#flood(frame);
    if (entry.kind === "blackhole") return "blackhole";
    const target = domain.members.find(({ port }) => port.number === entry.port)!;
    if (target.port === from) return "same-port";
    return inOneGroup(target.port, from) ? "split-horizon" : this.#send(frame, target);
  }

  #learn(port: PortModel, domain: DomainModel, mac: string): string | undefined {
    if (port.settings.learning === false || domain.settings.learning === false) return undefined;
    return this.fdbModel.learn({
      domain: domain.id,
      mac,
      port: port.number,
      stamp: this.#now,
      portLimit: port.settings.fdbLimit,
      domainLimit: domain.settings.fdbLimit,
    });
  }

  #flood(frame: Passing): string | undefined {
    const { from, domain } = frame;
    const targets = domain.members.filter(
      ({ port }) => port.settings.flood !== false && port !== from && !inOneGroup(port, from),
    );
    if (targets.length === 0) return "no-egress";
    for (const counted of [from.tally, domain.tally, this.total]) counted.copies += targets.length - 1;
    // The last one gets the frame itself, the others copies in slots of the switch.
    const copyRoom = this.settings.headroom ?? 128;
    targets.forEach((target, i) => {
      const reason = this.#send(i < targets.length - 1 ? { ...frame, room: copyRoom } : frame, target);
      if (reason !== undefined) this.#drop(reason, from, domain);
    });
    return undefined;
  }

  /** Sends to one attachment. */
  #send({ bytes, room, tag, domain }: Passing, { port, vid }: Attachment): string | undefined {
    const { mtu } = port.settings;
    if (mtu !== undefined && bytes.length - (tag === undefined ? 14 : 18) > mtu) return "exceeds-mtu";
    const bare = tag === undefined ? bytes : withoutTag(bytes);
    const bareRoom = tag === undefined ? room : room + 4;
    if (port.tunnel !== undefined) {
      const packet = encapsulated(this.#stageOf(port, domain), bare, bareRoom);
      if (typeof packet === "string") return packet;
      this.#leave(port, domain, packet);
    } else if (vid === 0) {
      this.#leave(port, domain, bare);
    } else {
      if (bareRoom < 4) return "no-headroom";
      const { tpid, pcpAndDei } = tag ?? { tpid: 0x8100, pcpAndDei: 0 };
      this.#leave(port, domain, withTag(bare, { tpid, pcpAndDei, vid }));
    }
    return undefined;
  }

  #stageOf({ tunnel }: PortModel, { vni }: DomainModel): AnyEncapsulate {
    const { kind, remote, remoteMac, ttl, dscp, udpChecksum, options, checksum } = tunnel!;
    const { address, ports } = this.settings.vtep!;
    const port = tunnel!.port ?? ports?.[kind];
    return {
      kind,
      ...(kind === "gre" ? { key: vni! } : { vni: vni! }),
      local: address,
      localMac: this.localMac,
      remote,
      ...(port === undefined ? {} : { port }),
      ...(remoteMac === undefined ? {} : { remoteMac }),
      ...(ttl === undefined ? {} : { ttl }),
      ...(dscp === undefined ? {} : { dscp }),
      ...(udpChecksum === undefined ? {} : { udpChecksum }),
      ...(options === undefined ? {} : { options }),
      ...(checksum === undefined ? {} : { checksum }),
    };
  }

  #receive(port: Ingress, bytes: Uint8Array): void {
    port.tally.received++;
    port.tally.receivedBytes += bytes.length;
    // The uplink has received what comes out of a tunnel.
    if (port.kind !== "tunnel") this.total.received++;
  }

  #leave(port: PortModel, domain: DomainModel | undefined, bytes: Uint8Array): void {
    port.tally.sent++;
    port.tally.sentBytes += bytes.length;
    this.total.sent++;
    if (domain !== undefined) domain.tally.sent++;
    // What goes into a tunnel leaves on the uplink.
    const by = port.tunnel === undefined ? port : this.uplink!;
    if (by !== port) {
      by.tally.sent++;
      by.tally.sentBytes += bytes.length;
    }
    this.#outputs.push({ port: by.number, bytes: bytes.slice() });
  }

  #drop(reason: string, port: Ingress, domain?: DomainModel): void {
    port.tally.dropped++;
    this.total.dropped++;
    if (domain !== undefined) domain.tally.dropped++;
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

function inOneGroup(one: PortModel, other: PortModel): boolean {
  return one.group !== 0 && one.group === other.group;
}
