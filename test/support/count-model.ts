// What a count by key is to say of frames: a second opinion, from the codecs and with maps.
import type { CountEntry, CountKey, FrameCount } from "frameferry";
import { formatIp, formatMac } from "frameferry/wire";

export interface CountedFrame {
  readonly bytes: Uint8Array;
  readonly wireLength: number;
  readonly vni: number | undefined;
}

type Values = Partial<Record<CountKey, number | string>>;

/** What stands in the frame, as far as it is there. */
export function valuesOf({ bytes, vni }: CountedFrame): Values {
  const values: Values = vni === undefined ? {} : { vni };
  if (bytes.length < 14) return values;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  values.destinationMac = formatMac(bytes.subarray(0, 6));
  values.sourceMac = formatMac(bytes.subarray(6, 12));
  let at = 12;
  for (let tags = 0; [0x8100, 0x88a8, 0x9100].includes(view.getUint16(at)); tags++) {
    if (at + 6 > bytes.length) return values;
    if (tags === 0) values.vid = view.getUint16(at + 2) & 0xfff;
    if (tags === 2) return values;
    at += 4;
  }
  const packet = bytes.subarray(at + 2);
  const type = view.getUint16(at);
  if (type === 0x0800) ipv4(packet, values);
  if (type === 0x86dd) ipv6(packet, values);
  return values;
}

function ipv4(packet: Uint8Array, values: Values): void {
  const [first = 0] = packet;
  const length = (first & 15) * 4;
  if (packet.length < 20 || first >> 4 !== 4 || length < 20) return;
  values.source = formatIp(packet.subarray(12, 16));
  values.destination = formatIp(packet.subarray(16, 20));
  values.protocol = packet[9]!;
  const fragment = ((packet[6]! & 0x3f) << 8) | packet[7]!;
  if (fragment === 0) ports(packet.subarray(length), values);
}

function ipv6(packet: Uint8Array, values: Values): void {
  if (packet.length < 40 || packet[0]! >> 4 !== 6) return;
  values.source = formatIp(packet.subarray(8, 24));
  values.destination = formatIp(packet.subarray(24, 40));
  values.protocol = packet[6]!;
  ports(packet.subarray(40), values);
}

function ports(header: Uint8Array, values: Values): void {
  if (![6, 17, 132].includes(values.protocol as number) || header.length < 4) return;
  values.sourcePort = (header[0]! << 8) | header[1]!;
  values.destinationPort = (header[2]! << 8) | header[3]!;
}

/** Frames and bytes by key, the first `capacity` keys that come; and those of the keys behind. */
export function counted(
  frames: readonly CountedFrame[],
  by: readonly CountKey[],
  capacity = Number.POSITIVE_INFINITY,
): { readonly entries: ReadonlyMap<string, FrameCount>; readonly others: FrameCount } {
  const entries = new Map<string, FrameCount>();
  const others = { frames: 0, bytes: 0 };
  for (const frame of frames) {
    const values = valuesOf(frame);
    const key = nameOf(values, by);
    const before = entries.get(key);
    if (before === undefined && entries.size >= capacity) {
      others.frames++;
      others.bytes += frame.wireLength;
      continue;
    }
    const { frames: count, bytes } = before ?? { frames: 0, bytes: 0 };
    entries.set(key, { frames: count + 1, bytes: bytes + frame.wireLength });
  }
  return { entries, others };
}

/** The same of what was told. */
export function byName(entries: readonly CountEntry[], by: readonly CountKey[]): Map<string, FrameCount> {
  return new Map(entries.map((entry) => [nameOf(entry, by), { frames: entry.frames, bytes: entry.bytes }]));
}

function nameOf(values: Values, by: readonly CountKey[]): string {
  return by.map((key) => `${key}=${values[key] ?? "none"}`).join(" ");
}
