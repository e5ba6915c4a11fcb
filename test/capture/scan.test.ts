// Where a piece ends: the scan of records, at the very byte where the next piece begins.
import { beforeAll, describe, expect, test } from "vitest";
import {
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_IN_FORMAT,
  CURSOR_LENGTH,
  CURSOR_OUT_END,
  CURSOR_RECORD_LENGTH,
  CURSOR_STATUS,
  FORMAT_BIG_ENDIAN,
  FORMAT_PCAPNG,
  STATUS_NEED_INPUT,
  STATUS_OUTPUT_FULL,
} from "../../src/layout/cursor.layout.ts";
import { enhanced, frame, join, pcapRecord } from "../pcap/capture-bytes.ts";
import { type Kernels, kernels } from "./piece-support.ts";

let on: Kernels;
let cursor: number;
let room: number;
beforeAll(async () => {
  on = await kernels();
  cursor = on.plan.reserve("a cursor", CURSOR_LENGTH);
  room = on.plan.reserve("records", 4096);
});

// The last one is the shortest there is: it begins and ends with its header, or with what is around a frame.
const LENGTHS = [60, 61, 0];
const HEADER = { pcap: 16, pcapng: 12 };

describe.each([
  { name: "pcap", big: false, format: 0 },
  { name: "pcap", big: true, format: FORMAT_BIG_ENDIAN },
  { name: "pcapng", big: false, format: FORMAT_PCAPNG },
  { name: "pcapng", big: true, format: FORMAT_PCAPNG | FORMAT_BIG_ENDIAN },
] as const)("records of a $name, big-endian: $big", ({ name, big, format }) => {
  const { bytes, offsets } = join(
    LENGTHS.map((length, i) =>
      name === "pcap"
        ? pcapRecord(big, i, i, frame(length))
        : enhanced(big, 0, BigInt(i), frame(length), length),
    ),
  );
  const ends = [...offsets.slice(1), bytes.length];

  /** How many records begin before `limit` where `length` bytes are there, and what the cursor says then. */
  function scan(limit: number, length = bytes.length, outEnd = 0xffffffff): (number | undefined)[] {
    on.bytes.fill(0xa5, room, room + 4096);
    on.bytes.set(bytes.subarray(0, length), room);
    on.bytes.fill(0, cursor, cursor + CURSOR_LENGTH);
    const fields: readonly (readonly [number, number])[] = [
      [CURSOR_IN, room],
      [CURSOR_IN_END, room + length],
      [CURSOR_IN_FORMAT, format],
      [CURSOR_OUT_END, outEnd],
    ];
    for (const [field, value] of fields) on.words[(cursor + field) >>> 2] = value;
    const word = (field: number): number => on.words[(cursor + field) >>> 2] as number;
    const count = on.functions.scanCapture(cursor, room + limit);
    return [count, word(CURSOR_IN) - room, word(CURSOR_STATUS), word(CURSOR_RECORD_LENGTH)];
  }

  test("one that begins at the border belongs to the next piece, one that begins a byte before to this", () => {
    offsets.forEach((offset, i) => {
      expect(scan(offset)).toEqual([i, offset, STATUS_NEED_INPUT, HEADER[name]]);
      expect(scan(offset + 1)).toEqual([i + 1, ends[i], STATUS_NEED_INPUT, HEADER[name]]);
    });
    expect(scan(bytes.length)).toEqual([3, bytes.length, STATUS_NEED_INPUT, HEADER[name]]);
  });

  test("one that ends with the input is whole, one that lacks a byte is not, and says how long it is", () => {
    offsets.forEach((offset, i) => {
      const end = ends[i]!;
      expect(scan(4096, end)).toEqual([i + 1, end, STATUS_NEED_INPUT, HEADER[name]]);
      const length = end - offset;
      // Of a record without a byte in it the header itself is not whole.
      expect(scan(4096, end - 1)).toEqual([i, offset, STATUS_NEED_INPUT, length]);
    });
  });

  test("one that fills the output to the last byte fits", () => {
    offsets.forEach((_, i) => {
      const end = ends[i]!;
      expect(scan(4096, bytes.length, end)[0]).toBe(i + 1);
      expect(scan(4096, bytes.length, end - 1).slice(0, 3)).toEqual([i, offsets[i], STATUS_OUTPUT_FULL]);
    });
  });
});
