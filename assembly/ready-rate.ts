// Limits of rates: a bucket of tokens for all frames, or for each flow, address, port, VNI or mark, in a table of fixed size.
//
// A bucket is told in billionths of a frame and of a bit: so many of them come in a nanosecond as frames and bits in a second,
// and nothing is ever rounded. One that was not used for long is full, and says no more than none: where there is no room, the
// one gives way that was not used for longest.

import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { DROP_RATE } from "../src/layout/drop.layout";
import {
  BUCKET_BITS,
  BUCKET_FRAMES,
  BUCKET_HASH,
  BUCKET_LAST,
  BUCKET_LENGTH,
  LIMIT_FILL,
  LIMIT_MOST,
  LIMIT_RATE,
  RATE_BITS,
  RATE_BY,
  RATE_BY_ALL,
  RATE_BY_FLOW,
  RATE_BY_MARK,
  RATE_BY_PORT,
  RATE_BY_SOURCE,
  RATE_BY_VNI,
  RATE_FRAMES,
  RATE_KEY,
  RATE_MASK,
  RATE_STATE_BUCKETS,
  RATE_STATE_FORGOTTEN,
  RATE_STATE_KEY,
  RATE_WAYS,
} from "../src/layout/ready.layout";
import {
  KEY_DESTINATION,
  KEY_DESTINATION_MAC,
  KEY_DESTINATION_PORT,
  KEY_DESTINATION_REST,
  KEY_ETHER_TYPE,
  KEY_FAMILY,
  KEY_PROTOCOL,
  KEY_SOURCE,
  KEY_SOURCE_MAC,
  KEY_SOURCE_PORT,
  KEY_SOURCE_REST,
  KEY_VLAN,
  KEY_WORDS,
} from "../src/layout/rules.layout";
import { frameHash } from "./frame-hash";
import { drop, port, time } from "./frameferry";
import { readKey } from "./rule-key";

const GIGA: u64 = 1000000000;
/** A time that is earlier than the last by more than this is another clock's; by less, it is one of frames out of order. */
const DISORDER: u64 = GIGA;
/** What is longer costs more than any bucket holds. */
const WIRE_MAXIMUM: u32 = 0x10000000;

export function rate(descriptors: usize, count: u32, parameters: usize, state: usize, counters: usize): void {
  const by = load<u32>(parameters, RATE_BY);
  const k0 = load<u64>(parameters, RATE_KEY);
  const k1 = load<u64>(parameters, RATE_KEY + 8);
  const mask = load<u32>(parameters, RATE_MASK);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) continue;
    const now = time(d);
    const hash: u64 = by === RATE_BY_ALL ? 1 : hashOf(d, by, state + RATE_STATE_KEY, k0, k1);
    const set: usize = state + RATE_STATE_BUCKETS + (<u32>hash & mask) * (RATE_WAYS * BUCKET_LENGTH);
    const bucket = bucketOf(set, hash, now, parameters, state);
    const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
    if (!spend(bucket, wire, parameters)) drop(d, DROP_RATE, counters);
  }
}

/** What a frame has in common with those that it shares a bucket with, as a number that is never zero. */
function hashOf(d: usize, by: u32, key: usize, k0: u64, k1: u64): u64 {
  let length: u32 = 0;
  let word: u32 = 0;
  if (by === RATE_BY_PORT) word = port(d);
  else if (by === RATE_BY_MARK) word = load<u32>(d, DESCRIPTOR_MARK);
  else {
    // The same addresses in two tunnels are of two flows.
    word = load<u32>(d, DESCRIPTOR_VNI);
    if (by !== RATE_BY_VNI) {
      readKey(d, key);
      narrow(key, by);
      length = KEY_WORDS * 4;
    }
  }
  const hash = frameHash(key, length, k0, k1, word, by);
  return hash === 0 ? 1 : hash;
}

/** Leaves in the key what it is to be about: of what is no IP packet the MACs. */
function narrow(key: usize, by: u32): void {
  const isIp = load<u32>(key, KEY_FAMILY * 4) !== 0;
  store<u32>(key, 0, KEY_VLAN * 4);
  if (isIp) {
    store<u64>(key, 0, KEY_SOURCE_MAC * 4);
    store<u64>(key, 0, KEY_DESTINATION_MAC * 4);
    store<u32>(key, 0, KEY_ETHER_TYPE * 4);
  }
  if (by === RATE_BY_FLOW) return;
  store<u32>(key, 0, KEY_ETHER_TYPE * 4);
  store<u32>(key, 0, KEY_PROTOCOL * 4);
  store<u32>(key, 0, KEY_SOURCE_PORT * 4);
  store<u32>(key, 0, KEY_DESTINATION_PORT * 4);
  const others: usize = by === RATE_BY_SOURCE ? KEY_DESTINATION * 4 : KEY_SOURCE * 4;
  const rest: usize = by === RATE_BY_SOURCE ? KEY_DESTINATION_REST * 4 : KEY_SOURCE_REST * 4;
  const otherMac: usize = by === RATE_BY_SOURCE ? KEY_DESTINATION_MAC * 4 : KEY_SOURCE_MAC * 4;
  store<u32>(key + others, 0);
  store<u64>(key + rest, 0);
  store<u32>(key + rest, 0, 8);
  store<u64>(key + otherMac, 0);
}

/** The bucket of a hash, with what has come into it until now. */
function bucketOf(set: usize, hash: u64, now: u64, parameters: usize, state: usize): usize {
  const end: usize = set + RATE_WAYS * BUCKET_LENGTH;
  let oldest: usize = set;
  for (let bucket = set; bucket < end; bucket += BUCKET_LENGTH) {
    const held = load<u64>(bucket, BUCKET_HASH);
    if (held === hash) {
      refill(bucket, now, parameters);
      return bucket;
    }
    if (held === 0) {
      oldest = bucket;
      break;
    }
    if (load<u64>(bucket, BUCKET_LAST) < load<u64>(oldest, BUCKET_LAST)) oldest = bucket;
  }
  if (load<u64>(oldest, BUCKET_HASH) !== 0) {
    refill(oldest, now, parameters);
    if (!isFull(oldest, parameters))
      store<u64>(state, load<u64>(state, RATE_STATE_FORGOTTEN) + 1, RATE_STATE_FORGOTTEN);
  }
  store<u64>(oldest, hash, BUCKET_HASH);
  store<u64>(oldest, now, BUCKET_LAST);
  store<u64>(oldest, load<u64>(parameters, RATE_FRAMES + LIMIT_MOST), BUCKET_FRAMES);
  store<u64>(oldest, load<u64>(parameters, RATE_BITS + LIMIT_MOST), BUCKET_BITS);
  return oldest;
}

function isFull(bucket: usize, parameters: usize): bool {
  return (
    load<u64>(bucket, BUCKET_FRAMES) >= load<u64>(parameters, RATE_FRAMES + LIMIT_MOST) &&
    load<u64>(bucket, BUCKET_BITS) >= load<u64>(parameters, RATE_BITS + LIMIT_MOST)
  );
}

function refill(bucket: usize, now: u64, parameters: usize): void {
  const last = load<u64>(bucket, BUCKET_LAST);
  if (now <= last) {
    // Of a frame without a time nobody knows how much has come; and what a clock that was set back says is no time that has passed.
    if (now !== 0 && last - now > DISORDER) store<u64>(bucket, now, BUCKET_LAST);
    return;
  }
  store<u64>(bucket, now, BUCKET_LAST);
  const elapsed = now - last;
  store<u64>(
    bucket,
    filled(load<u64>(bucket, BUCKET_FRAMES), elapsed, parameters + RATE_FRAMES),
    BUCKET_FRAMES,
  );
  store<u64>(bucket, filled(load<u64>(bucket, BUCKET_BITS), elapsed, parameters + RATE_BITS), BUCKET_BITS);
}

/** What there is after so many nanoseconds. Those that would fill an empty bucket are known, so that the product always fits. */
function filled(level: u64, elapsed: u64, limit: usize): u64 {
  const most = load<u64>(limit, LIMIT_MOST);
  if (elapsed >= load<u64>(limit, LIMIT_FILL)) return most;
  const sum = level + elapsed * load<u64>(limit, LIMIT_RATE);
  return sum < most ? sum : most;
}

/** Takes out what a frame costs; false if there is not enough of both. What has no limit costs nothing. */
function spend(bucket: usize, wire: u32, parameters: usize): bool {
  const frames = load<u64>(bucket, BUCKET_FRAMES);
  const bits = load<u64>(bucket, BUCKET_BITS);
  const frameCost: u64 = load<u64>(parameters, RATE_FRAMES + LIMIT_RATE) !== 0 ? GIGA : 0;
  let bitCost: u64 = 0;
  if (load<u64>(parameters, RATE_BITS + LIMIT_RATE) !== 0) {
    if (wire > WIRE_MAXIMUM) return false;
    bitCost = <u64>wire * (8 * GIGA);
  }
  if (frames < frameCost || bits < bitCost) return false;
  store<u64>(bucket, frames - frameCost, BUCKET_FRAMES);
  store<u64>(bucket, bits - bitCost, BUCKET_BITS);
  return true;
}
