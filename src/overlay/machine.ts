// A machine or a pod: one network card, ARP, IPv4, ICMP echo and UDP.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import type { Attachment, NetworkNode } from "./link.ts";
import type { PingHandle, PingOptions } from "./ping.ts";

export interface MachineOptions {
  readonly mac: MacAddress;
  /** Its IPv4 address and the length of its network: `10.0.0.5/24`. */
  readonly ip?: string;
  /** Its IPv6 address, the same way: `fc00::5/64`. */
  readonly ipv6?: string;
  /** Where packets to other networks go. Default: nowhere. */
  readonly gateway?: IpAddress;
  /** Longest packet it sends, in bytes: 68 to 65,535, default 1,500. */
  readonly mtu?: number;
  /** How many of the frames that arrived for it are kept in `received`, the latest ones. Default 32. */
  readonly history?: number;
}

/** A frame that arrived for a machine. */
export interface ReceivedFrame {
  readonly timeMs: number;
  readonly frame: Uint8Array;
}

/** A UDP datagram that arrived for a machine. */
export interface ReceivedDatagram {
  readonly timeMs: number;
  readonly from: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

export interface MachineCounters {
  /** Frames that its link delivered. */
  readonly received: number;
  readonly sent: number;
  /** Of those received, frames to another station's MAC. */
  readonly foreign: number;
  /** Of those received, frames or packets that could not be read, or whose checksum is wrong. */
  readonly malformed: number;
  /** Frames that were to leave while it had no link. */
  readonly unconnected: number;
}

/** Made by `Network.addMachine`. */
export class Machine implements NetworkNode {
  readonly name: string;
  readonly kind = "machine";
  readonly mac: string;
  /** Without the length of its network; undefined if it has none. */
  readonly ip: string | undefined;
  readonly ipv6: string | undefined;
  readonly mtu: number;
  /** Called for every frame that comes in, those for others and ARP too. */
  onFrame: ((frame: Uint8Array, machine: Machine) => void) | undefined = undefined;

  constructor(name: string, options: MachineOptions) {
    this.name = name;
    this.mac = String(options.mac);
    this.ip = options.ip;
    this.ipv6 = options.ipv6;
    this.mtu = options.mtu ?? 1500;
  }

  /** Its network card, for `Network.connect`. */
  get nic(): Attachment {
    return { node: this };
  }

  /** The latest frames that arrived for it, ARP and neighbour discovery left out, oldest first. */
  get received(): readonly ReceivedFrame[] {
    throw new TypeError("not yet");
  }

  /** The latest UDP datagrams that arrived for it, oldest first. */
  get datagrams(): readonly ReceivedDatagram[] {
    throw new TypeError("not yet");
  }

  /**
   * Sends ICMP echo requests; `Network.run` lets them be answered, `Network.advance` lets time run out.
   * The outcome is in the handle.
   */
  ping(ip: IpAddress, options: PingOptions = {}): PingHandle {
    throw new TypeError(`not yet ${ip} ${options}`);
  }

  /** Sends a whole frame as it is. */
  send(frame: Uint8Array): void {
    throw new TypeError(`not yet ${frame}`);
  }

  /** Sends a UDP datagram; ports 1 to 65,535, by default one of 49,152 and up as source. */
  sendUdp(ip: IpAddress, port: number, payload: Uint8Array, sourcePort?: number): void {
    throw new TypeError(`not yet ${ip} ${port} ${payload} ${sourcePort}`);
  }

  /** Sends a frame with this payload and an experimental Ethernet type (0x88b5) to everybody. */
  broadcast(payload: Uint8Array): void {
    throw new TypeError(`not yet ${payload}`);
  }

  /** Says where it is, unasked: a gratuitous ARP request (RFC 5227 section 3), so that switches learn its place. */
  announce(): void {
    throw new TypeError("not yet");
  }

  /** What it knows of others: IP address to MAC. */
  neighbours(): Map<string, string> {
    throw new TypeError("not yet");
  }

  /** Forgets the MACs of others, and the MTUs of paths. */
  forget(): void {
    throw new TypeError("not yet");
  }

  /** The longest packet to `ip`, in bytes: its MTU, or what an ICMP error has said about the path. */
  pathMtu(ip: IpAddress): number {
    throw new TypeError(`not yet ${ip}`);
  }

  counters(): MachineCounters {
    throw new TypeError("not yet");
  }
}
