// What the module exports, with types.

/**
 * The kernels of a module that this package calls, as WebAssembly exports them: addresses and counts are 32-bit numbers,
 * and WebAssembly gives results as signed.
 */
export interface KernelFunctions {
  /** Of one frame, which counts under its reason: for modules of the user's own, and what else runs as a stage. */
  drop(descriptor: number, reason: number, counters: number): void;
  /** When a frame was, and where it came from, for the same. BigInts are signed. */
  time(descriptor: number): bigint;
  port(descriptor: number): number;
  /** Of a batch: lists of times and ports of its frames, or 0; until the run is over. */
  beginNotes(descriptors: number, times: number, ports: number): void;
  endNotes(): void;
  fdbInsert(fdb: number, keys: number, count: number, values: number): number;
  fdbLookup(fdb: number, keys: number, count: number, values: number): number;
  fdbLookupPlain(fdb: number, keys: number, count: number, values: number): number;
  fdbRemove(fdb: number, keys: number, count: number): number;
  /** In tables that learn; `thread` is the caller's number for the lock. 0xffffffff: the lock was not to be had. */
  fdbAge(fdb: number, first: number, count: number, now: number, age: number, thread: number): number;
  fdbFlush(
    fdb: number,
    first: number,
    count: number,
    domain: number,
    port: number,
    fixed: number,
    thread: number,
  ): number;
  fdbList(fdb: number, first: number, count: number, out: number, thread: number): number;
  fdbRepair(fdb: number): void;
  fdbSet(fdb: number, keys: number, count: number, values: number, thread: number): number;
  fdbUnset(fdb: number, keys: number, count: number, thread: number): number;
  layoutVersion(): number;
  /** Fragments of carriers that wait in a capture: an empty table of `length` bytes; the end of waiting; 1 if some are left. */
  openFragments(table: number, headroom: number, length: number): void;
  endFragments(cursor: number): void;
  runReleased(cursor: number): number;
  runCapture(cursor: number): number;
  /** Items go in from, or out to, a plain array at `items`; returns how many. */
  ringPop(ring: number, items: number, count: number): number;
  ringPush(ring: number, items: number, count: number): number;
  runPipeline(
    descriptors: number,
    count: number,
    stages: number,
    stageCount: number,
    counters: number,
  ): number;
  /** The same, and notes in the descriptors of frames that are dropped which stage did that. */
  runPipelineNoting: KernelFunctions["runPipeline"];
  runSwitch(context: number, descriptors: number, count: number): number;
  runRings(cursor: number, receive: number, transmit: number, bursts: number): number;
  scanCapture(cursor: number, limit: number): number;
  sayAsleep(doorbell: number, change: number): void;
  sleep(doorbell: number, count: number, milliseconds: number): void;
}

/**
 * With those that other kernels call, and from outside only tests and benchmarks: they may change as those like.
 * `flowHash(…) >>> 0` is the hash that `frameferry/wire` computes.
 */
export interface AllKernelFunctions extends KernelFunctions {
  /** Of one frame; 1 if it is an answer now. */
  answerArp(context: number, descriptor: number, domain: number, tagLength: number): number;
  checksum(address: number, length: number): number;
  checksumUpdate(old: number, before: number, after: number): number;
  decapsulate(descriptors: number, count: number, stage: number, counters: number): void;
  encapsulate(descriptors: number, count: number, stage: number, counters: number): void;
  flowHash(frame: number, length: number, seed: number): number;
  /** Writes the address of a group, or 0, for each address of 4 or 16 bytes; returns how many have a route. */
  lookupRoutes(
    table: number,
    addresses: number,
    count: number,
    addressLength: number,
    groups: number,
  ): number;
  /** Of one frame; a drop reason, or what src/layout/route.layout.ts says. */
  route(context: number, descriptor: number, domain: number, tagLength: number): number;
  ringPushShared(ring: number, items: number, count: number, producer: number): number;
  vlanPop(descriptors: number, count: number, stage: number, counters: number): void;
  vlanPush(descriptors: number, count: number, stage: number, counters: number): void;
  vlanRewrite(descriptors: number, count: number, stage: number, counters: number): void;
}
