// What the switch's model does to the bytes of one frame.
import { emitArp, formatMac, isTpid, parseArp, parseIp, parseMac } from "frameferry/wire";

/** The outermost VLAN tag; undefined for an untagged frame. */
export interface Tag {
  readonly tpid: number;
  readonly pcpAndDei: number;
  readonly vid: number;
}

export function destinationOf(frame: Uint8Array): string {
  return formatMac(frame, 0);
}

export function sourceOf(frame: Uint8Array): string {
  return formatMac(frame, 6);
}

export function isGroup(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}

/** 01:80:c2:00:00:00 to 01:80:c2:00:00:0f, which a bridge does not forward (IEEE 802.1Q §8.6.3). */
export function isReservedGroup(mac: string): boolean {
  return mac.startsWith("01:80:c2:00:00:0");
}

export function startsWithTag(frame: Uint8Array): boolean {
  return isTpid(word(frame, 12));
}

/** Of a frame of 18 bytes or more that starts with a tag. */
export function tagOf(frame: Uint8Array): Tag {
  const tci = word(frame, 14);
  return { tpid: word(frame, 12), pcpAndDei: tci & 0xf000, vid: tci & 0x0fff };
}

export function withoutTag(frame: Uint8Array): Uint8Array {
  return Uint8Array.from([...frame.subarray(0, 12), ...frame.subarray(16)]);
}

/** The frame with `tag` in front of its type. */
export function withTag(frame: Uint8Array, { tpid, pcpAndDei, vid }: Tag): Uint8Array {
  const tci = pcpAndDei | vid;
  return Uint8Array.from([
    ...frame.subarray(0, 12),
    tpid >>> 8,
    tpid & 0xff,
    tci >>> 8,
    tci & 0xff,
    ...frame.subarray(12),
  ]);
}

/**
 * The answer to an ARP request whose target IP is a key of `known`; undefined if there is nothing to answer.
 * The request stands at the type field `typeAt`; bytes behind it stay.
 */
export function arpReply(
  frame: Uint8Array,
  typeAt: number,
  known: ReadonlyMap<string, string>,
): Uint8Array | undefined {
  if (word(frame, typeAt) !== 0x0806) return undefined;
  const arp = parseArp(frame, typeAt + 2);
  if (!arp.ok) return undefined;
  const { hardwareType, protocolType, operation, senderMac, senderIp, targetIp } = arp.header;
  if (hardwareType !== 1 || protocolType !== 0x0800 || operation !== 1) return undefined;
  if (senderMac.length !== 6 || senderIp.length !== 4) return undefined;
  if (senderIp.join() === targetIp.join()) return undefined;
  const mac = known.get(targetIp.join("."));
  if (mac === undefined || mac === formatMac(senderMac)) return undefined;

  const reply = frame.slice();
  reply.set(frame.subarray(6, 12), 0);
  reply.set(parseMac("mac", mac), 6);
  emitArp(
    {
      operation: 2,
      senderMac: mac,
      senderIp: targetIp.slice(),
      targetMac: senderMac.slice(),
      targetIp: senderIp.slice(),
    },
    reply,
    typeAt + 2,
  );
  return reply;
}

/** Source and destination address of the outer packet that carries a tunnel; it has been found to be one. */
export function outerAddresses(packet: Uint8Array): { source: string; destination: string } {
  let at = 12;
  while (isTpid(word(packet, at))) at += 4;
  const ip = at + 2;
  const [from, length] = word(packet, at) === 0x0800 ? [ip + 12, 4] : [ip + 8, 16];
  return {
    source: packet.subarray(from, from + length).join("."),
    destination: packet.subarray(from + length, from + 2 * length).join("."),
  };
}

/** An address in the form that {@link outerAddresses} gives. */
export function addressKey(ip: string): string {
  return parseIp("ip", ip).join(".");
}

/** The MAC of a VTEP or remote that none was given for: locally administered, the address' last four bytes. */
export function madeMac(ip: string): string {
  return formatMac(Uint8Array.from([2, 0, ...parseIp("ip", ip).subarray(-4)]));
}

function word(bytes: Uint8Array, at: number): number {
  return at + 1 < bytes.length ? (bytes[at]! << 8) | bytes[at + 1]! : -1;
}
