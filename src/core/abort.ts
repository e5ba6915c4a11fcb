// Waiting that a signal can end.

/** A promise that is awaited later and may reject before. */
export function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Who waits with a signal, and whether it is to be seen soon if anybody still does. */
interface Waiting {
  readonly tells: Set<(reason: unknown) => void>;
  isToBeSeen: boolean;
  /** Listens no longer. */
  readonly stop: () => void;
}

const waitingWith: WeakMap<AbortSignal, Waiting> = new WeakMap();
/** For so many milliseconds nobody has to wait until a signal is let go of: the next wait mostly comes at once. */
const LET_GO_AFTER = 100;

/**
 * Calls `tell` with the signal's reason when it aborts, at once if it has; what is returned forgets that. A signal is
 * listened to once, however many wait with it and however often: `AbortSignal.any` would keep memory for each call, and a
 * listener of each wait takes longer than everything else about it.
 */
export function onAbort(signal: AbortSignal | undefined, tell: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => {};
  if (signal.aborted) {
    tell(signal.reason);
    return () => {};
  }
  const waiting = waitingWith.get(signal) ?? listenTo(signal);
  waiting.tells.add(tell);
  return () => {
    waiting.tells.delete(tell);
    if (waiting.tells.size === 0) letGoSoon(signal, waiting);
  };
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

function listenTo(signal: AbortSignal): Waiting {
  const tells = new Set<(reason: unknown) => void>();
  const abort = (): void => {
    for (const tell of tells) tell(signal.reason);
    tells.clear();
  };
  signal.addEventListener("abort", abort, { once: true });
  const stop = (): void => signal.removeEventListener("abort", abort);
  const waiting: Waiting = { tells, isToBeSeen: false, stop };
  waitingWith.set(signal, waiting);
  return waiting;
}

function letGoSoon(signal: AbortSignal, waiting: Waiting): void {
  if (waiting.isToBeSeen) return;
  waiting.isToBeSeen = true;
  const timer: unknown = setTimeout(() => {
    waiting.isToBeSeen = false;
    if (waiting.tells.size > 0) return;
    waiting.stop();
    waitingWith.delete(signal);
  }, LET_GO_AFTER);
  // In Node a timer would keep the process for that long.
  (timer as { unref?: () => void }).unref?.();
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
