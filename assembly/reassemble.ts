// Fragments of carrier packets are put together before tunnels are opened.
//
// Where: in the run of a capture on the thread that called for it, in the order of the file, since which fragments belong
// together is known only where all of them pass. Workers never see one: a scan of a piece for them stops in front of it, and
// the piece is worked on here (src/dataplane/). So every transport gives the same bytes, and a capture without fragments
// pays for two fields of each frame that are looked at.
//
// When: a reader gives a fragment alone, as a burst of one (capture-read.ts). It waits in a table of fixed size
// (fragment-table.ts) until its datagram is whole. Then the datagram takes the place of the record that was the last to
// come: its time, its interface, its link header and tags; the others leave no record. Their IP header is the first
// fragment's.
//
// Which: fragments of which the pipeline's decapsulation itself says that they may be a tunnel's, and datagrams that it
// would open, or drop as a tunnel's. All fragments of others have one fate: they are dropped for one reason, or, where what
// is no tunnel's is kept, go on as they are, in the place of the last that was waited for.
//
// How long: by the capture's clock, SECONDS_IPV4 and SECONDS_IPV6, from the first one on. What overlaps is refused, with
// all of its datagram, and what comes later of it (RFC 5722, for IPv4 too), but for what comes twice byte for byte.

import {
  STAMP_BLOCK_TYPE,
  STAMP_LENGTH,
  STAMP_OPTIONS,
  STAMP_OPTIONS_LENGTH,
  STAMP_TRAILER,
} from "../src/layout/capture.layout";
import {
  CURSOR_CARRIER_STAGE,
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_GROWTH,
  CURSOR_HEADROOM,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_REASSEMBLY,
  CURSOR_STAMPS,
} from "../src/layout/cursor.layout";
import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_WIRE_LENGTH,
} from "../src/layout/descriptor.layout";
import {
  DROP_FRAGMENT_CROPPED,
  DROP_FRAGMENT_INCOMPLETE,
  DROP_FRAGMENT_INVALID,
  DROP_FRAGMENT_OVERLAP,
  DROP_FRAGMENT_TABLE_FULL,
  DROP_NONE,
  DROP_OUTER_IP_CHECKSUM,
  DROP_OUTER_IP_FRAGMENT,
} from "../src/layout/drop.layout";
import {
  DATAGRAM_BEGUN,
  DATAGRAM_COUNT,
  DATAGRAM_COVERED,
  DATAGRAM_END,
  DATAGRAM_FIRST,
  DATAGRAM_HIGHEST,
  DATAGRAM_KEY,
  DATAGRAM_LAST,
  DATAGRAM_LOWEST,
  DATAGRAM_NEWER,
  DATAGRAM_REFUSED,
  END_UNKNOWN,
  FRAGMENT_ALIGNMENT,
  FRAGMENT_CAPTURED,
  FRAGMENT_FRAME,
  FRAGMENT_HIGHER,
  FRAGMENT_LENGTH,
  FRAGMENT_LINK_MAXIMUM,
  FRAGMENT_NEXT,
  FRAGMENT_NEXT_HEADER,
  FRAGMENT_OFFSET,
  FRAGMENT_ORIGINAL,
  FRAGMENT_OWNER,
  FRAGMENT_PACKET,
  FRAGMENT_PAYLOAD,
  FRAGMENT_STAMP,
  FRAGMENT_TOTAL,
  FRAGMENT_TRAILER,
  FRAGMENTS_MAXIMUM,
  KEY_VERSION,
  SECONDS_IPV4,
  SECONDS_IPV6,
  TABLE_CLOCK,
  TABLE_HEAD,
  TABLE_JOINED,
  TABLE_OLDEST,
  TABLE_REASSEMBLED,
  TABLE_SCRATCH,
  TABLE_TAIL,
} from "../src/layout/fragment.layout";
import { IP_LENGTH_MAXIMUM } from "../src/layout/ipv4.layout";
import { IPV6_LENGTH } from "../src/layout/ipv6.layout";
import { BLOCK_SIMPLE_PACKET } from "../src/layout/pcapng.layout";
import {
  DECAPSULATE_FORM,
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_TRUST_IP,
  DECAPSULATE_VNI,
  OPERATION_DECAPSULATE_ANY,
  STAGE_FLAGS,
  STAGE_OPERATION,
} from "../src/layout/stage.layout";
import { GIGA, toNanoseconds } from "./capture-time";
import { fold, sum } from "./checksum";
import { copy } from "./copy";
import { pull } from "./decapsulate";
import {
  hasMore,
  isIpv6,
  nextHeaderAt,
  offset,
  openFragment,
  packetAt,
  payloadAt,
  payloadLength,
  writeKey,
} from "./fragment";
import { layOut } from "./fragment-join";
import { RECORD_AROUND } from "./fragment-release";
import {
  beginDatagram,
  countFragments,
  emptyDatagram,
  endDatagram,
  findDatagram,
  giveUp,
  isEqual,
  makeRoom,
} from "./fragment-table";
import { OTHER } from "./refusal";
import { tryAny } from "./unwrap";

/** What becomes of a fragment: it goes on as a frame, a datagram in its place or itself; */
export const FRAGMENT_GOES_ON: u32 = 0;
/** it waits, or was dropped; */
export const FRAGMENT_TAKEN: u32 = 1;
/** others have to go on before it is taken in; */
export const FRAGMENT_LATER: u32 = 2;
/** the output has no room for what it may complete; */
export const FRAGMENT_NO_ROOM: u32 = 3;
/** there is no table. */
export const FRAGMENT_NO_TABLE: u32 = 4;

/** Most bytes of a datagram with what stands in front of it. */
const WHOLE_MAXIMUM: u32 = FRAGMENT_LINK_MAXIMUM + IPV6_LENGTH + IP_LENGTH_MAXIMUM;
/** What a copy may write behind its end. */
const COPY_SLACK: u32 = 16;

// Of the fragment in work. Module state, so that each thread has its own.
let table: usize = 0;
let stage: usize = 0;
let counters: usize = 0;
let keep = false;
let descriptor: usize = 0;
let stamp: usize = 0;
/** By place: the fragment in front of the one in work, if there is one; and the one that is the same, if there is one. */
let lower: usize = 0;
let same: usize = 0;

function setWork(cursor: usize): void {
  table = load<u32>(cursor, CURSOR_REASSEMBLY);
  stage = load<u32>(cursor, CURSOR_CARRIER_STAGE);
  counters = load<u32>(cursor, CURSOR_COUNTERS);
  keep = (load<u32>(stage, STAGE_FLAGS) & DECAPSULATE_KEEP_OTHERS) !== 0;
  descriptor = load<u32>(cursor, CURSOR_DESCRIPTORS);
  stamp = load<u32>(cursor, CURSOR_STAMPS);
}

/** Takes in the frame that is alone in its burst: with one result the descriptor is that of a datagram. */
export function takeFragment(cursor: usize): u32 {
  setWork(cursor);
  const frame: usize = load<u32>(descriptor, DESCRIPTOR_OFFSET);
  const length = load<u32>(descriptor, DESCRIPTOR_FRAME_LENGTH);
  if (fate() !== (OTHER | DROP_OUTER_IP_FRAGMENT)) return FRAGMENT_GOES_ON;
  if (!openFragment(load<u8>(descriptor, DESCRIPTOR_LINK), frame, length)) return FRAGMENT_GOES_ON;
  if (packetAt > <u32>FRAGMENT_LINK_MAXIMUM) return FRAGMENT_GOES_ON;
  const optionsLength = load<u32>(stamp, STAMP_OPTIONS_LENGTH);
  const room = load<u32>(cursor, CURSOR_OUT_END) - load<u32>(cursor, CURSOR_OUT);
  if (room < WHOLE_MAXIMUM + RECORD_AROUND + optionsLength + load<u32>(cursor, CURSOR_GROWTH))
    return FRAGMENT_NO_ROOM;
  writeKey(table, frame);
  // A simple block says no time: it came when the one before it did.
  if (load<u32>(stamp, STAMP_BLOCK_TYPE) !== BLOCK_SIMPLE_PACKET)
    store<u64>(table, toNanoseconds(cursor, stamp), TABLE_CLOCK);
  if (!expire()) return FRAGMENT_LATER;
  const captured = length + trailerLength();
  const total: u32 =
    (FRAGMENT_FRAME + captured + optionsLength + COPY_SLACK + FRAGMENT_ALIGNMENT - 1) &
    ~(FRAGMENT_ALIGNMENT - 1);
  if (!makeRoom(table, total, counters, keep)) return FRAGMENT_LATER;
  let datagram = findDatagram(table);
  if (datagram === 0) datagram = beginDatagram(table, counters, keep);
  if (datagram === 0) return FRAGMENT_LATER;
  let reason = load<u32>(datagram, DATAGRAM_REFUSED);
  if (reason === DROP_NONE) {
    reason = misfit(datagram, frame, length);
    if (reason !== DROP_NONE && !giveUp(table, datagram, reason, true, counters, keep)) return FRAGMENT_LATER;
  }
  if (reason !== DROP_NONE) return refuse(reason);
  keepFragment(datagram, frame, captured, optionsLength, total);
  if (load<u32>(datagram, DATAGRAM_COVERED) !== load<u32>(datagram, DATAGRAM_END)) return FRAGMENT_TAKEN;
  return complete(cursor, datagram);
}

/** What the decapsulation would do with the frame: a reason, or DROP_NONE. */
function fate(): u32 {
  if (load<u32>(stage, STAGE_OPERATION) === OPERATION_DECAPSULATE_ANY)
    return tryAny(descriptor, stage, counters);
  const link = load<u64>(descriptor);
  const lengths = load<u64>(descriptor, 8);
  const verdict = load<u64>(descriptor, 16);
  const hash = load<u64>(descriptor, 24);
  const flags = load<u32>(stage, STAGE_FLAGS);
  const reason = pull(descriptor, stage + DECAPSULATE_FORM, load<u32>(stage, DECAPSULATE_VNI), flags);
  store<u64>(descriptor, link);
  store<u64>(descriptor, lengths, 8);
  store<u64>(descriptor, verdict, 16);
  store<u64>(descriptor, hash, 24);
  return reason;
}

/** One that shares the fate of others, which are gone: it goes on as it is, or is dropped as they were. */
function refuse(reason: u32): u32 {
  if (keep) return FRAGMENT_GOES_ON;
  countFragments(reason, 1, counters);
  return FRAGMENT_TAKEN;
}

/** Gives up what has waited too long. False: that has to go on first. */
function expire(): bool {
  const own = findDatagram(table);
  if (own !== 0 && isOver(own) && !giveUp(table, own, DROP_FRAGMENT_INCOMPLETE, false, counters, keep))
    return false;
  let isFree = true;
  for (let oldest: usize = load<u32>(table, TABLE_OLDEST); oldest !== 0 && isOver(oldest); ) {
    const newer: usize = load<u32>(oldest, DATAGRAM_NEWER);
    if (!giveUp(table, oldest, DROP_FRAGMENT_INCOMPLETE, false, counters, keep)) isFree = false;
    oldest = newer;
  }
  return isFree;
}

/** Clocks may go back: then nothing is over. */
function isOver(datagram: usize): bool {
  const now = load<u64>(table, TABLE_CLOCK);
  const begun = load<u64>(datagram, DATAGRAM_BEGUN);
  const seconds: u64 = load<u8>(datagram, DATAGRAM_KEY + KEY_VERSION) === 4 ? SECONDS_IPV4 : SECONDS_IPV6;
  return now > begun && now - begun > seconds * GIGA;
}

/** Why the datagram cannot become whole with the fragment in work, if it cannot. */
function misfit(datagram: usize, frame: usize, length: u32): u32 {
  if (!isIpv6 && (load<u32>(stage, STAGE_FLAGS) & DECAPSULATE_TRUST_IP) === 0) {
    if (fold(sum(frame + packetAt, payloadAt - packetAt)) !== 0xffff) return DROP_OUTER_IP_CHECKSUM;
  }
  const end = offset + payloadLength;
  if (payloadLength === 0 || (hasMore && (payloadLength & 7) !== 0) || end > <u32>IP_LENGTH_MAXIMUM)
    return DROP_FRAGMENT_INVALID;
  if (length - payloadAt < payloadLength) return DROP_FRAGMENT_CROPPED;
  if (load<u32>(datagram, DATAGRAM_COUNT) === FRAGMENTS_MAXIMUM) return DROP_FRAGMENT_TABLE_FULL;
  // Where the payload ends is said once, and nothing stands behind it.
  const said = load<u32>(datagram, DATAGRAM_END);
  const highest: usize = load<u32>(datagram, DATAGRAM_HIGHEST);
  if (said !== END_UNKNOWN && (end > said || (end === said) === hasMore)) return DROP_FRAGMENT_INVALID;
  if (!hasMore && highest !== 0 && endOf(highest) > end) return DROP_FRAGMENT_INVALID;
  return place(datagram, frame) ? DROP_NONE : DROP_FRAGMENT_OVERLAP;
}

function endOf(one: usize): u32 {
  return load<u32>(one, FRAGMENT_OFFSET) + load<u32>(one, FRAGMENT_LENGTH);
}

/** Finds the place of the fragment in work between the others; false if it overlaps one. */
function place(datagram: usize, frame: usize): bool {
  same = 0;
  // Fragments come in order, or nearly so, and from the front or from the back.
  const highest: usize = load<u32>(datagram, DATAGRAM_HIGHEST);
  lower = highest !== 0 && load<u32>(highest, FRAGMENT_OFFSET) <= offset ? highest : 0;
  let higher: usize = lower === 0 ? <usize>load<u32>(datagram, DATAGRAM_LOWEST) : 0;
  while (higher !== 0 && load<u32>(higher, FRAGMENT_OFFSET) <= offset) {
    lower = higher;
    higher = load<u32>(higher, FRAGMENT_HIGHER);
  }
  if (higher !== 0 && load<u32>(higher, FRAGMENT_OFFSET) < offset + payloadLength) return false;
  if (lower === 0 || endOf(lower) <= offset) return true;
  if (load<u32>(lower, FRAGMENT_OFFSET) !== offset || load<u32>(lower, FRAGMENT_LENGTH) !== payloadLength)
    return false;
  const payload: usize = lower + FRAGMENT_FRAME + load<u32>(lower, FRAGMENT_PAYLOAD);
  if (!isEqual(payload, frame + payloadAt, payloadLength)) return false;
  same = lower;
  return true;
}

/** Bytes of check sequence behind the frame in work that the capture holds. */
function trailerLength(): u32 {
  return load<u8>(stamp, STAMP_TRAILER);
}

/** Puts the fragment in work into the ring, where there is room, and into its datagram. */
function keepFragment(datagram: usize, frame: usize, captured: u32, optionsLength: u32, total: u32): void {
  const one: usize = load<u32>(table, TABLE_HEAD);
  store<u32>(table, <u32>one + total, TABLE_HEAD);
  if (load<u32>(table, TABLE_TAIL) === 0) store<u32>(table, <u32>one, TABLE_TAIL);
  store<u32>(one, total, FRAGMENT_TOTAL);
  store<u32>(one, <u32>datagram, FRAGMENT_OWNER);
  store<u32>(one, 0, FRAGMENT_NEXT);
  store<u32>(one, captured, FRAGMENT_CAPTURED);
  const trailer: u32 = load<u8>(descriptor, DESCRIPTOR_TRAILER);
  store<u32>(one, load<u32>(descriptor, DESCRIPTOR_WIRE_LENGTH) + trailer, FRAGMENT_ORIGINAL);
  store<u32>(one, trailer, FRAGMENT_TRAILER);
  store<u32>(one, packetAt, FRAGMENT_PACKET);
  store<u32>(one, payloadAt, FRAGMENT_PAYLOAD);
  store<u32>(one, offset, FRAGMENT_OFFSET);
  store<u32>(one, payloadLength, FRAGMENT_LENGTH);
  store<u32>(one, nextHeaderAt, FRAGMENT_NEXT_HEADER);
  memory.copy(one + FRAGMENT_STAMP, stamp, STAMP_LENGTH);
  const options: usize = one + FRAGMENT_FRAME + captured;
  copy(one + FRAGMENT_FRAME, frame, captured);
  memory.copy(options, load<u32>(stamp, STAMP_OPTIONS), optionsLength);
  store<u32>(one + FRAGMENT_STAMP, <u32>options, STAMP_OPTIONS);
  const last: usize = load<u32>(datagram, DATAGRAM_LAST);
  if (last === 0) store<u32>(datagram, <u32>one, DATAGRAM_FIRST);
  else store<u32>(last, <u32>one, FRAGMENT_NEXT);
  store<u32>(datagram, <u32>one, DATAGRAM_LAST);
  store<u32>(datagram, load<u32>(datagram, DATAGRAM_COUNT) + 1, DATAGRAM_COUNT);
  if (same !== 0) return;
  const link: usize = lower === 0 ? datagram + DATAGRAM_LOWEST : lower + FRAGMENT_HIGHER;
  const higher = load<u32>(link);
  store<u32>(link, <u32>one);
  store<u32>(one, higher, FRAGMENT_HIGHER);
  if (higher === 0) store<u32>(datagram, <u32>one, DATAGRAM_HIGHEST);
  store<u32>(datagram, load<u32>(datagram, DATAGRAM_COVERED) + payloadLength, DATAGRAM_COVERED);
  if (!hasMore) store<u32>(datagram, offset + payloadLength, DATAGRAM_END);
}

/** The datagram is whole: it goes on in the place of the fragment in work, or its fragments share another fate. */
function complete(cursor: usize, datagram: usize): u32 {
  const floor: usize = load<u32>(table, TABLE_SCRATCH);
  const whole: usize = floor + load<u32>(cursor, CURSOR_HEADROOM);
  const length = layOut(datagram, whole);
  const count = load<u32>(datagram, DATAGRAM_COUNT);
  if (length === 0) {
    giveUp(table, datagram, DROP_FRAGMENT_INVALID, true, counters, keep);
    return FRAGMENT_TAKEN;
  }
  store<u32>(descriptor, <u32>whole, DESCRIPTOR_OFFSET);
  store<u32>(descriptor, length, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(descriptor, length, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(descriptor, <u32>floor, DESCRIPTOR_FLOOR);
  // A check sequence was one fragment's.
  store<u8>(descriptor, 0, DESCRIPTOR_TRAILER);
  const reason = fate();
  if ((reason & OTHER) !== 0) {
    giveUp(table, datagram, reason & ~OTHER, false, counters, keep);
    return FRAGMENT_TAKEN;
  }
  store<u64>(table, load<u64>(table, TABLE_JOINED) + count - 1, TABLE_JOINED);
  store<u64>(table, load<u64>(table, TABLE_REASSEMBLED) + 1, TABLE_REASSEMBLED);
  emptyDatagram(datagram);
  endDatagram(table, datagram);
  return FRAGMENT_GOES_ON;
}

/** Gives up all that still waits: nothing more comes that could belong to it. What was released before has gone on. */
export function endFragments(cursor: usize): void {
  setWork(cursor);
  for (let datagram: usize = load<u32>(table, TABLE_OLDEST); datagram !== 0; ) {
    const newer: usize = load<u32>(datagram, DATAGRAM_NEWER);
    // Nor is anything to be refused any more.
    store<u32>(datagram, 0, DATAGRAM_REFUSED);
    giveUp(table, datagram, DROP_FRAGMENT_INCOMPLETE, false, counters, keep);
    datagram = newer;
  }
}
