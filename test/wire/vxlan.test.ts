import { parseVxlan } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { fromHex, headerOf } from "./support.ts";

const VNI = 0x123456;
const plain = fromHex("08000000 12345600");

/** Every bit of the header but the I flag and the VNI: RFC 7348 §5 reserves 39. */
const reserved = Array.from({ length: 64 }, (_, bit) => bit).filter(
  (bit) => bit !== 4 && (bit < 32 || bit > 55),
);

function withBit(bit: number): Uint8Array {
  const header = plain.slice();
  header[bit >> 3]! |= 0x80 >> (bit & 7);
  return header;
}

describe("reserved bits (RFC 7348 §5)", () => {
  test("are 39", () => expect(reserved).toHaveLength(39));

  test.each(reserved)("bit %i is ignored by the rfc rule and refused by the strict one", (bit) => {
    const header = withBit(bit);
    expect(headerOf(parseVxlan(header))).toEqual({ vni: VNI });
    expect(parseVxlan(header, 0, 8, { rule: "strict" })).toEqual({
      ok: false,
      offset: bit >> 3,
      stop: "vxlan-reserved",
    });
  });

  test("all together are ignored by the rfc rule", () => {
    expect(headerOf(parseVxlan(fromHex("ffffffff 123456ff")))).toEqual({ vni: VNI });
  });

  test("none set satisfies the strict rule", () => {
    expect(headerOf(parseVxlan(plain, 0, 8, { rule: "strict" }))).toEqual({ vni: VNI });
  });

  test("an extension gives some a meaning, also under the strict rule", () => {
    const accepted = (extension: "group-policy" | "gpe", flags: number) =>
      reserved.filter((bit) => {
        const header = withBit(bit);
        header[0]! |= flags;
        return parseVxlan(header, 0, 8, { rule: "strict", extension }).ok;
      });
    const policyBits = [0, 9, 12, ...Array.from({ length: 16 }, (_, i) => 16 + i)];
    expect(accepted("group-policy", 0x80)).toEqual(policyBits);
    expect(accepted("group-policy", 0)).toEqual([0]);
    expect(accepted("gpe", 0x04)).toEqual([5, 6, 7, ...Array.from({ length: 8 }, (_, i) => 24 + i)]);
    expect(accepted("gpe", 0)).toEqual([5, 6, 7]);
  });
});

test("the I flag must be set, whatever the rule", () => {
  for (const rule of ["rfc", "strict"] as const) {
    const header = plain.slice();
    header[0] = 0xf7;
    expect(parseVxlan(header, 0, 8, { rule })).toEqual({ ok: false, offset: 0, stop: "vxlan-no-vni" });
  }
});

test("group policy: D is 0x40 and A is 0x08 of the second byte", () => {
  const read = (hex: string) => headerOf(parseVxlan(fromHex(hex), 0, 8, { extension: "group-policy" }));
  expect(read("88480064 2dc6c100")).toEqual({
    vni: 3000001,
    groupPolicy: { group: 100, dontLearn: true, applied: true },
  });
  expect(read("8840ffff 00000100").groupPolicy).toEqual({ group: 0xffff, dontLearn: true, applied: false });
  expect(read("88080000 00000100").groupPolicy).toEqual({ group: 0, dontLearn: false, applied: true });
  expect(read("88800000 00000100").groupPolicy).toEqual({ group: 0, dontLearn: false, applied: false });
  expect(read("08480064 00000100")).toEqual({ vni: 1 });
});

test("GPE: next protocol counts only with the P flag; other versions are unknown", () => {
  const read = (hex: string) => parseVxlan(fromHex(hex), 0, 8, { extension: "gpe" });
  expect(headerOf(read("0c000004 ffffff00"))).toEqual({
    vni: 0xffffff,
    gpe: { nextProtocol: 4, bum: false, oam: false },
  });
  expect(headerOf(read("08000004 00000100")).gpe!.nextProtocol).toBeUndefined();
  expect(headerOf(read("0b000000 00000100")).gpe).toEqual({ nextProtocol: undefined, bum: true, oam: true });
  for (const flags of ["18", "28", "38"]) {
    expect(read(`${flags}000000 00000100`)).toEqual({ ok: false, offset: 0, stop: "vxlan-version" });
  }
});

test("a misspelt rule throws", () => {
  expect(() => parseVxlan(plain, 0, 8, { rule: "RFC" as never })).toThrow(
    /^options.rule: expected rfc or strict/,
  );
});
