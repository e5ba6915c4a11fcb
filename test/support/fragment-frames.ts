// Captures of tunnels whose carriers were cut into fragments: in order, out of order, twice, in part, overlapping, of lengths
// that cannot be, and too late. All from a seed.
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import type { Seen } from "./fragment-model.ts";

type Random = (below: number) => number;

/** Numbers from a seed: the same in every run. */
export function seeded(seed: number): Random {
  let state = (seed >>> 0) + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** An IP packet to be cut, or not. */
export interface Carrier {
  readonly ipv6: boolean;
  /** IPv6: with hop-by-hop options in front of the fragment header. */
  readonly options: boolean;
  readonly tagged: boolean;
  readonly id: number;
  /** A UDP datagram. */
  readonly udp: Uint8Array;
}

/** A part of a packet's payload. */
export interface Cut {
  readonly offset: number;
  readonly payload: Uint8Array;
  readonly more: boolean;
}

/** A UDP datagram to `port`: of VXLAN, if that is its port, with a passenger of so many bytes. */
export function udpOf(next: Random, port: number, length: number): Uint8Array {
  const udp = new Uint8Array(16 + length);
  for (let i = 16; i < udp.length; i++) udp[i] = next(256);
  const view = new DataView(udp.buffer);
  view.setUint16(0, 50000 + next(1000));
  view.setUint16(2, port);
  view.setUint16(4, udp.length);
  view.setUint32(8, 0x08000000);
  view.setUint32(12, 5001 << 8);
  return udp;
}

/** The frame of one part of a packet, or of all of it. */
export function carrierFrame({ ipv6, options, tagged, id, udp }: Carrier, cut?: Cut): Uint8Array {
  const payload = cut?.payload ?? udp;
  const at = tagged ? 18 : 14;
  const extra = ipv6 ? (options ? 8 : 0) + (cut === undefined ? 0 : 8) : 0;
  const behind = at + (ipv6 ? 40 : 20) + extra;
  const frame = new Uint8Array(behind + payload.length);
  const view = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
  if (tagged) view.setUint32(12, 0x81000005);
  view.setUint16(at - 2, ipv6 ? 0x86dd : 0x0800);
  frame.set(payload, behind);
  const field = cut === undefined ? 0 : cut.offset | (cut.more ? 1 : 0);
  if (ipv6) {
    const fragment = cut === undefined ? 17 : 44;
    view.setUint8(at, 0x60);
    view.setUint16(at + 4, payload.length + extra);
    view.setUint8(at + 6, options ? 0 : fragment);
    view.setUint8(at + 7, 64);
    view.setUint8(at + 8, 0xfd);
    view.setUint8(at + 23, 1);
    view.setUint8(at + 24, 0xfd);
    view.setUint8(at + 39, 2);
    if (options) {
      view.setUint8(at + 40, fragment);
      view.setUint32(at + 42, 0x01040000);
    }
    if (cut !== undefined) {
      view.setUint8(behind - 8, 17);
      view.setUint16(behind - 6, field);
      view.setUint32(behind - 4, id);
    }
  } else {
    view.setUint16(at, 0x4500);
    view.setUint16(at + 2, 20 + payload.length);
    view.setUint16(at + 4, id);
    view.setUint16(at + 6, (field >>> 3) | ((field & 1) << 13));
    view.setUint16(at + 8, 0x4011);
    view.setUint32(at + 12, 0x0a000001);
    view.setUint32(at + 16, 0x0a000002);
    let sum = 0;
    for (let i = at; i < at + 20; i += 2) sum += view.getUint16(i);
    view.setUint16(at + 10, 0xffff - (sum % 0xffff));
  }
  return frame;
}

/** Cuts a payload at multiples of eight, into pieces of at most `most` bytes. */
export function cutsOf(next: Random, udp: Uint8Array, most: number): Cut[] {
  const cuts: Cut[] = [];
  for (let offset = 0; offset < udp.length; ) {
    const length = Math.min(8 * (1 + next(most >>> 3)), udp.length - offset);
    const more = offset + length < udp.length;
    cuts.push({ offset, payload: udp.subarray(offset, offset + length), more });
    offset += length;
  }
  return cuts;
}

function shuffle<T>(next: Random, items: T[]): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = next(i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
}

/** The frames of one packet as they might come: mostly sound, now and then not. */
function framesOf(next: Random, carrier: Carrier): { data: Uint8Array; wire: number }[] {
  if (next(6) === 0) {
    const data = carrierFrame(carrier);
    return [{ data, wire: data.length }];
  }
  const cuts = cutsOf(next, carrier.udp, Math.max(8 << next(9), carrier.udp.length >>> 5));
  // An IPv6 fragment header may stand in front of a whole packet (RFC 6946).
  if (cuts.length === 1) {
    const data = carrierFrame(carrier, carrier.ipv6 ? cuts[0] : undefined);
    return [{ data, wire: data.length }];
  }
  const some = (): number => next(cuts.length);
  const change = next(24);
  if (change === 0) cuts.splice(some(), 1);
  if (change === 1) cuts.push(cuts[some()] as Cut);
  if (change === 2) cuts.push({ ...(cuts[some()] as Cut), payload: new Uint8Array(0) });
  if (change === 3) cuts.push({ offset: 65528, payload: new Uint8Array(64), more: false });
  if (change === 4) {
    // As a fragment of eight bytes more, or with other bytes in it, it overlaps.
    const one = cuts[some()] as Cut;
    const payload = new Uint8Array(one.payload.length + 8 * next(2));
    payload.set(one.payload);
    payload[next(payload.length)]! ^= 0xff;
    cuts.push({ ...one, payload });
  }
  if (change === 5) {
    const index = next(cuts.length - 1);
    const one = cuts[index] as Cut;
    cuts[index] = { ...one, payload: one.payload.subarray(0, Math.max(1, one.payload.length - 3)) };
  }
  const order = next(4);
  if (order === 1) cuts.reverse();
  if (order >= 2) shuffle(next, cuts);
  const frames = cuts.map((cut) => {
    const data = carrierFrame(carrier, cut);
    return { data, wire: data.length };
  });
  const index = next(frames.length);
  const one = frames[index];
  if (one === undefined) return [];
  if (change === 6) frames[index] = { ...one, data: one.data.subarray(0, one.data.length - 1) };
  if (change === 7 && !carrier.ipv6) one.data[(carrier.tagged ? 18 : 14) + 8]! ^= 1;
  return frames;
}

/** So many packets, some at the same time, by a clock that now and then jumps. */
export function fragmentHistory(seed: number, packets: number): Seen[] {
  const next = seeded(seed);
  const records: Seen[] = [];
  let time = 1_700_000_000_000_000_000n;
  const under: { data: Uint8Array; wire: number }[][] = [];
  for (let packet = 0; packet < packets || under.length > 0; ) {
    if (packet < packets && (under.length === 0 || next(3) === 0)) {
      const ipv6 = next(2) === 0;
      const port = next(4) === 0 ? 53 : 4789;
      under.push(
        framesOf(next, {
          ipv6,
          options: ipv6 && next(3) === 0,
          tagged: next(4) === 0,
          id: next(40) === 0 ? 7 : packet & 0xffff,
          udp: udpOf(next, port, 60 + next(next(30) === 0 ? 60000 : 1500)),
        }),
      );
      packet++;
    }
    const index = next(under.length);
    const frames = under[index] as { data: Uint8Array; wire: number }[];
    const frame = frames.shift();
    if (frames.length === 0) under.splice(index, 1);
    if (frame === undefined) continue;
    const jump = next(400);
    time +=
      BigInt(next(40_000_000)) +
      (jump === 0 ? 31n : jump === 1 ? -20n : jump === 2 ? 61n : 0n) * 1_000_000_000n;
    records.push({ time, ...frame });
  }
  return records;
}

/** A pcap in nanoseconds of such records. */
export function pcapOf(records: readonly Seen[]): Uint8Array {
  const parts = records.map(({ time, data, wire }) =>
    pcapRecord(false, Number(time / 1_000_000_000n), Number(time % 1_000_000_000n), data, wire),
  );
  return join([pcapHeader(false, true), ...parts]).bytes;
}
