// npm packages that do a part of the work. None has a batch, a flow hash or VXLAN: those parts are added here at
// the least cost (the source port is computed beforehand), so the packages are shown at their best.

import { Readable } from "node:stream";
import ipPacket from "ip-packet";
import pcapNgParser from "pcap-ng-parser";
import pcapParser from "pcap-parser";
import udpPacket from "udp-packet";
import { OUTER_LENGTH, outerTemplate, tunnel } from "../frames.ts";

/** Outer headers by ip-packet and udp-packet: a new Buffer for every packet, as they work. */
export function encapsulator(frames: readonly Uint8Array[]): () => Buffer[] {
  const outer = Buffer.from(outerTemplate());
  const vxlan = outer.subarray(42, 50);
  const passengers = frames.map((frame) => Buffer.from(frame));
  return () =>
    passengers.map((frame, i) => {
      const datagram = udpPacket.encode({
        sourcePort: 49152 + (i & 16383),
        destinationPort: tunnel.port,
        data: Buffer.concat([vxlan, frame]),
      });
      datagram.writeUInt16BE(0, 6); // it writes 0xffff where it knows no addresses; VXLAN wants none (RFC 7348 §5)
      const packet = Buffer.allocUnsafe(OUTER_LENGTH + frame.length);
      outer.copy(packet, 0, 0, 14);
      ipPacket.encode(
        { start: 14, end: packet.length, buffer: packet },
        {
          version: 4,
          flags: 2,
          ttl: tunnel.ttl,
          protocol: 17,
          sourceIp: tunnel.local,
          destinationIp: tunnel.remote,
          data: datagram,
        },
      );
      ipPacket.checksum(packet.subarray(14, 34));
      return packet;
    });
}

/** Passengers of packets, by ip-packet and udp-packet; the IPv4 checksum is verified as they offer it. */
export function decapsulator(packets: readonly Uint8Array[]): () => Buffer[] {
  const received = packets.map((packet) => Buffer.from(packet));
  return () => received.map(passengerOf).filter((passenger) => passenger !== undefined);
}

function passengerOf(packet: Buffer): Buffer | undefined {
  if (packet.length < OUTER_LENGTH + 14 || packet.readUInt16BE(12) !== 0x0800) return undefined;
  const ip = ipPacket.decode({ start: 14, end: packet.length, buffer: packet });
  if (ip.protocol !== 17 || ip.fragmentOffset !== 0) return undefined;
  // It writes what it computes, so it gets a copy of the header.
  if (ipPacket.checksum(Buffer.from(packet.subarray(14, 34))) !== ip.checksum) return undefined;
  const udp = udpPacket.decode(ip.data);
  if (udp.destinationPort !== tunnel.port || ((udp.data[0] as number) & 8) === 0) return undefined;
  return udp.data.readUIntBE(4, 3) === tunnel.vni ? udp.data.subarray(8) : undefined;
}

/** Frames in a pcap, counted by pcap-parser. */
export function npmReadPcap(chunks: readonly Buffer[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let records = 0;
    const parser = pcapParser.parse(Readable.from(chunks));
    parser.on("packet", () => records++);
    parser.on("error", reject);
    parser.on("end", () => resolve(records));
  });
}

/** Frames in a pcapng, counted by pcap-ng-parser. */
export function npmReadPcapng(chunks: readonly Buffer[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let records = 0;
    const parser = new pcapNgParser();
    parser.on("data", () => records++);
    parser.on("error", reject);
    parser.on("close", () => resolve(records));
    Readable.from(chunks).pipe(parser);
  });
}
