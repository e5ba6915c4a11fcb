// Waiting that a signal can end.

/** A promise that is awaited later and may reject before. */
export function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/**
 * Waits that one signal can end, as often as one likes: it listens to the signal once for all of them. Adding a
 * listener and taking it away again takes longer than everything else about a wait.
 */
export class AbortableWaits {
  readonly #signal: AbortSignal | undefined;
  readonly #waiting: Set<(reason: unknown) => void> = new Set();
  readonly #abort = (): void => {
    for (const reject of this.#waiting) reject(this.#signal?.reason);
    this.#waiting.clear();
  };

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** What `promise` gives, unless the signal comes first: then it rejects with the signal's reason. */
  until<T>(promise: Promise<T>): Promise<T> {
    const signal = this.#signal;
    if (signal === undefined) return promise;
    return new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      else this.#waiting.add(reject);
      // In any case: a promise that nobody listens to any more may still reject.
      promise.then(
        (value) => {
          this.#waiting.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(reject);
          reject(error);
        },
      );
    });
  }

  /** Lets go of the signal. */
  close(): void {
    this.#signal?.removeEventListener("abort", this.#abort);
  }
}

/** What `promise` gives, unless the signal comes first: then it rejects with the signal's reason. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T>;
export function untilAborted<T>(
  promise: Promise<T> | undefined,
  signal: AbortSignal | undefined,
): Promise<T | undefined>;
export function untilAborted<T>(
  promise: Promise<T> | undefined,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  if (signal === undefined || promise === undefined) return Promise.resolve(promise);
  // Let go of again: one listener a chunk would grow with the file.
  const waits = new AbortableWaits(signal);
  return waits.until(promise).finally(() => waits.close());
}
