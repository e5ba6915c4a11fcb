// Taking back what was done, where a later step fails.

/**
 * Steps to be taken back, the latest first.
 *
 *     const undo = new Undo();
 *     try {
 *       const ring = undo.with(openRing(), (ring) => ring.close());
 *       const lane = undo.with(openLane(ring), (lane) => lane.close());
 *       return { ring, lane };
 *     } catch (error) {
 *       throw undo.because(error);
 *     }
 */
export class Undo {
  readonly #steps: (() => unknown)[] = [];

  /** Remembers how to take a step back. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Remembers how to take back what made `value`, and returns that. */
  with<T>(value: T, step: (value: T) => void): T {
    this.#steps.push(() => step(value));
    return value;
  }

  /** Remembers that `value` is to be closed, and returns it. */
  closes<T extends { close(): void }>(value: T): T {
    this.#steps.push(() => value.close());
    return value;
  }

  /** Takes everything back, the latest first; all steps are taken, and the first error among them is thrown at the end. */
  all(): void {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /** The same, where steps may take their time: each is waited for before the next is taken. */
  async becauseLater(error: unknown): Promise<unknown> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch {
        // As in `because`.
      }
    }
    return error;
  }

  /** Takes everything back because of `error`, and returns that: it is what whoever called is to hear of. */
  because(error: unknown): unknown {
    try {
      this.all();
    } catch {
      // What failed first is the reason; a step that cannot be taken back either follows from it.
    }
    return error;
  }
}
