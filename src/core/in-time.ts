// Waiting that comes to an end whatever is waited for.

/** So long `close()` waits at most for threads, for sources and for sinks: milliseconds. What they hold is given back later. */
export const CLOSE_MILLISECONDS = 1000;

/** So long `open()` waits at most for a worker: for its answers, and for the scripts of stages that it loads. */
export const OPEN_MILLISECONDS = 10_000;

/**
 * Waits until `promise` has settled, but no longer than so many milliseconds; whether it has. What it rejects with is its
 * own affair when it comes too late.
 */
export async function inTime(
  promise: Promise<unknown>,
  milliseconds: number = CLOSE_MILLISECONDS,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
