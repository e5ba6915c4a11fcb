// A progress bar on standard error: only for people, and only where they would begin to wonder.

import type { SingleBar } from "cli-progress";

/** Milliseconds before it appears. */
const PATIENCE = 1000;
const MEGABYTE = 1e6;

export class Progress {
  readonly #total: number | undefined;
  readonly #start: number = performance.now();
  readonly #wanted: boolean;
  #bar: SingleBar | undefined;
  #loading = false;
  #stopped = false;

  /** `total` in bytes, if it is known. */
  constructor(total: number | undefined, wanted = true) {
    this.#total = total;
    this.#wanted = wanted && process.stderr.isTTY === true;
  }

  update(bytes: number): void {
    if (this.#bar !== undefined) this.#bar.update(Math.round(bytes / MEGABYTE));
    else if (this.#wanted && !this.#loading && performance.now() - this.#start > PATIENCE) {
      this.#loading = true;
      void this.#show();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#bar?.stop();
  }

  async #show(): Promise<void> {
    const { default: cliProgress } = await import("cli-progress");
    if (this.#stopped) return;
    const format =
      this.#total === undefined
        ? "{value} MB read"
        : "{bar} {percentage}% of {total} MB, {eta_formatted} left";
    this.#bar = new cliProgress.SingleBar(
      { format, stream: process.stderr, clearOnComplete: true, hideCursor: null },
      cliProgress.Presets.shades_classic,
    );
    this.#bar.start(Math.round((this.#total ?? 0) / MEGABYTE), 0);
  }
}
