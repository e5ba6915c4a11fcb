import { emitGeneve, type GeneveOption, isCritical, nvgreOf, parseGeneve, parseGre } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { emitted, fromHex, headerOf } from "./support.ts";

const option = (type: number, length: number): GeneveOption => ({
  class: 0x0102,
  type,
  data: new Uint8Array(length).fill(type),
});

describe("Geneve (RFC 8926)", () => {
  test("OptLen 63: 260 bytes of header, beyond what eight bits can count", () => {
    const options = [option(1, 124), option(2, 120)];
    const bytes = emitted(260, (into, offset) => emitGeneve({ vni: 7, options }, into, offset));
    expect(bytes[0]).toBe(63);
    const result = parseGeneve(bytes, 0, 300);
    expect(result).toMatchObject({ ok: true, payload: 260, end: 300 });
    expect(headerOf(result).options).toEqual(options);
    expect(() => emitGeneve({ vni: 7, options: [...options, option(3, 0)] }, new Uint8Array(300))).toThrow(
      /^options: expected at most 252 bytes, got 256/,
    );
  });

  test("63 options without data", () => {
    const options = Array.from({ length: 63 }, (_, i) => option(i, 0));
    const bytes = emitted(260, (into, offset) => emitGeneve({ vni: 7, options }, into, offset));
    expect(headerOf(parseGeneve(bytes)).options).toEqual(options);
  });

  test("versions 1 to 3 are unknown (§3.4)", () => {
    for (const version of [1, 2, 3]) {
      const bytes = fromHex("00006558 00000700");
      bytes[0] = version << 6;
      expect(parseGeneve(bytes)).toEqual({ ok: false, offset: 0, stop: "geneve-version" });
    }
  });

  test("reserved bits are ignored on receipt (§3.4)", () => {
    expect(headerOf(parseGeneve(fromHex("003f6558 000007ff")))).toEqual({
      vni: 7,
      protocol: 0x6558,
      oam: false,
      critical: false,
      options: [],
    });
    // The three bits before an option's length, too.
    expect(headerOf(parseGeneve(fromHex("02006558 00000700 010205e1 aabbccdd"))).options).toEqual([
      { class: 0x0102, type: 5, data: fromHex("aabbccdd") },
    ]);
  });

  test("options that do not add up to OptLen (§3.5)", () => {
    // One word of options whose only option claims two; then an option whose data end one word late.
    expect(parseGeneve(fromHex("01006558 00000700 01020501 aabbccdd"))).toEqual({
      ok: false,
      offset: 11,
      stop: "geneve-options",
    });
    expect(parseGeneve(fromHex("03006558 00000700 01020500 01020502 aabbccdd 00000000"))).toEqual({
      ok: false,
      offset: 15,
      stop: "geneve-options",
    });
  });

  test("an unknown critical option is a stop for a caller that says what it understands", () => {
    const options = [option(0x01, 4), option(0x81, 4), option(0x82, 0)];
    const bytes = emitted(28, (into, offset) => emitGeneve({ vni: 7, options }, into, offset));
    expect(bytes[1]).toBe(0x40); // C, forced by the critical options
    expect(headerOf(parseGeneve(bytes)).options.map(isCritical)).toEqual([false, true, true]);
    const understands = (known: number[]) => ({
      understands: ({ type }: GeneveOption) => known.includes(type),
    });
    expect(parseGeneve(bytes, 0, 28, understands([]))).toEqual({
      ok: false,
      offset: 18,
      stop: "geneve-critical-option",
    });
    expect(parseGeneve(bytes, 0, 28, understands([0x81]))).toMatchObject({ ok: false, offset: 26 });
    expect(parseGeneve(bytes, 0, 28, understands([0x81, 0x82])).ok).toBe(true);
  });

  test("C cannot be denied, but may be set without a critical option", () => {
    const options = [option(0x80, 0)];
    expect(() => emitGeneve({ vni: 1, critical: false, options }, new Uint8Array(12))).toThrow(/^critical: /);
    expect(emitted(8, (into, offset) => emitGeneve({ vni: 1, critical: true }, into, offset))[1]).toBe(0x40);
  });
});

describe("NVGRE (RFC 7637)", () => {
  const read = (hex: string) => nvgreOf(headerOf(parseGre(fromHex(hex))));
  test("is GRE with a key, no checksum, no sequence number and a whole frame", () => {
    expect(read("20006558 00138807")).toEqual({ vsid: 5000, flowId: 7 });
    expect(read("20006558 ffffffff")).toEqual({ vsid: 0xffffff, flowId: 0xff });
    expect(read("20000800 00138807")).toBeUndefined();
    expect(read("00006558")).toBeUndefined();
    expect(read("30006558 00138807 00000001")).toBeUndefined();
    expect(read("a0006558 00000000 00138807")).toBeUndefined();
  });
});

describe("GRE flags (RFC 2784 §2.3)", () => {
  test.each([1, 4, 5])("bit %i must be discarded", (bit) => {
    const bytes = fromHex("00000800");
    bytes[0] = 0x80 >> bit;
    expect(parseGre(bytes)).toEqual({ ok: false, offset: 0, stop: "gre-reserved" });
    expect(parseGre(bytes, 0, 4, { rule: "lenient" }).ok).toBe(bit !== 1);
  });
  test.each([6, 7, 8, 9, 10, 11, 12])("bit %i is ignored", (bit) => {
    const bytes = fromHex("00000800");
    bytes[bit >> 3]! |= 0x80 >> (bit & 7);
    expect(parseGre(bytes).ok).toBe(true);
  });
});
