// Filters beside libpcap's own program, as it was generated and not optimised: random expressions on real captures where
// there are some and on frames that were made, whole, changed and cut. What differs by intention is in docs/filter.md.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FrameBatch, type Kernels, loadKernels } from "frameferry";
import { compileFilter, type Filter } from "frameferry/filter";
import { readCapture } from "frameferry/pcap";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linkOf } from "../../src/core/link-types.ts";
import { DESCRIPTOR_LENGTH, DESCRIPTOR_LINK } from "../../src/layout/descriptor.layout.ts";
import { Expressions, type Frame, Random } from "../support/filter-expressions.ts";
import { chainFrames, FROZEN_SEED, filterFrames, hexOf } from "../support/filter-frames.ts";
import { FILTER_LINKS, frozenLink, linkFrames } from "../support/filter-links.ts";
import { FilterOracle } from "../support/filter-oracle.ts";
import { CAPTURES_FOLDER, realCaptures } from "../support/real-captures.ts";

const oracle = new FilterOracle();
afterAll(() => oracle.remove());

/** Expressions a test; FILTER_EXPRESSIONS in the environment says another number. */
const EXPRESSIONS = Number(process.env.FILTER_EXPRESSIONS ?? 550);
/** Frames on which each is tried, out of all that there are. */
const FRAMES = 300;
/** Bytes behind each frame. */
const GUARDED = 80;
const FROM_EACH = 25;
/** What only libpcap refuses: it takes the zero that an index begins with for what is divided or shifted by. */
const THEIR_REFUSALS = /division by zero|modulus by zero|shift by more than 31 bits/;

async function capturedFrames(): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (const path of realCaptures) {
    let count = 0;
    try {
      for await (const record of readCapture(readFileSync(join(CAPTURES_FOLDER, path)))) {
        if (record.interface.linkType !== 1 || ++count > FROM_EACH) break;
        frames.push({ bytes: record.data.slice(0, 1500), wireLength: record.originalLength });
      }
    } catch {
      // Some are damaged, and belong to other tests.
    }
  }
  return frames;
}

function damaged(frames: readonly Frame[], seed: number): Frame[] {
  const random = new Random(seed);
  return frames.map(({ bytes, wireLength }) => {
    const cut = bytes.slice(
      0,
      random.next(2) === 0 ? random.next(Math.min(100, bytes.length) + 1) : bytes.length,
    );
    if (cut.length > 0 && random.next(2) === 0) cut[random.next(Math.min(80, cut.length))] = random.next(256);
    return { bytes: cut, wireLength: Math.max(wireLength, cut.length) };
  });
}

describe.skipIf(oracle.missing !== undefined)(
  oracle.missing === undefined ? "filters beside libpcap" : `filters beside libpcap: ${oracle.missing}`,
  () => {
    let kernels: Kernels;
    let captured: Frame[];
    beforeAll(async () => {
      kernels = await loadKernels();
      captured = [...(await capturedFrames()), ...filterFrames(3)];
    });

    /** Guards: what lies behind the captured bytes has no part in a verdict. */
    function verdicts(filter: Filter, frames: readonly Frame[], linkType: number): string {
      using batch = new FrameBatch(kernels, { frames: frames.length });
      const judged = [0xff, 0x45].map((guard) => {
        batch.clear();
        for (const { bytes, wireLength } of frames) batch.add(bytes, { wireLength });
        for (const [index, { bytes }] of frames.entries()) {
          const descriptor = batch.descriptors + index * DESCRIPTOR_LENGTH;
          const end = (kernels.words[descriptor >>> 2] as number) + bytes.length;
          kernels.bytes[descriptor + DESCRIPTOR_LINK] = linkOf(linkType);
          kernels.bytes.fill(guard, end, end + GUARDED);
        }
        filter.run(batch);
        return frames.map((_, index) => (batch.verdict(index) === "forward" ? "1" : "0")).join("");
      });
      expect(judged[1], filter.expression).toBe(judged[0]);
      return judged[0] as string;
    }

    function compare(
      texts: readonly string[],
      frames: readonly Frame[],
      linkType = 1,
    ): { compared: number; matches: number } {
      let [compared, matches] = [0, 0];
      for (const [index, { error, plain }] of oracle.judge(texts, frames, linkType).entries()) {
        const text = texts[index] as string;
        let filter: Filter | undefined;
        let refused = "";
        try {
          filter = compileFilter(text, { scope: "text" });
        } catch (caught) {
          refused = (caught as Error).message;
        }
        if (filter === undefined || error !== undefined) {
          // A filter here is for every link: what libpcap refuses for one of them need not be refused.
          if (error === undefined || (linkType === 1 && !THEIR_REFUSALS.test(error)))
            expect({ text, refused: refused !== "" ? "refused" : "" }).toEqual({
              text,
              refused: error === undefined ? "" : "refused",
            });
          continue;
        }
        const ours = verdicts(filter, frames, linkType);
        if (ours !== plain) {
          const at = [...ours].findIndex((verdict, i) => verdict !== plain[i]);
          const bytes = Buffer.from(frames[at]?.bytes ?? []).toString("hex");
          expect.fail(`${text}: frame ${at} (${bytes}): ours ${ours[at]}, libpcap's ${plain[at]}`);
        }
        compared++;
        matches += ours.split("1").length - 1;
      }
      return { compared, matches };
    }

    /** So many of the frames, others for each seed. */
    function some(seed: number): Frame[] {
      const random = new Random(seed);
      return Array.from({ length: FRAMES }, () => random.of(captured));
    }

    const texts = readFileSync(join(import.meta.dirname, "../fixtures/filters.txt"), "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    const seeds = [1, 2, 3];
    test.each(seeds)(
      "random expressions on whole frames, seed %i",
      (seed) => {
        const frames = some(seed);
        const expressions = new Expressions(seed, frames);
        const texts = Array.from({ length: EXPRESSIONS }, () => expressions.next());
        const { compared, matches } = compare(texts, frames);
        expect(compared).toBeGreaterThan(EXPRESSIONS * 0.9);
        // Neither nothing nor everything matches, or there would be little to compare.
        expect(matches).toBeGreaterThan(compared * frames.length * 0.1);
        expect(matches).toBeLessThan(compared * frames.length * 0.9);
      },
      300_000,
    );

    test.each(seeds)(
      "random expressions on frames changed and cut, seed %i",
      (seed) => {
        const whole = some(seed + 100);
        const frames = damaged(whole, seed);
        const expressions = new Expressions(seed + 100, whole);
        const texts = Array.from({ length: EXPRESSIONS }, () => expressions.next());
        expect(compare(texts, frames).compared).toBeGreaterThan(EXPRESSIONS * 0.9);
      },
      300_000,
    );

    test.each(FILTER_LINKS)(
      "random expressions on frames of another link, whole, changed and cut: $name",
      (link) => {
        const packets = [...filterFrames(9), ...some(link.linkType)];
        const frames = linkFrames(link, packets, link.linkType);
        const expressions = new Expressions(link.linkType + 200, packets, link.words);
        const texts = Array.from({ length: EXPRESSIONS }, () => expressions.next());
        const { compared, matches } = compare(texts, frames, link.linkType);
        expect(compared).toBeGreaterThan(EXPRESSIONS * 0.9);
        expect(matches).toBeGreaterThan(compared * frames.length * 0.05);
        expect(matches).toBeLessThan(compared * frames.length * 0.95);
      },
      300_000,
    );

    test("headers followed by protochain", () => {
      const frames = chainFrames();
      const texts = ["ip ", "ip6 ", ""].flatMap((over) =>
        [0, 6, 17, 43, 44, 58, 59, 60, 89].map((protocol) => `${over}protochain ${protocol}`),
      );
      const { compared, matches } = compare([...texts, ...texts.map((text) => `not ${text}`)], frames);
      expect(compared).toBe(2 * texts.length);
      expect(matches).toBeGreaterThan(frames.length);
    });

    test("the frozen verdicts on frames of other links are libpcap's", () => {
      const verdicts = FILTER_LINKS.map((link) => {
        const { texts, frames } = frozenLink(link);
        const judged = oracle.judge(texts, frames, link.linkType);
        const known = judged.flatMap(({ error, plain }, index) =>
          error === undefined ? [[texts[index] as string, hexOf(plain)]] : [],
        );
        return [link.name, Object.fromEntries(known)] as const;
      });
      const path = join(import.meta.dirname, "../fixtures/filter-link-verdicts.json");
      if (process.env.FILTER_FREEZE !== undefined)
        writeFileSync(path, `${JSON.stringify(Object.fromEntries(verdicts), null, 2)}\n`);
      expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(Object.fromEntries(verdicts));
    });

    test("the frozen verdicts are libpcap's", () => {
      const frames = filterFrames(FROZEN_SEED);
      const verdicts = oracle.judge(texts, frames).map(({ plain }, index) => [texts[index], hexOf(plain)]);
      const path = join(import.meta.dirname, "../fixtures/filter-verdicts.json");
      // How the file is made anew.
      if (process.env.FILTER_FREEZE !== undefined)
        writeFileSync(path, `${JSON.stringify(Object.fromEntries(verdicts), null, 2)}\n`);
      expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(Object.fromEntries(verdicts));
    });

    test("what people write, on frames cut at each length", () => {
      for (const whole of filterFrames(5).filter((_, index) => index % 12 === 0)) {
        const frames = Array.from({ length: whole.bytes.length + 1 }, (_, length) => ({
          bytes: whole.bytes.slice(0, length),
          wireLength: whole.wireLength,
        }));
        compare(texts, frames);
      }
    }, 300_000);
  },
);
