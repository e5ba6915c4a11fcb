// What a machine keeps of what arrived: the latest, and no more than it was told to.

/** A frame that arrived for a machine. */
export interface ReceivedFrame {
  /** Virtual time in milliseconds. */
  readonly timeMs: number;
  readonly frame: Uint8Array;
}

/** A UDP datagram that arrived for a machine. */
export interface ReceivedDatagram {
  /** Virtual time in milliseconds. */
  readonly timeMs: number;
  readonly from: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

export class History<T> {
  readonly #most: number;
  #items: T[] | undefined;
  #oldest = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(item: T): void {
    if (this.#most === 0) return;
    this.#items ??= [];
    if (this.#items.length < this.#most) this.#items.push(item);
    else {
      this.#items[this.#oldest] = item;
      this.#oldest = (this.#oldest + 1) % this.#most;
    }
  }

  /** Oldest first. */
  list(): T[] {
    if (this.#items === undefined) return [];
    return [...this.#items.slice(this.#oldest), ...this.#items.slice(0, this.#oldest)];
  }

  clear(): void {
    this.#items = undefined;
    this.#oldest = 0;
  }
}
