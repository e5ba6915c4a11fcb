// What a chapter of the soak is: some seconds of one kind of work, on things made for it and given back after it.

export interface ChapterContext {
  readonly seed: number;
  /** Numbers from the seed. */
  readonly next: (below: number) => number;
  /** By `performance.now()`. */
  readonly end: number;
  /** Says what should not have been; the chapter goes on. */
  readonly fault: (what: string) => void;
}

/** What a chapter did. */
export interface ChapterTally {
  /** Frames that were taken in, by switches, channels or captures. */
  readonly frames: number;
  /** What switches made of them beside: floods, answers, errors. */
  readonly copies: number;
  /** How often everything came to rest and the books were compared. */
  readonly pauses: number;
  /** Changes of a running switch; calls of other kinds. */
  readonly changes: number;
  readonly deaths: number;
}

export interface Chapter {
  readonly name: string;
  run(context: ChapterContext): Promise<ChapterTally>;
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Looks every few milliseconds; false if it is still not so after so many seconds. */
export async function until(look: () => boolean, seconds: number): Promise<boolean> {
  const end = performance.now() + seconds * 1000;
  for (let wait = 0; !look(); wait = Math.min(wait + 1, 10)) {
    if (performance.now() > end) return false;
    await pause(wait);
  }
  return true;
}
