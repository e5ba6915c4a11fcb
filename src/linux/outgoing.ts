// Datagrams on their way out of one port: as many in one call as there are, and packets of one length to one remote, or the segments
// of a super-frame, as one message that the system cuts (UDP_SEGMENT).

import { MESSAGES, Messages } from "./messages.ts";
import type { PortMemory } from "./offloads.ts";
import { IPV4_LENGTH, IPV6_LENGTH, writeEnd } from "./socket-address.ts";
import type { UdpSocket } from "./udp-socket.ts";

/** Longer than any datagram, and what kernels may write behind it. */
export const OUT_SLOT = 65_600;
/** Of what one message carries: the system cuts it into so many datagrams, and all together have one length field. */
const SEGMENTS_MOST = 64;
const BYTES_MOST = 65_507;
/**
 * With these the system does not cut a message that could leave as datagrams: EIO where a card computes no checksums (before Linux
 * 6.11), the others where segments are longer than the way takes without fragments.
 */
const UNCUT: ReadonlySet<string> = new Set(["EIO", "EINVAL", "EMSGSIZE"]);
/** Kernels write so many bytes behind what they are asked for. */
const SPARE = 16;

/** A packet that is to leave: what of its bytes, and where to. There is one for all, since each would be garbage. */
export interface Departure {
  frame: Uint8Array;
  /** Of what UDP carries. */
  payload: number;
  end: number;
  /** Where the destination's address lies in the frame, and how long it is. */
  address: number;
  addressLength: number;
  port: number;
  /** Traffic class | TTL << TTL_SHIFT of its outer IP header. */
  fields: number;
  /** Bytes that UDP carries of its longest segment: fewer than it has if it is a super-frame. */
  wire: number;
}

export class Outgoing {
  readonly #memory: PortMemory;
  readonly #out: Messages;
  /** For those that the system does not cut. */
  readonly #single: Messages;
  /** Where a super-frame lies that is cut. */
  readonly #desk: number;
  readonly #drop: (reason: string, frames: number, bytes: number) => void;
  readonly #reasonOf: (code: string) => string;
  /** How many messages there are, how many have been sent, and by which socket they go. */
  #filled = 0;
  #sent = 0;
  #by: UdpSocket | undefined;
  readonly #lengths: Uint32Array = new Uint32Array(MESSAGES);
  readonly #segments: Uint32Array = new Uint32Array(MESSAGES);
  /** Frames in each, and of how many bytes; of a super-frame in several the first one has them. */
  readonly #frames: Uint32Array = new Uint32Array(MESSAGES);
  readonly #frameBytes: Float64Array = new Float64Array(MESSAGES);
  readonly #fields: Uint32Array = new Uint32Array(MESSAGES);
  /** Of the last message: whether a packet more may be put behind what it has, and where it goes. */
  #isOpen = false;
  readonly #to: Uint8Array = new Uint8Array(16);
  #toLength = 0;
  #port = 0;

  /** `drop` counts what is lost. */
  constructor(
    memory: PortMemory,
    drop: (reason: string, frames: number, bytes: number) => void,
    reasonOf: (code: string) => string,
  ) {
    this.#memory = memory;
    this.#out = new Messages(memory, OUT_SLOT);
    this.#single = new Messages(memory, 0);
    this.#desk = memory.reserve(OUT_SLOT);
    this.#drop = drop;
    this.#reasonOf = reasonOf;
  }

  /** Frames that have not been sent. */
  get waiting(): number {
    let frames = 0;
    for (let i = this.#sent; i < this.#filled; i++) frames += this.#frames[i] as number;
    return frames;
  }

  /** Puts a packet among those that leave by a socket; false if there is no room for it now. */
  add(by: UdpSocket, departure: Departure): boolean {
    if (by !== this.#by) {
      this.flush();
      // What goes by the other socket still waits.
      if (this.#filled > 0) return false;
      this.#by = by;
    }
    const { payload, end, wire } = departure;
    if (wire < end - payload) return this.#addSuper(departure);
    if (this.#joins(departure)) return true;
    if (this.#filled === MESSAGES) this.flush();
    if (this.#filled === MESSAGES) return false;
    const slot = this.#filled;
    this.#memory.bytes.set(departure.frame.subarray(payload, end), this.#out.slot(slot));
    this.#fill(slot, departure, end - payload, end - payload, 1, departure.frame.length);
    this.#isOpen = by.cuts && end > payload;
    return true;
  }

  /** Sends what there is; false if the system has no room for the rest now. */
  flush(): boolean {
    const by = this.#by;
    while (by !== undefined && this.#sent < this.#filled) {
      const first = this.#sent;
      if (this.#isJoined(first) && !by.cuts) {
        if (!this.#sendSingly(by, first)) return false;
        this.#sent++;
        continue;
      }
      const result = by.send(this.#out, first, this.#filled);
      if (typeof result === "number") this.#sent += result;
      else if (result === "EAGAIN") {
        this.#isOpen = false;
        return false;
      } else if (this.#isJoined(first) && UNCUT.has(result)) {
        if (result === "EIO") by.cuts = false;
        if (!this.#sendSingly(by, first)) return false;
        this.#sent++;
      } else if (result !== "EINTR") this.#lose(this.#sent++, this.#reasonOf(result));
    }
    this.#filled = 0;
    this.#sent = 0;
    this.#isOpen = false;
    return true;
  }

  /** Nothing more is sent. */
  close(): void {
    while (this.#sent < this.#filled) this.#lose(this.#sent++, "closed");
  }

  /** Puts a packet behind others of its length to the same end, or a shorter one as their last; false if it cannot be. */
  #joins(departure: Departure): boolean {
    const last = this.#filled - 1;
    if (!this.#isOpen || !this.#goesThere(departure)) return false;
    const { frame, payload, end } = departure;
    const bytes = end - payload;
    const segment = this.#segments[last] as number;
    const length = this.#lengths[last] as number;
    if (bytes === 0 || bytes > segment || length + bytes > BYTES_MOST || length >= SEGMENTS_MOST * segment)
      return false;
    this.#memory.bytes.set(frame.subarray(payload, end), this.#out.slot(last) + length);
    this.#lengths[last] = length + bytes;
    this.#frames[last] = (this.#frames[last] as number) + 1;
    this.#frameBytes[last] = (this.#frameBytes[last] as number) + frame.length;
    this.#out.set(last, length + bytes, this.#addressLength());
    this.#out.setControls(last, segment, this.#fields[last] as number, this.#toLength === 16);
    if (bytes < segment) this.#isOpen = false;
    return true;
  }

  /** Cuts a super-frame into messages of as many segments as the system takes; all of them, or none while there is no room. */
  #addSuper(departure: Departure): boolean {
    const { frame, payload, end, wire } = departure;
    const memory = this.#memory;
    const bytes = end - payload;
    this.#isOpen = false;
    if (bytes > OUT_SLOT - SPARE || wire > BYTES_MOST) {
      this.#drop("frame-too-long", 1, frame.length);
      return true;
    }
    const start = this.#filled;
    memory.bytes.set(frame.subarray(payload, end), this.#desk);
    memory.beginCut(this.#desk, bytes, memory.kernels.tunnelLength(this.#desk), wire, 1);
    const room = Math.min(SEGMENTS_MOST, Math.floor(BYTES_MOST / wire)) * wire + SPARE;
    let isFirst = true;
    do {
      if (this.#filled === MESSAGES && start > 0) {
        // None of it has left: it is cut again later.
        this.#filled = start;
        return this.flush() ? this.#addSuper(departure) : false;
      }
      // It fills all messages there are: nobody makes such short segments for long.
      if (this.#filled === MESSAGES && !this.flush()) {
        this.#drop("queue-full", 1, frame.length);
        return true;
      }
      const slot = this.#filled;
      const length = memory.cut(this.#out.slot(slot), room, false);
      if (length === 0) {
        this.#drop("not-sent", 1, frame.length);
        return true;
      }
      this.#fill(
        slot,
        departure,
        length,
        Math.min(wire, length),
        isFirst ? 1 : 0,
        isFirst ? frame.length : 0,
      );
      isFirst = false;
    } while (!memory.isCut);
    return true;
  }

  #fill(
    slot: number,
    { frame, address, addressLength, port, fields }: Departure,
    length: number,
    segment: number,
    frames: number,
    bytes: number,
  ): void {
    const out = this.#out;
    this.#filled = slot + 1;
    const to = frame.subarray(address, address + addressLength);
    out.set(slot, length, writeEnd(this.#memory.bytes, out.addressAt(slot), to, port));
    this.#lengths[slot] = length;
    this.#segments[slot] = segment;
    out.setControls(
      slot,
      segment < length && this.#by?.cuts === true ? segment : 0,
      fields,
      addressLength === 16,
    );
    this.#fields[slot] = fields;
    this.#frames[slot] = frames;
    this.#frameBytes[slot] = bytes;
    this.#to.set(to);
    this.#toLength = addressLength;
    this.#port = port;
  }

  /** Whether it goes to the end that the last message goes to. */
  #goesThere({ frame, address, addressLength, port, fields }: Departure): boolean {
    if (port !== this.#port || addressLength !== this.#toLength) return false;
    if (fields !== this.#fields[this.#filled - 1]) return false;
    for (let i = 0; i < addressLength; i++) if (frame[address + i] !== this.#to[i]) return false;
    return true;
  }

  #isJoined(slot: number): boolean {
    return (this.#segments[slot] as number) < (this.#lengths[slot] as number);
  }

  /** Sends the datagrams of a message one by one, from where it stopped; false if the system has no room now. */
  #sendSingly(by: UdpSocket, slot: number): boolean {
    const length = this.#lengths[slot] as number;
    const segment = this.#segments[slot] as number;
    const single = this.#single;
    const fields = this.#fields[slot] as number;
    const ipv6 = this.#toLength === 16;
    const place = this.#out.slot(slot);
    const addressLength = this.#addressLength();
    const address = this.#out.addressAt(slot);
    let lost: string | undefined;
    for (let at = 0; at < length; ) {
      let count = 0;
      for (let from = at; from < length && count < MESSAGES; from += segment, count++) {
        this.#memory.bytes.copyWithin(single.addressAt(count), address, address + addressLength);
        single.point(count, place + from);
        single.set(count, Math.min(segment, length - from), addressLength);
        single.setControls(count, 0, fields, ipv6);
      }
      const result = by.send(single, 0, count);
      if (typeof result === "number") at += result * segment;
      else if (result === "EAGAIN") {
        if (at === 0) return false;
        // What is left of it stays a message.
        this.#memory.bytes.copyWithin(place, place + at, place + length);
        this.#lengths[slot] = length - at;
        this.#segments[slot] = Math.min(segment, length - at);
        this.#out.set(slot, length - at, addressLength);
        this.#out.setControls(slot, by.cuts && length - at > segment ? segment : 0, fields, ipv6);
        return false;
      } else if (result !== "EINTR") {
        lost = this.#reasonOf(result);
        at += segment;
      }
    }
    // Some have left, perhaps: as a whole it has not.
    if (lost !== undefined) this.#lose(slot, lost);
    return true;
  }

  #addressLength(): number {
    return this.#toLength === 16 ? IPV6_LENGTH : IPV4_LENGTH;
  }

  #lose(slot: number, reason: string): void {
    this.#drop(reason, this.#frames[slot] as number, this.#frameBytes[slot] as number);
  }
}
