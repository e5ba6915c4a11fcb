// Stages in JavaScript: defined once, by a script that workers can load, and put into pipelines as plain data.

import { ArgumentRangeError, ArgumentTypeError, under } from "../core/argument-error.ts";
import { aFunction, wrongType } from "../core/arguments.ts";
import { callback, checkFields, type Fields, given, list, text, whole } from "../core/fields.ts";
import { addScript, HERE, loadScript, type ScriptHost, type ScriptRun } from "../kernel/scripts.ts";
import { LAYOUT_VERSION } from "../layout/version.generated.ts";
import type { FrameChange } from "../pipeline/frame-change.ts";
import type { JavaScriptStage } from "../pipeline/stages.ts";
import { StageBurst } from "./stage-burst.ts";

export interface StageDefinition<O, S> {
  /** What it is called in errors: 1 to 64 letters, digits, hyphens, dots or underscores. */
  readonly name: string;
  /** Names of drop reasons of its own, 32 at most. */
  readonly reasons?: readonly string[] | undefined;
  /** Names of counters of its own, 32 at most: `burst.count()` counts, and `modules` of all counters and summaries tell. */
  readonly counters?: readonly string[] | undefined;
  /** By how many bytes it makes a frame longer at most, 0 to 1,024: at its front. Default 0. */
  readonly headroom?: number | undefined;
  /** What it makes of frames, if they may begin with another header than before. Default: they begin as they did. */
  readonly changes?: FrameChange | undefined;
  /**
   * Checks options where a pipeline is written, and returns them as the stage is given them: data as JSON has it. What it
   * throws says what is wrong. Default: they are taken as they are.
   */
  readonly options?: ((given: unknown) => O) | undefined;
  /** Makes what the stage keeps from burst to burst, in each thread that runs it. Default: it keeps its options. */
  readonly createState?: ((options: O) => S) | undefined;
  /** Works on a burst, and is done when it returns. */
  readonly run: (burst: StageBurst, state: S) => void;
}

type AnyDefinition = StageDefinition<unknown, unknown>;

// Names, reasons, counters, headroom and changes are checked with each stage, as data that anybody may have written.
const DEFINITION_FIELDS: Fields<AnyDefinition, "name" | "run"> = {
  name: { ...text(), required: true },
  reasons: list(text()),
  counters: list(text()),
  headroom: whole(0, 1024),
  changes: given("an object"),
  options: callback(),
  createState: callback(),
  run: { ...callback(), required: true },
};

let defined = 0;

/** A stage that was defined in JavaScript. */
export class OwnStage<O = unknown> {
  readonly name: string;
  readonly #definition: AnyDefinition;
  #script: string | undefined;

  /** Made by `defineStage()`. */
  constructor(definition: AnyDefinition, script?: string) {
    this.name = definition.name;
    this.#definition = definition;
    this.#script = script;
  }

  /**
   * The stage for a pipeline. Where it was loaded by `loadStage()` it runs in any thread, else on this one.
   * @throws what its `options` throws.
   */
  stage(options?: O): JavaScriptStage {
    const { name, reasons, counters, headroom, changes } = this.#definition;
    const checked = this.#definition.options?.(options) ?? options;
    if (this.#script === undefined) {
      this.#script = `${HERE}${++defined}`;
      addScript(this.#script, (host) => this.start(host));
    }
    return {
      stage: "javascript",
      name,
      script: this.#script,
      ...(checked !== undefined && { options: checked }),
      ...(reasons !== undefined && { reasons }),
      ...(counters !== undefined && { counters }),
      ...(headroom !== undefined && { headroom }),
      ...(changes !== undefined && { changes }),
    };
  }

  /** For `loadStage`: the same, by the address of its script. */
  from(script: string): OwnStage<O> {
    return new OwnStage<O>(this.#definition, script);
  }

  /** For a thread that runs it. */
  start(host: ScriptHost): ScriptRun {
    if (host.layoutVersion !== LAYOUT_VERSION)
      throw new Error("it was defined with another version of frameferry than the one that runs it");
    const { reasons, counters, createState, run } = this.#definition;
    const burst = new StageBurst(host, reasons ?? [], counters ?? []);
    const kept = createState === undefined ? host.options : createState(host.options);
    return (descriptors, count, state, counters) => {
      burst.begin(descriptors, count, state, counters);
      try {
        const result = run(burst, kept) as unknown;
        if (result instanceof Promise) throw new Error("run() returned a promise: nobody waits for it");
      } finally {
        burst.end();
      }
    };
  }
}

/**
 * Defines a stage: the default export of a script that `loadStage()` loads, or one for this thread only.
 * @throws ArgumentError that names the property.
 */
export function defineStage<O = undefined, S = O>(definition: StageDefinition<O, S>): OwnStage<O> {
  checkFields("definition", DEFINITION_FIELDS, definition);
  return new OwnStage<O>(definition as unknown as AnyDefinition);
}

/**
 * Loads the script of a stage in this thread. Workers load it, too, before they run the stage: so it is to be found at the same
 * address there, and must not need what only a page or a main thread has.
 * @throws RangeError if it cannot be loaded, or is none.
 */
export async function loadStage<O = unknown>(url: URL | string): Promise<OwnStage<O>> {
  const script = addressOf(url);
  let definition: unknown;
  try {
    definition = await loadScript(script);
  } catch (cause) {
    throw new ArgumentRangeError("not-found", "url", `${script}: ${(cause as Error).message}`, { cause });
  }
  // It may come from another copy of this file.
  const from = under(["url"], () => aFunction("from", (definition as OwnStage<O>).from));
  return from.call(definition as OwnStage<O>, script);
}

function addressOf(url: unknown): string {
  if (!(url instanceof URL) && typeof url !== "string") throw wrongType("url", "a URL", url);
  try {
    return new URL(url).href;
  } catch (cause) {
    throw new ArgumentTypeError(
      "malformed",
      "url",
      `expected an absolute address, got ${JSON.stringify(url)}`,
      {
        cause,
      },
    );
  }
}
