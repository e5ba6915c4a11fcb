// Memory for many datagrams of one call: recvmmsg() and sendmmsg() read and write it. Each message has a slot for its bytes, one
// for an address and one for what is said beside, and headers that point there.

import type { PortMemory } from "./offloads.ts";

/** Messages of one call: more gain nothing (measured up to 64), and others wait meanwhile. */
export const MESSAGES = 64;

/** `struct mmsghdr`, with 64-bit pointers. */
const HEADER_LENGTH = 64;
const NAME = 0;
const NAME_LENGTH = 8;
const VECTORS = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const MESSAGE_LENGTH = 56;

/** `struct iovec`. */
const VECTOR_LENGTH = 16;
const BASE = 0;
const LENGTH = 8;

/** An address of either family, `struct sockaddr_in6` at most. */
export const ADDRESS_ROOM = 32;

/**
 * `struct cmsghdr`, one behind the other: the length of segments, as 16 bits where it is sent and 32 where it comes; traffic class and
 * TTL of the outer IP header.
 */
const CONTROL_ROOM = 96;
const CONTROL_LEVEL = 8;
const CONTROL_TYPE = 12;
const CONTROL_DATA = 16;
const CONTROL_STEP = 24;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;
export const SOL_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
export const SOL_IPV6 = 41;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;

/** Traffic class | TTL << 8 of an outer IP header. */
export const TTL_SHIFT = 8;
/** What packets have of which nothing is said. */
export const USUAL_FIELDS: number = 64 << TTL_SHIFT;

/** Of headers, addresses and slots of `slotLength`, in a port's memory. */
export function messagesLength(slotLength: number): number {
  return MESSAGES * (HEADER_LENGTH + VECTOR_LENGTH + ADDRESS_ROOM + CONTROL_ROOM + slotLength) + 1024;
}

export class Messages {
  /** The port's memory. */
  readonly bytes: Uint8Array;
  readonly slotLength: number;
  readonly #memory: PortMemory;
  readonly #view: DataView;
  readonly #slots: number;
  readonly #addresses: number;
  readonly #headers: number;
  readonly #vectors: number;
  readonly #controls: number;
  /** Whether it is asked for what is said beside. */
  readonly #hasControls: boolean;
  /** What `readControls` has read last. */
  segment = 0;
  fields: number = USUAL_FIELDS;

  /** Without slots, `slotLength` 0, messages are pointed at their bytes one by one. */
  constructor(memory: PortMemory, slotLength: number, hasControls = false) {
    this.#memory = memory;
    this.bytes = memory.bytes;
    this.slotLength = slotLength;
    this.#hasControls = hasControls;
    this.#view = new DataView(memory.bytes.buffer);
    this.#headers = memory.reserve(MESSAGES * HEADER_LENGTH);
    this.#vectors = memory.reserve(MESSAGES * VECTOR_LENGTH);
    this.#addresses = memory.reserve(MESSAGES * ADDRESS_ROOM);
    this.#controls = memory.reserve(MESSAGES * CONTROL_ROOM);
    this.#slots = memory.reserve(MESSAGES * slotLength);
    const { base } = memory;
    const pointer = (at: number, to: number): void => this.#view.setBigUint64(at, BigInt(base + to), true);
    for (let i = 0; i < MESSAGES; i++) {
      const header = this.#headers + i * HEADER_LENGTH;
      pointer(header + NAME, this.addressAt(i));
      pointer(header + VECTORS, this.#vectors + i * VECTOR_LENGTH);
      this.#view.setBigUint64(header + VECTOR_COUNT, 1n, true);
      pointer(header + CONTROL, this.#controls + i * CONTROL_ROOM);
      this.point(i, this.slot(i));
    }
  }

  /** Where the bytes of message `index` lie, and its address. */
  slot(index: number): number {
    return this.#slots + index * this.slotLength;
  }

  addressAt(index: number): number {
    return this.#addresses + index * ADDRESS_ROOM;
  }

  /** The bytes of message `index` are those at `place`. */
  point(index: number, place: number): void {
    const at = this.#vectors + index * VECTOR_LENGTH + BASE;
    this.#view.setBigUint64(at, BigInt(this.#memory.base + place), true);
  }

  /** Where the headers from message `index` on lie, for the system. */
  from(index: number): number {
    return this.#memory.base + this.#headers + index * HEADER_LENGTH;
  }

  /** Lets all messages take what comes: the system writes over what stands there. */
  expect(count: number = MESSAGES): void {
    for (let i = 0; i < count; i++) {
      this.set(i, this.slotLength, ADDRESS_ROOM);
      if (this.#hasControls) this.#setControl(i, CONTROL_ROOM);
    }
  }

  /** Message `index` has so many bytes, and an address of so many. */
  set(index: number, length: number, addressLength: number): void {
    this.#view.setUint32(this.#headers + index * HEADER_LENGTH + NAME_LENGTH, addressLength, true);
    this.#view.setUint32(this.#vectors + index * VECTOR_LENGTH + LENGTH, length, true);
  }

  /**
   * Message `index` is to be cut into segments of `segment` bytes, 0: it is one datagram; and leaves with these fields in its outer
   * IP header.
   */
  setControls(index: number, segment: number, fields: number, ipv6: boolean): void {
    const start = this.#controls + index * CONTROL_ROOM;
    let at = start;
    if (segment !== 0) {
      this.#putControl(at, SOL_UDP, UDP_SEGMENT, 2);
      this.#view.setUint16(at + CONTROL_DATA, segment, true);
      at += CONTROL_STEP;
    }
    if (fields !== USUAL_FIELDS) {
      const level = ipv6 ? SOL_IPV6 : SOL_IP;
      this.#putControl(at, level, ipv6 ? IPV6_TCLASS : IP_TOS, 4);
      this.#view.setInt32(at + CONTROL_DATA, fields & 0xff, true);
      at += CONTROL_STEP;
      this.#putControl(at, level, ipv6 ? IPV6_HOPLIMIT : IP_TTL, 4);
      this.#view.setInt32(at + CONTROL_DATA, fields >>> TTL_SHIFT, true);
      at += CONTROL_STEP;
    }
    this.#setControl(index, at - start);
  }

  /** Bytes of message `index` that have come. */
  lengthOf(index: number): number {
    return this.#view.getUint32(this.#headers + index * HEADER_LENGTH + MESSAGE_LENGTH, true);
  }

  /**
   * Reads what is said beside message `index`: `segment`, of how many bytes the datagrams are that have come joined, but for the
   * last one; its length if it is one. And `fields` of its outer IP header.
   */
  readControls(index: number): void {
    const view = this.#view;
    const length = this.lengthOf(index);
    this.segment = length;
    let trafficClass = 0;
    let ttl = USUAL_FIELDS >>> TTL_SHIFT;
    let at = this.#controls + index * CONTROL_ROOM;
    let left = view.getUint32(this.#headers + index * HEADER_LENGTH + CONTROL_LENGTH, true);
    while (left > CONTROL_DATA) {
      const size = view.getUint32(at, true);
      if (size <= CONTROL_DATA || size > left) break;
      const level = view.getUint32(at + CONTROL_LEVEL, true);
      const type = view.getUint32(at + CONTROL_TYPE, true);
      // Of one byte or of four: the lowest comes first.
      const byte = view.getUint8(at + CONTROL_DATA);
      if (level === SOL_UDP && type === UDP_GRO && size >= CONTROL_DATA + 4) {
        const said = view.getInt32(at + CONTROL_DATA, true);
        if (said > 0 && said < length) this.segment = said;
      } else if ((level === SOL_IP && type === IP_TOS) || (level === SOL_IPV6 && type === IPV6_TCLASS))
        trafficClass = byte;
      else if ((level === SOL_IP && type === IP_TTL) || (level === SOL_IPV6 && type === IPV6_HOPLIMIT))
        ttl = byte;
      const step = (size + 7) & ~7;
      at += step;
      left -= step;
    }
    this.fields = trafficClass | (ttl << TTL_SHIFT);
  }

  #putControl(at: number, level: number, type: number, length: number): void {
    this.#view.setBigUint64(at, BigInt(CONTROL_DATA + length), true);
    this.#view.setUint32(at + CONTROL_LEVEL, level, true);
    this.#view.setUint32(at + CONTROL_TYPE, type, true);
  }

  #setControl(index: number, length: number): void {
    this.#view.setUint32(this.#headers + index * HEADER_LENGTH + CONTROL_LENGTH, length, true);
  }
}
