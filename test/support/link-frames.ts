// Frames of every link type that is opened, made by hand after the descriptions at tcpdump.org: independent of the kernels.
import fc from "fast-check";
import { checksum } from "frameferry/wire";
import { Bytes, text } from "../pcap/capture-bytes.ts";

/** Makes a frame around an IP packet; `choice` says which of the ways in which such frames look. */
export type LinkFrame = (packet: Uint8Array, choice: number) => Uint8Array;

const isIpv6 = (packet: Uint8Array): boolean => packet[0]! >>> 4 === 6;
const etherType = (packet: Uint8Array): number => (isIpv6(packet) ? 0x86dd : 0x0800);
const MACS = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
const SNAP = [0xaa, 0xaa, 3];

function after(header: Bytes, packet: Uint8Array): Uint8Array {
  return header.raw(packet).done;
}

function family(packet: Uint8Array, choice: number): number {
  return isIpv6(packet) ? ([10, 23, 24, 26, 28, 30][choice % 6] as number) : 2;
}

function ppp(packet: Uint8Array, choice: number): Uint8Array {
  const bytes = new Bytes(true);
  if (choice & 1) bytes.raw([0xff, 0x03]);
  const protocol = isIpv6(packet) ? 0x57 : 0x21;
  return after(choice & 2 ? bytes.number(1, protocol) : bytes.number(2, protocol), packet);
}

function hdlc(packet: Uint8Array, choice: number): Uint8Array {
  return after(new Bytes(true).raw([choice & 1 ? 0x8f : 0x0f, 0]).number(2, etherType(packet)), packet);
}

/** A data frame of 802.11, with or without a fourth address, QoS and HT control; `padded` to a multiple of four. */
function wlan(packet: Uint8Array, choice: number, padded = false): Uint8Array {
  const qos = (choice & 1) !== 0;
  const fourth = (choice & 2) !== 0;
  const ht = qos && (choice & 4) !== 0;
  const flags = (fourth ? 3 : 1 + ((choice >> 3) & 1)) | (ht ? 0x80 : 0);
  const header = new Bytes(true).raw([qos ? 0x88 : 0x08, flags, 0, 0, ...MACS, 2, 0, 0, 0, 0, 9, 0x30, 0x05]);
  if (fourth) header.raw([2, 0, 0, 0, 0, 8]);
  if (qos) header.raw([0x07, 0]);
  if (ht) header.raw([1, 2, 3, 4]);
  if (padded) header.pad();
  header.raw([...SNAP, 0, 0, choice & 16 ? 0xf8 : 0]).number(2, etherType(packet));
  return after(header, packet);
}

function radiotap(packet: Uint8Array, choice: number): Uint8Array {
  // Present: another word of what is, a clock, flags, a channel.
  const more = (choice & 32) !== 0;
  const clock = (choice & 64) !== 0;
  const flags = (choice & 128) !== 0;
  const padded = flags && (choice & 256) !== 0;
  const fields = new Bytes(false).number(4, (more ? 0x80000000 : 0) | (clock ? 1 : 0) | (flags ? 2 : 0) | 8);
  if (more) fields.number(4, 0);
  if (clock) {
    while ((4 + fields.done.length) % 8 !== 0) fields.raw([0]);
    fields.number(8, 123456789n);
  }
  if (flags) fields.number(1, padded ? 0x20 : 0);
  while (fields.done.length % 2 !== 0) fields.raw([0]);
  fields.number(4, 2412);
  const rest = fields.done;
  const header = new Bytes(false)
    .raw([0, 0])
    .number(2, 4 + rest.length)
    .raw(rest);
  return header.raw(wlan(packet, choice, padded)).done;
}

/** Fields of netfilter's log in either byte order, the packet among them. */
function nflog(packet: Uint8Array, choice: number): Uint8Array {
  const big = (choice & 1) !== 0;
  const bytes = new Bytes(big).raw([isIpv6(packet) ? 10 : 2, 0, 0, 5]);
  const field = (type: number, value: Uint8Array): unknown =>
    bytes
      .number(2, 4 + value.length)
      .number(2, type)
      .raw(value)
      .pad();
  if (choice & 2) field(1, Uint8Array.of(8, 0, 1, 0));
  if (choice & 4) field(10, text("prefix"));
  if (choice & 8) field(5, Uint8Array.of(0, 0, 0, 2));
  bytes
    .number(2, 4 + packet.length)
    .number(2, 9)
    .raw(packet);
  return bytes.done;
}

function cooked(packet: Uint8Array, choice: number): Uint8Array {
  const type = [1, 772, 65534, 778][choice % 4] as number;
  const header = new Bytes(true)
    .number(2, choice % 5)
    .number(2, type)
    .number(2, 6)
    .raw(MACS.slice(0, 6))
    .raw([0, 0]);
  if ((choice & 8) === 0) return after(header.number(2, etherType(packet)), packet);
  return after(
    header
      .number(2, 4)
      .raw([...SNAP, 0, 0, 0])
      .number(2, etherType(packet)),
    packet,
  );
}

function cooked2(packet: Uint8Array, choice: number): Uint8Array {
  const header = new Bytes(true).number(2, etherType(packet)).number(2, 0).number(4, 3).number(2, 1);
  return after(header.raw([choice % 5, 6, ...MACS.slice(0, 6), 0, 0]), packet);
}

const raw: LinkFrame = (packet) => packet;
const loopback: LinkFrame = (packet, choice) =>
  after(new Bytes((choice & 8) !== 0).number(4, family(packet, choice)), packet);

/** By the numbers of captures. */
export const LINK_FRAMES: ReadonlyMap<number, LinkFrame> = new Map<number, LinkFrame>([
  [0, loopback],
  [1, (packet) => after(new Bytes(true).raw(MACS).number(2, etherType(packet)), packet)],
  [9, ppp],
  [12, raw],
  [14, raw],
  [50, (packet, choice) => (choice & 4 ? hdlc : ppp)(packet, choice)],
  [101, raw],
  [104, hdlc],
  [105, (packet, choice) => wlan(packet, choice)],
  [108, loopback],
  [113, cooked],
  [127, radiotap],
  [228, raw],
  [229, raw],
  [239, nflog],
  [276, cooked2],
]);

/** Some that are not opened. */
export const OTHER_LINK_TYPES: readonly number[] = [147, 189, 195, 220, 251, 65535];

export const linkType: fc.Arbitrary<number> = fc.constantFrom(...LINK_FRAMES.keys());
export const linkChoice: fc.Arbitrary<number> = fc.nat(511);

/** VXLAN of VNI 42 around `passenger`, as an IP packet; only of the version that a link type holds. */
export function vxlanPacket(passenger: Uint8Array, type: number, ipv6: boolean): Uint8Array {
  return type === 229 || (ipv6 && type !== 228) ? overIpv6(passenger) : overIpv4(passenger);
}

function udp(passenger: Uint8Array): Uint8Array {
  const header = new Bytes(true)
    .number(2, 50000)
    .number(2, 4789)
    .number(2, passenger.length + 16)
    .number(2, 0);
  return header
    .number(4, 0x08000000)
    .number(4, 42 << 8)
    .raw(passenger).done;
}

function overIpv4(passenger: Uint8Array): Uint8Array {
  const payload = udp(passenger);
  const bytes = new Bytes(true).raw([0x45, 0]).number(2, payload.length + 20);
  const packet = bytes.raw([0, 1, 0, 0, 64, 17, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2]).raw(payload).done;
  new DataView(packet.buffer).setUint16(10, checksum(packet.subarray(0, 20)));
  return packet;
}

function overIpv6(passenger: Uint8Array): Uint8Array {
  const payload = udp(passenger);
  const address = (last: number) => [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
  const bytes = new Bytes(true).number(4, 0x60000000).number(2, payload.length).raw([17, 64]);
  return bytes.raw(address(1)).raw(address(2)).raw(payload).done;
}
