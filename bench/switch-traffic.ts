// What comes in at the switch: plain traffic between two sides of an overlay, and a mixture of all that may be wrong.

import { VALUE_BLACKHOLE, VALUE_STATIC } from "../src/layout/fdb.layout.ts";
import { damage } from "./agreement.ts";
import { completeOuter, makeFrames, OUTER_LENGTH, outerTemplate, Random } from "./frames.ts";
import {
  ACCESS,
  type ImageDomain,
  type ImagePort,
  type ImageStation,
  makeSwitchImage,
  stationMac,
  TUNNEL,
  UPLINK,
  writeMac,
} from "./switch-image.ts";

export const SWITCH_BURST_FRAMES = 256;
/** Frames for which MACs are drawn beforehand: passes take burst after burst of them, round and round. */
const DRAWS = 65536;
export const VM = 1;
export const PEER = 2;
export const ORANGE = 1;

export const switchPorts: readonly ImagePort[] = [
  { kind: UPLINK },
  { kind: ACCESS, domain: 1 },
  { kind: TUNNEL, remote: "10.1.5.8", domains: [1, 2], group: 1 },
  { kind: ACCESS, domain: 1, group: 2 },
  { kind: ACCESS, domain: 1, group: 2, mtu: 60, limit: 9 },
  { kind: ACCESS, domain: 2 },
  { kind: TUNNEL, remote: "10.1.5.9", domains: [1, 3], group: 1, learning: false },
  { kind: ACCESS, domain: 3 },
];
export const switchDomains: readonly ImageDomain[] = [
  { vni: 0xffffffff },
  { vni: 42 },
  { vni: 0x123456, dropsUnknown: true },
  { vni: 0, learning: false },
];

/** Two bursts: 64-byte frames at an access port for stations behind the tunnel, and packets that bring frames back. */
export function makeTraffic(stationsOfASide: number): Uint8Array<ArrayBuffer> {
  const random = new Random(stationsOfASide);
  const stations: ImageStation[] = [];
  for (let i = 0; i < stationsOfASide * 2; i++) {
    stations.push({ mac: stationMac(i), domain: ORANGE, port: i < stationsOfASide ? VM : PEER });
  }
  // Who sends is drawn from one side, who receives from the other.
  const draws = [0, stationsOfASide].map((own) => {
    const macs = new Uint8Array(DRAWS * 12);
    for (let i = 0; i < DRAWS; i++) {
      writeMac(macs, i * 12, stationMac(stationsOfASide - own + random.below(stationsOfASide)));
      writeMac(macs, i * 12 + 6, stationMac(own + random.below(stationsOfASide)));
    }
    return macs;
  });
  const frames = makeFrames(2 * SWITCH_BURST_FRAMES, 64).map((frame, i) => {
    const back = i >= SWITCH_BURST_FRAMES ? 1 : 0;
    frame.set(draws[back]!.subarray((i % SWITCH_BURST_FRAMES) * 12, (i % SWITCH_BURST_FRAMES) * 12 + 12));
    return back === 1 ? wrap(frame, "10.1.5.8", "10.1.5.7", 42, i) : frame;
  });
  return makeSwitchImage({
    ports: switchPorts,
    domains: switchDomains,
    stations,
    capacity: capacityFor(stationsOfASide),
    burst: SWITCH_BURST_FRAMES,
    frames,
    marks: frames.map((_, i) => (i < SWITCH_BURST_FRAMES ? VM : 0)),
    draws,
  });
}

/** As many entries as a table holds by default, or the next power of two that holds all stations. */
export function capacityFor(stationsOfASide: number): number {
  return stationsOfASide > 4096 ? 131072 : 8192;
}

/** Frames of all kinds at all ports: wrong ones, tagged ones, known and unknown stations that move, damaged packets. */
export function makeMixture(seed: number, count: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed);
  const stations: ImageStation[] = [];
  for (const domain of [1, 2, 3]) {
    const ports = switchPorts.flatMap((port, i) =>
      port.domain === domain || port.domains?.includes(domain) ? [i] : [],
    );
    for (let i = 0; i < 24; i++) {
      const flags = i === 3 ? VALUE_BLACKHOLE : i % 8 === 5 ? VALUE_STATIC : 0;
      stations.push({ mac: stationMac(i), domain, port: ports[random.below(ports.length)]!, flags });
    }
  }
  const frames: Uint8Array[] = [];
  const marks: number[] = [];
  for (let i = 0; i < count; i++) {
    const frame = mixedFrame(random, i);
    const access = [1, 3, 4, 5, 7];
    if (random.below(2) === 0) {
      frames.push(random.below(40) === 0 ? frame.slice(0, random.below(20)) : frame);
      marks.push(access[random.below(access.length)]!);
      continue;
    }
    const from = ["10.1.5.8", "10.1.5.8", "10.1.5.9", "10.1.5.10"][random.below(4)]!;
    const to = random.below(12) === 0 ? "10.1.5.17" : "10.1.5.7";
    const vni = [42, 42, 0x123456, 0, 77][random.below(5)]!;
    const packet = wrap(frame, from, to, vni, i);
    frames.push(random.below(6) === 0 ? damage([packet], seed * 4096 + i).frames[0]! : packet);
    marks.push(0);
  }
  return makeSwitchImage({
    ports: switchPorts,
    domains: switchDomains,
    stations,
    capacity: 128,
    burst: SWITCH_BURST_FRAMES,
    frames,
    wireLengths: frames.map(({ length }, i) => (i % 16 === 0 ? length + 20 : length)),
    marks,
  });
}

function mixedFrame(random: Random, flow: number): Uint8Array {
  const [plain] = makeFrames(1, 46 + random.below(60));
  const frame = plain!;
  frame[33] = flow;
  writeMac(frame, 0, stationMac(random.below(32)));
  writeMac(frame, 6, stationMac(random.below(28)));
  const odd = random.below(40);
  if (odd === 0) frame[6] = 1;
  if (odd === 1) frame.fill(0, 6, 12);
  if (odd === 2) frame.set([1, 0x80, 0xc2, 0, 0, random.below(20)]);
  if (odd === 3) frame.fill(0xff, 0, 6);
  if (odd === 4) frame.set([0x86, 0xdd, 0x60], 12);
  if (odd > 8 || odd < 5) return frame;
  const tagged = new Uint8Array(frame.length + 4);
  tagged.set(frame.subarray(0, 12));
  tagged.set(random.below(2) === 0 ? [0x81, 0x00, 0xe0, 0] : [0x88, 0xa8, 0, random.below(3)], 12);
  tagged.set(frame.subarray(12), 16);
  return tagged;
}

/** A frame as a VXLAN packet from one address to another, made the plain and slow way. */
export function wrap(frame: Uint8Array, from: string, to: string, vni: number, flow: number): Uint8Array {
  const packet = new Uint8Array(OUTER_LENGTH + frame.length);
  packet.set(outerTemplate());
  packet.set(from.split(".").map(Number), 26);
  packet.set(to.split(".").map(Number), 30);
  packet.set(frame, OUTER_LENGTH);
  const view = new DataView(packet.buffer);
  view.setUint32(46, vni << 8);
  completeOuter(view, 0, frame.length, 49152 + (flow & 16383));
  return packet;
}
