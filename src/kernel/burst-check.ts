// What a stage of the user's own made of the descriptors of a burst, looked at frame by frame: for those who write one.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_DROP,
  VERDICT_FORWARD,
} from "../layout/descriptor.layout.ts";
import { DROP_NONE, DROP_REASONS, OWN_REASONS, OWN_REASONS_END } from "../layout/drop.layout.ts";

export type Drop = (descriptor: number, reason: number, counters: number) => void;

const WORDS: number = DESCRIPTOR_LENGTH / 4;
/** The lowest byte of the word in which it stands. */
const VERDICT_MASK = 0xff;

export class BurstCheck {
  readonly #words: Uint32Array;
  readonly #headroom: number;
  readonly #drop: Drop;
  #first = 0;
  #count = 0;
  #before: Uint32Array = new Uint32Array(0);
  readonly #dropped: Set<number> = new Set();

  /** `headroom`: by how many bytes the stage may make a frame longer. `drop`: how a frame is dropped. */
  constructor(words: Uint32Array, headroom: number, drop: Drop) {
    this.#words = words;
    this.#headroom = headroom;
    this.#drop = drop;
  }

  /** Remembers the burst. */
  begin(descriptors: number, count: number): void {
    this.#first = descriptors >>> 2;
    this.#count = count;
    this.#before = this.#words.slice(this.#first, this.#first + count * WORDS);
    this.#dropped.clear();
  }

  /** Drops a frame for the stage. */
  drop(descriptor: number, reason: number, counters: number): void {
    const address = descriptor >>> 0;
    const index = (address / 4 - this.#first) / WORDS;
    if (!Number.isInteger(index) || index < 0 || index >= this.#count)
      throw new Error(`drop() of the descriptor ${address}, which is none of the burst`);
    if ((this.#before[index * WORDS + DESCRIPTOR_VERDICT / 4]! & VERDICT_MASK) !== VERDICT_FORWARD)
      throw new Error(`drop() of frame ${index}, which had been dropped before`);
    if (this.#dropped.has(index)) throw new Error(`drop() of frame ${index}, a second time`);
    const known =
      (reason > DROP_NONE && reason < DROP_REASONS) || (reason >= OWN_REASONS && reason < OWN_REASONS_END);
    if (!known) throw new Error(`drop() of frame ${index} for the reason ${reason}, which is none`);
    this.#drop(descriptor, reason, counters);
    this.#dropped.add(index);
  }

  /** @throws Error that says which frame left its bounds, and how. */
  end(): void {
    for (let index = 0; index < this.#count; index++) {
      const wrong = this.#breach(index);
      if (wrong !== undefined) throw new Error(`frame ${index} ${wrong}`);
    }
  }

  /** Puts frames back to where they were; those that were dropped by the rules stay dropped. */
  undo(): void {
    for (let index = 0; index < this.#count; index++) {
      const at = this.#first + index * WORDS;
      const verdict = this.#words[at + DESCRIPTOR_VERDICT / 4] as number;
      this.#words.set(this.#before.subarray(index * WORDS, (index + 1) * WORDS), at);
      if (this.#dropped.has(index)) this.#words[at + DESCRIPTOR_VERDICT / 4] = verdict;
    }
  }

  #breach(index: number): string | undefined {
    const now = (field: number): number => this.#words[this.#first + index * WORDS + field / 4] as number;
    const before = (field: number): number => this.#before[index * WORDS + field / 4] as number;
    if ((before(DESCRIPTOR_VERDICT) & VERDICT_MASK) !== VERDICT_FORWARD) {
      for (let field = 0; field < DESCRIPTOR_LENGTH; field += 4)
        if (now(field) !== before(field)) return "had been dropped before, and was changed";
      return undefined;
    }
    const verdict = now(DESCRIPTOR_VERDICT) & VERDICT_MASK;
    if (verdict !== (this.#dropped.has(index) ? VERDICT_DROP : VERDICT_FORWARD))
      return `has the verdict ${verdict}, which drop() has not given`;
    const [offset, length] = [now(DESCRIPTOR_OFFSET), now(DESCRIPTOR_FRAME_LENGTH)];
    if (now(DESCRIPTOR_FLOOR) !== before(DESCRIPTOR_FLOOR)) return "has another floor than before";
    if (offset < now(DESCRIPTOR_FLOOR)) return "begins below its floor";
    if (offset < before(DESCRIPTOR_OFFSET) - this.#headroom)
      return `begins further in front than the ${this.#headroom} bytes of headroom that were asked for`;
    if (offset + length > before(DESCRIPTOR_OFFSET) + before(DESCRIPTOR_FRAME_LENGTH))
      return "ends behind where it ended before";
    if (now(DESCRIPTOR_WIRE_LENGTH) < length) return "is longer than it was on the wire";
    return undefined;
  }
}
