import {
  EVENT_DESTINATION,
  EVENT_FROM,
  EVENT_KEY,
  EVENT_KIND,
  EVENT_LENGTH,
  EVENT_STAMP,
  EVENTS_HEADER_LENGTH,
  EVENTS_LIMIT,
  EVENTS_LOST,
  EVENTS_MASK,
  EVENTS_TAKEN,
  EVENTS_WRITTEN,
  FDB_EVENTS,
} from "../src/layout/fdb.layout";

/** Notes what happened to an entry, if there is room; else it is counted as lost. Only with the lock. */
export function noteEvent(fdb: usize, kind: u32, key: u64, destination: u32, from: u32, stamp: u32): void {
  const events: usize = load<u32>(fdb, FDB_EVENTS);
  if (events === 0) return;
  const written = load<u32>(events, EVENTS_WRITTEN);
  const mask = load<u32>(events, EVENTS_MASK);
  if (written - atomic.load<u32>(events, EVENTS_TAKEN) >= load<u32>(events, EVENTS_LIMIT)) {
    store<u64>(events, load<u64>(events, EVENTS_LOST) + 1, EVENTS_LOST);
    return;
  }
  const event: usize = events + EVENTS_HEADER_LENGTH + (written & mask) * EVENT_LENGTH;
  store<u64>(event, key, EVENT_KEY);
  store<u32>(event, kind, EVENT_KIND);
  store<u32>(event, destination, EVENT_DESTINATION);
  store<u32>(event, from, EVENT_FROM);
  store<u32>(event, stamp, EVENT_STAMP);
  atomic.store<u32>(events, written + 1, EVENTS_WRITTEN);
}
