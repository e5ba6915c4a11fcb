// Sound frames to begin with: what machines send, in no tunnel and in one of every kind, over IPv4 and IPv6, nested.

import { FrameBatch } from "../../src/frame/frame-batch.ts";
import type { Kernels } from "../../src/kernel/kernels.ts";
import { Pipeline } from "../../src/pipeline/pipeline.ts";
import type { Stage } from "../../src/pipeline/stages.ts";
import { checksum } from "../../src/wire/checksum.ts";
import { joined, type Next } from "./mutate.ts";

export const VNI = 5001;
const ENDS = [
  { local: "10.1.5.8", remote: "10.1.5.7" },
  { local: "fd00:1::8", remote: "fd00:1::7" },
] as const;

/** A frame of one of the usual kinds between a few stations. */
export function plainFrame(next: Next): Uint8Array {
  const source = [2, 0, 0, 0, 0, next(12)];
  const destination = next(6) === 0 ? [255, 255, 255, 255, 255, 255] : [2, 0, 0, 0, 0, next(12)];
  const tags = [[], [], [], [0x81, 0, 0, 10], [0x81, 0, 0x20, 11], [0x88, 0xa8, 0, 5, 0x81, 0, 0, 10]];
  const head = [...destination, ...source, ...(tags[next(tags.length)] as number[])];
  const payload = Uint8Array.from({ length: next(60) }, () => next(256));
  const kind = next(8);
  if (kind === 0)
    return Uint8Array.from([
      ...head,
      8,
      6,
      0,
      1,
      8,
      0,
      6,
      4,
      0,
      1,
      ...source,
      10,
      0,
      0,
      2,
      0,
      0,
      0,
      0,
      0,
      0,
      10,
      0,
      0,
      next(8),
    ]);
  if (kind === 1) return joined(Uint8Array.from([...head, 0x88, 0xb5]), payload);
  if (kind === 2) return joined(Uint8Array.from([...head, 0x86, 0xdd]), ipv6(payload, next));
  return joined(Uint8Array.from([...head, 8, 0]), ipv4(payload, next));
}

function ipv4(payload: Uint8Array, next: Next): Uint8Array {
  const protocol = [17, 6, 1][next(3)] as number;
  const options = next(6) === 0 ? 4 * next(4) : 0;
  const length = 20 + options;
  const packet = new Uint8Array(length + 8 + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x40 | (length >>> 2);
  view.setUint16(2, packet.length);
  view.setUint16(6, [0, 0x4000, 0x2000, 0x1fff][next(4)] as number);
  packet.set([1 + next(64), protocol], 8);
  packet.set([10, 0, next(3), next(8), 10, 0, next(3), next(8)], 12);
  packet.fill(1, 20, length);
  view.setUint16(length, protocol === 1 ? 0x0800 : next(65536));
  view.setUint16(length + 2, protocol === 1 ? 0 : [4789, 6081, 53, next(65536)][next(4)]!);
  view.setUint16(length + 4, 8 + payload.length);
  packet.set(payload, length + 8);
  if (protocol === 1) view.setUint16(length + 2, checksum(packet.subarray(length)));
  view.setUint16(10, checksum(packet.subarray(0, length)));
  return packet;
}

function ipv6(payload: Uint8Array, next: Next): Uint8Array {
  const packet = new Uint8Array(48 + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x60;
  view.setUint16(4, 8 + payload.length);
  packet.set([[17, 6, 58, 0, 44][next(5)] as number, 1 + next(64), 0xfd], 6);
  packet[23] = next(8);
  packet[24] = 0xfd;
  packet[39] = next(8);
  view.setUint16(40, next(65536));
  view.setUint16(44, 8 + payload.length);
  packet.set(payload, 48);
  return packet;
}

/** Ways into a tunnel, for the uplink of a switch at `ENDS`' remote and for every decapsulation. */
const wrapsBetween = (ends: (typeof ENDS)[number]): readonly (readonly Stage[])[] => [
  [{ stage: "encapsulate", kind: "vxlan", vni: VNI, ...ends }],
  [{ stage: "encapsulate", kind: "vxlan", vni: VNI, udpChecksum: true, outerVid: 7, ...ends }],
  [{ stage: "encapsulate", kind: "vxlan", vni: 1, header: "bare" }],
  [{ stage: "encapsulate", kind: "geneve", vni: VNI, ...ends }],
  [
    {
      stage: "encapsulate",
      kind: "geneve",
      vni: VNI,
      options: [{ class: 1, type: 2, data: new Uint8Array(8) }],
      ...ends,
    },
  ],
  [{ stage: "encapsulate", kind: "gre", ...ends }],
  [{ stage: "encapsulate", kind: "gre", key: VNI, checksum: true, ...ends }],
  [{ stage: "encapsulate", kind: "nvgre", vni: VNI, ...ends }],
  [{ stage: "encapsulate", kind: "vxlan-gpe", vni: VNI, udpChecksum: true, ...ends }],
  [
    { stage: "encapsulate", kind: "vxlan", vni: 9, ...ends },
    { stage: "encapsulate", kind: "geneve", vni: VNI, ...ends },
  ],
  [{ stage: "encapsulate", kind: "erspan", type: 2, session: 3, ...ends }],
  [{ stage: "encapsulate", kind: "l2tpv3", session: 4, sublayer: true, ...ends }],
  [{ stage: "encapsulate", kind: "gtp-u", teid: 5, qfi: 1, ...ends }],
  [{ stage: "encapsulate", kind: "gre", carries: "ip", key: VNI, ...ends }],
  [
    { stage: "encapsulate", kind: "vxlan-gpe", carries: "ip", vni: VNI, ...ends },
    { stage: "encapsulate", kind: "mpls-in-udp", label: [16, 17], ...ends },
  ],
  [{ stage: "encapsulate", kind: "tzsp", ...ends }],
  [{ stage: "encapsulate", kind: "capwap", ...ends }],
  [{ stage: "encapsulate", kind: "etherip", ...ends }],
  [{ stage: "encapsulate", kind: "nsh", path: 8, vni: VNI, ...ends }],
];

const WRAPS: readonly (readonly Stage[])[] = [
  ...ENDS.flatMap(wrapsBetween),
  [{ stage: "encapsulate", kind: "pppoe", session: 2 }],
  [{ stage: "encapsulate", kind: "mpls", label: 16, carries: "ip" }],
  [{ stage: "encapsulate", kind: "vn-tag", destinationVif: 6 }],
  [{ stage: "encapsulate", kind: "802.1br", ecid: 7 }],
  [{ stage: "encapsulate", kind: "802.1ah", vni: VNI }],
  [{ stage: "encapsulate", kind: "ipip", local: "10.1.5.8", remote: "10.1.5.7" }],
];

/** Frames as they are and in tunnels; the same for the same numbers. */
export function soundFrames(kernels: Kernels, next: Next, each: number): Uint8Array[] {
  const frames = Array.from({ length: 8 * each }, () => plainFrame(next));
  using batch = new FrameBatch(kernels, { frames: each, headroom: 512 });
  for (const stages of WRAPS) {
    using pipeline = new Pipeline(kernels, stages);
    batch.fill(Array.from({ length: each }, () => plainFrame(next)));
    pipeline.run(batch);
    for (const frame of batch) frames.push(frame.slice());
  }
  return frames;
}

/** Lets an IPv4 header that stands where it usually does add up again, so that what lies behind it is looked at. */
export function mended(frame: Uint8Array): Uint8Array {
  const at = frame[12] === 0x81 && frame[13] === 0 ? 18 : 14;
  if (frame.length < at + 20 || frame[at - 2] !== 8 || ((frame[at] as number) & 0xf0) !== 0x40) return frame;
  const length = 4 * ((frame[at] as number) & 15);
  if (length < 20 || frame.length < at + length) return frame;
  const view = new DataView(frame.buffer, frame.byteOffset);
  view.setUint16(at + 10, 0);
  view.setUint16(at + 10, checksum(frame.subarray(at, at + length)));
  return frame;
}
