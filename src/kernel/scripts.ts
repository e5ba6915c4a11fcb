// Stages in JavaScript, as a thread knows them: by the address of the script that defines them, or by a name that was made up
// for one that is defined on this thread. What a stage is made with comes with its definition (src/own/), so that neither the
// kernels nor the worker's script carry it.

/** What a stage in JavaScript is told of where it runs. */
export interface ScriptHost {
  /** Definitions of another layout are refused. */
  readonly layoutVersion: number;
  readonly memory: WebAssembly.Memory;
  /** Drops a frame, and counts it. */
  readonly drop: (descriptor: number, reason: number, counters: number) => void;
  /** When a frame was, in nanoseconds, and where it came from; signed. */
  readonly time: (descriptor: number) => bigint;
  readonly port: (descriptor: number) => number;
  /** The code of its first own reason. */
  readonly reason: number;
  readonly headroom: number;
  readonly options: unknown;
}

/** Runs a stage over a burst. */
export type ScriptRun = (descriptors: number, count: number, state: number, counters: number) => void;

/** Makes a stage for one thread. */
export type ScriptMaker = (host: ScriptHost) => ScriptRun;

/** What a script exports by default; it may have come with another copy of this package. */
interface Definition {
  readonly start: ScriptMaker;
}

/** In front of the names of stages that are defined on one thread, and there only. */
export const HERE = "here:";

const makers: Map<string, ScriptMaker> = new Map();

/** Lets stages of this thread be made by `maker`. */
export function addScript(script: string, maker: ScriptMaker): void {
  makers.set(script, maker);
}

/** @throws Error if this thread has not loaded it. */
export function makeScript(script: string, host: ScriptHost): ScriptRun {
  const maker = makers.get(script);
  if (maker === undefined) throw new Error(`its script has not been loaded in this thread: ${script}`);
  return maker(host);
}

/** Loads a script whose default export is a definition, and returns that. */
export async function loadScript(script: string): Promise<unknown> {
  const { default: definition } = (await import(/* webpackIgnore: true */ /* @vite-ignore */ script)) as {
    readonly default?: Partial<Definition>;
  };
  if (typeof definition?.start !== "function")
    throw new Error("its default export is not what defineStage() of frameferry/own-stages gives");
  addScript(script, (host) => (definition as Definition).start(host));
  return definition;
}
