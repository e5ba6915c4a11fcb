// IP addresses in text, against the library ipaddr.js.
import fc from "fast-check";
import { formatIp, parseIp } from "frameferry/wire";
import ipaddr from "ipaddr.js";
import { expect, test } from "vitest";

/** What the library makes of a text: strictly, and without zones. */
function expected(given: string): number[] | undefined {
  // It takes ::1.2.3.4 for ::ffff:1.2.3.4; RFC 4291 §2.5.5.1 does not.
  const text = given.replace(/^::(?=\d+\.)/, "0::");
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text).toByteArray();
  // It reads octal digits in the last part of an IPv6 address, as nobody writes them.
  const last = text.slice(text.lastIndexOf(":") + 1);
  const isOctal = last.includes(".") && /(?:^|\.)0\d/.test(last);
  if (!text.includes(":") || text.includes("%") || isOctal || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text).toByteArray();
}

function found(text: string): number[] | undefined {
  try {
    return [...parseIp("ip", text)];
  } catch (error) {
    expect(error).toMatchObject({ name: "RangeError", code: "malformed", path: "ip" });
    return undefined;
  }
}

const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
/** Many zeroes, in runs. */
const bytes16 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])));

test("is written as the library writes it, and read again", () => {
  fc.assert(
    fc.property(fc.oneof(bytes4, bytes16), (bytes) => {
      const address = ipaddr.fromByteArray([...bytes]);
      const text = address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
      expect(formatIp(bytes)).toBe(text);
      expect(found(text)).toEqual([...bytes]);
    }),
    { seed: 5952, numRuns: 3000 },
  );
});

test("of all forms is read as the library reads it", () => {
  const group = fc.nat(0xffff).map((value) => value.toString(16));
  const text = fc
    .tuple(
      fc.array(fc.oneof(group, fc.constant("0"), fc.constant("")), { maxLength: 9 }),
      fc.option(bytes4),
      fc.boolean(),
    )
    .map(([groups, ipv4, upper]) => {
      const all = [...groups, ...(ipv4 ? [ipv4.join(".")] : [])].join(":");
      return upper ? all.toUpperCase() : all;
    });
  const mutated = fc
    .tuple(text, fc.nat(40), fc.constantFrom("", ":", "::", ".", "0", "g", "f", "1", "%", " ", "256", "-"))
    .map(([whole, at, piece]) => whole.slice(0, at) + piece + whole.slice(at + (at % 2)));
  fc.assert(
    fc.property(fc.oneof(text, mutated), (one) => {
      expect(found(one), JSON.stringify(one)).toEqual(expected(one));
    }),
    { seed: 4291, numRuns: 20000 },
  );
});

test.each([
  "",
  ":",
  ":::",
  "1",
  "1.2.3",
  "1.2.3.4.5",
  "01.2.3.4",
  "1.2.3.256",
  "1.2.3.4 ",
  "::1%eth0",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7",
  "1::2::3",
  "::1.2.3",
  "1:2:3:4:5:6:7:1.2.3.4",
  "12345::",
  "::1.2.3.4:5",
  "[::1]",
])("%j is none", (text) => {
  expect(found(text)).toBeUndefined();
});

test("bytes that are no address are refused", () => {
  for (const length of [0, 3, 5, 15, 17])
    expect(() => formatIp(new Uint8Array(length))).toThrow(expect.objectContaining({ code: "out-of-range" }));
});
