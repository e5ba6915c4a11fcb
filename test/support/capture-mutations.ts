// Captures that are nearly sound: pcapng blocks with everything in them, each length of which may say something else.
import fc from "fast-check";
import { Bytes, join } from "../pcap/capture-bytes.ts";
import { noise } from "./passengers.ts";

/** Something that is right most of the time. */
function mostly<T>(right: T, ...wrong: readonly fc.Arbitrary<T>[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(right) }, ...wrong);
}

/** What a length says beside the truth. */
const off = mostly(0, fc.constantFrom(-4, -1, 1, 3, 4, 8), fc.constantFrom(0xfff0, -0x10000, 0x40000));

type Fill = (bytes: Bytes, big: boolean) => Bytes;

const option: fc.Arbitrary<Fill> = fc
  .record({
    code: fc.constantFrom(...[1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 77], 2988, 2989, 19372, 19373, 0),
    length: fc.oneof(fc.constantFrom(4, 8), fc.nat(13)),
    off,
  })
  .map(({ code, length, off }): Fill => {
    const value = code === 9 ? new Uint8Array(length).fill(6) : noise(length, code);
    return (bytes) =>
      bytes
        .number(2, code)
        .number(2, length + off)
        .raw(value)
        .pad();
  });

/** The lengths that those who look for an option expect; so that sound ones are common, too. */
const sound: fc.Arbitrary<Fill> = fc
  .constantFrom([1, 5], [1, 0], [2, 4], [4, 8], [5, 8], [6, 4], [7, 3], [2988, 9], [19373, 4], [99, 2])
  .map(
    ([code, length]): Fill =>
      (bytes) =>
        bytes.option(code!, noise(length!, 3)),
  );

const end: fc.Arbitrary<Fill> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fill>((bytes) => bytes.number(4, 0)) },
  { weight: 2, arbitrary: fc.constant<Fill>((bytes) => bytes) },
  fc.nat(9).map(
    (length): Fill =>
      (bytes) =>
        bytes.number(2, 0).number(2, length).number(4, 1),
  ),
  fc.constant<Fill>((bytes) => bytes.number(4, 0).number(8, 0x0102030405060708n)),
);

const options: fc.Arbitrary<Fill> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Fill>((bytes) => bytes) },
  fc.tuple(fc.array(fc.oneof({ weight: 6, arbitrary: sound }, option), { maxLength: 3 }), end).map(
    ([list, last]): Fill =>
      (bytes, big) =>
        last(
          list.reduce((all, one) => one(all, big), bytes),
          big,
        ),
  ),
);

interface Recipe {
  readonly type: number;
  readonly body: Fill;
}

const packet = fc
  .record({
    type: fc.constantFrom(6, 6, 6, 2, 3),
    id: mostly(0, fc.constantFrom(1, 2, 0xffff, 0x10000)),
    length: fc.oneof(fc.nat(70), fc.constant(64)),
    off,
    more: mostly(0, fc.constantFrom(-3, 5, 1000)),
    options,
  })
  .map(({ type, id, length, off, more, options }): Recipe => {
    const data = noise(length, length);
    if (type === 3)
      return {
        type,
        body: (bytes, big) =>
          options(
            bytes
              .number(4, length + off)
              .raw(data)
              .pad(),
            big,
          ),
      };
    return {
      type,
      body: (bytes, big) => {
        if (type === 2) bytes.number(2, id).number(2, 0xffff);
        else bytes.number(4, id);
        bytes
          .number(8, 0)
          .number(4, length + off)
          .number(4, Math.max(0, length + off + more));
        return options(bytes.raw(data).pad(), big);
      },
    };
  });

const description = fc
  .record({ link: mostly(1, fc.constantFrom(0, 101)), snap: fc.constantFrom(0, 64, 65535), options })
  .map(({ link, snap, options }): Recipe => {
    return {
      type: 1,
      body: (bytes, big) => options(bytes.number(2, link).number(2, 0).number(4, snap), big),
    };
  });

const names = fc
  .array(
    fc.record({
      type: fc.constantFrom(1, 2, 9),
      ended: mostly(true, fc.constant(false)),
      short: mostly(0, fc.constantFrom(2, 3)),
      off,
    }),
    { maxLength: 3 },
  )
  .chain((list) => fc.record({ list: fc.constant(list), end: mostly(true, fc.constant(false)), options }))
  .map(({ list, end, options }): Recipe => {
    return {
      type: 4,
      body: (bytes, big) => {
        for (const { type, ended, short, off } of list) {
          const value = [...noise(type === 2 ? 16 : 4, 1), 97, 98, ended ? 0 : 99].slice(short);
          bytes
            .number(2, type)
            .number(2, value.length + off)
            .raw(value)
            .pad();
        }
        return options(end ? bytes.number(4, 0) : bytes, big);
      },
    };
  });

const others = fc
  .record({
    type: fc.constantFrom(5, 10, 0xbad, 0x40000bad, 0x80001234),
    length: fc.oneof({ weight: 4, arbitrary: fc.constant(12) }, fc.nat(20)),
    off,
    options,
  })
  .map(({ type, length, off, options }): Recipe => {
    if (type === 10)
      return {
        type,
        body: (bytes, big) =>
          options(
            bytes
              .number(4, 0x544c534b)
              .number(4, length + off)
              .raw(noise(length, 1))
              .pad(),
            big,
          ),
      };
    // Statistics are of interface 0.
    return { type, body: (bytes, big) => options(bytes.raw(new Uint8Array(length)).pad(), big) };
  });

const recipe: fc.Arbitrary<Recipe> = fc.oneof(
  { weight: 8, arbitrary: packet },
  { weight: 1, arbitrary: description },
  { weight: 2, arbitrary: names },
  { weight: 2, arbitrary: others },
);

interface Lengths {
  readonly front: number;
  readonly back: number;
}

function blockOf(big: boolean, { type, body }: Recipe, { front, back }: Lengths): Uint8Array {
  const inside = body(new Bytes(big), big).pad().done;
  const total = 12 + inside.length;
  return new Bytes(big)
    .number(4, type)
    .number(4, total + front)
    .raw(inside)
    .number(4, total + back).done;
}

const lengths: fc.Arbitrary<Lengths> = fc.oneof(
  { weight: 20, arbitrary: fc.constant({ front: 0, back: 0 }) },
  fc.record({ front: off, back: off }),
);

const sectionOf = fc
  .record({
    big: fc.boolean(),
    version: mostly(1, fc.constantFrom(0, 2)),
    minor: mostly(0, fc.constantFrom(1, 2, 3)),
    options,
    snap: fc.constantFrom(0, 64, 65535),
    lengths,
    blocks: fc.array(fc.tuple(recipe, lengths), { minLength: 1, maxLength: 6 }),
  })
  .map(({ big, version, minor, options, snap, lengths, blocks }): Uint8Array[] => {
    const head: Fill = (bytes) =>
      options(bytes.number(4, 0x1a2b3c4d).number(2, version).number(2, minor).number(8, -1), big);
    const face: Fill = (bytes) => bytes.number(2, 1).number(2, 0).number(4, snap);
    const none = { front: 0, back: 0 };
    return [
      blockOf(big, { type: 0x0a0d0d0a, body: head }, lengths),
      blockOf(big, { type: 1, body: face }, none),
      ...blocks.map(([one, lengths]) => blockOf(big, one, lengths)),
    ];
  });

/** The blocks of a pcapng, one by one; the last may be cut, and any byte of them changed. */
export const nearlySound: fc.Arbitrary<Uint8Array[]> = fc
  .record({
    sections: fc.array(sectionOf, { minLength: 1, maxLength: 2 }),
    cut: mostly(0, fc.nat(40)),
    change: mostly(undefined, fc.record({ at: fc.nat(), by: fc.integer({ min: 1, max: 255 }) })),
  })
  .map(({ sections, cut, change }) => {
    const blocks = sections.flat();
    const last = blocks.length - 1;
    blocks[last] = blocks[last]!.slice(0, Math.max(0, blocks[last]!.length - cut));
    const { bytes, offsets } = join(blocks);
    if (change !== undefined && bytes.length > 0) bytes[change.at % bytes.length]! ^= change.by;
    return offsets.map((offset, i) => bytes.slice(offset, offsets[i + 1] ?? bytes.length));
  });
