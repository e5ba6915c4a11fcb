// Peers take turns: in every round each of them runs for a slice of a few milliseconds, and the order
// rotates. What disturbs the machine for a while then disturbs all of them alike.
//
// Each peer is a tinybench task; a sample is the mean of some passes of a few hundred frames each, because
// one frame is far below what a clock can tell. Preparation (descriptors put back) is outside the measured time.

import { Bench, type FnReturnedObject, type Task } from "tinybench";

export interface Contender {
  readonly peer: string;
  /** Frames, lookups or records that one pass works through. */
  readonly frames: number;
  /** A sample is one pass, however short: where a mean would hide what single ones take. */
  readonly single?: boolean;
  /** Nanoseconds of each of `samples` samples of `passes` passes; only what counts is in them. */
  measure(samples: number, passes: number): number[] | Promise<number[]>;
}

export interface Figures {
  readonly min: number;
  readonly median: number;
  readonly p99: number;
}

export interface Standing {
  readonly peer: string;
  readonly nsPerFrame: Figures;
  readonly samples: number;
}

export interface RoundOptions {
  readonly rounds: number;
  /** Milliseconds that a peer may take in a round. */
  readonly slice: number;
}

/** A peer inside this process. */
export function contender(peer: string, frames: number, pass: () => void, prepare?: () => void): Contender {
  return {
    peer,
    frames,
    measure(samples, passes) {
      const figures: number[] = [];
      for (let sample = 0; sample < samples; sample++) {
        let total = 0;
        for (let i = 0; i < passes; i++) {
          prepare?.();
          const start = performance.now();
          pass();
          total += performance.now() - start;
        }
        figures.push(total * 1e6);
      }
      return figures;
    },
  };
}

/** A peer inside this process whose passes are asynchronous. */
export function asyncContender(peer: string, frames: number, pass: () => Promise<void>): Contender {
  return {
    peer,
    frames,
    async measure(samples, passes) {
      const figures: number[] = [];
      for (let sample = 0; sample < samples; sample++) {
        const start = performance.now();
        for (let i = 0; i < passes; i++) await pass();
        figures.push((performance.now() - start) * 1e6);
      }
      return figures;
    },
  };
}

/** About this long is a sample, unless one pass is longer. */
const SAMPLE_MS = 0.25;

interface Turn {
  readonly contender: Contender;
  readonly task: Task;
  readonly samples: number[];
}

/** Lets the contenders take turns; the result is in their order. */
export async function compete(contenders: readonly Contender[], options: RoundOptions): Promise<Standing[]> {
  const turns: Turn[] = [];
  for (const each of contenders) turns.push(await enter(each, options.slice));
  for (let round = 0; round < options.rounds; round++) {
    for (let i = 0; i < turns.length; i++) {
      const turn = turns[(i + round) % turns.length]!;
      turn.task.reset(); // a task that has run does not run again
      await turn.task.run();
      const { result } = turn.task;
      if (result.state === "errored") throw result.error;
      if (result.state === "completed") turn.samples.push(...(result.latency.samples ?? []));
    }
  }
  return turns.map((turn) => ({
    peer: turn.contender.peer,
    nsPerFrame: figures(turn.samples),
    samples: turn.samples.length,
  }));
}

/** Warms a contender up, finds how many passes fill a sample, and makes it a task. */
async function enter(each: Contender, slice: number): Promise<Turn> {
  const begin = performance.now();
  let pass = Number.POSITIVE_INFINITY;
  let tries = 0;
  do {
    const [nanoseconds = 0] = await each.measure(1, 1);
    pass = Math.min(pass, Math.max(nanoseconds / 1e6, 1e-4));
    tries++;
  } while (performance.now() - begin < WARM_UP_MS && tries < 4000);
  // Preparation costs wall time, too: passes are fewer where it is long.
  const whole = Math.max(pass, (performance.now() - begin) / tries / 2);
  const passes = each.single === true ? 1 : Math.max(1, Math.round(SAMPLE_MS / pass));
  const samples = Math.max(
    1,
    Math.min(Math.round(slice / (passes * pass)), Math.round((4 * slice) / (passes * whole))),
  );

  let figuresOfSlice: number[] = [];
  const bench = new Bench({ time: 0, iterations: samples, warmup: false, throws: true, retainSamples: true });
  bench.add(
    each.peer,
    (): FnReturnedObject => ({ overriddenDuration: (figuresOfSlice.pop() ?? 0) / (passes * each.frames) }),
    {
      async: false,
      beforeAll: async () => {
        figuresOfSlice = await each.measure(samples, passes);
      },
    },
  );
  return { contender: each, task: bench.tasks[0] as Task, samples: [] };
}

const WARM_UP_MS = 120;

export function figures(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { min: at(0), median: at(0.5), p99: at(0.99) };
}
