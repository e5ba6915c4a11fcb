// Memory for many datagrams of one call: recvmmsg() and sendmmsg() read and write it. Each message has a slot for its bytes and one
// for an address, and headers that point there, which are written once.

import type { Native } from "./libc.ts";

/** Messages of one call: more gain nothing (measured up to 64), and others wait meanwhile. */
export const MESSAGES = 64;

/** `struct mmsghdr`, with 64-bit pointers. */
const HEADER_LENGTH = 64;
const NAME = 0;
const NAME_LENGTH = 8;
const VECTORS = 16;
const VECTOR_COUNT = 24;
const MESSAGE_LENGTH = 56;

/** `struct iovec`. */
const VECTOR_LENGTH = 16;
const BASE = 0;
const LENGTH = 8;

/** An address of either family, `struct sockaddr_in6` at most. */
export const ADDRESS_ROOM = 32;

export class Messages {
  /** All slots, one behind the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly slotLength: number;
  /** All addresses, `ADDRESS_ROOM` bytes each. */
  readonly addresses: Uint8Array<ArrayBuffer>;
  /** Where the headers lie. */
  readonly address: number;
  readonly #headers: DataView<ArrayBuffer>;
  readonly #vectors: DataView<ArrayBuffer>;
  /** They lie in memory that nothing else holds. */
  readonly #held: readonly Uint8Array<ArrayBuffer>[];

  constructor(native: Native, slotLength: number) {
    this.slotLength = slotLength;
    const made = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(new ArrayBuffer(length));
    this.bytes = made(MESSAGES * slotLength);
    this.addresses = made(MESSAGES * ADDRESS_ROOM);
    const headers = made(MESSAGES * HEADER_LENGTH);
    const vectors = made(MESSAGES * VECTOR_LENGTH);
    this.#held = [headers, vectors];
    this.#headers = new DataView(headers.buffer);
    this.#vectors = new DataView(vectors.buffer);
    const [bytesAt, addressesAt, headersAt, vectorsAt] = [this.bytes, this.addresses, ...this.#held].map(
      (each) => native.addressOf(each),
    ) as [number, number, number, number];
    this.address = headersAt;
    for (let i = 0; i < MESSAGES; i++) {
      const header = i * HEADER_LENGTH;
      this.#headers.setBigUint64(header + NAME, BigInt(addressesAt + i * ADDRESS_ROOM), true);
      this.#headers.setBigUint64(header + VECTORS, BigInt(vectorsAt + i * VECTOR_LENGTH), true);
      this.#headers.setBigUint64(header + VECTOR_COUNT, 1n, true);
      this.#vectors.setBigUint64(i * VECTOR_LENGTH + BASE, BigInt(bytesAt + i * slotLength), true);
    }
  }

  /** Where the headers from message `index` on lie. */
  from(index: number): number {
    return this.address + index * HEADER_LENGTH;
  }

  /** Lets all messages take what comes: the system writes over what stands there. */
  expect(count: number = MESSAGES): void {
    for (let i = 0; i < count; i++) this.set(i, this.slotLength, ADDRESS_ROOM);
  }

  /** Message `index` has so many bytes, and an address of so many. */
  set(index: number, length: number, addressLength: number): void {
    this.#headers.setUint32(index * HEADER_LENGTH + NAME_LENGTH, addressLength, true);
    this.#vectors.setUint32(index * VECTOR_LENGTH + LENGTH, length, true);
  }

  /** Bytes of message `index` that have come. */
  lengthOf(index: number): number {
    return this.#headers.getUint32(index * HEADER_LENGTH + MESSAGE_LENGTH, true);
  }
}
