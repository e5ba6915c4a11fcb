// Declared check sequences, times that are not there, and names of link types, record by record.
import fc from "fast-check";
import {
  type CaptureRecord,
  CaptureWriter,
  frameOf,
  linkTypeName,
  type RecordDescription,
} from "frameferry/pcap";
import { describe, expect, it } from "vitest";
import { recordsOf } from "../support/capture-corpus.ts";
import { frame } from "./capture-bytes.ts";

const write = (
  records: readonly RecordDescription[],
  format: "pcap" | "pcapng",
  byteOrder?: "big",
): Uint8Array => new CaptureWriter({ format, byteOrder }).write(records);
const read = async (bytes: Uint8Array): Promise<CaptureRecord[]> => (await recordsOf(bytes)).records;

describe("check sequences", () => {
  it("are what the record, or its interface, says they are, and come back so", async () => {
    const length = fc.integer({ min: 1, max: 15 });
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(fc.tuple(fc.option(length), fc.option(length), fc.boolean()), { maxLength: 20 }),
        async (big, cases) => {
          const list = cases.map(([ofInterface, ofRecord, flagged], i) => ({
            data: frame(60, i),
            timestamp: BigInt(i),
            fcsLength: ofRecord ?? undefined,
            interface: ofInterface === null ? {} : { fcsLength: ofInterface },
            options: flagged ? [{ code: 2, value: Uint8Array.of(2, 0, 0, 2) }] : [],
          }));
          const found = await read(write(list, "pcapng", big ? "big" : undefined));
          expect(found.map(({ fcsLength }) => fcsLength)).toEqual(
            cases.map(([ofInterface, ofRecord]) => ofRecord ?? ofInterface ?? undefined),
          );
          // As it was read it is written.
          const again = await read(new CaptureWriter().write(found));
          expect(again.map(({ fcsLength, options }) => [fcsLength, options])).toEqual(
            found.map(({ fcsLength, options }) => [fcsLength, options]),
          );
        },
      ),
      { seed: 1801, numRuns: 50 },
    );
  });

  it("frameOf gives the frame without it, as far as it is there", () => {
    const cases = [
      [64, 64, 4, 60, 60],
      [62, 64, 4, 60, 60],
      [60, 64, 4, 60, 60],
      [30, 64, 4, 30, 60],
      [2, 2, 4, 0, 0],
      [60, 60, 0, 60, 60],
      [60, 60, undefined, 60, 60],
    ] as const;
    for (const [captured, originalLength, fcsLength, length, wire] of cases) {
      const found = frameOf({ data: frame(captured), originalLength, fcsLength });
      expect([found.data.length, found.originalLength]).toEqual([length, wire]);
    }
  });

  it("that cannot be said are refused", () => {
    const one = { data: frame(60), timestamp: 1n };
    const cases = [
      [
        "pcapng",
        [{ ...one, interface: { fcsLength: 4 }, fcsLength: 0 }],
        /^record\.fcsLength: expected 4, .* got 0$/,
      ],
      ["pcapng", [{ ...one, fcsLength: 16 }], /^record\.fcsLength: expected 0, .* got 16$/],
      ["pcapng", [{ ...one, fcsLength: -1 }], /^record\.fcsLength: /],
      ["pcap", [one, { ...one, fcsLength: 4 }], /^record\.fcsLength: expected 0 bytes/],
      [
        "pcap",
        [
          { ...one, interface: { fcsLength: 4 } },
          { ...one, interface: {} },
        ],
        /expected 4 bytes/,
      ],
      ["pcap", [{ ...one, interface: { fcsLength: 3 } }], /expected an even number/],
    ] as const;
    for (const [format, records, message] of cases) expect(() => write(records, format)).toThrow(message);
  });
});

it("a time that is not there is not made up", async () => {
  const timeless = { data: frame(60), timestamp: undefined };
  expect((await read(write([timeless], "pcapng")))[0]!.timestamp).toBeUndefined();
  expect(() => write([timeless], "pcap")).toThrow(/^record\.timestamp: expected a time: in a pcap/);
  for (const more of [
    { interface: { name: "second" } },
    { options: [{ code: 1, value: frame(3) }] },
    { originalLength: 80 },
  ])
    expect(() => write([timeless, { ...timeless, ...more }], "pcapng")).toThrow(
      /^record\.timestamp: expected a time/,
    );
});

it("link types have names, opened here or not", () => {
  expect([1, 113, 276, 127, 189, 147, 162, 65000].map(linkTypeName)).toEqual([
    "ETHERNET",
    "LINUX_SLL",
    "LINUX_SLL2",
    "IEEE802_11_RADIOTAP",
    "USB_LINUX",
    "USER0",
    "USER15",
    undefined,
  ]);
});
