// What goes with a frame beside its descriptor, for stages that ask: its time, and its port. Where they lie depends on where
// the frame came from; whoever runs a pipeline says so before, and that they are nowhere behind it. Nobody pays for them who
// does not ask.

import { STAMP_BLOCK_TYPE, STAMP_INTERFACE, STAMP_LENGTH } from "../src/layout/capture.layout";
import { CURSOR_DESCRIPTORS, CURSOR_NOTES, CURSOR_STAMPS } from "../src/layout/cursor.layout";
import { DESCRIPTOR_FLOOR, DESCRIPTOR_LENGTH } from "../src/layout/descriptor.layout";
import { BLOCK_SIMPLE_PACKET } from "../src/layout/pcapng.layout";
import { RECORD_HEADER_LENGTH, RECORD_PORT, RECORD_TIME } from "../src/layout/ring.layout";
import { toNanoseconds } from "./capture-time";
import { clock } from "./generated";

const NOWHERE: u32 = 0;
/** In the header of the record that the frame came in, which ends where the frame's headroom begins. */
const IN_RECORDS: u32 = 1;
/** A capture's: in the stamp of the frame. */
const IN_STAMPS: u32 = 2;
/** A batch's: in two lists, an item for each descriptor. */
const IN_LISTS: u32 = 3;

// Module state, so each thread has its own.
let place: u32 = NOWHERE;
let cursor: usize = 0;
let firstDescriptor: usize = 0;
let times: usize = 0;
let ports: usize = 0;
/** What the clock said in this burst; 0: nobody has asked. */
let burstTime: u64 = 0;

/** The burst is one of records, of which something may have been said. */
export function notesInRecords(at: usize): void {
  if (atomic.load<u32>(at + CURSOR_NOTES) !== 0) place = IN_RECORDS;
}

/** The burst is one of a capture's packets. */
export function notesInStamps(at: usize): void {
  place = IN_STAMPS;
  cursor = at;
}

/** The burst is a batch, and of its frames these lists say something; 0: there is none. */
export function beginNotes(descriptors: usize, timeList: usize, portList: usize): void {
  place = IN_LISTS;
  firstDescriptor = descriptors;
  times = timeList;
  ports = portList;
}

export function endNotes(): void {
  place = NOWHERE;
}

/** Another burst begins: the clock is read anew if somebody asks. */
export function forgetTime(): void {
  burstTime = 0;
}

/**
 * When it was, in nanoseconds: what was said of the frame, or else of the burst. Of a capture it is what stands there and
 * nothing else, so that results do not depend on when they are made: 0 for a packet without a time.
 */
export function timeOf(descriptor: usize): u64 {
  if (place === IN_STAMPS) {
    const stamp = stampOf(descriptor);
    return load<u32>(stamp, STAMP_BLOCK_TYPE) === BLOCK_SIMPLE_PACKET ? 0 : toNanoseconds(cursor, stamp);
  }
  let time: u64 = 0;
  if (place === IN_RECORDS) time = load<u64>(recordOf(descriptor), RECORD_TIME);
  else if (place === IN_LISTS && times !== 0) time = load<u64>(times + (indexOf(descriptor) << 3));
  if (time !== 0) return time;
  if (burstTime === 0) burstTime = clock();
  return burstTime;
}

/** Where it came from: what was said of the frame; of a capture the number of its interface. */
export function portOf(descriptor: usize): u32 {
  if (place === IN_STAMPS) return load<u32>(stampOf(descriptor), STAMP_INTERFACE);
  if (place === IN_RECORDS) return load<u32>(recordOf(descriptor), RECORD_PORT);
  if (place === IN_LISTS && ports !== 0) return load<u32>(ports + (indexOf(descriptor) << 2));
  return 0;
}

function recordOf(descriptor: usize): usize {
  return <usize>load<u32>(descriptor, DESCRIPTOR_FLOOR) - RECORD_HEADER_LENGTH;
}

function stampOf(descriptor: usize): usize {
  firstDescriptor = load<u32>(cursor, CURSOR_DESCRIPTORS);
  return <usize>load<u32>(cursor, CURSOR_STAMPS) + indexOf(descriptor) * STAMP_LENGTH;
}

function indexOf(descriptor: usize): usize {
  return (descriptor - firstDescriptor) / DESCRIPTOR_LENGTH;
}
