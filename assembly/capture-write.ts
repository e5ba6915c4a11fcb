// Writes the frames of a burst as records of a pcap or pcapng, and the loop that joins reading, work and writing.

import {
  INTERFACE_ENTRY_ETHERNET,
  INTERFACE_ENTRY_LENGTH,
  INTERFACE_ENTRY_RAW,
  INTERFACE_ENTRY_SNAP_LENGTH_OUT,
  INTERFACE_ENTRY_UNCHANGED,
  INTERFACE_NONE,
  STAMP_BLOCK_TYPE,
  STAMP_INTERFACE,
  STAMP_LENGTH,
  STAMP_LINK,
  STAMP_OPTIONS,
  STAMP_OPTIONS_LENGTH,
  STAMP_TICKS,
  STAMP_TRAILER,
} from "../src/layout/capture.layout";
import {
  CURSOR_BYTES_OUT,
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_FORWARDED,
  CURSOR_IN,
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACES,
  CURSOR_LABELS,
  CURSOR_NOTICES,
  CURSOR_OUT,
  CURSOR_OUT_FORMAT,
  CURSOR_REASSEMBLY,
  CURSOR_STAGE_COUNT,
  CURSOR_STAGES,
  CURSOR_STAMPS,
  CURSOR_STATUS,
  CURSOR_TRAILERS_LEFT_OUT,
  FORMAT_BIG_ENDIAN,
  FORMAT_NANOSECONDS,
  FORMAT_PCAPNG,
  FORMAT_RECORDS,
  FORMAT_TRAILERS,
  STATUS_FRAGMENT,
  STATUS_OUTPUT_FULL,
} from "../src/layout/cursor.layout";
import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_DROP,
} from "../src/layout/descriptor.layout";
import {
  DROP_FRAME_TOO_LONG,
  DROP_NO_TIME,
  DROP_NONE,
  DROP_OTHER_LINK_TYPE,
} from "../src/layout/drop.layout";
import { REASSEMBLY_WANTED } from "../src/layout/fragment.layout";
import { LABEL_LENGTH } from "../src/layout/label.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import { CAPTURED_MAXIMUM, PCAP_RECORD_LENGTH } from "../src/layout/pcap.layout";
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_SIMPLE_PACKET,
  BLOCK_TOTAL_LENGTH,
  ENHANCED_CAPTURED,
  ENHANCED_FLAGS_FCS_MASK,
  ENHANCED_FRAME,
  ENHANCED_INTERFACE,
  ENHANCED_MINIMUM,
  ENHANCED_ORIGINAL,
  ENHANCED_TICKS_HIGH,
  ENHANCED_TICKS_LOW,
  OPTION_CODE,
  OPTION_END,
  OPTION_ENHANCED_FLAGS,
  OPTION_LENGTH,
  OPTION_VALUE,
  RECORD_BLOCK_MAXIMUM,
  SIMPLE_FRAME,
} from "../src/layout/pcapng.layout";
import { swapped16 } from "./byte-order";
import { isAlone, readBurst, simpleLength, takeBack } from "./capture-read";
import { GIGA, toNanoseconds } from "./capture-time";
import { copy } from "./copy";
import { drop } from "./descriptor";
import { areReleased, readReleased } from "./fragment-release";
import { writeLabel } from "./label";
import { endNotes, notesInRecords, notesInStamps } from "./notes";
import { beginNoting, endNoting } from "./notices";
import { runPipeline } from "./pipeline";
import {
  FRAGMENT_GOES_ON,
  FRAGMENT_LATER,
  FRAGMENT_NO_TABLE,
  FRAGMENT_TAKEN,
  takeFragment,
} from "./reassemble";
import { writeRecords } from "./records";

/** Most bytes of frame, padding and options in a packet block. */
const BODY_MAXIMUM: u32 = RECORD_BLOCK_MAXIMUM - ENHANCED_MINIMUM;
/** Up to here frame and options fit into every record that there is, of either format. */
const USUAL_BODY: u32 = min(BODY_MAXIMUM - 3, <u32>CAPTURED_MAXIMUM);

/** Reads, works and writes burst by burst until the input is used up or something stands in the way; returns the status. */
export function runCapture(cursor: usize): u32 {
  while (true) {
    const table: usize = load<u32>(cursor, CURSOR_REASSEMBLY);
    const again = table > <usize>REASSEMBLY_WANTED && areReleased(table);
    const count = again ? readReleased(cursor) : readWhole(cursor);
    if (count === 0) return load<u32>(cursor, CURSOR_STATUS);
    if (count !== NOTHING_YET) workOn(cursor, count);
  }
}

/** Lets the fragments go on that were released; true if there is no room for all of them. */
export function runReleased(cursor: usize): bool {
  while (areReleased(load<u32>(cursor, CURSOR_REASSEMBLY))) {
    const count = readReleased(cursor);
    if (count === 0) return true;
    workOn(cursor, count);
  }
  return false;
}

/** Runs the stages over the burst, and writes what is left of it. */
function workOn(cursor: usize, count: u32): void {
  const descriptors: usize = load<u32>(cursor, CURSOR_DESCRIPTORS);
  const counters: usize = load<u32>(cursor, CURSOR_COUNTERS);
  const stages: usize = load<u32>(cursor, CURSOR_STAGES);
  if (load<u32>(cursor, CURSOR_NOTICES) !== 0) beginNoting();
  if ((load<u32>(cursor, CURSOR_IN_FORMAT) & FORMAT_RECORDS) !== 0) notesInRecords(cursor);
  else notesInStamps(cursor);
  let forwarded = runPipeline(descriptors, count, stages, load<u32>(cursor, CURSOR_STAGE_COUNT), counters);
  endNoting();
  endNotes();
  if ((load<u32>(cursor, CURSOR_OUT_FORMAT) & FORMAT_RECORDS) !== 0) writeRecords(cursor, count);
  else forwarded -= writeBurst(cursor, count, counters);
  store<u64>(cursor, load<u64>(cursor, CURSOR_FORWARDED) + forwarded, CURSOR_FORWARDED);
}

/** In place of a count: what was read waits, or has to be read again. */
const NOTHING_YET: u32 = 0xffffffff;

/** Reads a burst; where fragments are put together, one of them is a burst, and may become a datagram. */
function readWhole(cursor: usize): u32 {
  const at = load<u32>(cursor, CURSOR_IN);
  const count = readBurst(cursor);
  if (!isAlone() || count === 0) return count;
  const result =
    load<u32>(cursor, CURSOR_REASSEMBLY) === REASSEMBLY_WANTED ? FRAGMENT_NO_TABLE : takeFragment(cursor);
  if (result === FRAGMENT_GOES_ON) return count;
  if (result === FRAGMENT_TAKEN) return NOTHING_YET;
  takeBack(cursor, at);
  if (result === FRAGMENT_LATER) return NOTHING_YET;
  store<u32>(cursor, result === FRAGMENT_NO_TABLE ? STATUS_FRAGMENT : STATUS_OUTPUT_FULL, CURSOR_STATUS);
  return 0;
}

/**
 * Returns how many frames it has dropped after all, because the output holds no record like theirs.
 *
 * A frame is as it was read if its link and its check sequence are: then it keeps both, and leaves by the interface that
 * is its own. What stages have changed is Ethernet or raw IP without a check sequence, and leaves by one that says so.
 */
function writeBurst(cursor: usize, count: u32, counters: usize): u32 {
  const format = load<u32>(cursor, CURSOR_OUT_FORMAT);
  const swap = (format & FORMAT_BIG_ENDIAN) !== 0;
  const pcapng = (format & FORMAT_PCAPNG) !== 0;
  // Ticks are carried over as they are where both sides count alike.
  const inFormat = load<u32>(cursor, CURSOR_IN_FORMAT);
  const samePcap =
    !pcapng && (inFormat & FORMAT_PCAPNG) === 0 && ((inFormat ^ format) & FORMAT_NANOSECONDS) === 0;
  const samePcapng = pcapng && (inFormat & FORMAT_PCAPNG) !== 0;
  const usualBlocks = samePcapng && !swap;
  let out: usize = load<u32>(cursor, CURSOR_OUT);
  let bytes: u64 = 0;
  let refused: u32 = 0;
  let trailersLeftOut: u64 = 0;
  const trailers = (format & FORMAT_TRAILERS) !== 0;
  const interfaces: usize = load<u32>(cursor, CURSOR_INTERFACES);
  const labels: usize = load<u32>(cursor, CURSOR_LABELS);
  let stamp: usize = load<u32>(cursor, CURSOR_STAMPS);
  const descriptors: usize = load<u32>(cursor, CURSOR_DESCRIPTORS);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  // A pcap becomes a pcap of the same times: of its records nothing is asked that all of them say alike.
  const plain = samePcap && load<u32>(interfaces, INTERFACE_ENTRY_UNCHANGED) !== INTERFACE_NONE;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH, stamp += STAMP_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) === VERDICT_DROP) continue;
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    let length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    let wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
    const link: u32 = load<u16>(d, DESCRIPTOR_LINK);
    const came: u32 = load<u16>(stamp, STAMP_LINK);
    let ticks = load<u64>(stamp, STAMP_TICKS);
    if (!plain || (link | came) !== 0 || length > <u32>CAPTURED_MAXIMUM) {
      const entry: usize = interfaces + load<u32>(stamp, STAMP_INTERFACE) * INTERFACE_ENTRY_LENGTH;
      let number = load<u32>(entry, INTERFACE_ENTRY_UNCHANGED);
      let leftOut: u64 = 0;
      if ((link | came) !== 0) {
        if (link !== came) number = changedNumber(entry, link);
        else if (trailers) {
          length += load<u8>(stamp, STAMP_TRAILER);
          wire += link >>> 8;
        } else if (link >>> 8 !== 0) leftOut = 1;
      }
      const optionsLength = load<u32>(stamp, STAMP_OPTIONS_LENGTH);
      const simple = load<u32>(stamp, STAMP_BLOCK_TYPE) === BLOCK_SIMPLE_PACKET;
      // In all others there is nothing of what refusal() looks for.
      if (simple || number === INTERFACE_NONE || length + optionsLength > USUAL_BODY) {
        const reason = refusal(length, number, optionsLength, simple, pcapng);
        if (reason !== DROP_NONE) {
          drop(d, reason, counters);
          refused++;
          continue;
        }
      }
      trailersLeftOut += leftOut;
      if (pcapng) {
        bytes += length;
        if (labels !== 0)
          out = writeLabel(out, labels + ((d - descriptors) / DESCRIPTOR_LENGTH) * LABEL_LENGTH, swap);
        if (usualBlocks && !simple) {
          // What nearly all blocks are is written here: a call for each takes 2 ns.
          const padded = (length + 3) & ~3;
          const total = <u32>ENHANCED_MINIMUM + padded + optionsLength;
          store<u32>(out, BLOCK_ENHANCED_PACKET);
          store<u32>(out, total, BLOCK_TOTAL_LENGTH);
          store<u32>(out, number, ENHANCED_INTERFACE);
          store<u32>(out, <u32>(ticks >>> 32), ENHANCED_TICKS_HIGH);
          store<u32>(out, <u32>ticks, ENHANCED_TICKS_LOW);
          store<u32>(out, length, ENHANCED_CAPTURED);
          store<u32>(out, wire, ENHANCED_ORIGINAL);
          const body: usize = out + ENHANCED_FRAME;
          copy(body, frame, length);
          // Padding bytes are zero: the copy may have left others there.
          store<u32>(body + length, 0);
          if (optionsLength !== 0) copy(body + padded, load<u32>(stamp, STAMP_OPTIONS), optionsLength);
          out += total;
          store<u32>(out - 4, total);
        } else {
          out = writeBlock(
            out,
            frame,
            length,
            wire,
            number,
            stamp,
            cursor,
            optionsLength,
            simple,
            samePcapng,
            swap,
          );
        }
        // Flags may say what is no longer true.
        if (link !== came && came >>> 8 !== 0) clearCheckSequence(out - 4, optionsLength, swap);
        continue;
      }
      if (!samePcap) {
        const nanoseconds = toNanoseconds(cursor, stamp);
        const fraction = nanoseconds % GIGA;
        ticks =
          ((nanoseconds / GIGA) << 32) | ((format & FORMAT_NANOSECONDS) !== 0 ? fraction : fraction / 1000);
      }
    }
    bytes += length;
    // The only call, so that it is none in the end: for each frame it would take 2 ns.
    out = writeRecord(out, ticks, frame, length, wire, swap);
  }
  store<u32>(cursor, <u32>out, CURSOR_OUT);
  store<u64>(cursor, load<u64>(cursor, CURSOR_BYTES_OUT) + bytes, CURSOR_BYTES_OUT);
  store<u64>(cursor, load<u64>(cursor, CURSOR_TRAILERS_LEFT_OUT) + trailersLeftOut, CURSOR_TRAILERS_LEFT_OUT);
  // The pipeline has counted them as forwarded.
  if (refused !== 0) store<u64>(counters, load<u64>(counters) - refused);
  return refused;
}

/** Writes one record of a pcap, and returns where the next begins. */
function writeRecord(out: usize, ticks: u64, frame: usize, length: u32, wire: u32, swap: bool): usize {
  put(out, <u32>(ticks >>> 32), swap);
  put(out + 4, <u32>ticks, swap);
  put(out + 8, length, swap);
  put(out + 12, wire, swap);
  copy(out + PCAP_RECORD_LENGTH, frame, length);
  return out + PCAP_RECORD_LENGTH + length;
}

/** The output's number for a frame that has become `link`. */
function changedNumber(entry: usize, link: u32): u32 {
  return (link & 0xff) === LINK_ETHERNET
    ? load<u32>(entry, INTERFACE_ENTRY_ETHERNET)
    : load<u32>(entry, INTERFACE_ENTRY_RAW);
}

/** Why the output holds no such record, if it does not. */
function refusal(length: u32, number: u32, optionsLength: u32, simple: bool, pcapng: bool): u32 {
  if (length > <u32>CAPTURED_MAXIMUM) return DROP_FRAME_TOO_LONG;
  if (number === INTERFACE_NONE) return DROP_OTHER_LINK_TYPE;
  // Only a simple block says no time, and it is the first interface's.
  if (simple && (!pcapng || number !== 0)) return DROP_NO_TIME;
  if (pcapng && ((length + 3) & ~3) + optionsLength > BODY_MAXIMUM) return DROP_FRAME_TOO_LONG;
  return DROP_NONE;
}

/** Lets the flags among the options that end at `end` declare no check sequence. That they can be walked is known. */
function clearCheckSequence(end: usize, length: u32, swap: bool): void {
  for (let at = end - length; at + OPTION_VALUE <= end; ) {
    let code: u32 = load<u16>(at, OPTION_CODE);
    let valueLength: u32 = load<u16>(at, OPTION_LENGTH);
    if (swap) {
      code = swapped16(code);
      valueLength = swapped16(valueLength);
    }
    if (code === OPTION_END) return;
    if (code === OPTION_ENHANCED_FLAGS) {
      const mask: u32 = ~ENHANCED_FLAGS_FCS_MASK;
      store<u32>(at, load<u32>(at, OPTION_VALUE) & (swap ? bswap<u32>(mask) : mask), OPTION_VALUE);
    }
    at += OPTION_VALUE + ((valueLength + 3) & ~3);
  }
}

/** Writes one packet block and returns where the next begins; its options are those that were read. */
function writeBlock(
  out: usize,
  frame: usize,
  length: u32,
  wire: u32,
  number: u32,
  stamp: usize,
  cursor: usize,
  optionsLength: u32,
  simple: bool,
  sameTicks: bool,
  swap: bool,
): usize {
  // What has no time stays without: only a simple block can say that. It does not say how many bytes it holds. Where its
  // reader would count others, because the frame is cut and not by the snap length, it tells the bytes that are there in
  // place of those that were on the wire.
  if (
    simple &&
    length !==
      simpleLength(wire, load<u32>(load<u32>(cursor, CURSOR_INTERFACES), INTERFACE_ENTRY_SNAP_LENGTH_OUT))
  )
    wire = length;
  const padded = (length + 3) & ~3;
  const fixed: u32 = simple ? SIMPLE_FRAME : ENHANCED_FRAME;
  const total = fixed + padded + optionsLength + 4;
  put(out, simple ? BLOCK_SIMPLE_PACKET : BLOCK_ENHANCED_PACKET, swap);
  put(out + 4, total, swap);
  if (simple) {
    put(out + 8, wire, swap);
  } else {
    // A pcap's time is written in nanoseconds: the interface block says so.
    const ticks = sameTicks ? load<u64>(stamp, STAMP_TICKS) : toNanoseconds(cursor, stamp);
    put(out + 8, number, swap);
    put(out + 12, <u32>(ticks >>> 32), swap);
    put(out + 16, <u32>ticks, swap);
    put(out + 20, length, swap);
    put(out + 24, wire, swap);
  }
  const body: usize = out + fixed;
  copy(body, frame, length);
  store<u32>(body + length, 0);
  if (optionsLength !== 0) copy(body + padded, load<u32>(stamp, STAMP_OPTIONS), optionsLength);
  put(body + padded + optionsLength, total, swap);
  return out + total;
}

function put(at: usize, value: u32, swap: bool): void {
  store<u32>(at, swap ? bswap<u32>(value) : value);
}
