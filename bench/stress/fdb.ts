// The FDB litmus: real threads learn, move, age, flush and look up the same few keys at once, through the kernels. While
// they do, no value may ever be that of another key; at rest, table, lists and counts must agree.

import type { Kernels } from "../../src/kernel/kernels.ts";
import { loadKernels } from "../../src/kernel/load-kernels.ts";
import {
  BUCKET_LENGTH,
  BUCKET_SLOTS,
  BUCKET_VALUES,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  CHAIN_PREVIOUS,
  DESTINATION_PORT_MASK,
  FDB_BUCKETS,
  FDB_CHAINS,
  FDB_DOMAIN_ENTRIES,
  FDB_DOMAIN_LENGTH,
  FDB_DOMAINS,
  FDB_ENTRIES,
  FDB_LOCK,
  FDB_PORT_ENTRIES,
  FDB_PORT_HEAD,
  FDB_PORT_LENGTH,
  FDB_PORT_TAIL,
  FDB_PORTS,
  KEY_DOMAIN,
  KEY_LENGTH,
  KEY_RETIRED,
  READER_LENGTH,
  VALUE_BLACKHOLE,
  VALUE_FLAGS,
  VALUE_PRESENT,
  VALUE_STATIC,
} from "../../src/layout/fdb.layout.ts";
import { threadOf, type WorkerLike } from "../../src/platform/threads.ts";
import { SwitchCore } from "../../src/switch/switch-core.ts";
import { SwitchWorkspace } from "../../src/switch/workspace.ts";
import { expectStrayed } from "./fdb-strayed.ts";
import { type FdbTask, PORTS, SCRATCH, writeKey } from "./fdb-task.ts";

export interface FdbCase {
  readonly threads: number;
  /** Bridge domains with four stations each, and how many entries the table takes: fewer, and it evicts. */
  readonly domains: number;
  readonly capacity: number;
  /** What each thread does so often. */
  readonly turns: number;
  readonly seed: number;
}

export function fdbNameOf({ threads, domains, capacity, turns }: FdbCase): string {
  return `FDB, ${threads} threads, ${4 * domains} keys in a table for ${capacity}, ${turns} turns each`;
}

/** Runs it on threads that `spawn` starts with the script `fdb-worker.js`; resolves with how often a key was found. */
export async function runFdbLitmus(wanted: FdbCase, spawn: () => WorkerLike): Promise<number> {
  const kernels = await loadKernels({ memoryBytes: 16 << 20 });
  const workspaces = Array.from(
    { length: wanted.threads },
    () => new SwitchWorkspace(kernels, { copies: 1 }),
  );
  const core = new SwitchCore(
    kernels,
    {
      ports: PORTS,
      bridgeDomains: wanted.domains + 1,
      fdb: { capacity: wanted.capacity, seed: BigInt(wanted.seed) },
    },
    { workspaces, shared: true, handleOf: (port) => port },
  );
  const domains = Array.from({ length: wanted.domains + 1 }, () =>
    core.addBridgeDomain({ unknownUnicast: "drop" }),
  );
  for (let port = 0; port < PORTS; port++)
    core.addPort({ vlans: domains.map((domain) => [domain.id, domain] as const) });
  const { memory, fdb } = core;
  const workers: WorkerLike[] = [];
  let found = 0;
  try {
    const outcomes = memory.contexts.map(({ address: context }, index) => {
      const worker = spawn();
      workers.push(worker);
      return outcome(worker, {
        module: kernels.module,
        memory: kernels.memory,
        fdb: fdb.address,
        context,
        reader: memory.readers + index * READER_LENGTH,
        scratch: kernels.plan.reserve("scratch", SCRATCH),
        thread: index + 1,
        domains: wanted.domains,
        table: kernels.words[(fdb.address + FDB_BUCKETS) >>> 2] as number,
        buckets: fdb.buckets,
        turns: wanted.turns,
        seed: wanted.seed * 100 + index + 1,
      });
    });
    for (const one of await Promise.all(outcomes)) found += one;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  expectConsistent(kernels, core);
  const entries = fdb.size;
  // As if a thread had died that held the lock.
  Atomics.store(kernels.signed, (fdb.address + FDB_LOCK) >>> 2, 1);
  fdb.repair(1);
  expectConsistent(kernels, core);
  if (fdb.size !== entries) throw new Error(`${entries} entries, and after a repair ${fdb.size}`);
  const { received, sent, dropped } = core.counters();
  if (received !== sent + dropped) throw new Error(`${received} received, ${sent} sent, ${dropped} dropped`);
  fillAgain(kernels, core, wanted.capacity);
  return found;
}

function outcome(worker: WorkerLike, task: FdbTask): Promise<number> {
  return new Promise((resolve, reject) => {
    const { endpoint, onEnd } = threadOf(worker);
    onEnd((reason) => reject(new Error(`thread ${task.thread}: ${reason}`)));
    endpoint.addEventListener("message", ({ data }) => {
      const { failure, found = 0 } = data as { failure?: string; found?: number };
      if (failure === undefined) resolve(found);
      else reject(new Error(`thread ${task.thread}: ${failure}`));
    });
    endpoint.postMessage(task);
  });
}

/** At rest: no key twice, counts as they are, strayed keys counted, every learned entry in its port's list once, and nothing else there. */
export function expectConsistent(kernels: Kernels, { fdb }: SwitchCore): void {
  const { words, view, bytes } = kernels;
  expectStrayed(kernels, fdb.address);
  const word = (address: number): number => words[address >>> 2] as number;
  const table = word(fdb.address + FDB_BUCKETS);
  const seen = new Set<bigint>();
  const listed = new Map<number, number>();
  const byPort = new Map<number, number>();
  const byDomain = new Map<number, number>();
  for (let slot = 0; slot < fdb.buckets * BUCKET_SLOTS; slot++) {
    const key = table + Math.floor(slot / BUCKET_SLOTS) * BUCKET_LENGTH + (slot % BUCKET_SLOTS) * KEY_LENGTH;
    const value = key + BUCKET_VALUES;
    const free = view.getBigUint64(key, true) === 0n || bytes[key] === KEY_RETIRED;
    if (free !== (view.getBigUint64(value, true) === 0n))
      throw new Error(`slot ${slot}: a ${free ? "value without a key" : "key without a value"}`);
    if (free) continue;
    if (seen.has(view.getBigUint64(key, true))) throw new Error(`slot ${slot}: its key stands twice`);
    seen.add(view.getBigUint64(key, true));
    if (((bytes[value + VALUE_FLAGS] as number) & (VALUE_STATIC | VALUE_BLACKHOLE)) !== 0) continue;
    const port = word(value) & DESTINATION_PORT_MASK;
    const domain = view.getUint16(key + KEY_DOMAIN, true);
    listed.set(slot + 1, port);
    byPort.set(port, (byPort.get(port) ?? 0) + 1);
    byDomain.set(domain, (byDomain.get(domain) ?? 0) + 1);
  }
  const same = (what: string, actual: number, expected: number): void => {
    if (actual !== expected) throw new Error(`${what}: ${actual}, and should be ${expected}`);
  };
  same("the lock", word(fdb.address + FDB_LOCK), 0);
  same("entries", word(fdb.address + FDB_ENTRIES), seen.size);
  for (let port = 0; port <= PORTS; port++) {
    const list = word(fdb.address + FDB_PORTS) + port * FDB_PORT_LENGTH;
    same(`entries of port ${port}`, word(list + FDB_PORT_ENTRIES), byPort.get(port) ?? 0);
    let previous = 0;
    for (let number = word(list + FDB_PORT_HEAD); number !== 0; ) {
      const link = word(fdb.address + FDB_CHAINS) + (number - 1) * CHAIN_LENGTH;
      same(`port of listed slot ${number}`, listed.get(number) ?? -1, port);
      same(`who is before slot ${number}`, word(link + CHAIN_PREVIOUS), previous);
      listed.delete(number);
      previous = number;
      number = word(link + CHAIN_NEXT);
    }
    same(`the last of port ${port}`, word(list + FDB_PORT_TAIL), previous);
  }
  same("entries in no list", listed.size, 0);
  for (const [domain, expected] of byDomain) {
    const record = word(fdb.address + FDB_DOMAINS) + domain * FDB_DOMAIN_LENGTH;
    same(`entries of domain ${domain}`, word(record + FDB_DOMAIN_ENTRIES), expected);
  }
}

/** Slots that were retired come back: the table can be filled, emptied and filled. */
function fillAgain(kernels: Kernels, core: SwitchCore, capacity: number): void {
  const { functions, view, plan } = kernels;
  const { fdb, memory } = core;
  const key = plan.reserve("a key", 16);
  for (let round = 0; round < 3; round++) {
    fdb.flush({ kinds: "all" });
    for (let entry = 0; entry < capacity; entry++) {
      writeKey(view, key, 1, entry, 0x100 + round);
      view.setUint32(key + 8, 1 | (1 << 16), true);
      view.setUint32(key + 12, VALUE_PRESENT, true);
      // A bucket that is full gives one entry to another, and has room when nobody looks at it any more.
      let tries = 0;
      while (functions.fdbSet(fdb.address, key, 1, key + 8, memory.thread) !== 1) {
        if (++tries > 8) throw new Error(`round ${round}: no room for entry ${entry} of ${capacity}`);
      }
    }
    expectConsistent(kernels, core);
  }
}
