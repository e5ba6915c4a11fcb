// Broken captures: the reader and every way of processing them must come to the same verdict and the same bytes, and what
// comes out must be sound.

import type { CaptureOutput } from "../../src/capture/capture-io.ts";
import { type CaptureSummary, processCapture } from "../../src/capture/process-capture.ts";
import type { Dataplane } from "../../src/dataplane/dataplane.ts";
import type { Kernels } from "../../src/kernel/kernels.ts";
import { CaptureError } from "../../src/pcap/capture-error.ts";
import { readCapture } from "../../src/pcap/capture-reader.ts";
import type { CaptureRecord } from "../../src/pcap/capture-types.ts";
import { Pipeline } from "../../src/pipeline/pipeline.ts";
import type { Stage } from "../../src/pipeline/stages.ts";
import { madeCapture } from "./capture-made.ts";
import type { CaseFault } from "./faults.ts";
import { joined, mutated, type Next } from "./mutate.ts";
import { soundFrames } from "./passengers.ts";
import { hex, shrunkBytes } from "./shrink.ts";

const CASES = 16;
const LONGEST = 20_000;
/** Ways over workers take some hundred microseconds: every so many batches. */
const WORKERS_EVERY = 8;
const STAGES: readonly Stage[] = [
  { stage: "decapsulate", kind: "vxlan", others: "keep" },
  { stage: "vlan-push", vid: 9 },
];

/** What became of a capture, as far as all ways must agree. */
interface Verdict {
  /** Undefined: refused altogether. */
  readonly records: number | undefined;
  readonly damageAt: number | undefined;
  readonly bytes: Uint8Array;
  readonly told: string;
}

class Collected implements CaptureOutput {
  readonly #parts: Uint8Array[] = [];

  async write(bytes: Uint8Array): Promise<void> {
    this.#parts.push(bytes.slice());
  }

  async close(): Promise<void> {}

  async abort(): Promise<void> {}

  get bytes(): Uint8Array {
    return joined(...this.#parts);
  }
}

export class CaptureFuzz {
  readonly name = "captures";
  readonly #plain: Pipeline;
  readonly #staged: Pipeline;
  readonly #sound: readonly Uint8Array[];
  readonly #dataplanes: readonly Dataplane[];
  readonly #known: Set<string> = new Set();
  #batches = 0;

  constructor(kernels: Kernels, dataplanes: readonly Dataplane[], next: Next) {
    this.#plain = new Pipeline(kernels, []);
    this.#staged = new Pipeline(kernels, STAGES);
    this.#sound = soundFrames(kernels, next, 3);
    this.#dataplanes = dataplanes;
  }

  async run(next: Next): Promise<number | CaseFault> {
    const withWorkers = this.#batches++ % WORKERS_EVERY === 0;
    for (let index = 0; index < CASES; index++) {
      const frames = Array.from({ length: next(6) }, () => {
        const frame = this.#sound[next(this.#sound.length)] as Uint8Array;
        return next(3) === 0 ? frame.subarray(0, next(frame.length + 1)) : frame;
      });
      const made = madeCapture(frames, next);
      const bytes = next(5) === 0 ? made : mutatedCapture(made, next);
      const cut = next(bytes.length + 1);
      const check = (candidate: Uint8Array): Promise<string | undefined> =>
        this.#check(candidate, Math.min(cut, candidate.length), withWorkers && index === 0);
      const wrong = await check(bytes);
      if (wrong === undefined) continue;
      const kind = kindOf(wrong);
      // The same again in other bytes is told once: looking for the smallest case takes seconds.
      if (this.#known.has(kind)) continue;
      this.#known.add(kind);
      const isWrong = async (candidate: Uint8Array): Promise<boolean> => {
        const still = await check(candidate);
        return still !== undefined && kindOf(still) === kind;
      };
      const smallest = await shrunkBytes(bytes, isWrong);
      return { where: "a capture", what: (await check(smallest)) ?? wrong, input: [hex(smallest)] };
    }
    return CASES;
  }

  /** What is wrong with how the capture is taken; undefined if nothing is. */
  async #check(bytes: Uint8Array, cut: number, withWorkers: boolean): Promise<string | undefined> {
    try {
      const read = await recordsOf(bytes);
      const plain = await this.#processed(bytes, this.#plain);
      const verdict = sameVerdict("the reader and processCapture", read, plain);
      if (verdict !== undefined) return verdict;
      const output = await this.#expectSound(plain, read.all);
      if (output !== undefined) return output;
      const whole = await this.#processed(bytes, this.#staged);
      const chunks = await this.#processed([bytes.subarray(0, cut), bytes.subarray(cut)], this.#staged);
      const chunked = same("two chunks", whole, chunks);
      if (chunked !== undefined) return chunked;
      return withWorkers ? await this.#byWorkers(bytes, whole) : undefined;
    } catch (error) {
      return `it throws: ${error}`;
    }
  }

  /** The output of no stages has the same records as the input, of every link type. */
  async #expectSound(plain: Verdict, all: readonly CaptureRecord[]): Promise<string | undefined> {
    if (plain.records === undefined) return undefined;
    const again = await recordsOf(plain.bytes);
    if (again.damageAt !== undefined)
      return `the output is refused by the reader: at byte ${again.damageAt}: ${again.told}`;
    if (again.all.length !== all.length)
      return `the output has other records: ${all.length} were to be kept, and ${again.all.length} are there`;
    for (const [i, record] of all.entries()) {
      const other = again.all[i] as CaptureRecord;
      if (essence(record) !== essence(other))
        return `record ${i} of the output is another: ${essence(record)} has become ${essence(other)}`;
    }
    return undefined;
  }

  async #byWorkers(bytes: Uint8Array, wanted: Verdict): Promise<string | undefined> {
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    for (const dataplane of this.#dataplanes) {
      const how = `${dataplane.transport}, ${dataplane.workers} workers`;
      for (const [source, name] of [
        [bytes, how],
        [shared, `${how}, a SharedArrayBuffer`],
      ] as const) {
        const sink = new Collected();
        const wrong = same(
          name,
          wanted,
          await verdictOf(dataplane.processCapture(source, STAGES, sink), sink),
        );
        if (wrong !== undefined) return wrong;
      }
    }
    return undefined;
  }

  #processed(source: Uint8Array | readonly Uint8Array[], pipeline: Pipeline): Promise<Verdict> {
    const sink = new Collected();
    return verdictOf(processCapture(source as Uint8Array, pipeline, sink), sink);
  }
}

/** Of whole blocks as well as of bytes. */
function mutatedCapture(bytes: Uint8Array, next: Next): Uint8Array {
  if (next(6) === 0) return bytes.slice(0, next(bytes.length + 1));
  return mutated(bytes, (below) => next(below), LONGEST);
}

async function verdictOf(work: Promise<CaptureSummary>, sink: Collected): Promise<Verdict> {
  try {
    const { damage, received, forwarded, dropped, drops, frameBytesIn, frameBytesOut } = await work;
    const told = JSON.stringify([received, forwarded, dropped, sorted(drops), frameBytesIn, frameBytesOut]);
    return { records: received, damageAt: damage?.offset, bytes: sink.bytes, told };
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return { records: undefined, damageAt: error.offset, bytes: new Uint8Array(0), told: error.message };
  }
}

function sorted(drops: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(drops).sort(([a], [b]) => (a < b ? -1 : 1));
}

interface Read extends Omit<Verdict, "bytes"> {
  readonly all: readonly CaptureRecord[];
}

async function recordsOf(bytes: Uint8Array): Promise<Read> {
  const reader = readCapture(bytes);
  const all: CaptureRecord[] = [];
  try {
    for await (const some of reader.batches()) all.push(...some);
    return { records: all.length, damageAt: undefined, told: "", all };
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    const records = reader.section === undefined ? undefined : all.length;
    return { records, damageAt: error.offset, told: error.message, all };
  }
}

function sameVerdict(who: string, a: Omit<Verdict, "bytes">, b: Omit<Verdict, "bytes">): string | undefined {
  if (a.records === b.records && a.damageAt === b.damageAt) return undefined;
  const tell = ({ records, damageAt, told }: Omit<Verdict, "bytes">): string =>
    `${records ?? "no"} records, ${damageAt === undefined ? "sound" : `damage at ${damageAt}`} (${told})`;
  return `${who} disagree: ${tell(a)}; ${tell(b)}`;
}

function same(name: string, wanted: Verdict, got: Verdict): string | undefined {
  const verdict = sameVerdict(`whole and inline, and ${name},`, wanted, got);
  if (verdict !== undefined) return verdict;
  if (wanted.told !== got.told) return `${name} counts other things: ${wanted.told}, and ${got.told}`;
  if (Buffer.compare(wanted.bytes, got.bytes) !== 0) return `${name} gives other bytes`;
  return undefined;
}

/** A record's bytes, length and time, as far as an output can keep them. */
function essence({ data, originalLength, timestamp, interface: seenOn }: CaptureRecord): string {
  const { base, exponent } = seenOn.resolution;
  // Finer units than 64 bits can count tell no real time.
  const time = BigInt(base) ** BigInt(exponent) < 1n << 64n ? (timestamp ?? 0n) : 0n;
  return `${Math.max(originalLength, data.length)} ${time} ${hex(data)}`;
}

/** What kind of fault it is, without its numbers: a smaller case must show the same. */
function kindOf(what: string): string {
  return what.replace(/\(.*/, "").replace(/[0-9a-f]*\d[0-9a-f]*/g, "#");
}
