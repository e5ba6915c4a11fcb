// emit then parse gives the header back, parse then emit gives the bytes back, for every protocol alike.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { protocols } from "./round-trips-support.ts";
import { emitted } from "./support.ts";
import { wrappings } from "./wrappings-support.ts";

describe.each([...protocols, ...wrappings])("$name", ({ headers, length, emit, parse, end }) => {
  test("parse(emit(header)) is the header, and emit writes every byte and no other", () => {
    fc.assert(
      fc.property(headers, (header) => {
        const size = length(header);
        const written = emitted(size, (into, offset) => emit(header, into, offset));
        const offset = 3;
        const frame = new Uint8Array(offset + size);
        frame.set(written, offset);
        const rangeEnd = offset + (end?.(header) ?? size + 100) + 7;
        // The payload is beyond the bytes at hand, as in a capture that kept the headers only.
        const result = parse(frame, offset, rangeEnd);
        expect(result).toEqual({
          ok: true,
          header,
          payload: offset + size,
          end: end ? rangeEnd - 7 : rangeEnd,
        });
      }),
      { seed: 8926, numRuns: 300 },
    );
  });

  test("a header cut anywhere is a stop: by the range truncated, by the bytes cut by the capture", () => {
    fc.assert(
      fc.property(headers, (header) => {
        const size = length(header);
        const frame = new Uint8Array(size);
        emit(header, frame, 0);
        const whole = end?.(header) ?? size;
        for (let cut = 0; cut < size; cut += size > 100 ? 7 : 1) {
          const truncated = parse(frame, 0, cut);
          expect(truncated).toMatchObject({ ok: false });
          if (!truncated.ok) {
            expect(truncated.stop).not.toBe("cut-by-capture");
            expect(truncated.offset).toBeLessThanOrEqual(cut);
          }
          expect(parse(frame.subarray(0, cut), 0, whole)).toEqual({
            ok: false,
            offset: cut,
            stop: "cut-by-capture",
          });
        }
      }),
      { seed: 791, numRuns: 50 },
    );
  });

  test("never throws on bytes, and stays inside the range", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), fc.nat(400), (noise, start, more) => {
        const offset = Math.min(start, noise.length);
        const rangeEnd = offset + more;
        const result = parse(noise, offset, rangeEnd);
        if (result.ok) {
          expect(result.payload).toBeGreaterThan(offset);
          expect(result.payload).toBeLessThanOrEqual(Math.min(noise.length, result.end));
          expect(result.end).toBeLessThanOrEqual(rangeEnd);
        } else {
          expect(result.offset).toBeGreaterThanOrEqual(offset);
          expect(result.offset).toBeLessThanOrEqual(noise.length);
        }
      }),
      { seed: 826, numRuns: 1000 },
    );
  });

  test("bad arguments throw", () => {
    expect(() => parse([] as never, 0, 0)).toThrow(/^bytes: /);
    expect(() => parse(new Uint8Array(8), 9, 9)).toThrow(
      /^offset: expected a whole number from 0 to 8, got 9/,
    );
    expect(() => parse(new Uint8Array(8), 4, 3)).toThrow(/^end: /);
    expect(() => parse(new Uint8Array(8), -1, 8)).toThrow(RangeError);
    const [header] = fc.sample(headers, { seed: 1, numRuns: 1 });
    expect(() => emit(header, new Uint8Array(length(header) + 2), 3)).toThrow(/^into: expected room for /);
    expect(() => emit(header, [] as never, 0)).toThrow(/^into: expected a Uint8Array/);
  });
});
