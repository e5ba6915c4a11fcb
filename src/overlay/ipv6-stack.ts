// IPv6 of a machine: neighbour discovery (RFC 4861), the MTU of paths (RFC 8201), echo (RFC 4443), UDP.
// It does not fragment: a packet that is longer than the path allows is not sent.

import { formatIp } from "../core/addresses.ts";
import { type Prefix, prefixHolds } from "../core/prefixes.ts";
import { ETHERNET_LENGTH, ETHERTYPE_IPV6 } from "../layout/ethernet.layout.ts";
import {
  ADVERTISEMENT_LENGTH,
  ADVERTISEMENT_OPTION,
  ADVERTISEMENT_OVERRIDE,
  ADVERTISEMENT_SOLICITED,
  ICMP_BODY,
  ICMP_CHECKSUM,
  ICMP_REST,
  ICMP_TYPE,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_TIME_EXCEEDED,
  NEIGHBOUR_ADVERTISEMENT,
  NEIGHBOUR_SOLICITATION,
  OPTION_TARGET_MAC,
  SOLICITATION_HOP_LIMIT,
  SOLICITATION_LENGTH,
  SOLICITATION_TARGET,
} from "../layout/icmp.layout.ts";
import { IP_LENGTH_MAXIMUM, IP_PROTOCOL_ICMPV6, IP_PROTOCOL_UDP } from "../layout/ipv4.layout.ts";
import { IPV6_LENGTH } from "../layout/ipv6.layout.ts";
import { read16, read32, write16 } from "../wire/bytes.ts";
import { checksum, pseudoHeaderSum } from "../wire/checksum.ts";
import { emitIcmp, icmpChecksum } from "../wire/icmp.ts";
import { emitIpv6, ipv6Fragment, parseIpv6 } from "../wire/ipv6.ts";
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

const MTU_LEAST = 1280; // RFC 8200 §5
const OPTION_SOURCE_MAC = 1;
const UNREACHABLE = 1;

export class Ipv6Stack {
  readonly address: Uint8Array;
  readonly neighbours: NeighbourCache;
  readonly #station: Station;
  readonly #pings: Pings;
  readonly #prefix: Prefix;
  readonly #gateway: Uint8Array | undefined;
  /** Paths that allow less than the network card. */
  #paths: Map<IpKey, number> | undefined;

  constructor(station: Station, pings: Pings, prefix: Prefix, gateway: Uint8Array | undefined) {
    this.#station = station;
    this.#pings = pings;
    this.#prefix = prefix;
    this.address = prefix.bytes;
    this.#gateway = gateway;
    this.neighbours = new NeighbourCache(station, (ip) => this.#solicit(ip));
  }

  /** Says where it is: an advertisement that nobody asked for, to all nodes (RFC 4861 §7.2.6). */
  announce(): void {
    this.#advertise(ALL_NODES, this.address, ADVERTISEMENT_OVERRIDE, macOfGroup(ALL_NODES));
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
    const message = echoRequest(ICMPV6_ECHO_REQUEST, echo.identifier, echo.sequence, echo.size);
    this.#seal(message, this.address, destination);
    return this.#send(destination, IP_PROTOCOL_ICMPV6, message, options);
  }

  sendUdp(
    destination: Uint8Array,
    ports: { source: number; destination: number },
    payload: Uint8Array,
  ): Refusal | undefined {
    const datagram = udpDatagram(ports, payload, { source: this.address, destination });
    return this.#send(destination, IP_PROTOCOL_UDP, datagram, {});
  }

  /** Takes an IPv6 packet; true if it is neighbour discovery. */
  take(frame: Uint8Array): boolean {
    const ip = parseIpv6(frame, ETHERNET_LENGTH);
    // Nobody here sends fragments, and so none is put together.
    if (!ip.ok || ipv6Fragment(ip.header) !== undefined) {
      this.#station.malformed();
      return false;
    }
    const { source, destination, protocol, hopLimit } = ip.header;
    if (!sameBytes(destination, this.address) && destination[0] !== 0xff) {
      this.#station.foreign();
      return false;
    }
    const payload = frame.subarray(ip.payload, ip.end);
    if (protocol === IP_PROTOCOL_UDP) takeUdp(this.#station, payload, source, destination);
    if (protocol !== IP_PROTOCOL_ICMPV6) return false;
    const sum = pseudoHeaderSum(source, destination, IP_PROTOCOL_ICMPV6, payload.length);
    if (payload.length < ICMP_BODY || checksum(payload, 0, payload.length, sum) !== 0) {
      this.#station.malformed();
      return false;
    }
    return this.#takeIcmp(payload, source, destination, hopLimit);
  }

  #takeIcmp(message: Uint8Array, source: Uint8Array, destination: Uint8Array, hopLimit: number): boolean {
    const type = message[ICMP_TYPE] as number;
    if (type === NEIGHBOUR_SOLICITATION || type === NEIGHBOUR_ADVERTISEMENT) {
      // From this link only (RFC 4861 §7.1).
      if (hopLimit !== SOLICITATION_HOP_LIMIT || message.length < SOLICITATION_LENGTH)
        this.#station.malformed();
      else if (type === NEIGHBOUR_SOLICITATION) this.#takeSolicitation(message, source);
      else this.#takeAdvertisement(message);
      return true;
    }
    if (type === ICMPV6_ECHO_REQUEST) {
      if (!sameBytes(destination, this.address)) return false;
      const reply = message.slice();
      reply[ICMP_TYPE] = ICMPV6_ECHO_REPLY;
      this.#seal(reply, this.address, source);
      this.#send(source.slice(), IP_PROTOCOL_ICMPV6, reply, {});
    } else if (type === ICMPV6_ECHO_REPLY) {
      const echo = echoOf(message);
      if (echo?.intact) this.#pings.get(echo.identifier)?.reply(echo.sequence, this.#station.clock.nowUs);
      else this.#station.malformed();
    } else if (type < ICMPV6_ECHO_REQUEST) this.#takeError(message, type, source);
    return false;
  }

  #takeSolicitation(message: Uint8Array, source: Uint8Array): void {
    const target = message.subarray(SOLICITATION_TARGET, SOLICITATION_TARGET + 16);
    const mac = optionOf(message, OPTION_SOURCE_MAC);
    if (!sameBytes(target, this.address) || mac === undefined) return;
    this.neighbours.learn(source, mac, true);
    this.#advertise(source, this.address, ADVERTISEMENT_SOLICITED | ADVERTISEMENT_OVERRIDE, mac);
  }

  #takeAdvertisement(message: Uint8Array): void {
    const target = message.subarray(SOLICITATION_TARGET, SOLICITATION_TARGET + 16);
    const mac = optionOf(message, OPTION_TARGET_MAC);
    if (mac !== undefined && !sameBytes(target, this.address)) this.neighbours.learn(target, mac, false);
  }

  #takeError(message: Uint8Array, type: number, source: Uint8Array): void {
    const code = message[1] as number;
    const quoted = parseIpv6(message, ICMP_BODY, ICMP_BODY + IPV6_LENGTH + IP_LENGTH_MAXIMUM);
    if (!quoted.ok || !sameBytes(quoted.header.source, this.address)) return;
    const tooBig = type === ICMPV6_PACKET_TOO_BIG;
    let mtu = read32(message, ICMP_REST);
    if (tooBig) {
      const key = ipKey(quoted.header.destination);
      mtu = Math.max(MTU_LEAST, Math.min(mtu, this.#paths?.get(key) ?? IP_LENGTH_MAXIMUM));
      this.#paths ??= new Map();
      this.#paths.set(key, mtu);
    }
    const { payload, header } = quoted;
    if (header.protocol !== IP_PROTOCOL_ICMPV6 || message.length < payload + ICMP_BODY) return;
    if (message[payload + ICMP_TYPE] !== ICMPV6_ECHO_REQUEST) return;
    const from = formatIp(source);
    const other =
      type === ICMPV6_TIME_EXCEEDED ? "ttl-exceeded" : type === UNREACHABLE ? "unreachable" : "other";
    const error: PingError = tooBig
      ? { kind: "packet-too-big", from, mtu, type, code }
      : { kind: other, from, type, code };
    this.#pings.get(read16(message, payload + ICMP_REST))?.errors.push(error);
  }

  #send(
    destination: Uint8Array,
    protocol: number,
    body: Uint8Array,
    options: SendOptions,
  ): Refusal | undefined {
    const group = destination[0] === 0xff;
    const hop = group || prefixHolds(this.#prefix, destination) ? destination : this.#gateway;
    if (hop === undefined) return { kind: "no-route" };
    const mtu = this.pathMtu(destination);
    if (IPV6_LENGTH + body.length > mtu) return { kind: "packet-too-big", mtu };
    const frame = this.#packet(destination, protocol, body, options.ttl ?? 64);
    if (group) {
      frame.set(macOfGroup(destination));
      this.#station.transmit(frame);
    } else this.neighbours.send(hop, frame, options.unheard);
    return undefined;
  }

  #packet(destination: Uint8Array, protocol: number, body: Uint8Array, hopLimit: number): Uint8Array {
    const frame = frameFrom(this.#station.mac, ETHERTYPE_IPV6, IPV6_LENGTH + body.length);
    const { address: source } = this;
    emitIpv6({ payloadLength: body.length, protocol, hopLimit, source, destination }, frame, ETHERNET_LENGTH);
    frame.set(body, ETHERNET_LENGTH + IPV6_LENGTH);
    return frame;
  }

  #solicit(ip: Uint8Array): void {
    // ff02::1:ff00:0/104 and the last 24 bits of the address (RFC 4291 §2.7.1).
    const group = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0);
    group.set(ip.subarray(13), 13);
    const message = new Uint8Array(SOLICITATION_LENGTH + 8);
    emitIcmp({ type: NEIGHBOUR_SOLICITATION }, message);
    message.set(ip, SOLICITATION_TARGET);
    message.set([OPTION_SOURCE_MAC, 1], SOLICITATION_LENGTH);
    message.set(this.#station.mac, SOLICITATION_LENGTH + 2);
    this.#discover(group, message, macOfGroup(group));
  }

  #advertise(to: Uint8Array, target: Uint8Array, flags: number, mac: Uint8Array): void {
    const message = new Uint8Array(ADVERTISEMENT_LENGTH);
    emitIcmp({ type: NEIGHBOUR_ADVERTISEMENT }, message);
    message[ICMP_REST] = flags;
    message.set(target, SOLICITATION_TARGET);
    message.set([OPTION_TARGET_MAC, 1], ADVERTISEMENT_OPTION);
    message.set(this.#station.mac, ADVERTISEMENT_OPTION + 2);
    this.#discover(to, message, mac);
  }

  #discover(to: Uint8Array, message: Uint8Array, mac: Uint8Array): void {
    this.#seal(message, this.address, to);
    const frame = this.#packet(to, IP_PROTOCOL_ICMPV6, message, SOLICITATION_HOP_LIMIT);
    frame.set(mac);
    this.#station.transmit(frame);
  }

  #seal(message: Uint8Array, source: Uint8Array, destination: Uint8Array): void {
    const sum = pseudoHeaderSum(source, destination, IP_PROTOCOL_ICMPV6, message.length);
    write16(message, ICMP_CHECKSUM, icmpChecksum(message, 0, message.length, sum));
  }
}

const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** RFC 2464 §7. */
function macOfGroup(group: Uint8Array): Uint8Array {
  const mac = Uint8Array.of(0x33, 0x33, 0, 0, 0, 0);
  mac.set(group.subarray(12), 2);
  return mac;
}

/** The MAC in a link-layer address option; undefined if there is none. */
function optionOf(message: Uint8Array, type: number): Uint8Array | undefined {
  for (let at = SOLICITATION_LENGTH; at + 8 <= message.length; ) {
    const units = message[at + 1] as number;
    if (units === 0) return undefined;
    if (message[at] === type && units === 1) return message.subarray(at + 2, at + 8);
    at += 8 * units;
  }
  return undefined;
}
