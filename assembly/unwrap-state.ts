// What the walk through wrappings knows: of the stage, for a burst; and of the frame, what was found last.
//
// Module state, so that each thread has its own. A function that opens a header has one result, a drop reason, and says
// here what else it found.

import { DROP_NONE } from "../src/layout/drop.layout";

/** The record of the stage, its flags, and the kinds that it takes off, a bit for each number. */
export let stage: usize = 0;
export let flags: u32 = 0;
export let kinds: u64 = 0;

export function setStage(record: usize, stageFlags: u32, stageKinds: u64): void {
  stage = record;
  flags = stageFlags;
  kinds = stageKinds;
}

/** Whether wrappings of this kind are taken off. */
export function takes(kind: u32): bool {
  return ((kinds >>> kind) & 1) !== 0;
}

/** What a wrapping carries: where it begins in the frame, its EtherType as a number, and where it ended on the wire. */
export let foundAt: u32 = 0;
export let foundType: u32 = 0;
export let foundEnd: u32 = 0;
/** Of an Ethernet frame: where its addresses lie, which may be in front of a tag that was taken out. */
export let foundMacs: u32 = 0;
/** The kind of the wrapping, and its number: which it is says NUMBER_VNI or NUMBER_KEY; 0 if it has none. */
export let foundKind: u32 = 0;
export let foundNumber: u32 = 0;
export let foundNumberIs: u32 = 0;

export const NUMBER_NONE: u32 = 0;
export const NUMBER_VNI: u32 = 1;
export const NUMBER_KEY: u32 = 2;

/** A wrapping that carries `type` from `at` to `end`; always DROP_NONE. */
export function found(kind: u32, at: u32, type: u32, end: u32): u32 {
  foundKind = kind;
  foundAt = at;
  foundMacs = at;
  foundType = type;
  foundEnd = end;
  foundNumberIs = NUMBER_NONE;
  return DROP_NONE;
}

/** Enters the number of what was found; always DROP_NONE. */
export function setNumber(is: u32, number: u32): u32 {
  foundNumberIs = is;
  foundNumber = number;
  return DROP_NONE;
}

/** Of what has no addresses in front: the walk began behind another header than Ethernet's. */
export const NO_MACS: u32 = 0xffffffff;

/** For a frame that was found without its addresses. */
export function setFoundMacs(at: u32): void {
  foundMacs = at;
}

/** Where the frame lies that is walked through, so that functions need not hand it on; and how many bytes are there. */
export let frame: usize = 0;
export let length: u32 = 0;

export function setFrame(address: usize, present: u32): void {
  frame = address;
  length = present;
}

/** Bytes that are there from `at` on, of something that ends at `end`. */
export function presentFrom(at: u32, end: u32): u32 {
  const last = length < end ? length : end;
  return last > at ? last - at : 0;
}

/** Numbers of 8, 16 and 32 bits in network byte order. */
export function byteAt(at: u32): u32 {
  return load<u8>(frame + at);
}

export function half(at: u32): u32 {
  return bswap<u16>(load<u16>(frame + at));
}

export function word(at: u32): u32 {
  return bswap<u32>(load<u32>(frame + at));
}
