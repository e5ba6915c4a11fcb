// Waiting that a signal can end.

/** A promise that is awaited later and may reject before. */
export function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Whom a signal's abort is told, for each that anybody ever waited with. */
const told: WeakMap<AbortSignal, Set<(reason: unknown) => void>> = new WeakMap();

/**
 * Calls `tell` with the signal's reason when it aborts, at once if it has; what is returned forgets that. A signal is
 * listened to once, however many wait with it and for however long it lives: `AbortSignal.any` would keep memory for
 * each call, and a listener of each wait takes longer than everything else about it.
 */
export function onAbort(signal: AbortSignal | undefined, tell: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => {};
  if (signal.aborted) {
    tell(signal.reason);
    return () => {};
  }
  const waiting = told.get(signal) ?? listenTo(signal);
  waiting.add(tell);
  return () => void waiting.delete(tell);
}

/** A signal that aborts with the first of several, until it is forgotten. */
export function firstOf(signals: readonly (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal;
  readonly forget: () => void;
} {
  const first = new AbortController();
  const all = signals.map((signal) => onAbort(signal, (reason) => first.abort(reason)));
  return {
    signal: first.signal,
    forget: () => {
      for (const forget of all) forget();
    },
  };
}

function listenTo(signal: AbortSignal): Set<(reason: unknown) => void> {
  const waiting = new Set<(reason: unknown) => void>();
  told.set(signal, waiting);
  const abort = (): void => {
    for (const tell of waiting) tell(signal.reason);
    waiting.clear();
  };
  signal.addEventListener("abort", abort, { once: true });
  return waiting;
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
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, reject);
    // In any case: a promise that nobody listens to any more may still reject.
    promise.finally(forget).then(resolve, reject);
  });
}
