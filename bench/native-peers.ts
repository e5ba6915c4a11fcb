// The native programs of a run, and the files through which they get what to work on.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FdbKeys, fdbFile } from "./fdb-keys.ts";
import { buildNative, NativePeer } from "./native.ts";

const PROGRAMS = [
  "datapath",
  "fdb",
  "rte-hash",
  "rte-acl",
  "ring",
  "rte-ring",
  "rte-ring-pointers",
  "switch",
];

export class NativePeers {
  readonly datapath: NativePeer | undefined;
  readonly fdb: NativePeer | undefined;
  readonly fdbHugePages: NativePeer | undefined;
  readonly rteHash: NativePeer | undefined;
  readonly rteAcl: NativePeer | undefined;
  readonly ring: NativePeer | undefined;
  readonly ringSequential: NativePeer | undefined;
  readonly rteRing: NativePeer | undefined;
  readonly rteRingPointers: NativePeer | undefined;
  readonly switch: NativePeer | undefined;
  readonly #folder: string;

  private constructor(folder: string, programs: ReadonlyMap<string, string>) {
    this.#folder = folder;
    const start = (name: string, ...options: string[]): NativePeer | undefined => {
      const program = programs.get(name);
      return program === undefined ? undefined : new NativePeer(program, options);
    };
    this.datapath = start("datapath");
    this.fdb = start("fdb");
    this.fdbHugePages = start("fdb", "huge");
    this.rteHash = start("rte-hash");
    this.rteAcl = start("rte-acl");
    this.ring = start("ring");
    this.ringSequential = start("ring", "sequential");
    this.rteRing = start("rte-ring");
    this.rteRingPointers = start("rte-ring-pointers");
    this.switch = start("switch");
  }

  /** Builds and starts what can be; says through `write` what cannot. */
  static async start(write: (line: string) => void): Promise<NativePeers> {
    const programs = new Map<string, string>();
    for (const name of PROGRAMS) {
      const result = buildNative(name);
      if ("program" in result) programs.set(name, result.program);
      else write(`left out: native peer ${name}: ${result.missing}`);
    }
    return new NativePeers(await mkdtemp(join(tmpdir(), "frameferry-bench-")), programs);
  }

  async loadImage(image: Uint8Array): Promise<void> {
    if (this.datapath === undefined) return;
    const file = join(this.#folder, "image");
    await writeFile(file, image);
    await this.datapath.load(file);
  }

  async dumpImage(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.datapath === undefined ? undefined : await this.#dump(this.datapath);
  }

  /** The same for the switch, whose image is another one. */
  async loadSwitch(image: Uint8Array): Promise<void> {
    if (this.switch === undefined) return;
    const file = join(this.#folder, "switch");
    await writeFile(file, image);
    await this.switch.load(file);
  }

  async dumpSwitch(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.switch === undefined ? undefined : await this.#dump(this.switch);
  }

  /** Hands keys and queries to every table. */
  async loadKeys(keys: FdbKeys): Promise<void> {
    const file = join(this.#folder, "keys");
    await writeFile(file, Buffer.concat(fdbFile(keys)));
    for (const table of [this.fdb, this.fdbHugePages, this.rteHash]) await table?.load(file);
  }

  /** What a table answers to the queries of which half miss. */
  async answers(table: NativePeer): Promise<BigUint64Array> {
    await table.once("answers");
    return new BigUint64Array((await this.#dump(table)).buffer);
  }

  /** Hands rules and frames to rte_acl; false if it cannot take them, since its tables may not fit into its memory. */
  async loadRules(bytes: Uint8Array): Promise<boolean> {
    const file = join(this.#folder, "rules");
    await writeFile(file, bytes);
    try {
      await this.rteAcl?.load(file);
      return this.rteAcl !== undefined;
    } catch {
      return false;
    }
  }

  /** Of each frame the rule that decides, from 1; 0: none. */
  async ruleAnswers(): Promise<Uint32Array> {
    await this.rteAcl?.once("answers");
    return new Uint32Array((await this.#dump(this.rteAcl as NativePeer)).buffer);
  }

  /** Throws if a ring lost or changed anything so far. */
  async assertRings(): Promise<void> {
    for (const ring of this.#rings) await ring?.load("nothing");
  }

  async close(): Promise<void> {
    const peers = [
      this.datapath,
      this.fdb,
      this.fdbHugePages,
      this.rteHash,
      this.rteAcl,
      this.switch,
      ...this.#rings,
    ];
    for (const peer of peers) peer?.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #rings(): readonly (NativePeer | undefined)[] {
    return [this.ring, this.ringSequential, this.rteRing, this.rteRingPointers];
  }

  async #dump(peer: NativePeer): Promise<Uint8Array<ArrayBuffer>> {
    const file = join(this.#folder, "dump");
    await peer.dump(file);
    // A copy with a buffer of its own: Buffers may share one.
    return new Uint8Array(await readFile(file));
  }
}
