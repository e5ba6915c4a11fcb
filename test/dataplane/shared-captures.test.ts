// Captures on a SharedArrayBuffer: workers read them where they lie, and what comes out is what one thread makes of them.

import fc from "fast-check";
import { expect } from "vitest";
import { Bytes, block, enhanced, iface, join, pcapHeader, section } from "../pcap/capture-bytes.ts";
import { corpus, inline, pcap, pcapng, Sink, spots, UNWRAP, WRAP } from "./capture-support.ts";
import {
  describeShared,
  expectAsInline,
  HEADER,
  PIECE,
  pcapngOf,
  pcapOf,
  shared,
} from "./shared-captures-support.ts";
import { flowFrame, random } from "./support.ts";

describeShared((sharedTest) => {
  for (const [name, bytes] of corpus) {
    sharedTest(`${name}: the same as on one thread`, async (dataplane) => {
      for (const [stages, format, shift] of [
        [WRAP, "same", 0],
        [UNWRAP, "pcapng", 1],
        [[], "pcap", 3],
      ] as const)
        await expectAsInline(dataplane, bytes, shared(bytes, shift), stages, format);
    });
  }

  sharedTest("byte orders, precisions and any alignment", async (dataplane) => {
    for (let shift = 0; shift < 8; shift++) {
      const bytes = pcapOf({
        seed: shift + 1,
        big: (shift & 1) !== 0,
        nano: (shift & 2) !== 0,
        most: 300,
        length: 2.2 * PIECE,
      });
      const frames = await expectAsInline(dataplane, bytes, shared(bytes, shift), WRAP, "pcapng");
      // All but what stands beside the header.
      expect(frames).toBeGreaterThan((await inline(bytes, WRAP, "pcapng")).summary.received - 100);
    }
  });

  sharedTest("frames of any length around the pieces' ends", async (dataplane) => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 1 << 30 }),
      fc.constantFrom(0, 20, 200, 3000),
      fc.constantFrom(0, 9000, 262144),
      async (seed, most, more) => {
        const bytes = pcapOf({ seed, most, longest: Math.max(most, more), length: 2.1 * PIECE });
        await expectAsInline(dataplane, bytes, shared(bytes, seed & 7));
      },
    );
    await fc.assert(property, { seed: 20261123, numRuns: 25 });
  });

  sharedTest("records that reach far behind a piece: it is for workers all the same", async (dataplane) => {
    const bytes = pcapOf({ seed: 31, most: 60_000, length: 8 * PIECE });
    const frames = await expectAsInline(dataplane, bytes, shared(bytes, 1));
    // This thread has those beside the header, which take it a step of a piece or two.
    expect(frames).toBeGreaterThan((await inline(bytes, WRAP)).summary.received / 2);
  });

  sharedTest("a capture that is cut anywhere", async (dataplane) => {
    const shape = { seed: 3, length: 3.2 * PIECE };
    const wholes = [
      pcapOf({ ...shape, most: 200 }),
      pcapOf({ ...shape, most: 60, longest: 100_000, big: true }),
      pcapngOf({ ...shape, most: 300 }).bytes,
      pcapng,
    ];
    const property = fc.asyncProperty(
      fc.constantFrom(...wholes),
      fc.integer({ min: 1, max: 3 }),
      // Ranges begin behind the records that were looked at with the header.
      fc.oneof(fc.integer({ min: HEADER - 400, max: HEADER + 400 }), fc.integer({ min: 0, max: PIECE })),
      async (whole, pieces, more) => {
        const bytes = whole.subarray(0, pieces * PIECE + more);
        await expectAsInline(dataplane, bytes, shared(bytes, 1));
      },
    );
    await fc.assert(property, { seed: 20261124, numRuns: 40 });
  });

  sharedTest("other blocks anywhere: pieces that are not for workers", async (dataplane) => {
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 1 << 30 }), async (seed) => {
      const next = random(seed);
      const parts: Uint8Array[] = [];
      let length = 0;
      const add = (part: Uint8Array): void => {
        parts.push(part);
        length += part.length;
      };
      while (length < 2.5 * PIECE) {
        const big = next(2) === 0;
        add(section(big));
        add(iface(big, 1, 0));
        const end = length + 1 + next(1.5 * PIECE);
        while (length < end) {
          const packet = enhanced(big, 0, BigInt(length), flowFrame(next(50), length, 50 + next(700)));
          for (let copies = next(60); copies >= 0; copies--) add(packet);
          if (next(8) > 0) continue;
          const body =
            next(3) === 0 ? new Uint8Array(next(1.4 * PIECE) & ~3) : new Bytes(big).number(4, 0).done;
          add(block(big, next(2) === 0 ? 4 : 0xbad, body));
        }
      }
      const { bytes } = join(parts);
      await expectAsInline(dataplane, bytes, shared(bytes, 2));
    });
    await fc.assert(property, { seed: 20261125, numRuns: 8 });
  });

  sharedTest("blocks as long as a piece", async (dataplane) => {
    for (const options of [100_000, 260_000]) {
      const long = (i: number): Uint8Array =>
        enhanced(false, 0, BigInt(i), new Uint8Array(262_144), 262_144, (bytes) => {
          let made = bytes;
          for (let left = options; left > 0; left -= 65_000)
            made = made.option(1, new Uint8Array(left % 65_000));
          return made;
        });
      const parts = Array.from({ length: 5 }, (_, i) => [
        enhanced(false, 0, 1n, flowFrame(i, i, 900)),
        long(i),
      ]).flat();
      const { bytes } = join([section(false), iface(false, 1, 0), ...parts]);
      await expectAsInline(dataplane, bytes, shared(bytes), [{ stage: "vlan-push", vid: 5 }]);
    }
  });

  sharedTest("damage anywhere: the same offset, reason and output", async (dataplane) => {
    for (const [bytes, at] of spots) {
      await expectAsInline(dataplane, bytes, shared(bytes), UNWRAP);
      expect((await inline(bytes, UNWRAP)).summary.damage?.offset).toBe(at);
    }
  });

  sharedTest("damage that workers find: in blocks that look like packets", async (dataplane) => {
    for (const big of [false, true]) {
      const { bytes, blocks } = pcapngOf({ seed: 29, big, most: 500, length: 4 * PIECE });
      for (const share of [0.01, 0.3, 0.31, 0.62, 0.99]) {
        const at = blocks[Math.floor(share * blocks.length)] as number;
        // An interface that there is not, and two lengths that differ.
        for (const wrong of [
          at + (big ? 10 : 9),
          at + new DataView(bytes.buffer).getUint32(at + 4, !big) - 3,
        ]) {
          const damaged = bytes.slice();
          damaged[wrong]! ^= 0x40;
          await expectAsInline(dataplane, damaged, shared(damaged, 1));
          expect((await inline(damaged, WRAP)).summary.damage?.offset).toBe(at);
        }
      }
    }
  });

  sharedTest("no capture, and hardly one", async (dataplane) => {
    const sink = new Sink();
    const nothing = shared(new Uint8Array(3 * PIECE));
    await expect(dataplane.processCapture(nothing, WRAP, sink)).rejects.toThrow(/^byte 0: /);
    await expect(dataplane.processCapture(shared(new Uint8Array(0)), WRAP, sink)).rejects.toThrow(/empty/);
    for (const bytes of [
      pcapHeader(true, true),
      section(false),
      pcap.subarray(0, 24 + 15),
      pcap.subarray(0, HEADER),
    ])
      await expectAsInline(dataplane, bytes, shared(bytes));
  });
});
