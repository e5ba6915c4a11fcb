// Scripts of stages that the workers of a pool have loaded: each once, in all of them, before anything runs it there.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { HERE } from "../kernel/scripts.ts";

export class WorkerScripts {
  /** Lets all workers load a script; resolves when they have. */
  readonly #everywhere: (script: string) => Promise<unknown>;
  readonly #loads: Map<string, Promise<unknown>> = new Map();

  constructor(everywhere: (script: string) => Promise<unknown>) {
    this.#everywhere = everywhere;
  }

  /** Those that a worker which is started now has to load: also such as others are still loading. */
  get all(): readonly string[] {
    return [...this.#loads.keys()];
  }

  /**
   * Resolves when all workers have loaded these.
   * @throws RangeError if one cannot be loaded there; it is tried anew the next time.
   */
  async load(scripts: readonly string[]): Promise<void> {
    await Promise.all(scripts.map((script) => this.#loads.get(script) ?? this.#begin(script)));
  }

  async #begin(script: string): Promise<void> {
    if (script.startsWith(HERE))
      throw new ArgumentRangeError(
        "not-for-this",
        "stages",
        "a stage that was defined on this thread cannot run in workers: loadStage() gives one that can",
      );
    const loading = this.#everywhere(script).catch((cause: unknown) => {
      this.#loads.delete(script);
      throw new ArgumentRangeError("not-found", "stages", `${script}: ${(cause as Error).message}`, {
        cause,
      });
    });
    this.#loads.set(script, loading);
    await loading;
  }
}
