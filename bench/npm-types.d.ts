// The parts used here of packages that bring no types.

declare module "ip-packet" {
  interface State {
    start: number;
    end: number;
    buffer: Buffer;
  }
  export interface Ipv4Packet {
    version: number;
    flags?: number;
    fragmentOffset?: number;
    ttl: number;
    protocol: number;
    checksum?: number;
    sourceIp: string;
    destinationIp: string;
    data: Buffer;
  }
  const ipPacket: {
    encode(state: State, packet: Ipv4Packet): void;
    decode(state: State): Ipv4Packet;
    checksum(header: Buffer): number;
  };
  export default ipPacket;
}

declare module "udp-packet" {
  interface Datagram {
    sourcePort: number;
    destinationPort: number;
    data: Buffer;
  }
  const udpPacket: { encode(datagram: Datagram): Buffer; decode(bytes: Buffer): Datagram };
  export default udpPacket;
}

declare module "pcap-parser" {
  import type { EventEmitter } from "node:events";
  import type { Readable } from "node:stream";

  const pcapParser: { parse(source: Readable): EventEmitter };
  export default pcapParser;
}

declare module "pcap-ng-parser" {
  import type { Transform } from "node:stream";

  const PcapNgParser: new () => Transform;
  export default PcapNgParser;
}
