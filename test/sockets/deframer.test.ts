// Frames behind their lengths in a stream of bytes that is cut and joined anyhow.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Deframer, framed, STREAM_FRAME_MAXIMUM } from "../../src/sockets/deframer.ts";
import { streamOf } from "../support/streams.ts";

describe("framing", () => {
  test.each([2, 4] as const)(
    "lengths of %i bytes: what is joined and cut anyhow comes out as it went in",
    (bytes) => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 20 }),
          fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
          (lengths, cuts) => {
            const frames = lengths.map((length, i) => new Uint8Array(length).map((_, j) => i * 7 + j));
            const stream = streamOf(frames, bytes);
            expect(framed(frames, stream.length, bytes)).toEqual(stream);
            const deframer = new Deframer(bytes);
            const got: Uint8Array[] = [];
            for (let at = 0, turn = 0; at < stream.length; turn++) {
              const cut = cuts[turn % cuts.length] as number;
              const chunk: Uint8Array[] = [];
              deframer.push(stream.slice(at, at + cut), chunk);
              got.push(...chunk);
              at += cut;
            }
            expect(got).toEqual(frames);
            expect(deframer.begun).toBe(0);
          },
        ),
        { seed: 16, numRuns: 300 },
      );
    },
  );

  test("a length stands in big-endian order, as QEMU writes it", () => {
    expect([...streamOf([Uint8Array.of(9, 8, 7)], 4)]).toEqual([0, 0, 0, 3, 9, 8, 7]);
    expect([...streamOf([new Uint8Array(258)], 2).subarray(0, 2)]).toEqual([1, 2]);
  });

  test.each([0, STREAM_FRAME_MAXIMUM + 1, 0xffffffff])("a length of %i ends it", (length) => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, length);
    expect(() => new Deframer(4).push(bytes, [])).toThrow(`a frame has ${length} bytes`);
  });

  test("the longest there can be is taken", () => {
    const frame = new Uint8Array(STREAM_FRAME_MAXIMUM).fill(3);
    const got: Uint8Array[] = [];
    new Deframer(4).push(streamOf([frame], 4), got);
    expect(got).toEqual([frame]);
  });
});
