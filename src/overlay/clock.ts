// Virtual time, and what is to happen later: a heap of callbacks by time, and by order of entry where times are equal.

interface Timer {
  readonly atUs: number;
  readonly order: number;
  readonly fire: () => void;
}

export class Clock {
  /** In microseconds, a whole number. */
  nowUs = 0;
  readonly #heap: Timer[] = [];
  #entered = 0;

  /** When the next one is due, in microseconds; Infinity if there is none. */
  get nextUs(): number {
    return this.#heap[0]?.atUs ?? Number.POSITIVE_INFINITY;
  }

  /** Calls `fire` after so many milliseconds. */
  later(ms: number, fire: () => void): void {
    const heap = this.#heap;
    const timer = { atUs: this.nowUs + Math.round(ms * 1000), order: this.#entered++, fire };
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (!before(timer, heap[parent] as Timer)) break;
      heap[index] = heap[parent] as Timer;
      index = parent;
    }
    heap[index] = timer;
  }

  /** Fires all that are due. */
  fire(): void {
    while (this.nextUs <= this.nowUs) this.#take().fire();
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
