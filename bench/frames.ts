// Frames and packets to work on, made from a seed: the same in every run and for every peer.

import { ETHERNET_LENGTH, ETHERTYPE_IPV4 } from "../src/layout/ethernet.layout.ts";
import {
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_DONT_FRAGMENT,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PLAIN,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
} from "../src/layout/ipv4.layout.ts";
import { PCAP_RECORD_LENGTH } from "../src/layout/pcap.layout.ts";
import { VXLAN_PORT } from "../src/layout/vxlan.layout.ts";

interface Tunnel {
  readonly vni: number;
  readonly local: string;
  readonly remote: string;
  readonly localMac: string;
  readonly remoteMac: string;
  readonly port: number;
  readonly ttl: number;
}

/** The tunnel of the whole benchmark. */
export const tunnel: Tunnel = {
  vni: 42,
  local: "10.1.5.7",
  remote: "10.1.5.8",
  localMac: "02:00:00:00:05:07",
  remoteMac: "02:00:00:00:05:08",
  port: VXLAN_PORT,
  ttl: 64,
};

export const OUTER_LENGTH = 50;

/** 32 random bits a call (xorshift). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  below(limit: number): number {
    return Math.floor((this.next() / 4294967296) * limit);
  }
}

/** Writes an Ethernet frame with IPv4 and UDP or TCP, `length` (14 or more) bytes in all, of flow number `flow`. */
export function writeFrame(view: DataView, at: number, length: number, flow: number): void {
  const spread = Math.imul(flow + 1, 0x9e3779b1) >>> 0;
  view.setUint32(at, 0x02000000);
  view.setUint32(at + 4, (spread & 0xffff0000) | 0x0200);
  view.setUint32(at + 8, Math.imul(flow + 7, 0x85ebca77));
  view.setUint16(at + 12, ETHERTYPE_IPV4);
  const ip = at + ETHERNET_LENGTH;
  const left = length - ETHERNET_LENGTH;
  if (left < IPV4_LENGTH + 8) {
    for (let i = 0; i < left; i++) view.setUint8(ip + i, i + flow);
    return;
  }
  view.setUint16(ip, IPV4_PLAIN << 8);
  view.setUint16(ip + IPV4_TOTAL_LENGTH, left);
  view.setUint16(ip + 4, flow);
  view.setUint16(ip + IPV4_FRAGMENT, IPV4_DONT_FRAGMENT);
  view.setUint8(ip + IPV4_TTL, 64);
  view.setUint8(ip + IPV4_PROTOCOL, (flow & 3) === 0 ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP);
  view.setUint16(ip + IPV4_CHECKSUM, 0);
  view.setUint32(ip + IPV4_SOURCE, 0x0a000000 | (spread & 0xffffff));
  view.setUint32(ip + IPV4_DESTINATION, 0x0a800000 | (spread >>> 12));
  view.setUint16(ip + IPV4_CHECKSUM, checksum(view, ip, IPV4_LENGTH));
  view.setUint32(ip + IPV4_LENGTH, Math.imul(flow + 3, 0xc2b2ae3d));
  if ((flow & 3) === 0) {
    view.setUint16(ip + IPV4_LENGTH + 4, left - IPV4_LENGTH);
    view.setUint16(ip + IPV4_LENGTH + 6, 0);
  }
  for (let i = IPV4_LENGTH + 8; i < left; i++) view.setUint8(ip + i, i ^ flow);
}

/** The outer 50 bytes of `tunnel` with lengths, checksum and source port zero. */
export function outerTemplate(): Uint8Array {
  const bytes = new Uint8Array(OUTER_LENGTH);
  const view = new DataView(bytes.buffer);
  bytes.set(macBytes(tunnel.remoteMac), 0);
  bytes.set(macBytes(tunnel.localMac), 6);
  view.setUint16(12, ETHERTYPE_IPV4);
  view.setUint8(14, IPV4_PLAIN);
  view.setUint16(20, IPV4_DONT_FRAGMENT);
  view.setUint8(22, tunnel.ttl);
  view.setUint8(23, IP_PROTOCOL_UDP);
  bytes.set(tunnel.local.split(".").map(Number), 26);
  bytes.set(tunnel.remote.split(".").map(Number), 30);
  view.setUint16(36, tunnel.port);
  view.setUint8(42, 0x08);
  view.setUint32(46, tunnel.vni << 8);
  return bytes;
}

/** `count` frames of `bytes` bytes each, of as many flows. */
export function makeFrames(count: number, bytes: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const frame = new Uint8Array(bytes);
    writeFrame(new DataView(frame.buffer), 0, bytes, i);
    return frame;
  });
}

/** The frames as passengers of VXLAN packets, made the plain and slow way. */
export function makePackets(frames: readonly Uint8Array[]): Uint8Array[] {
  const template = outerTemplate();
  return frames.map((frame, i) => {
    const packet = new Uint8Array(OUTER_LENGTH + frame.length);
    packet.set(template);
    packet.set(frame, OUTER_LENGTH);
    completeOuter(new DataView(packet.buffer), 0, frame.length, 49152 + (i & 16383));
    return packet;
  });
}

/** The frames as records of a little-endian pcap, without the file's header. */
export function makeRecords(frames: readonly Uint8Array[]): Uint8Array {
  const records = new Uint8Array(frames.reduce((sum, frame) => sum + PCAP_RECORD_LENGTH + frame.length, 0));
  const view = new DataView(records.buffer);
  let at = 0;
  for (const [i, frame] of frames.entries()) {
    view.setUint32(at, 1700000000 + Math.floor(i / 1000), true);
    view.setUint32(at + 4, (i % 1000) * 1000, true);
    view.setUint32(at + 8, frame.length, true);
    view.setUint32(at + 12, frame.length, true);
    records.set(frame, at + PCAP_RECORD_LENGTH);
    at += PCAP_RECORD_LENGTH + frame.length;
  }
  return records;
}

/** Completes an outer header in front of a passenger of `length` bytes, the plain and slow way. */
export function completeOuter(view: DataView, at: number, length: number, sourcePort: number): void {
  view.setUint16(at + 16, length + 36);
  view.setUint16(at + 24, 0);
  view.setUint16(at + 24, checksum(view, at + ETHERNET_LENGTH, IPV4_LENGTH));
  view.setUint16(at + 34, sourcePort);
  view.setUint16(at + 38, length + 16);
}

/** The Internet checksum (RFC 1071), as a number. */
export function checksum(view: DataView, at: number, length: number): number {
  let sum = 0;
  for (let i = 0; i + 1 < length; i += 2) sum += view.getUint16(at + i);
  if (length & 1) sum += view.getUint8(at + length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return ~sum & 0xffff;
}

function macBytes(text: string): number[] {
  return text.split(":").map((part) => Number.parseInt(part, 16));
}
