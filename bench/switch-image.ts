// The memory that the C and the JavaScript switch work on: header, ports, bridge domains, tunnels, stations,
// descriptors, frame slots. bench/native/switch.h reads the same.

import { HEADROOM_DEFAULT } from "../src/layout/batch.layout.ts";
import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VNI_NONE,
} from "../src/layout/descriptor.layout.ts";
import { VALUE_PRESENT } from "../src/layout/fdb.layout.ts";
import { FDB_SEED } from "./fdb-keys.ts";
import { outerTemplate, tunnel } from "./frames.ts";
import { SLOT_LENGTH } from "./image.ts";

// Words of the header.
export const SWITCH_COUNT = 0;
export const SWITCH_BURST = 1;
export const SWITCH_DESCRIPTORS = 2;
export const SWITCH_PORTS = 3;
export const SWITCH_DOMAINS = 4;
export const SWITCH_TUNNELS = 5;
export const SWITCH_REMOTES = 6;
export const SWITCH_STATIONS = 7;
export const SWITCH_DRAWS = 8;
export const SWITCH_OUT = 9;
export const SWITCH_OUT_COUNT = 10;
export const SWITCH_PORT_COUNT = 11;
export const SWITCH_DOMAIN_COUNT = 12;
export const SWITCH_REMOTE_COUNT = 13;
export const SWITCH_STATION_COUNT = 14;
export const SWITCH_DRAW_COUNT = 15;
export const SWITCH_LOCAL = 16;
export const SWITCH_UDP_PORT = 17;
export const SWITCH_SECONDS = 18;
export const SWITCH_SEED = 19;
export const SWITCH_CAPACITY = 20;
export const SWITCH_REFUSED = 21;
export const SWITCH_FDB_SEED = 22;
export const SWITCH_EVENTS = 24;
export const SWITCH_DROPS = 32;
export const SWITCH_HEADER_LENGTH = 512;

// A port: four bytes and three words, then five counters of 64 bits, learned, limit.
export const PORT_LENGTH = 64;
export const PORT_MTU = 1;
export const PORT_TUNNEL = 2;
export const PORT_FLAGS = 3;
export const PORT_RECEIVED = 4;
export const PORT_RECEIVED_BYTES = 6;
export const PORT_DROPPED = 8;
export const PORT_SENT = 10;
export const PORT_SENT_BYTES = 12;
export const PORT_LEARNED = 14;
export const PORT_LIMIT = 15;

// A bridge domain: four words, three counters, the gateway's MAC.
export const DOMAIN_LENGTH = 64;
export const DOMAIN_VNI = 0;
export const DOMAIN_FLAGS = 1;
export const DOMAIN_LEARNED = 2;
export const DOMAIN_LIMIT = 3;
export const DOMAIN_RECEIVED = 4;
export const DOMAIN_DROPPED = 6;
export const DOMAIN_SENT = 8;

export const TUNNEL_LENGTH = 64;
export const TUNNEL_IP_SUM = 13;
export const REMOTE_LENGTH = 16;
export const STATION_LENGTH = 16;

export const UPLINK = 1;
export const ACCESS = 2;
export const TUNNEL = 3;
export const DROPS_UNKNOWN = 2;

export interface ImagePort {
  readonly kind: number;
  readonly domain?: number;
  readonly group?: number;
  readonly mtu?: number;
  readonly learning?: boolean;
  /** Of a tunnel: its remote address and its domains. */
  readonly remote?: string;
  readonly domains?: readonly number[];
  readonly limit?: number;
}

export interface ImageDomain {
  readonly vni: number;
  readonly learning?: boolean;
  readonly dropsUnknown?: boolean;
}

/** A MAC as a number of 48 bits in memory order, its domain and where it is. */
export interface ImageStation {
  readonly mac: number;
  readonly domain: number;
  readonly port: number;
  readonly flags?: number;
}

export interface SwitchImageOptions {
  /** By number; 0 is the uplink. */
  readonly ports: readonly ImagePort[];
  /** By number; the first stands for none. */
  readonly domains: readonly ImageDomain[];
  readonly stations: readonly ImageStation[];
  readonly capacity: number;
  readonly burst: number;
  readonly frames: readonly Uint8Array[];
  /** Bytes each frame had on the wire; as many as it has if left out. */
  readonly wireLengths?: readonly number[];
  /** Ports on which the frames come in. */
  readonly marks: readonly number[];
  /** MACs for the first burst and for the second, 12 bytes a frame. */
  readonly draws?: readonly Uint8Array[];
}

export const NOW_SECONDS = 1000;

export function makeSwitchImage(options: SwitchImageOptions): Uint8Array<ArrayBuffer> {
  const { ports, domains, stations, frames, draws = [] } = options;
  const tunnels = ports.filter(({ kind }) => kind === TUNNEL);
  const remotes = ports.flatMap(({ remote = "", domains: joined = [] }, port) =>
    joined.map((domain) => ({ remote, port, domain })),
  );
  let end = SWITCH_HEADER_LENGTH;
  const region = (length: number): number => {
    const at = end;
    end += Math.ceil(length / 64) * 64;
    return at;
  };
  const at = {
    ports: region(ports.length * PORT_LENGTH),
    domains: region(domains.length * DOMAIN_LENGTH),
    tunnels: region(tunnels.length * TUNNEL_LENGTH),
    remotes: region(remotes.length * REMOTE_LENGTH),
    stations: region(stations.length * STATION_LENGTH),
    descriptors: region(frames.length * DESCRIPTOR_LENGTH),
    out: region(frames.length * 4),
    draws: region(draws.reduce((sum, { length }) => sum + length, 0)),
    slots: region(frames.length * SLOT_LENGTH),
  };
  const bytes = new Uint8Array(end + 64);
  const view = new DataView(bytes.buffer);
  const words = new Uint32Array(bytes.buffer);
  words[SWITCH_COUNT] = frames.length;
  words[SWITCH_BURST] = options.burst;
  words[SWITCH_DESCRIPTORS] = at.descriptors;
  words[SWITCH_PORTS] = at.ports;
  words[SWITCH_DOMAINS] = at.domains;
  words[SWITCH_TUNNELS] = at.tunnels;
  words[SWITCH_REMOTES] = at.remotes;
  words[SWITCH_STATIONS] = at.stations;
  words[SWITCH_DRAWS] = at.draws;
  words[SWITCH_OUT] = at.out;
  words[SWITCH_PORT_COUNT] = ports.length;
  words[SWITCH_DOMAIN_COUNT] = domains.length;
  words[SWITCH_REMOTE_COUNT] = remotes.length;
  words[SWITCH_STATION_COUNT] = stations.length;
  words[SWITCH_DRAW_COUNT] = (draws[0]?.length ?? 0) / 12;
  words[SWITCH_LOCAL] = addressWord(tunnel.local);
  view.setUint16(SWITCH_UDP_PORT * 4, tunnel.port);
  words[SWITCH_SECONDS] = NOW_SECONDS;
  words[SWITCH_CAPACITY] = options.capacity;
  view.setBigUint64(SWITCH_FDB_SEED * 4, FDB_SEED, true);

  for (const [i, port] of ports.entries()) {
    const p = (at.ports + i * PORT_LENGTH) / 4;
    words[p] = port.kind | ((port.group ?? 0) << 8) | ((port.domain ?? 0) << 16);
    words[p + PORT_MTU] = port.mtu ?? 0xffffffff;
    words[p + PORT_TUNNEL] = Math.max(0, tunnels.indexOf(port));
    words[p + PORT_FLAGS] = port.learning === false ? 0 : 1;
    words[p + PORT_LIMIT] = port.limit ?? 0xffffffff;
  }
  for (const [i, { vni, learning, dropsUnknown }] of domains.entries()) {
    const d = (at.domains + i * DOMAIN_LENGTH) / 4;
    words[d + DOMAIN_VNI] = vni;
    words[d + DOMAIN_FLAGS] = (learning === false ? 0 : 1) | (dropsUnknown === true ? DROPS_UNKNOWN : 0);
    words[d + DOMAIN_LIMIT] = 0xffffffff;
  }
  for (const [i, { remote = "" }] of tunnels.entries()) {
    const t = at.tunnels + i * TUNNEL_LENGTH;
    const template = outerTemplate();
    template.set(remote.split(".").map(Number), 30);
    bytes.set(template, t);
    let sum = 0;
    for (let j = 14; j < 34; j += 2) sum += view.getUint16(t + j, true);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    words[t / 4 + TUNNEL_IP_SUM] = sum;
  }
  for (const [i, { remote, port, domain }] of remotes.entries()) {
    const r = (at.remotes + i * REMOTE_LENGTH) / 4;
    words[r] = addressWord(remote);
    words[r + 1] = domains[domain]!.vni;
    words[r + 2] = port | (domain << 16);
  }
  for (const [i, { mac, domain, port, flags = 0 }] of stations.entries()) {
    const s = (at.stations + i * STATION_LENGTH) / 4;
    words[s] = mac % 2 ** 32;
    words[s + 1] = Math.floor(mac / 2 ** 32) | (domain << 16);
    words[s + 2] = port;
    words[s + 3] = VALUE_PRESENT | flags | (NOW_SECONDS << 8);
  }
  for (const [i, frame] of frames.entries()) {
    const slot = at.slots + i * SLOT_LENGTH;
    bytes.set(frame, slot + HEADROOM_DEFAULT);
    const d = at.descriptors + i * DESCRIPTOR_LENGTH;
    view.setUint32(d + DESCRIPTOR_OFFSET, slot + HEADROOM_DEFAULT, true);
    view.setUint32(d + DESCRIPTOR_FRAME_LENGTH, frame.length, true);
    view.setUint32(d + DESCRIPTOR_WIRE_LENGTH, options.wireLengths?.[i] ?? frame.length, true);
    view.setUint32(d + DESCRIPTOR_FLOOR, slot, true);
    view.setUint32(d + DESCRIPTOR_VNI, VNI_NONE, true);
    view.setUint32(d + DESCRIPTOR_MARK, options.marks[i] ?? 0, true);
  }
  let next = at.draws;
  for (const macs of draws) {
    bytes.set(macs, next);
    next += macs.length;
  }
  return bytes;
}

export interface SwitchOutcome {
  readonly verdict: number;
  readonly mark: number;
  readonly bytes: Uint8Array;
}

/** What the descriptors of an image say. */
export function switchDescriptors(image: Uint8Array<ArrayBuffer>): SwitchOutcome[] {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const get = (at: number): number => view.getUint32(at, true);
  const all: SwitchOutcome[] = [];
  for (let i = 0; i < get(SWITCH_COUNT * 4); i++) {
    const d = get(SWITCH_DESCRIPTORS * 4) + i * DESCRIPTOR_LENGTH;
    const offset = get(d + DESCRIPTOR_OFFSET);
    all.push({
      verdict: view.getUint8(d + DESCRIPTOR_VERDICT),
      mark: get(d + DESCRIPTOR_MARK),
      bytes: image.subarray(offset, offset + get(d + DESCRIPTOR_FRAME_LENGTH)),
    });
  }
  return all;
}

/** The drawn MACs of the first burst and of the second, 12 bytes a frame. */
export function switchDraws(image: Uint8Array<ArrayBuffer>): Uint8Array[] {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const length = view.getUint32(SWITCH_DRAW_COUNT * 4, true) * 12;
  const first = view.getUint32(SWITCH_DRAWS * 4, true);
  return [0, 1].map((burst) => image.subarray(first + burst * length, first + (burst + 1) * length));
}

/** Of each port: received, bytes of it, dropped, sent, bytes of it. */
export function switchPortCounts(image: Uint8Array<ArrayBuffer>): bigint[][] {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const ports = view.getUint32(SWITCH_PORTS * 4, true);
  return Array.from({ length: view.getUint32(SWITCH_PORT_COUNT * 4, true) }, (_, i) =>
    Array.from({ length: 5 }, (_, j) =>
      view.getBigUint64(ports + i * PORT_LENGTH + PORT_RECEIVED * 4 + j * 8, true),
    ),
  );
}

/** Station `number`: MACs as vendors hand them out, one after the other behind a common prefix. */
export function stationMac(number: number): number {
  return 0x5452 + number * 65536;
}

export function writeMac(bytes: Uint8Array, at: number, mac: number): void {
  let rest = mac;
  for (let i = 0; i < 6; i++) {
    bytes[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** An address as a little-endian machine reads it from a packet. */
export function addressWord(address: string): number {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}
