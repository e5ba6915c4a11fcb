// A socket of AF_PACKET, and the ring of blocks that it shares with the kernel (TPACKET_V3): frames of an interface lie there
// as they came, and no call brings them. A block that has been read is given back by one store.

import { Undo } from "../core/undo.ts";
import { withInterface } from "./interface.ts";
import type { Native } from "./libc.ts";
import type { PacketPlan } from "./packet-options.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
/** Frames of all protocols, in network order. */
const ETH_P_ALL = 0x0003;

const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const PACKET_VNET_HDR = 15;
/** Without it one hears oneself. */
const PACKET_IGNORE_OUTGOING = 23;
const TPACKET_V3 = 2;
const PACKET_MR_PROMISC = 1;

/** Longer frames are cut. */
const BLOCK_LENGTH = 1 << 15;
/** A block is handed over each millisecond, however little it holds: so many wait for a reader that is late. */
const BLOCKS = 256;
const RING_LENGTH: number = BLOCK_LENGTH * BLOCKS;
/** Must divide a block; frames of any length lie one behind the other all the same. */
const FRAME_LENGTH = 2048;
/** After so many milliseconds a block is handed over that is not full: how late a single frame may be. */
const RETIRE_MILLISECONDS = 1;

/** Of a block: whose it is, how many frames it holds, and where the first is. */
const BLOCK_STATUS = 8;
const BLOCK_COUNT = 12;
const BLOCK_FIRST = 16;
const OURS = 1;

/** Of a frame: where the next is, bytes that are there, bytes it has, what is said of it, where it begins, and its tag. */
const FRAME_NEXT = 0;
const FRAME_THERE = 12;
const FRAME_WIRE = 16;
const FRAME_STATUS = 20;
const FRAME_BEGIN = 24;
const FRAME_TCI = 32;
const FRAME_TPID = 36;
const STATUS_TAGGED = 0x10;
const STATUS_TPID = 0x40;
const TPID_DEFAULT = 0x8100;

/** What the kernel says in front of a frame: that a checksum is to be finished, and where; that it is many segments in one. */
export const VNET_LENGTH = 10;
const VNET_NEEDS_CHECKSUM = 1;
const VNET_KIND = 1;
const VNET_START = 6;
const VNET_OFFSET = 8;

const READ_AND_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;

/** A frame in the ring, read anew for each: there is one for all frames, since each would be garbage. */
export class RingFrame {
  /** Where its bytes begin in the ring. */
  at = 0;
  length = 0;
  /** Whether bytes are missing. */
  isCut = false;
  /** Its outer VLAN tag, which the kernel has taken off; -1 if there was none. */
  tci = -1;
  tpid = 0;
  /** Where in the frame a checksum begins to count that is to be finished, and where it stands; -1 if there is none. */
  checksumFrom = -1;
  checksumAt = -1;
  /** Whether it is a frame that is to be cut into segments first. */
  isSegmented = false;
}

export class PacketRing {
  readonly descriptor: number;
  readonly mtu: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #native: Native;
  readonly #view: DataView<ArrayBuffer>;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #address: number;
  /** The block that is read, how many of its frames have not been, and where the next is. */
  #block = 0;
  #left = 0;
  #next = 0;
  #isOpen = false;

  /** @throws SystemError. */
  static open(native: Native, { interface: name, promiscuous }: PacketPlan): PacketRing {
    const { libc, failure } = native;
    const undo = new Undo();
    try {
      const descriptor = libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (descriptor < 0) throw failure("socket");
      undo.add(() => libc.close(descriptor));
      const set = (option: number, what: string, ...words: readonly number[]): void => {
        const value = wordsOf(...words);
        if (libc.setsockopt(descriptor, SOL_PACKET, option, value, value.length) < 0) throw failure(what);
      };
      const { index, mtu } = withInterface(native, name, (card) => ({ index: card.index, mtu: card.mtu }));
      set(PACKET_VERSION, "PACKET_VERSION", TPACKET_V3);
      set(PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING", 1);
      set(PACKET_VNET_HDR, "PACKET_VNET_HDR", 1);
      const frames = RING_LENGTH / FRAME_LENGTH;
      const request = [BLOCK_LENGTH, BLOCKS, FRAME_LENGTH, frames, RETIRE_MILLISECONDS, 0, 0];
      set(PACKET_RX_RING, "PACKET_RX_RING", ...request);
      const address = libc.mmap(0, RING_LENGTH, READ_AND_WRITE, MAP_SHARED, descriptor, 0);
      if (address < 0) throw failure("mmap");
      // Only now: nothing has come before.
      const end = wordsOf(AF_PACKET | (ETH_P_ALL << 24), index, 0, 0, 0);
      if (libc.bind(descriptor, end, end.length) < 0) throw failure("bind");
      if (promiscuous) set(PACKET_ADD_MEMBERSHIP, "PACKET_ADD_MEMBERSHIP", index, PACKET_MR_PROMISC, 0, 0);
      return new PacketRing(native, descriptor, address, mtu);
    } catch (error) {
      throw undo.because(error);
    }
  }

  private constructor(native: Native, descriptor: number, address: number, mtu: number) {
    this.#native = native;
    this.descriptor = descriptor;
    this.mtu = mtu;
    this.#address = address;
    const buffer = native.viewOf(address, RING_LENGTH);
    this.bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#words = new Int32Array(buffer);
  }

  /** Reads the next frame; false if there is none at this moment. What was read before is given back only by `release`. */
  read(frame: RingFrame): boolean {
    if (this.#left === 0 && !this.#begin()) return false;
    const view = this.#view;
    const at = this.#next;
    const status = view.getUint32(at + FRAME_STATUS, true);
    const there = view.getUint32(at + FRAME_THERE, true);
    frame.at = at + view.getUint16(at + FRAME_BEGIN, true);
    frame.length = there;
    frame.isCut = there < view.getUint32(at + FRAME_WIRE, true);
    frame.tci = (status & STATUS_TAGGED) === 0 ? -1 : view.getUint32(at + FRAME_TCI, true);
    frame.tpid = (status & STATUS_TPID) === 0 ? TPID_DEFAULT : view.getUint16(at + FRAME_TPID, true);
    const vnet = frame.at - VNET_LENGTH;
    const needs = (view.getUint8(vnet) & VNET_NEEDS_CHECKSUM) !== 0;
    frame.checksumFrom = needs ? view.getUint16(vnet + VNET_START, true) : -1;
    frame.checksumAt = needs ? frame.checksumFrom + view.getUint16(vnet + VNET_OFFSET, true) : -1;
    frame.isSegmented = view.getUint8(vnet + VNET_KIND) !== 0;
    this.#left--;
    this.#next = at + view.getUint32(at + FRAME_NEXT, true);
    return true;
  }

  /** Gives a block back whose frames have all been read. */
  release(): void {
    if (!this.#isOpen || this.#left > 0) return;
    Atomics.store(this.#words, (this.#block * BLOCK_LENGTH + BLOCK_STATUS) >>> 2, 0);
    this.#block = (this.#block + 1) % BLOCKS;
    this.#isOpen = false;
  }

  /** How many frames the kernel had no room for since it was asked before. */
  lost(): number {
    const told = wordsOf(0, 0, 0);
    const { libc } = this.#native;
    if (libc.getsockopt(this.descriptor, SOL_PACKET, PACKET_STATISTICS, told, wordsOf(told.length)) < 0)
      return 0;
    return new DataView(told.buffer).getUint32(4, true);
  }

  /** What is wrong with the socket, if anything is, once; and whether its interface is there no more. */
  trouble(): { readonly code: number; readonly isGone: boolean } {
    const { libc } = this.#native;
    const code = wordsOf(0);
    libc.getsockopt(this.descriptor, SOL_SOCKET, SO_ERROR, code, wordsOf(code.length));
    const end = wordsOf(0, 0, 0, 0, 0);
    const isKnown = libc.getsockname(this.descriptor, end, wordsOf(end.length)) >= 0;
    const words = new Int32Array(end.buffer);
    return { code: new Int32Array(code.buffer)[0] as number, isGone: !isKnown || (words[1] as number) <= 0 };
  }

  /** Whoever had a view of the ring would read what is not there any more: so empty memory takes its place. */
  close(): void {
    const { libc } = this.#native;
    libc.mmap(this.#address, RING_LENGTH, READ_AND_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
    libc.close(this.descriptor);
  }

  #begin(): boolean {
    const block = this.#block * BLOCK_LENGTH;
    if ((Atomics.load(this.#words, (block + BLOCK_STATUS) >>> 2) & OURS) === 0) return false;
    this.#isOpen = true;
    this.#left = this.#view.getUint32(block + BLOCK_COUNT, true);
    this.#next = block + this.#view.getUint32(block + BLOCK_FIRST, true);
    if (this.#left > 0) return true;
    this.release();
    return false;
  }
}

/** Words in memory. */
function wordsOf(...words: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Int32Array.from(words).buffer);
}
