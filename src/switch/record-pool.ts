// Records of one length in the one memory. They come one by one, and must stay where they are, for others hold their
// addresses: so they stand in chunks, and what is given back is given out again. A region for each took most of the
// time to make tunnels, and a third more memory.

import type { SwitchMemory } from "./switch-memory.ts";

interface Chunk {
  readonly address: number;
  readonly end: number;
  /** How many of its records are out. */
  taken: number;
  /** No record has ever stood behind it. */
  fresh: number;
  /** Address of the record that was given back last; its first word leads to the one before. 0: none. */
  free: number;
}

/** A chunk has as many records as there are already, but not fewer or more than these. */
const CHUNK_LEAST = 4;
const CHUNK_MOST = 64;

export class RecordPool {
  readonly #memory: SwitchMemory;
  readonly #purpose: string;
  /** Of a record, in bytes. */
  readonly #length: number;
  /** By address. */
  readonly #chunks: Chunk[] = [];
  readonly #withRoom: Chunk[] = [];
  #taken = 0;

  constructor(memory: SwitchMemory, purpose: string, length: number) {
    this.#memory = memory;
    this.#purpose = purpose;
    this.#length = length;
  }

  /** The address of a record, which may hold anything. Throws a RangeError if the memory has no room for more. */
  take(): number {
    const chunk = this.#withRoom.at(-1) ?? this.#addChunk();
    let address = chunk.free;
    if (address !== 0) chunk.free = this.#memory.kernels.words[address >>> 2] as number;
    else {
      address = chunk.fresh;
      chunk.fresh += this.#length;
    }
    chunk.taken++;
    this.#taken++;
    if (isFull(chunk)) this.#withRoom.pop();
    return address;
  }

  /** Takes back what `take` gave. */
  give(address: number): void {
    const place = this.#chunksUpTo(address) - 1;
    const chunk = this.#chunks[place] as Chunk;
    if (isFull(chunk)) this.#withRoom.push(chunk);
    this.#memory.kernels.words[address >>> 2] = chunk.free;
    chunk.free = address;
    chunk.taken--;
    this.#taken--;
    if (chunk.taken > 0) return;
    this.#chunks.splice(place, 1);
    this.#withRoom.splice(this.#withRoom.indexOf(chunk), 1);
    this.#memory.release(chunk.address);
  }

  #addChunk(): Chunk {
    const length = this.#length * Math.min(CHUNK_MOST, Math.max(CHUNK_LEAST, this.#taken));
    const address = this.#memory.reserve(this.#purpose, length);
    const chunk: Chunk = { address, end: address + length, taken: 0, fresh: address, free: 0 };
    this.#chunks.splice(this.#chunksUpTo(address), 0, chunk);
    this.#withRoom.push(chunk);
    return chunk;
  }

  /** How many chunks start at `address` or below. */
  #chunksUpTo(address: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle] as Chunk).address <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isFull({ free, fresh, end }: Chunk): boolean {
  return free === 0 && fresh === end;
}
