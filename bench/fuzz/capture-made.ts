// Small captures of every make: both formats and byte orders, interfaces, options, blocks, cut frames; some of them wrong
// in ways that a change of bytes would seldom hit upon.

import { joined, type Next } from "./mutate.ts";

class Writer {
  readonly #parts: number[] = [];
  readonly #big: boolean;

  constructor(big: boolean) {
    this.#big = big;
  }

  number(length: 1 | 2 | 4, value: number): this {
    for (let i = 0; i < length; i++)
      this.#parts.push((value / 256 ** (this.#big ? length - 1 - i : i)) & 255);
    return this;
  }

  bytes(bytes: Iterable<number>): this {
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }

  pad(): this {
    while (this.#parts.length % 4 !== 0) this.#parts.push(0);
    return this;
  }

  get done(): Uint8Array {
    return Uint8Array.from(this.#parts);
  }
}

/** A capture of a few records with these frames. */
export function madeCapture(frames: readonly Uint8Array[], next: Next): Uint8Array {
  return next(3) === 0 ? pcap(frames, next) : pcapng(frames, next);
}

function pcap(frames: readonly Uint8Array[], next: Next): Uint8Array {
  const big = next(2) === 0;
  const header = new Writer(big)
    .number(4, next(2) === 0 ? 0xa1b23c4d : 0xa1b2c3d4)
    .number(2, 2)
    .number(2, 4)
    .number(4, 0)
    .number(4, 0)
    .number(4, [65535, 262144, 96, 0][next(4)] as number)
    .number(4, next(12) === 0 ? 101 : 1).done;
  const records = frames.map((frame) =>
    joined(
      new Writer(big)
        .number(4, next(2 ** 31))
        .number(4, next(8) === 0 ? 0xffffffff : next(1_000_000))
        .number(4, frame.length)
        .number(4, lengthOf(frame, next)).done,
      frame,
    ),
  );
  return joined(header, ...records);
}

/** On the wire: as captured, longer, and now and then impossibly short. */
function lengthOf(frame: Uint8Array, next: Next): number {
  return next(3) > 0 ? frame.length : Math.max(0, frame.length + next(200) - (next(4) === 0 ? 100 : 0));
}

function pcapng(frames: readonly Uint8Array[], next: Next): Uint8Array {
  const parts: Uint8Array[] = [];
  let rest = frames;
  while (rest.length > 0 || parts.length === 0) {
    const some = rest.slice(0, 1 + next(4));
    rest = rest.slice(some.length);
    parts.push(...section(some, next));
  }
  return joined(...parts);
}

function section(frames: readonly Uint8Array[], next: Next): Uint8Array[] {
  const big = next(2) === 0;
  const body = new Writer(big)
    .number(4, 0x1a2b3c4d)
    .number(2, 1)
    .number(2, next(4) === 0 ? 2 : 0);
  const length = next(8) === 0 ? next(1000) : 0xffffffff;
  body
    .number(4, length)
    .number(4, length === 0xffffffff ? length : 0)
    .bytes(options(big, next));
  const parts = [block(big, 0x0a0d0d0a, body.done, next)];
  let interfaces = 0;
  const addInterface = (): void => {
    parts.push(anInterface(big, next));
    interfaces++;
  };
  if (next(20) > 0) addInterface();
  for (const frame of frames) {
    if (next(4) === 0) addInterface();
    if (next(5) === 0)
      parts.push(block(big, [4, 5, 0xbad, 0x80000001][next(4)] as number, noise(next), next));
    parts.push(packet(big, frame, interfaces, next));
  }
  return parts;
}

function anInterface(big: boolean, next: Next): Uint8Array {
  const body = new Writer(big)
    .number(2, next(12) === 0 ? 101 : 1)
    .number(2, 0)
    .number(4, [0, 65535, 96, 262144][next(4)] as number);
  const own = new Writer(big);
  if (next(2) === 0)
    own.bytes(option(big, 9, [[6, 9, 3, 0, 0x8a, 0x80 | 30, 0x80 | 63, 19, 12][next(9)] as number]));
  if (next(6) === 0) own.bytes(option(big, 14, [0, 0, 0, 0, 0, 0, 0, next(100)]));
  return block(big, 1, body.bytes(own.done).bytes(options(big, next)).done, next);
}

function packet(big: boolean, frame: Uint8Array, interfaces: number, next: Next): Uint8Array {
  const kind = next(8);
  if (kind === 0) {
    const body = new Writer(big).number(4, lengthOf(frame, next)).bytes(frame).pad();
    return block(big, 3, body.done, next);
  }
  const body = new Writer(big);
  const id = next(30) === 0 ? interfaces : next(Math.max(1, interfaces));
  if (kind === 1) body.number(2, id).number(2, next(5));
  else body.number(4, id);
  body.number(4, next(4) === 0 ? next(2 ** 31) : 0x5f0c3).number(4, next(2 ** 31));
  body.number(4, frame.length).number(4, lengthOf(frame, next)).bytes(frame).pad();
  return block(big, kind === 1 ? 2 : 6, body.bytes(options(big, next)).done, next);
}

/** None, sound ones, or some that contradict themselves. */
function options(big: boolean, next: Next): Uint8Array {
  if (next(3) > 0) return new Uint8Array(0);
  const all = new Writer(big);
  for (let count = next(3); count > 0; count--)
    all.bytes(option(big, [1, 2, 3, 4, 2988][next(5)] as number, noise(next)));
  const end = next(12);
  // Mostly an end of options; none is allowed, too.
  if (end > 2) all.number(4, 0);
  else if (end === 1) all.number(2, 1).number(2, 40 + next(1000));
  return all.done;
}

function option(big: boolean, code: number, value: Iterable<number>): Uint8Array {
  const bytes = [...value];
  return new Writer(big).number(2, code).number(2, bytes.length).bytes(bytes).pad().done;
}

function noise(next: Next): Uint8Array {
  return Uint8Array.from({ length: next(24) }, () => next(256));
}

function block(big: boolean, type: number, body: Uint8Array, next: Next): Uint8Array {
  const padded = body.length + (-body.length & 3);
  const total = 12 + padded;
  const last = next(60) === 0 ? total + 4 : total;
  return new Writer(big).number(4, type).number(4, total).bytes(body).pad().number(4, last).done;
}
