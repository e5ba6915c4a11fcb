// What is to happen later: a heap of callbacks by virtual time, and by order of entry where times are equal.

/** What a machine knows of time. */
export interface Clock {
  /** Virtual time in microseconds. */
  readonly nowUs: number;
  /** Calls `fire` after so many milliseconds of virtual time. */
  later(ms: number, fire: () => void): void;
}

interface Timer {
  readonly atUs: number;
  readonly order: number;
  readonly fire: () => void;
}

export class Timers {
  readonly #heap: Timer[] = [];
  #entered = 0;

  /** When the next one is due, in microseconds; Infinity if there is none. */
  get nextUs(): number {
    return this.#heap[0]?.atUs ?? Number.POSITIVE_INFINITY;
  }

  set(atUs: number, fire: () => void): void {
    const heap = this.#heap;
    const timer = { atUs, order: this.#entered++, fire };
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (!before(timer, heap[parent] as Timer)) break;
      heap[index] = heap[parent] as Timer;
      index = parent;
    }
    heap[index] = timer;
  }

  /** Fires all that are due at `nowUs`. */
  fire(nowUs: number): void {
    while (this.nextUs <= nowUs) this.#take().fire();
  }

  #take(): Timer {
    const heap = this.#heap;
    const first = heap[0] as Timer;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child++;
      if (!before(heap[child] as Timer, last)) break;
      heap[index] = heap[child] as Timer;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}
