// Finds where the records of a piece of a capture end, without looking at what is in them, unless to tell fragments: so that
// the piece can be handed to another thread while the next is read, or be worked on while another thread works on the next.

import { INTERFACE_ENTRY_LENGTH, INTERFACE_ENTRY_LINK } from "../src/layout/capture.layout";
import {
  CURSOR_GROWTH,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACE_COUNT,
  CURSOR_INTERFACES,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_RECORD_LENGTH,
  CURSOR_SCAN_FRAGMENTS,
  CURSOR_STATUS,
  FORMAT_BIG_ENDIAN,
  FORMAT_LENGTHS_DOUBTFUL,
  FORMAT_LENGTHS_SWAPPED,
  FORMAT_PCAPNG,
  STATUS_DAMAGE,
  STATUS_FRAGMENT,
  STATUS_NEED_INPUT,
  STATUS_OTHER_BLOCK,
  STATUS_OUTPUT_FULL,
} from "../src/layout/cursor.layout";
import {
  CAPTURED_MAXIMUM,
  PCAP_RECORD_CAPTURED,
  PCAP_RECORD_LENGTH,
  PCAP_RECORD_ORIGINAL,
} from "../src/layout/pcap.layout";
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_MINIMUM,
  BLOCK_PACKET,
  BLOCK_SIMPLE_PACKET,
  BLOCK_TOTAL_LENGTH,
  ENHANCED_CAPTURED,
  ENHANCED_FRAME,
  ENHANCED_INTERFACE,
  PACKET_INTERFACE,
  RECORD_BLOCK_MAXIMUM,
  SIMPLE_FRAME,
} from "../src/layout/pcapng.layout";
import { half, word } from "./capture-options";
import { areTurned } from "./capture-read";
import { isWhole, seemsFragment } from "./fragment";

/**
 * Moves the cursor behind the last whole record that begins before `limit` and whose result fits the output; returns
 * how many records that were.
 */
export function scanCapture(cursor: usize, limit: usize): u32 {
  const format = load<u32>(cursor, CURSOR_IN_FORMAT);
  const swap = (format & FORMAT_BIG_ENDIAN) !== 0;
  const pcapng = (format & FORMAT_PCAPNG) !== 0;
  const old = (format & (FORMAT_LENGTHS_SWAPPED | FORMAT_LENGTHS_DOUBTFUL)) !== 0;
  const inEnd: usize = load<u32>(cursor, CURSOR_IN_END);
  const growth = load<u32>(cursor, CURSOR_GROWTH);
  const watching = load<u32>(cursor, CURSOR_SCAN_FRAGMENTS) !== 0;
  const header: u32 = pcapng ? BLOCK_MINIMUM : PCAP_RECORD_LENGTH;
  let at: usize = load<u32>(cursor, CURSOR_IN);
  let room: i64 = <i64>load<u32>(cursor, CURSOR_OUT_END) - <i64>load<u32>(cursor, CURSOR_OUT);
  let status: u32 = STATUS_NEED_INPUT;
  let count: u32 = 0;
  let wanted: u32 = header;
  while (at < limit && at + header <= inEnd) {
    let length = pcapng ? load<u32>(at, BLOCK_TOTAL_LENGTH) : load<u32>(at, PCAP_RECORD_CAPTURED);
    if (swap) length = bswap<u32>(length);
    if (old) {
      let original = load<u32>(at, PCAP_RECORD_ORIGINAL);
      if (swap) original = bswap<u32>(original);
      if (areTurned(format, length, original)) length = original;
    }
    if (pcapng) {
      let type = load<u32>(at);
      if (swap) type = bswap<u32>(type);
      if (type !== BLOCK_ENHANCED_PACKET && type !== BLOCK_SIMPLE_PACKET && type !== BLOCK_PACKET) {
        status = STATUS_OTHER_BLOCK;
        break;
      }
      if ((length & 3) !== 0 || length < <u32>BLOCK_MINIMUM || length > <u32>RECORD_BLOCK_MAXIMUM) {
        status = STATUS_DAMAGE;
        break;
      }
    } else {
      if (length > <u32>CAPTURED_MAXIMUM) {
        status = STATUS_DAMAGE;
        break;
      }
      length += PCAP_RECORD_LENGTH;
    }
    if (at + length > inEnd) {
      wanted = length;
      break;
    }
    room -= length + growth;
    if (room < 0) {
      status = STATUS_OUTPUT_FULL;
      break;
    }
    if (watching && holdsFragment(cursor, at, length, pcapng, swap)) {
      status = STATUS_FRAGMENT;
      break;
    }
    at += length;
    count++;
  }
  store<u32>(cursor, <u32>at, CURSOR_IN);
  store<u32>(cursor, status, CURSOR_STATUS);
  store<u32>(cursor, wanted, CURSOR_RECORD_LENGTH);
  return count;
}

/** Whether the frame of a record is a fragment; of one that cannot be nothing is said here. */
function holdsFragment(cursor: usize, at: usize, length: u32, pcapng: bool, swap: bool): bool {
  let iface: u32 = 0;
  let frame: u32 = PCAP_RECORD_LENGTH;
  let present = length - PCAP_RECORD_LENGTH;
  if (pcapng) {
    const type = word(at, 0, swap);
    frame = type === BLOCK_SIMPLE_PACKET ? SIMPLE_FRAME : ENHANCED_FRAME;
    if (length < frame + 4) return false;
    present = length - frame - 4;
    if (type !== BLOCK_SIMPLE_PACKET) {
      iface = type === BLOCK_PACKET ? half(at, PACKET_INTERFACE, swap) : word(at, ENHANCED_INTERFACE, swap);
      present = min<u32>(present, word(at, ENHANCED_CAPTURED, swap));
    }
    if (iface >= load<u32>(cursor, CURSOR_INTERFACE_COUNT)) return false;
  }
  const entry: usize = load<u32>(cursor, CURSOR_INTERFACES) + iface * INTERFACE_ENTRY_LENGTH;
  const link: u32 = load<u8>(entry, INTERFACE_ENTRY_LINK);
  return !isWhole(link, at + frame) && seemsFragment(link, at + frame, present);
}
