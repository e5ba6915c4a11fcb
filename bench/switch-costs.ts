// What single parts of the switch cost: a source that is new beside one that is known, ageing in slices, and parts that
// are there but not used on the way of a frame.

import { FrameBatch, type Kernels, loadKernels } from "../src/index.ts";
import { DESCRIPTOR_LENGTH } from "../src/layout/descriptor.layout.ts";
import { SwitchCore } from "../src/switch.ts";
import type { Contest } from "./contests.ts";
import { FDB_SEED } from "./fdb-keys.ts";
import { type Contender, contender } from "./rounds.ts";
import { stationMac, writeMac } from "./switch-image.ts";

export const SWITCH_NEW = "switch, new sources";
export const SWITCH_AGEING = "switch, ageing, a slice of 4,096 buckets";
export const SWITCH_UNUSED = "switch, parts that are not used";

export const SOURCE_NEW = "every source new";
export const SOURCE_KNOWN = "every source known";
export const PARTS_NONE = "a switch alone";
export const PARTS_ELSEWHERE = "with routers, neighbours and ARP suppression elsewhere";

const BURST = 256;
const TABLES: readonly number[] = [1000, 64_000];
const AGED = 1_000_000;
const SLICE = 4096;

export async function* switchCostContests(wanted: (group: string) => boolean): AsyncGenerator<Contest> {
  if (wanted(SWITCH_NEW)) {
    for (const entries of TABLES)
      yield { group: SWITCH_NEW, bytes: 64, entries, contenders: await newSources(entries) };
  }
  if (wanted(SWITCH_AGEING))
    yield { group: SWITCH_AGEING, bytes: 0, entries: AGED, contenders: await ageing() };
  if (wanted(SWITCH_UNUSED)) yield { group: SWITCH_UNUSED, bytes: 64, contenders: await unused() };
}

/** A burst of frames from one access port to another, whose sources can be chosen. */
class Burst {
  readonly core: SwitchCore;
  readonly #kernels: Kernels;
  readonly #batch: FrameBatch;
  readonly #fresh: Uint32Array;
  readonly #frame: Uint8Array = new Uint8Array(64);

  constructor(kernels: Kernels, core: SwitchCore) {
    this.core = core;
    this.#kernels = kernels;
    const bridgeDomain = core.addBridgeDomain({});
    const from = core.addPort({ bridgeDomain });
    const to = core.addPort({ bridgeDomain });
    core.fdb.set({ bridgeDomain, mac: "02:00:00:ff:ff:ff", port: to });
    this.#batch = new FrameBatch(kernels, { frames: BURST });
    this.#frame.set([2, 0, 0, 0xff, 0xff, 0xff]);
    for (let i = 0; i < BURST; i++) this.#batch.add(this.#frame, { mark: from.number });
    const start = this.#batch.descriptors >>> 2;
    this.#fresh = kernels.words.slice(start, start + (BURST * DESCRIPTOR_LENGTH) / 4);
  }

  /** Puts the descriptors back and lets the frames come from stations `first` on. */
  renew(first: number): void {
    const { words, bytes } = this.#kernels;
    words.set(this.#fresh, this.#batch.descriptors >>> 2);
    for (let i = 0; i < BURST; i++) {
      writeMac(this.#frame, 6, stationMac(first + i));
      bytes.set(this.#frame.subarray(6, 12), (this.#fresh[(i * DESCRIPTOR_LENGTH) / 4] as number) + 6);
    }
  }

  run(): void {
    this.#kernels.functions.runSwitch(this.core.contextAddress, this.#batch.descriptors, BURST);
  }
}

async function newSources(entries: number): Promise<Contender[]> {
  const kernels = await loadKernels({ memoryBytes: 128 << 20 });
  const make = (): Burst =>
    new Burst(
      kernels,
      new SwitchCore(kernels, { fdb: { capacity: 2 * entries, seed: FDB_SEED, events: 0 } }),
    );
  const bursts = Math.floor(entries / BURST);
  const fresh = make();
  let next = 0;
  const known = make();
  for (let i = 0; i < bursts; i++) {
    known.renew(i * BURST);
    known.run();
  }
  let turn = 0;
  return [
    contender(
      SOURCE_NEW,
      BURST,
      () => fresh.run(),
      () => {
        if (next === bursts) {
          fresh.core.fdb.flush();
          next = 0;
        }
        fresh.renew(next++ * BURST);
      },
    ),
    contender(
      SOURCE_KNOWN,
      BURST,
      () => known.run(),
      () => known.renew((turn++ % bursts) * BURST),
    ),
  ];
}

async function ageing(): Promise<Contender[]> {
  const kernels = await loadKernels({ memoryBytes: 256 << 20 });
  const core = new SwitchCore(kernels, { fdb: { capacity: AGED, seed: FDB_SEED, events: 0 } });
  const burst = new Burst(kernels, core);
  for (let i = 0; i + BURST < AGED; i += BURST) {
    burst.renew(i);
    burst.run();
  }
  // Nothing is old enough: every entry is looked at, and stays.
  const sweep = (): void => void core.fdb.sweep(1000, { buckets: SLICE });
  return [{ ...contender("frameferry", 1, sweep), single: true }];
}

async function unused(): Promise<Contender[]> {
  const kernels = await loadKernels({ memoryBytes: 128 << 20 });
  const contenders = [PARTS_NONE, PARTS_ELSEWHERE].map((name) => {
    const core = new SwitchCore(kernels, {
      vtep: { address: "192.0.2.1" },
      neighbours: 1000,
      fdb: { seed: FDB_SEED },
    });
    const burst = new Burst(kernels, core);
    if (name === PARTS_ELSEWHERE) addElsewhere(core);
    burst.renew(0);
    burst.run();
    return contender(
      name,
      BURST,
      () => burst.run(),
      () => burst.renew(0),
    );
  });
  return contenders;
}

/** All that a switch can do for others than those whose frames are measured. */
function addElsewhere(core: SwitchCore): void {
  const router = core.addRouter();
  for (let i = 1; i <= 20; i++) {
    const bridgeDomain = core.addBridgeDomain({ vni: i, arpSuppression: true });
    router.addInterface({
      bridgeDomain,
      mac: "02:00:00:00:00:01",
      addresses: [`10.0.${i}.1/24`],
    });
    for (let host = 2; host < 40; host++)
      core.addNeighbour({ bridgeDomain, ip: `10.0.${i}.${host}`, mac: "02:00:00:00:00:02" });
    core.addTunnel({ kind: "vxlan", remote: `192.0.2.${i + 1}`, bridgeDomains: [bridgeDomain] });
  }
}
