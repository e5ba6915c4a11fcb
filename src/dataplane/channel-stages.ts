// The stages of a channel that is open: one of them can take the place of another while frames run.
//
// What can fail, but for workers, is done before any of them hears of it: so a stage is replaced in all of them or in none. And
// who is late gets it when it answers, whoever waits for that.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { inTime, OPEN_MILLISECONDS } from "../core/in-time.ts";
import { WorkerLateError } from "../core/worker-late-error.ts";
import type { Kernels } from "../kernel/kernels.ts";
import type { PipelineLane } from "../lane/pipeline-lane.ts";
import { assembleStages, type CompiledStage, changeStage, checkStages } from "../pipeline/compile.ts";
import type { CompiledStages } from "../pipeline/compiled-stages.ts";
import { type ReplacedStage, tellReplaced } from "../pipeline/counters.ts";
import { PlacedCode } from "../pipeline/placed-code.ts";
import type { PreparedStage } from "../pipeline/program.ts";
import type { Stage } from "../pipeline/stages.ts";
import type { Tally } from "../pipeline/tally.ts";
import type { Medium } from "../port/frame-port.ts";

/** What frames are that go into stages, and that come out. */
export interface Media {
  readonly in: Medium;
  readonly out: Medium;
}

/** Lets stage `index` of these stages take the place of that of each lane; each gives what the one before had counted. */
export type ReplaceInLanes = (index: number, stages: CompiledStages) => readonly Promise<Tally>[];

export class ChannelStages {
  /** As they were when the channel was opened. */
  readonly compiled: CompiledStages;
  readonly media: Media;
  readonly #load: (scripts: readonly string[]) => Promise<void>;
  #checked: readonly CompiledStage[];
  #media: readonly Pick<Media, "in" | "out">[];
  /** The change that is under way, or the last one. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * `load` resolves when workers have scripts that stages need.
   * @throws ArgumentError for stages that cannot be.
   */
  constructor(stages: readonly Stage[], load: (scripts: readonly string[]) => Promise<void>) {
    this.#checked = checkStages(stages);
    this.compiled = assembleStages(this.#checked);
    this.#load = load;
    this.#media = stages.map(mediaOf);
    this.media = ends(this.#media);
  }

  /** As `replaceStage` of a channel. */
  async replace(
    index: number,
    stage: Stage,
    lanes: ReplaceInLanes,
    expectOpen: () => void,
  ): Promise<ReplacedStage> {
    // Before the first wait: the caller may change what it has given.
    const changed = changeStage(this.#checked, index, stage)[index] as CompiledStage;
    const media = mediaOf(stage);
    let late = 0;
    const work = this.#last.then(async () => {
      const checked = this.#checked.map((before, at) => (at === index ? changed : before));
      const stages = assembleStages(checked);
      const all = this.#media.map((before, at) => (at === index ? media : before));
      this.#check(stages, ends(all));
      if (stages.scripts.length > 0) await this.#load(stages.scripts);
      expectOpen();
      const counted = lanes(index, stages);
      this.#checked = checked;
      this.#media = all;
      const open = new Set(counted);
      for (const each of counted) {
        const over = (): void => {
          open.delete(each);
          late = counted.findIndex((other) => open.has(other));
        };
        each.then(over, over);
      }
      const tallies = await Promise.all(counted);
      expectOpen();
      return tellReplaced(tallies);
    });
    this.#last = work.catch(() => {});
    if (!(await inTime(work, OPEN_MILLISECONDS))) throw new WorkerLateError(late, OPEN_MILLISECONDS);
    return await work;
  }

  #check(stages: CompiledStages, media: Media): void {
    const { headroom } = this.compiled;
    if (stages.headroom > headroom)
      throw new ArgumentRangeError(
        "full",
        "stage",
        `frames would get up to ${stages.headroom} bytes longer, and the channel was opened for ${headroom}`,
      );
    if (media.in !== this.media.in || media.out !== this.media.out)
      throw new ArgumentTypeError(
        "contradiction",
        "stage",
        `the channel was opened for ${this.media.in} frames in and ${this.media.out} frames out`,
      );
  }
}

/** Lanes in shared memory, or on the caller's thread: `put` resolves when lane `lane` has the stage. */
export function replaceInMemory(
  kernels: Kernels,
  lanes: readonly PipelineLane[],
  put: (lane: number, stage: PreparedStage) => Promise<void> | void,
): ReplaceInLanes {
  return (index, stages) => {
    const code = new PlacedCode(kernels, stages, [index]);
    const ready: PreparedStage[] = [];
    try {
      for (const lane of lanes) ready.push(lane.prepare(index, code));
    } catch (error) {
      for (const stage of ready) stage.cancel();
      throw error;
    } finally {
      code.release();
    }
    return ready.map(async (stage, lane) => {
      await put(lane, stage);
      return stage.done();
    });
  };
}

function mediaOf(stage: Stage): Media {
  const isBare = "header" in stage && stage.header === "bare";
  return {
    in: isBare && stage.stage === "decapsulate" ? "tunnel" : "ethernet",
    out: isBare && stage.stage === "encapsulate" ? "tunnel" : "ethernet",
  };
}

function ends(media: readonly Media[]): Media {
  return { in: media[0]?.in ?? "ethernet", out: media.at(-1)?.out ?? "ethernet" };
}
