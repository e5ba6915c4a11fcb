// Frames of the soak: stations of tenants that talk to each other, to routers, to everybody, and nonsense. Each ends in
// the number of its tenant, wherever tags and tunnels come on and go off.

import { checksum } from "../../src/wire/checksum.ts";

/** In front of the tenant's number, at the end of a frame. */
const MAGIC = 0x7e4a47d1;
const TAIL = 8;

export interface Station {
  readonly tenant: number;
  /** Number of the bridge domain within the tenant. */
  readonly domain: number;
  /** Which of the two switches it is at, and a number of its own. */
  readonly side: number;
  readonly number: number;
}

export interface Talk {
  readonly from: Station;
  readonly to: Station;
  /** The tag of its port; 0: none. */
  readonly vid: number;
}

export function macOf({ tenant, domain, side, number }: Station): number[] {
  return [2, tenant, domain, side, number >>> 8, number & 255];
}

export function macText(mac: readonly number[]): string {
  return mac.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export function routerMac(tenant: number, domain: number): number[] {
  return [2, tenant, domain, 0xff, 0, 1];
}

export function ipText({ tenant, domain, side, number }: Station): string {
  return `10.${tenant + 1}.${domain}.${stationByte(side, number)}`;
}

export function ip6Text({ tenant, domain, side, number }: Station): string {
  return `fd00:${tenant + 1}:${domain}::${stationByte(side, number).toString(16)}`;
}

function stationByte(side: number, number: number): number {
  return 2 + side * 120 + (number % 118);
}

/** Which tenant a frame belongs to; undefined for what a router or a switch has made itself. */
export function tenantOf(frame: Uint8Array): number | undefined {
  const at = frame.byteOffset + frame.length - TAIL;
  if (frame.length < TAIL + 14) return undefined;
  const view = new DataView(frame.buffer, at, TAIL);
  return view.getUint32(0) === MAGIC ? view.getUint32(4) : undefined;
}

/** One frame of the talk; which kind, `next` chooses. */
export function talkFrame(talk: Talk, next: (below: number) => number): Uint8Array {
  const kind = next(100);
  if (kind < 2) return Uint8Array.from({ length: next(120) }, () => next(256));
  const length = next(10) === 0 ? 200 + next(1300) : 64 + next(70);
  if (kind < 65) return ipFrame(talk, macOf(talk.to), length, next);
  if (kind < 85) return ipFrame(otherDomain(talk), gatewayOf(talk), length, next);
  if (kind < 88) return ipFrame(talk, [255, 255, 255, 255, 255, 255], length, next);
  if (kind < 90) return ipFrame(talk, [2, 99, 99, 99, 99, next(256)], length, next);
  if (kind < 93) return arpRequest(talk);
  // Too long for the other side of a router; the last hop; to the gateway itself; from a group; to one no bridge passes on.
  if (kind < 94) return ipFrame(otherDomain(talk), gatewayOf(talk), 1600, next);
  if (kind < 95) return ipFrame(otherDomain(talk), gatewayOf(talk), length, next, 1);
  if (kind < 96) return echoToGateway(talk);
  if (kind < 97) return from(ipFrame(talk, macOf(talk.to), length, next), [3, 0, 0, 0, 0, 1]);
  if (kind < 98) return ipFrame(talk, [1, 0x80, 0xc2, 0, 0, next(16)], length, next);
  return cut(ipFrame(otherDomain(talk), gatewayOf(talk), length, next), next);
}

/** A broadcast by which a station is learned. */
export function hello(talk: Talk): Uint8Array {
  return ipFrame(talk, [255, 255, 255, 255, 255, 255], 64, () => 1);
}

function gatewayOf({ from: { tenant, domain } }: Talk): number[] {
  return routerMac(tenant, domain);
}

function otherDomain(talk: Talk): Talk {
  return { ...talk, to: { ...talk.to, domain: talk.from.domain ^ 1 } };
}

function ipFrame(
  talk: Talk,
  to: readonly number[],
  length: number,
  next: (below: number) => number,
  hops = 64,
): Uint8Array {
  return next(3) === 0 ? ipv6(talk, to, length, next, hops) : ipv4(talk, to, length, next, hops);
}

function ethernet(talk: Talk, to: readonly number[], type: number, length: number): [Uint8Array, number] {
  const frame = new Uint8Array(Math.max(length, 64));
  const view = new DataView(frame.buffer);
  frame.set(to);
  frame.set(macOf(talk.from), 6);
  let at = 12;
  if (talk.vid !== 0) {
    view.setUint32(at, 0x81000000 | talk.vid);
    at += 4;
  }
  view.setUint16(at, type);
  view.setUint32(frame.length - TAIL, MAGIC);
  view.setUint32(frame.length - 4, talk.from.tenant);
  return [frame, at + 2];
}

function ipv4(
  talk: Talk,
  to: readonly number[],
  length: number,
  next: (below: number) => number,
  hops: number,
): Uint8Array {
  const [frame, at] = ethernet(talk, to, 0x0800, length);
  const view = new DataView(frame.buffer);
  frame.set([0x45, 0], at);
  view.setUint16(at + 2, frame.length - at);
  view.setUint16(at + 6, next(2) === 0 ? 0x4000 : 0);
  frame.set([hops, 17], at + 8);
  frame.set(ipText(talk.from).split(".").map(Number), at + 12);
  frame.set(ipText(talk.to).split(".").map(Number), at + 16);
  view.setUint16(at + 10, checksum(frame.subarray(at, at + 20)));
  view.setUint16(at + 20, 1024 + next(1000));
  view.setUint16(at + 22, 7);
  view.setUint16(at + 24, frame.length - at - 20);
  return frame;
}

function ipv6(
  talk: Talk,
  to: readonly number[],
  length: number,
  next: (below: number) => number,
  hops: number,
): Uint8Array {
  const [frame, at] = ethernet(talk, to, 0x86dd, Math.max(length, 90));
  const view = new DataView(frame.buffer);
  frame[at] = 0x60;
  view.setUint16(at + 4, frame.length - at - 40);
  frame.set([17, hops], at + 6);
  for (const [offset, { tenant, domain, side, number }] of [
    [at + 8, talk.from],
    [at + 24, talk.to],
  ] as const) {
    view.setUint16(offset, 0xfd00);
    view.setUint16(offset + 2, tenant + 1);
    view.setUint16(offset + 4, domain);
    view.setUint16(offset + 14, stationByte(side, number));
  }
  view.setUint16(at + 40, 1024 + next(1000));
  view.setUint16(at + 42, 7);
  view.setUint16(at + 44, frame.length - at - 40);
  return frame;
}

function arpRequest(talk: Talk): Uint8Array {
  const [frame, at] = ethernet(talk, [255, 255, 255, 255, 255, 255], 0x0806, 64);
  frame.set([0, 1, 8, 0, 6, 4, 0, 1, ...macOf(talk.from)], at);
  frame.set(ipText(talk.from).split(".").map(Number), at + 14);
  frame.set(ipText(talk.to).split(".").map(Number), at + 24);
  return frame;
}

function echoToGateway(talk: Talk): Uint8Array {
  const gateway = { ...talk.from, side: 0, number: 0 };
  const frame = ipv4({ ...talk, to: gateway }, gatewayOf(talk), 98, () => 0, 64);
  const at = talk.vid === 0 ? 14 : 18;
  frame.set([10, talk.from.tenant + 1, talk.from.domain, 1], at + 16);
  frame[at + 9] = 1;
  frame.set([0, 0], at + 10);
  const view = new DataView(frame.buffer);
  view.setUint16(at + 10, checksum(frame.subarray(at, at + 20)));
  frame.set([8, 0, 0, 0, 0, 1, 0, 1], at + 20);
  view.setUint16(at + 22, checksum(frame.subarray(at + 20)));
  return frame;
}

function from(frame: Uint8Array, mac: readonly number[]): Uint8Array {
  frame.set(mac, 6);
  return frame;
}

/** Shorter than its headers say, or with a byte of them changed. */
function cut(frame: Uint8Array, next: (below: number) => number): Uint8Array {
  if (next(2) === 0) return frame.slice(0, next(frame.length));
  const at = 12 + next(40);
  frame[at] = next(256);
  return frame;
}
