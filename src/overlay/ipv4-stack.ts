// IPv4 of a machine: ARP, sending by way of a gateway, fragments, the MTU of paths (RFC 1191), echo (RFC 792), UDP.

import { formatIp } from "../core/addresses.ts";
import type { Prefix } from "../core/prefixes.ts";
import {
  ARP_HARDWARE_LENGTH,
  ARP_LENGTH,
  ARP_REPLY,
  ARP_REQUEST,
  ARP_SENDER_IP,
  ARP_TARGET_IP,
} from "../layout/arp.layout.ts";
import { ETHERNET_LENGTH, ETHERTYPE_ARP, ETHERTYPE_IPV4 } from "../layout/ethernet.layout.ts";
import {
  ICMP_BODY,
  ICMP_CHECKSUM,
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_REST,
  ICMP_TIME_EXCEEDED,
  ICMP_TYPE,
  ICMP_UNREACHABLE,
} from "../layout/icmp.layout.ts";
import { IP_LENGTH_MAXIMUM, IP_PROTOCOL_ICMP, IP_PROTOCOL_UDP, IPV4_LENGTH } from "../layout/ipv4.layout.ts";
import { emitArp, parseArp } from "../wire/arp.ts";
import { read16, read32, write16 } from "../wire/bytes.ts";
import { checksum } from "../wire/checksum.ts";
import { icmpChecksum } from "../wire/icmp.ts";
import { emitIpv4, ipv4ChecksumIsGood, parseIpv4 } from "../wire/ipv4.ts";
import { fragmentsOf, Reassembly } from "./fragments.ts";
import { echoOf, echoRequest, takeUdp, udpDatagram } from "./ip-messages.ts";
import { NeighbourCache } from "./neighbour-cache.ts";
import type { PingError, Pings } from "./ping.ts";
import {
  frameFrom,
  type IpKey,
  ipKey,
  type Refusal,
  type SendOptions,
  type Station,
  sameBytes,
} from "./station.ts";

const EVERYBODY = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
const NOBODY = new Uint8Array(6);
const MTU_LEAST = 68; // RFC 791 §3.2
/** What a path is taken for whose router does not say its MTU (RFC 1191 §5 allows any such guess). */
const MTU_UNSAID = 576;

export class Ipv4Stack {
  readonly address: Uint8Array;
  readonly neighbours: NeighbourCache;
  readonly #station: Station;
  readonly #pings: Pings;
  readonly #key: number;
  readonly #mask: number;
  readonly #network: number;
  readonly #gateway: Uint8Array | undefined;
  /** Paths that allow less than the network card. */
  #paths: Map<IpKey, number> | undefined;
  #reassembly: Reassembly | undefined;
  #identification = 0;

  constructor(station: Station, pings: Pings, { bytes, length }: Prefix, gateway: Uint8Array | undefined) {
    this.#station = station;
    this.#pings = pings;
    this.address = bytes;
    this.#mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
    this.#key = ipKey(bytes) as number;
    this.#network = (this.#key & this.#mask) >>> 0;
    this.#gateway = gateway;
    this.neighbours = new NeighbourCache(station, (ip) => this.#sendArp(ARP_REQUEST, EVERYBODY, NOBODY, ip));
  }

  /** Says where it is (RFC 5227 §3). */
  announce(): void {
    this.#sendArp(ARP_REQUEST, EVERYBODY, NOBODY, this.address);
  }

  pathMtu(ip: Uint8Array): number {
    return Math.min(this.#station.mtu, this.#paths?.get(ipKey(ip)) ?? IP_LENGTH_MAXIMUM);
  }

  forget(): void {
    this.neighbours.clear();
    this.#paths?.clear();
  }

  sendEcho(
    destination: Uint8Array,
    echo: { identifier: number; sequence: number; size: number },
    options: SendOptions,
  ): Refusal | undefined {
    const message = echoRequest(ICMP_ECHO_REQUEST, echo.identifier, echo.sequence, echo.size);
    write16(message, ICMP_CHECKSUM, icmpChecksum(message, 0, message.length));
    return this.#send(destination, IP_PROTOCOL_ICMP, message, options);
  }

  sendUdp(
    destination: Uint8Array,
    ports: { source: number; destination: number },
    payload: Uint8Array,
  ): Refusal | undefined {
    const datagram = udpDatagram(ports, payload, { source: this.address, destination });
    return this.#send(destination, IP_PROTOCOL_UDP, datagram, {});
  }

  /** Takes an ARP packet: learns from it, answers it (RFC 826, "packet reception"). */
  takeArp(frame: Uint8Array): void {
    if (this.#isOthers(frame)) return;
    const arp = parseArp(frame, ETHERNET_LENGTH);
    if (!arp.ok || arp.header.senderMac.length !== 6 || arp.header.senderIp.length !== 4) {
      this.#station.malformed();
      return;
    }
    const { operation, senderMac, senderIp, targetIp } = arp.header;
    const forUs = sameBytes(targetIp, this.address);
    // A probe says no address (RFC 5227 §1.1), and nobody else may say ours.
    const says = senderIp.some((byte) => byte !== 0) && !sameBytes(senderIp, this.address);
    if (says) this.neighbours.learn(senderIp, senderMac, forUs);
    if (operation === ARP_REQUEST && forUs && !sameBytes(senderMac, this.#station.mac))
      this.#sendArp(ARP_REPLY, senderMac, senderMac, senderIp);
  }

  /** Is it somebody unknown's question for somebody else? In a large network nearly all are, so it is told fast. */
  #isOthers(frame: Uint8Array): boolean {
    if (frame.length < ETHERNET_LENGTH + ARP_LENGTH) return false;
    if (read16(frame, ETHERNET_LENGTH + ARP_HARDWARE_LENGTH) !== 0x0604) return false;
    if (read32(frame, ETHERNET_LENGTH + ARP_TARGET_IP) === this.#key) return false;
    return !this.neighbours.isAwaited(read32(frame, ETHERNET_LENGTH + ARP_SENDER_IP));
  }

  /** Takes an IPv4 packet. */
  take(frame: Uint8Array): void {
    const ip = parseIpv4(frame, ETHERNET_LENGTH);
    if (!ip.ok || !ipv4ChecksumIsGood(frame, ETHERNET_LENGTH, ip.payload - ETHERNET_LENGTH)) {
      this.#station.malformed();
      return;
    }
    const { header } = ip;
    if (!sameBytes(header.destination, this.address) && !this.#isGroup(ipKey(header.destination) as number)) {
      this.#station.foreign();
      return;
    }
    let payload: Uint8Array | undefined = frame.subarray(ip.payload, ip.end);
    if (header.moreFragments || header.fragmentOffset > 0) {
      this.#reassembly ??= new Reassembly();
      payload = this.#reassembly.take(header, payload, this.#station.clock.nowUs);
      if (payload === undefined) return;
    }
    if (header.protocol === IP_PROTOCOL_ICMP) this.#takeIcmp(payload, header.source, header.destination);
    else if (header.protocol === IP_PROTOCOL_UDP)
      takeUdp(this.#station, payload, header.source, header.destination);
  }

  #takeIcmp(message: Uint8Array, source: Uint8Array, destination: Uint8Array): void {
    if (message.length < ICMP_BODY || checksum(message) !== 0) {
      this.#station.malformed();
      return;
    }
    const type = message[ICMP_TYPE] as number;
    if (type === ICMP_ECHO_REQUEST) {
      // Not to groups (RFC 1122 §3.2.2.6 allows to be silent): one question would have many answers.
      if (!sameBytes(destination, this.address)) return;
      const reply = message.slice();
      reply[ICMP_TYPE] = ICMP_ECHO_REPLY;
      write16(reply, ICMP_CHECKSUM, icmpChecksum(reply, 0, reply.length));
      this.#send(source.slice(), IP_PROTOCOL_ICMP, reply, {});
    } else if (type === ICMP_ECHO_REPLY) {
      const echo = echoOf(message);
      if (echo?.intact) this.#pings.get(echo.identifier)?.reply(echo.sequence, this.#station.clock.nowUs);
      else this.#station.malformed();
    } else this.#takeError(message, type, source);
  }

  /** What a router says of a packet of ours. */
  #takeError(message: Uint8Array, type: number, source: Uint8Array): void {
    const code = message[1] as number;
    const quoted = parseIpv4(message, ICMP_BODY, ICMP_BODY + IP_LENGTH_MAXIMUM);
    if (!quoted.ok || !sameBytes(quoted.header.source, this.address)) return;
    const tooBig = type === ICMP_UNREACHABLE && code === ICMP_FRAGMENTATION_NEEDED;
    let mtu = read16(message, ICMP_REST + 2);
    if (tooBig) {
      const key = ipKey(quoted.header.destination);
      if (mtu === 0) mtu = MTU_UNSAID;
      mtu = Math.max(MTU_LEAST, Math.min(mtu, this.#paths?.get(key) ?? IP_LENGTH_MAXIMUM));
      this.#paths ??= new Map();
      this.#paths.set(key, mtu);
    }
    const { payload, header } = quoted;
    if (header.protocol !== IP_PROTOCOL_ICMP || message.length < payload + ICMP_BODY) return;
    if (message[payload + ICMP_TYPE] !== ICMP_ECHO_REQUEST) return;
    const from = formatIp(source);
    const error: PingError = tooBig
      ? { kind: "packet-too-big", from, mtu, type, code }
      : { kind: KINDS.get(type) ?? "other", from, type, code };
    this.#pings.get(read16(message, payload + ICMP_REST))?.errors.push(error);
  }

  #send(
    destination: Uint8Array,
    protocol: number,
    body: Uint8Array,
    options: SendOptions,
  ): Refusal | undefined {
    const key = ipKey(destination) as number;
    const group = this.#isGroup(key);
    const onLink = (key & this.#mask) >>> 0 === this.#network;
    const hop = group || onLink ? destination : this.#gateway;
    if (hop === undefined) return { kind: "no-route" };
    const mtu = this.pathMtu(destination);
    const totalLength = IPV4_LENGTH + body.length;
    const whole = options.whole ?? "prefer";
    if (totalLength > mtu && whole === "must") return { kind: "packet-too-big", mtu };
    const frame = frameFrom(this.#station.mac, ETHERTYPE_IPV4, totalLength);
    frame.set(body, ETHERNET_LENGTH + IPV4_LENGTH);
    this.#identification = (this.#identification + 1) & 0xffff;
    const dontFragment = whole !== "never" && totalLength <= mtu;
    const { address: source } = this;
    const header = {
      totalLength,
      identification: this.#identification,
      dontFragment,
      protocol,
      source,
      destination,
    };
    emitIpv4({ ...header, ttl: options.ttl ?? 64 }, frame, ETHERNET_LENGTH);
    if (totalLength <= mtu) this.#leave(frame, hop, group, options.unheard);
    else {
      for (const fragment of fragmentsOf(frame.subarray(ETHERNET_LENGTH), mtu)) {
        const one = frameFrom(this.#station.mac, ETHERTYPE_IPV4, fragment.length);
        one.set(fragment, ETHERNET_LENGTH);
        this.#leave(one, hop, group, options.unheard);
      }
    }
    return undefined;
  }

  #leave(frame: Uint8Array, hop: Uint8Array, group: boolean, unheard: (() => void) | undefined): void {
    if (!group) this.neighbours.send(hop, frame, unheard);
    else {
      const [first, second, third, fourth] = hop as unknown as [number, number, number, number];
      // RFC 1112 §6.4 for groups; everybody else of those here is everybody.
      const several = first >= 224 && first < 240;
      frame.set(several ? [0x01, 0x00, 0x5e, second & 0x7f, third, fourth] : EVERYBODY);
      this.#station.transmit(frame);
    }
  }

  /** Is it everybody's address, here or anywhere, or a multicast group's? */
  #isGroup(key: number): boolean {
    if (key === 0xffffffff || key >>> 28 === 14) return true;
    const hosts = ~this.#mask >>> 0;
    return hosts > 1 && (key & this.#mask) >>> 0 === this.#network && (key & hosts) >>> 0 === hosts;
  }

  #sendArp(operation: number, to: Uint8Array, targetMac: Uint8Array, targetIp: Uint8Array): void {
    const { mac } = this.#station;
    const frame = frameFrom(mac, ETHERTYPE_ARP, ARP_LENGTH, to);
    emitArp(
      { operation, senderMac: mac, senderIp: this.address, targetMac, targetIp },
      frame,
      ETHERNET_LENGTH,
    );
    this.#station.transmit(frame);
  }
}

const KINDS: ReadonlyMap<number, PingError["kind"]> = new Map([
  [ICMP_UNREACHABLE, "unreachable"],
  [ICMP_TIME_EXCEEDED, "ttl-exceeded"],
]);
