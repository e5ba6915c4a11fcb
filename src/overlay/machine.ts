// A machine or a pod: one network card, and behind it ARP, IP, ICMP echo and UDP.

import { ip as ipKind, prefix, stationMac } from "../core/address-fields.ts";
import {
  formatIp,
  formatMac,
  type IpAddress,
  type MacAddress,
  parseIp,
  parseStation,
  parseStationMac,
} from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber } from "../core/arguments.ts";
import { checkFields, type Fields, whole } from "../core/fields.ts";
import { type Prefix, parseAddressWithLength } from "../core/prefixes.ts";
import {
  ETHERNET_LENGTH,
  ETHERNET_TYPE,
  ETHERTYPE_ARP,
  ETHERTYPE_EXPERIMENT,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
} from "../layout/ethernet.layout.ts";
import { read16 } from "../wire/bytes.ts";
import { Card } from "./card.ts";
import type { Clock } from "./clock.ts";
import { Ipv4Stack } from "./ipv4-stack.ts";
import { Ipv6Stack } from "./ipv6-stack.ts";
import type { Attachment, NetworkNode, OneWay } from "./link.ts";
import {
  ECHO_MAXIMUM,
  PING_FIELDS,
  type Ping,
  type PingDefaults,
  type PingHandle,
  type PingOptions,
  Pings,
} from "./ping.ts";
import type { ReceivedDatagram, ReceivedFrame } from "./received.ts";
import { frameFrom, type Refusal, sameBytes } from "./station.ts";

export interface MachineOptions {
  readonly mac: MacAddress;
  /** Its IPv4 address and the length of its network: `10.0.0.5/24`. */
  readonly ip?: string | undefined;
  /** Its IPv6 address, the same way: `fc00::5/64`. */
  readonly ipv6?: string | undefined;
  /** Where IPv4 packets to other networks go. Default: nowhere. */
  readonly gateway?: IpAddress | undefined;
  /** Where IPv6 packets to other networks go. Default: nowhere. */
  readonly gatewayIpv6?: IpAddress | undefined;
  /** Longest packet that its network card takes, in bytes: 68 (with IPv6 1,280) to 65,535, default 1,500. */
  readonly mtu?: number | undefined;
  /** How many of the frames, and of the datagrams, that arrived for it are kept, the latest ones. Default 32. */
  readonly history?: number | undefined;
}

export interface MachineCounters {
  /** Frames that its link delivered. */
  readonly received: number;
  readonly sent: number;
  /** Of those received, what was for somebody else, by MAC or by IP address. */
  readonly foreign: number;
  /** Of those received, what could not be read, or had a wrong checksum. */
  readonly malformed: number;
  /** Frames that were to leave while it had no link. */
  readonly unconnected: number;
}

type Defaults = "mac" | "mtu" | "history";

const MACHINE_FIELDS: Fields<MachineOptions, Defaults> = {
  mac: { ...stationMac(), required: true },
  ip: prefix(),
  ipv6: prefix(),
  gateway: ipKind(),
  gatewayIpv6: ipKind(),
  // With IPv6 from 1,280 on, that is.
  mtu: { ...whole(68, 65535), fallback: 1500 },
  history: { ...whole(0, 1_000_000), fallback: 32 },
};

const PORTS_FIRST = 49152;

/** Made by `Network.addMachine`. */
export class Machine implements NetworkNode {
  readonly name: string;
  readonly kind = "machine";
  readonly mac: string;
  /** Without the length of its network; undefined if it has none. */
  readonly ip: string | undefined;
  readonly ipv6: string | undefined;
  readonly mtu: number;
  /** Called for every frame that comes in, those for others and ARP too, before it is worked on. */
  onFrame: ((frame: Uint8Array, machine: Machine) => void) | undefined = undefined;
  readonly #card: Card;
  readonly #pings: Pings;
  readonly #ipv4: Ipv4Stack | undefined;
  readonly #ipv6: Ipv6Stack | undefined;
  #ports = 0;

  /** For `Network`. */
  constructor(name: string, options: MachineOptions, clock: Clock) {
    const checked = checkFields<MachineOptions, Defaults>("options", MACHINE_FIELDS, options);
    this.name = name;
    const mac = parseStationMac("mac", checked.mac);
    this.mac = formatMac(mac);
    this.mtu = wholeNumber("mtu", checked.mtu, checked.ipv6 === undefined ? 68 : 1280, 65535);
    const card = new Card(mac, this.mtu, checked.history, clock);
    this.#card = card;
    this.#pings = new Pings(clock);
    const ipv4 = addressOf("ip", checked.ip, 4);
    const ipv6 = addressOf("ipv6", checked.ipv6, 16);
    const gateway = gatewayOf("gateway", checked.gateway, 4, ipv4);
    const gatewayIpv6 = gatewayOf("gatewayIpv6", checked.gatewayIpv6, 16, ipv6);
    this.#ipv4 = ipv4 && new Ipv4Stack(card, this.#pings, ipv4, gateway);
    this.#ipv6 = ipv6 && new Ipv6Stack(card, this.#pings, ipv6, gatewayIpv6);
    this.ip = ipv4 && formatIp(ipv4.bytes);
    this.ipv6 = ipv6 && formatIp(ipv6.bytes);
  }

  /** Its network card, for `Network.connect`. */
  get nic(): Attachment {
    return { node: this };
  }

  /** The latest frames that arrived for it, ARP and neighbour discovery left out, oldest first. */
  get received(): readonly ReceivedFrame[] {
    return this.#card.frames.list();
  }

  /** The latest UDP datagrams that arrived for it, oldest first. */
  get datagrams(): readonly ReceivedDatagram[] {
    return this.#card.datagrams.list();
  }

  /** Forgets what was received. */
  clearReceived(): void {
    this.#card.frames.clear();
    this.#card.datagrams.clear();
  }

  /**
   * Sends ICMP echo requests. `Network.run` lets them be answered; to let time run out on what is not, and for more
   * requests than one, use `Network.advance`. The outcome is in the handle.
   */
  ping(ip: IpAddress, options: PingOptions = {}): PingHandle {
    const checked = checkFields<PingOptions, PingDefaults>("options", PING_FIELDS, options);
    const { size, ttl, count } = checked;
    const whole = checked.df ? "must" : "never";
    const destination = parseIp("ip", ip);
    const stack = this.#stackFor("ip", destination);
    const ours = formatIp(stack.address);
    return this.#pings.begin(formatIp(destination), count, (ping: Ping, sequence: number) => {
      if (sameBytes(destination, stack.address)) {
        ping.reply(sequence, this.#card.clock.nowUs);
        return;
      }
      const unheard = (): void => void ping.errors.push({ kind: "no-neighbour", from: ours });
      const echo = { identifier: ping.identifier, sequence, size };
      const refusal = stack.sendEcho(destination, echo, { ttl, whole, unheard });
      if (refusal !== undefined) ping.errors.push({ ...refusal, from: ours });
    });
  }

  /** Sends a whole frame as it is; a copy of it. */
  send(frame: Uint8Array): void {
    this.#card.transmit(byteArray("frame", frame).slice());
  }

  /**
   * Sends a UDP datagram; ports are 1 to 65,535, the source by default one of 49,152 and up. Returns why it could not
   * be sent, if so.
   */
  sendUdp(ip: IpAddress, port: number, payload: Uint8Array, sourcePort?: number): Refusal | undefined {
    const destination = parseIp("ip", ip);
    const ports = {
      source: wholeNumber("sourcePort", sourcePort ?? PORTS_FIRST + (this.#ports++ & 0x3fff), 1, 65535),
      destination: wholeNumber("port", port, 1, 65535),
    };
    wholeNumber("payload.length", byteArray("payload", payload).length, 0, ECHO_MAXIMUM);
    return this.#stackFor("ip", destination).sendUdp(destination, ports, payload);
  }

  /** Sends a frame with this payload and an experimental Ethernet type (0x88b5) to everybody. */
  broadcast(payload: Uint8Array): void {
    byteArray("payload", payload);
    const everybody = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    const frame = frameFrom(this.#card.mac, ETHERTYPE_EXPERIMENT, payload.length, everybody);
    frame.set(payload, ETHERNET_LENGTH);
    this.#card.transmit(frame);
  }

  /**
   * Says where it is, unasked, so that switches learn its place: a gratuitous ARP request (RFC 5227 §3), an
   * unsolicited neighbour advertisement (RFC 4861 §7.2.6).
   */
  announce(): void {
    this.#ipv4?.announce();
    this.#ipv6?.announce();
  }

  /** What it knows of others at present: IP address to MAC. */
  neighbours(): Map<string, string> {
    const known = new Map<string, string>();
    for (const stack of [this.#ipv4, this.#ipv6])
      for (const { ip, mac } of stack?.neighbours.entries() ?? []) known.set(formatIp(ip), formatMac(mac));
    return known;
  }

  /** Forgets the MACs of others, and the MTUs of paths. */
  forget(): void {
    this.#ipv4?.forget();
    this.#ipv6?.forget();
  }

  /** The longest packet to `ip`, in bytes: its own MTU, or less if an ICMP error has said so of the path. */
  pathMtu(ip: IpAddress): number {
    const destination = parseIp("ip", ip);
    return this.#stackFor("ip", destination).pathMtu(destination);
  }

  counters(): MachineCounters {
    const { receivedCount, sentCount, foreignCount, malformedCount, unconnectedCount } = this.#card;
    return {
      received: receivedCount,
      sent: sentCount,
      foreign: foreignCount,
      malformed: malformedCount,
      unconnected: unconnectedCount,
    };
  }

  /** The way of a link by which its frames leave. */
  get wayOut(): OneWay | undefined {
    return this.#card.wayOut;
  }

  /** For `Network`. */
  plug(wayOut: OneWay | undefined): void {
    this.#card.wayOut = wayOut;
  }

  /** For `Network`: takes a frame off its link. */
  take(frame: Uint8Array): void {
    this.onFrame?.(frame, this);
    const { clock, frames } = this.#card;
    if (this.#card.accepts(frame) && !this.#work(frame)) frames.add({ timeMs: clock.nowUs / 1000, frame });
  }

  /** Lets the protocols have a frame; true if it is only about who has which MAC. */
  #work(frame: Uint8Array): boolean {
    switch (read16(frame, ETHERNET_TYPE)) {
      case ETHERTYPE_ARP:
        this.#ipv4?.takeArp(frame);
        return true;
      case ETHERTYPE_IPV4:
        this.#ipv4?.take(frame);
        return false;
      case ETHERTYPE_IPV6:
        return this.#ipv6?.take(frame) ?? false;
      default:
        return false;
    }
  }

  #stackFor(name: string, destination: Uint8Array): Ipv4Stack | Ipv6Stack {
    const stack = destination.length === 4 ? this.#ipv4 : this.#ipv6;
    if (stack !== undefined) return stack;
    const version = destination.length === 4 ? "IPv4" : "IPv6";
    throw new ArgumentRangeError(
      "not-for-this",
      name,
      `${this.name} has no ${version} address, and so cannot reach ${formatIp(destination)}`,
    );
  }
}

function addressOf(name: string, text: string | undefined, length: 4 | 16): Prefix | undefined {
  if (text === undefined) return undefined;
  const prefix = parseAddressWithLength(name, text);
  parseStation(name, prefix.bytes);
  if (prefix.bytes.length !== length)
    throw new ArgumentRangeError(
      "not-for-this",
      name,
      `expected an ${length === 4 ? "IPv4" : "IPv6"} address, got ${text}`,
    );
  return prefix;
}

function gatewayOf(
  name: string,
  ip: IpAddress | undefined,
  length: 4 | 16,
  own: Prefix | undefined,
): Uint8Array | undefined {
  if (ip === undefined) return undefined;
  const gateway = parseStation(name, ip);
  if (gateway.length !== length)
    throw new ArgumentRangeError(
      "not-for-this",
      name,
      `expected an ${length === 4 ? "IPv4" : "IPv6"} address, got ${formatIp(gateway)}`,
    );
  if (own === undefined)
    throw new ArgumentRangeError("contradiction", name, "of no use without an address of its own");
  return gateway;
}
