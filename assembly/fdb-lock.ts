// Who may change which keys stand where in a table that many threads read (fdb.layout.ts says what is promised).
//
// A thread takes the lock once a burst at most, and lets go of it at the burst's end. Module state: each thread has its own.

import {
  FDB_EPOCH,
  FDB_LOCK,
  FDB_READER_COUNT,
  FDB_READERS,
  READER_IDLE,
  READER_LENGTH,
} from "../src/layout/fdb.layout";

/** Turns to wait for a thread that is in the middle of a burst, before learning is left to the next frame. */
const LOCK_SPINS: u32 = 20000;

let held: usize = 0;
/** Turns left to wait in this burst: who has waited in vain once does not do it for every frame. */
let patience: u32 = LOCK_SPINS;
let retired = false;
let safeKnown = false;
let safe: u32 = 0;

/** Takes the lock, unless it is held already; false if another thread does not let go of it. */
export function lock(fdb: usize, thread: u32): bool {
  if (held === fdb) return true;
  if (load<u32>(fdb, FDB_READERS) !== 0) {
    while (atomic.cmpxchg<u32>(fdb, 0, thread, FDB_LOCK) !== 0) {
      if (patience === 0) return false;
      patience--;
    }
  }
  held = fdb;
  retired = false;
  safeKnown = false;
  return true;
}

/** Lets go of the lock, if this thread holds it: its burst is over. */
export function unlock(): void {
  patience = LOCK_SPINS;
  if (held === 0) return;
  const fdb = held;
  held = 0;
  if (load<u32>(fdb, FDB_READERS) === 0) return;
  if (retired) {
    let next: u32 = atomic.load<u32>(fdb, FDB_EPOCH) + 1;
    if (next === <u32>READER_IDLE) next = 0;
    atomic.store<u32>(fdb, next, FDB_EPOCH);
  }
  atomic.store<u32>(fdb, 0, FDB_LOCK);
}

/** Notes that slots were retired in the present epoch, which ends with the lock. */
export function noteRetired(): void {
  retired = true;
}

/** Whether every other thread has begun its burst after this epoch, or is idle. */
export function isPast(fdb: usize, epoch: u32, thread: u32): bool {
  if (!safeKnown) {
    safe = oldestReader(fdb, thread);
    safeKnown = true;
  }
  return <i32>(safe - epoch) > 0;
}

function oldestReader(fdb: usize, thread: u32): u32 {
  const readers: usize = load<u32>(fdb, FDB_READERS);
  const count = load<u32>(fdb, FDB_READER_COUNT);
  // What this thread retires itself, it may use again at once only if the others cannot have seen it.
  let oldest: u32 = atomic.load<u32>(fdb, FDB_EPOCH);
  for (let i: u32 = 0; i < count; i++) {
    if (i + 1 === thread) continue;
    const epoch = atomic.load<u32>(readers + i * READER_LENGTH);
    if (epoch !== <u32>READER_IDLE && <i32>(epoch - oldest) < 0) oldest = epoch;
  }
  return oldest;
}
