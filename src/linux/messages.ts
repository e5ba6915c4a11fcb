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

/** `struct cmsghdr`: the only one there is says the length of segments, as 16 bits where it is sent and 32 where it comes. */
const CONTROL_ROOM = 32;
const CONTROL_LEVEL = 8;
const CONTROL_TYPE = 12;
const CONTROL_DATA = 16;
const CONTROL_SENT = 24;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

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
  /** Whether lengths of segments are asked for. */
  readonly #hasControls: boolean;

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

  /** Message `index` is to be cut into segments of `length` bytes; 0: it is one datagram. */
  setSegment(index: number, length: number): void {
    this.#setControl(index, length === 0 ? 0 : CONTROL_SENT);
    if (length === 0) return;
    const at = this.#controls + index * CONTROL_ROOM;
    this.#view.setBigUint64(at, BigInt(CONTROL_DATA + 2), true);
    this.#view.setUint32(at + CONTROL_LEVEL, SOL_UDP, true);
    this.#view.setUint32(at + CONTROL_TYPE, UDP_SEGMENT, true);
    this.#view.setUint16(at + CONTROL_DATA, length, true);
  }

  /** Bytes of message `index` that have come. */
  lengthOf(index: number): number {
    return this.#view.getUint32(this.#headers + index * HEADER_LENGTH + MESSAGE_LENGTH, true);
  }

  /** Of how many bytes the datagrams are that have come joined as message `index`, but for the last one; its length if it is one. */
  segmentOf(index: number): number {
    const length = this.lengthOf(index);
    if (this.#view.getUint32(this.#headers + index * HEADER_LENGTH + CONTROL_LENGTH, true) < CONTROL_DATA + 4)
      return length;
    const at = this.#controls + index * CONTROL_ROOM;
    const isSegment =
      this.#view.getUint32(at + CONTROL_LEVEL, true) === SOL_UDP &&
      this.#view.getUint32(at + CONTROL_TYPE, true) === UDP_GRO;
    const said = this.#view.getInt32(at + CONTROL_DATA, true);
    return isSegment && said > 0 && said < length ? said : length;
  }

  #setControl(index: number, length: number): void {
    this.#view.setUint32(this.#headers + index * HEADER_LENGTH + CONTROL_LENGTH, length, true);
  }
}
