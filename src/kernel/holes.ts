// The free stretches of a memory, in ascending order. A thousand switches leave thousands of them behind, and looking
// through all took most of the time to make the next: so they stand in groups, and a group whose largest hole is too
// small is passed over as one.

interface Hole {
  start: number;
  end: number;
}

interface Group {
  /** At least one; neighbours do not touch. */
  readonly holes: Hole[];
  /** Bytes of the largest. */
  largest: number;
}

/** A group of more is divided. */
const GROUP_MOST = 64;

export class Holes {
  readonly #groups: Group[];
  #bytes: number;

  constructor(start: number, end: number) {
    this.#groups = [{ holes: [{ start, end }], largest: end - start }];
    this.#bytes = end - start;
  }

  /** Of all together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes `size` bytes from the lowest hole that has as many; returns where they start, or -1 if there is none. */
  take(size: number): number {
    const groups = this.#groups;
    let place = 0;
    while (place < groups.length && (groups[place] as Group).largest < size) place++;
    const group = groups[place];
    if (group === undefined) return -1;
    const { holes } = group;
    let index = 0;
    while (lengthOf(holes[index] as Hole) < size) index++;
    const hole = holes[index] as Hole;
    const address = hole.start;
    const was = lengthOf(hole);
    hole.start += size;
    this.#bytes -= size;
    if (hole.start === hole.end) this.#drop(place, index);
    else if (was === group.largest) group.largest = largestOf(holes);
    return address;
  }

  /** Gives a stretch back that was taken; holes on both sides become one with it. */
  give(start: number, end: number): void {
    this.#bytes += end - start;
    const groups = this.#groups;
    // The last group that starts below, or the first.
    const place = Math.max(
      0,
      countBelow(groups.length, (i) => firstOf(groups[i] as Group).start < start) - 1,
    );
    const group = groups[place];
    if (group === undefined) {
      groups.push({ holes: [{ start, end }], largest: end - start });
      return;
    }
    const { holes } = group;
    const index = countBelow(holes.length, (i) => (holes[i] as Hole).start < start);
    const before = holes[index - 1];
    const inNext = index === holes.length;
    const after = inNext ? groups[place + 1]?.holes[0] : holes[index];
    const hole = before?.end === start ? before : { start, end };
    hole.end = end;
    if (hole !== before) holes.splice(index, 0, hole);
    if (after?.start === end) {
      hole.end = after.end;
      if (inNext) this.#drop(place + 1, 0);
      else this.#drop(place, holes.indexOf(after, index));
    }
    group.largest = Math.max(group.largest, lengthOf(hole));
    if (holes.length > GROUP_MOST) this.#divide(place, group);
  }

  #drop(place: number, index: number): void {
    const group = this.#groups[place] as Group;
    group.holes.splice(index, 1);
    if (group.holes.length === 0) this.#groups.splice(place, 1);
    else group.largest = largestOf(group.holes);
  }

  #divide(place: number, group: Group): void {
    const holes = group.holes.splice(GROUP_MOST / 2);
    group.largest = largestOf(group.holes);
    this.#groups.splice(place + 1, 0, { holes, largest: largestOf(holes) });
  }
}

function firstOf({ holes }: Group): Hole {
  return holes[0] as Hole;
}

function lengthOf({ start, end }: Hole): number {
  return end - start;
}

function largestOf(holes: readonly Hole[]): number {
  let largest = 0;
  for (const hole of holes) largest = Math.max(largest, lengthOf(hole));
  return largest;
}

/** How many of `count` things in a row are below; the others come behind them. */
function countBelow(count: number, isBelow: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
