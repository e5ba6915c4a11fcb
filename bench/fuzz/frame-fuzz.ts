// Broken frames through pipelines: between guards, in a burst and alone, at other addresses; and the same by a lane.

import type { Kernels } from "../../src/kernel/kernels.ts";
import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_REASON,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  LINK_NOTED,
  NO_STAGE,
  VERDICT_DROP,
  VNI_NONE,
} from "../../src/layout/descriptor.layout.ts";
import { LINK_IPV6 } from "../../src/layout/link.layout.ts";
import { compileStages } from "../../src/pipeline/compile.ts";
import { Program, type ProgramState } from "../../src/pipeline/program.ts";
import type { Stage } from "../../src/pipeline/stages.ts";
import { framesOf } from "../../src/pipeline/tally.ts";
import type { CaseFault } from "./faults.ts";
import { mutated, type Next } from "./mutate.ts";
import { mended, soundFrames } from "./passengers.ts";
import { fuzzPipelines, MARK_SET } from "./pipelines.ts";
import { hex, shrunk, shrunkBytes } from "./shrink.ts";

const FRAMES = 64;
const SLOT = 4096;
const GUARD = 0xa5;
const LONGEST = 1600;
/** How a burst goes through. */
interface Ways {
  readonly headroom: number;
  /** By how many bytes frames lie elsewhere. */
  readonly shift: number;
  /** Whether it is noted which stage dropped a frame. */
  readonly noting: boolean;
}

interface Made {
  readonly name: string;
  readonly state: ProgramState;
  /** Of another who sees the same frames in the same order, one by one: so samples stand alike, and tables of what came. */
  readonly twin: ProgramState;
}

export class FrameFuzz {
  readonly name = "frames";
  readonly #kernels: Kernels;
  readonly #descriptors: number;
  readonly #slots: number;
  readonly #pipelines: readonly Made[];
  readonly #sound: readonly Uint8Array[];
  readonly #guard: Buffer = Buffer.alloc(SLOT, GUARD);

  constructor(kernels: Kernels, next: Next) {
    const { plan } = kernels;
    this.#kernels = kernels;
    this.#descriptors = plan.reserve("descriptors", FRAMES * DESCRIPTOR_LENGTH);
    this.#slots = plan.reserve("slots between guards", FRAMES * SLOT);
    this.#pipelines = fuzzPipelines().map((stages) => {
      const program = new Program(kernels, compileStages(stages));
      return { name: stages.map(nameOf).join(", "), state: program.open(), twin: program.open() };
    });
    this.#sound = soundFrames(kernels, next, 6);
  }

  /** Some frames through one of the pipelines; returns how many, or what was wrong. */
  async run(next: Next): Promise<number | CaseFault> {
    const made = this.#pipelines[next(this.#pipelines.length)] as Made;
    const frames = Array.from({ length: FRAMES }, () => {
      const frame = this.#sound[next(this.#sound.length)] as Uint8Array;
      if (next(16) === 0) return frame;
      const broken = mutated(frame, next, LONGEST);
      return next(2) === 0 ? mended(broken) : broken;
    });
    // Sometimes too little room for what the stages put in front.
    const headroom = next(4) === 0 ? next(made.state.program.headroom + 8) : made.state.program.headroom;
    const ways = { headroom, shift: next(64), noting: next(2) === 0 };
    const wrong = this.#check(made, frames, ways);
    if (wrong === undefined) return FRAMES;
    const isWrong = (candidate: readonly Uint8Array[]): boolean =>
      this.#check(made, candidate, ways) !== undefined;
    const few = await shrunk(frames, isWrong);
    const [only] = few;
    const smallest =
      few.length === 1 && only !== undefined
        ? [await shrunkBytes(only, (candidate) => isWrong([candidate]))]
        : few;
    return {
      where: `${made.name}, headroom ${headroom}, shifted by ${ways.shift}${ways.noting ? ", noting" : ""}`,
      what: this.#check(made, smallest, ways) ?? wrong,
      input: smallest.map(hex),
    };
  }

  #check(made: Made, frames: readonly Uint8Array[], ways: Ways): string | undefined {
    try {
      const together = this.#through(made.state, frames, ways);
      if (typeof together === "string") return together;
      for (const [index, frame] of frames.entries()) {
        const alone = this.#through(made.twin, [frame], {
          headroom: ways.headroom,
          shift: (ways.shift * 7 + index) & 63,
          noting: false,
        });
        if (typeof alone === "string") return alone;
        if (alone[0] !== together[index])
          return `frame ${index} is another alone than in a burst: ${alone[0]}, and ${together[index]}`;
      }
      return undefined;
    } catch (error) {
      return String(error);
    }
  }

  /** What became of each frame, as text; a sentence if something else was touched or miscounted. */
  #through(
    state: ProgramState,
    frames: readonly Uint8Array[],
    { headroom, shift, noting }: Ways,
  ): string[] | string {
    const { bytes, words, functions } = this.#kernels;
    const d = this.#descriptors;
    const used = frames.length * SLOT;
    bytes.fill(GUARD, this.#slots, this.#slots + used);
    frames.forEach((frame, i) => {
      const floor = this.#slots + i * SLOT + 512 + shift;
      bytes.set(frame, floor + headroom);
      const word = (d + i * DESCRIPTOR_LENGTH) >>> 2;
      words[word + (DESCRIPTOR_OFFSET >> 2)] = floor + headroom;
      words[word + (DESCRIPTOR_FRAME_LENGTH >> 2)] = frame.length;
      words[word + (DESCRIPTOR_WIRE_LENGTH >> 2)] = frame.length;
      words[word + (DESCRIPTOR_FLOOR >> 2)] = floor;
      words[word + (DESCRIPTOR_VERDICT >> 2)] = 0;
      words[word + (DESCRIPTOR_VNI >> 2)] = VNI_NONE;
      words[word + 6] = 0;
      words[word + (DESCRIPTOR_MARK >> 2)] = i;
    });
    const before = state.tally();
    const run = noting ? functions.runPipelineNoting : functions.runPipeline;
    const forwarded = run(d, frames.length, state.program.address, state.program.length, state.address);
    const after = state.tally();
    if (
      framesOf(after) - framesOf(before) !== frames.length ||
      after.forwarded - before.forwarded !== forwarded
    )
      return `${frames.length} frames, ${framesOf(after) - framesOf(before)} counted, ${forwarded} forwarded`;
    const results: string[] = [];
    for (const [i, frame] of frames.entries()) {
      const slot = this.#slots + i * SLOT;
      const floor = slot + 512 + shift;
      const end = floor + headroom + frame.length;
      if (!this.#untouched(slot, floor)) return `frame ${i}: bytes in front of its headroom were written`;
      if (!this.#untouched(end, slot + SLOT)) return `frame ${i}: bytes behind it were written`;
      const at = d + i * DESCRIPTOR_LENGTH;
      const word = (field: number): number => words[(at + field) >>> 2] as number;
      const offset = word(DESCRIPTOR_OFFSET);
      const length = word(DESCRIPTOR_FRAME_LENGTH);
      const verdict = bytes[at + DESCRIPTOR_VERDICT] as number;
      const reason = bytes[at + DESCRIPTOR_REASON] as number;
      if (offset < floor || offset + length > end || word(DESCRIPTOR_FLOOR) !== floor)
        return `frame ${i}: it is said to be from ${offset - slot} on, ${length} bytes`;
      const mark = word(DESCRIPTOR_MARK);
      // Rules set a mark as a whole.
      if (mark !== MARK_SET && (mark & ~MARK_SET) !== i) return `frame ${i}: its mark has changed`;
      if ((verdict === VERDICT_DROP) !== reason > 0)
        return `frame ${i}: verdict ${verdict}, reason ${reason}`;
      const link = bytes[at + DESCRIPTOR_LINK] as number;
      const trailer = bytes[at + DESCRIPTOR_TRAILER] as number;
      if (noting && verdict === VERDICT_DROP) {
        if (link !== LINK_NOTED || (trailer >= state.program.length && trailer !== NO_STAGE))
          return `frame ${i}: stage ${trailer} is said to have dropped it`;
      } else if (trailer !== 0 || (verdict !== VERDICT_DROP && link > LINK_IPV6))
        return `frame ${i}: link ${link}, a check sequence of ${trailer} bytes`;
      const begins = verdict === VERDICT_DROP ? "" : link;
      const told = `${verdict} ${reason} ${begins} ${word(DESCRIPTOR_VNI)} ${word(DESCRIPTOR_WIRE_LENGTH)} ${length} ${mark >>> 24}`;
      const content = verdict === VERDICT_DROP ? "" : this.#latin(offset, length);
      results.push(`${told} ${content}`);
    }
    return results;
  }

  #untouched(from: number, to: number): boolean {
    const part = Buffer.from(this.#kernels.memory.buffer, from, to - from);
    return part.equals(this.#guard.subarray(0, to - from));
  }

  #latin(offset: number, length: number): string {
    return Buffer.from(this.#kernels.memory.buffer, offset, length).toString("latin1");
  }
}

function nameOf(stage: Stage): string {
  if (stage.stage === "module") return stage.name;
  return "kind" in stage ? `${stage.stage} ${stage.kind}` : stage.stage;
}
