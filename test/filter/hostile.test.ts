// Text from anywhere: an error that says where, or a filter, in bounded time and memory.

import { isArgumentError } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { describe, expect, test } from "vitest";
import { Random } from "../support/filter-expressions.ts";

function errorOf(text: string): { readonly path: string; readonly code: string; readonly sentence: string } {
  try {
    compileFilter(text);
  } catch (error) {
    if (isArgumentError(error)) return error;
    throw error;
  }
  throw new Error(`no error: ${text.slice(0, 60)}`);
}

describe("errors say where, and what was expected", () => {
  test.each([
    ["tcp 80", 'at 4: expected and, or, or the end, got "80"'],
    ["1.2.3.4", 'at 0: expected host, net, port or another word in front of it, got "1.2.3.4"'],
    ["host (", "at 6: expected an address, a number or a name, got the end"],
    ["port 80 or", "at 10: expected an expression, got the end"],
    ["less 60 or 70", 'at 11: expected host, net, port or another word in front of it, got "70"'],
    ["ether[0:3] = 1", 'at 8: expected 1, 2 or 4, got "3"'],
    ["ip[0]", "at 5: expected a comparison such as =, got the end"],
    ["host example", 'at 5: expected the address of a host: names are not looked up, got "example"'],
    ["port 65536", "at 5: expected a port up to 65535, got 65536"],
    ["port nowhere", 'at 5: expected a port, got "nowhere"'],
    ["vlan 4096", 'at 5: expected the number of vlan up to 4095, got "4096"'],
    ["host 10.0.0.0/8", "at 5: a mask applies to net only"],
    ["net 10.0.0.1/8", "at 4: the address has bits set that its mask does not"],
    ["ip port 80", "at 8: ip does not apply to ports: say ip and port"],
    ["mpls and arp", "at 9: behind mpls there can be IPv4 and IPv6 only"],
    ["pppoes and vlan", "at 11: behind pppoes there is no vlan"],
    ["1 / 0 = 1", "at 4: division by zero"],
    ["tcp or #", 'at 7: expected an expression, got "#"'],
    ["host 1.2.3.400", 'at 5: expected an IPv4 address, got "1.2.3.400"'],
  ])("%s", (text, sentence) => {
    expect(errorOf(text)).toMatchObject({ code: "malformed", path: "expression", sentence });
  });

  test("what is no text, and options that are none", () => {
    expect(() => compileFilter(5 as never)).toThrow("expression: expected a string, got number 5");
    expect(() => compileFilter("ip", { scope: "or" as never })).toThrow("scope: expected and or text");
    expect(() => compileFilter("ip", { scop: "and" } as never)).toThrow('unknown option "scop"');
  });
});

function numbers(count: number, number: (index: number) => number | string): string {
  return Array.from({ length: count }, (_, index) => number(index)).join(", ");
}

describe("in bounded time", () => {
  test.each([
    ["10 MB", "ip or ".repeat(1_700_000)],
    ["a million parentheses", "(".repeat(1_000_000)],
    ["a million characters of parentheses", `${"(".repeat(499_998)}ip${")".repeat(499_999)}`],
    ["many signs", `${"-".repeat(900_000)}1 = 1`],
    ["many nots", `${"not ".repeat(240_000)}ip`],
    ["many indices", `${"ip[".repeat(300_000)}0`],
    ["many colons", ":".repeat(999_999)],
    ["a long name", `host ${"a-".repeat(400_000)}`],
    ["changes of and and or", "ip or tcp and ".repeat(70_000)],
    ["remainders", `${"1%".repeat(400_000)}1=1`],
    ["100,000 ports", `port in {${numbers(100_000, (i) => i % 65536)}}`],
    ["100,000 VNIs", `vni in {${numbers(100_000, (i) => i)}}`],
    ["100,000 protocols", `protochain in {${numbers(100_000, (i) => i % 200)}}`],
    [
      "50,000 MAC addresses",
      `ether host in {${numbers(50_000, (i) => `2:0:0:0:${(i >> 8).toString(16)}:1`)}}`,
    ],
  ])("%s: an error", (_, text) => {
    expect(errorOf(text).sentence).toMatch(/^at \d+: expected/);
  });

  test("thousands of addresses: a filter, or an error", () => {
    const hosts = (count: number): string =>
      `host ${Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).join(" or ")}`;
    const filter = compileFilter(hosts(5000));
    const frame = new Uint8Array(60);
    frame.set([8, 0, 0x45], 12);
    frame.set([10, 0, 19, 135], 30);
    expect(filter.matches(frame)).toBe(true);
    frame.set([10, 0, 19, 136], 30);
    expect(filter.matches(frame)).toBe(false);
    expect(errorOf(hosts(20_000))).toMatchObject({ code: "full", path: "expression" });
  });

  test("as many of each as fit: a filter of a few megabytes, or an error", () => {
    const most = 14_000;
    for (const text of [
      `port in {${numbers(most, (i) => i)}}`,
      `vni in {${numbers(most, (i) => i)}}`,
      `net in {${numbers(most, (i) => `10.${i >> 8}.${i & 255}.0/24`)}}`,
      `host in {${numbers(most, (i) => `fd00::${i.toString(16)}`)}}`,
      `src and dst host in {${numbers(most, (i) => `10.0.${i >> 8}.${i & 255}`)}}`,
      `ether host in {${numbers(most, (i) => `2:0:0:0:${(i >> 8).toString(16)}:${(i & 255).toString(16)}`)}}`,
    ]) {
      let length = 0;
      try {
        length = compileFilter(text).code.length;
      } catch (error) {
        expect(isArgumentError(error) && error.code, text.slice(0, 40)).toBe("full");
      }
      expect(length, text.slice(0, 40)).toBeLessThan(4_000_000);
    }
  });

  test("groups of alternatives that are all asked for: no explosion", () => {
    const group = "(tcp port 80 or udp port 53 or icmp or vlan 5 or arp or ip6 proto 6)";
    const filter = compileFilter(Array.from({ length: 64 }, () => group).join(" and "));
    expect(filter.code.length).toBeLessThan(1 << 20);
    expect(filter.matches(new Uint8Array(60))).toBe(false);
  });
});

test("noise of words never ends in anything but a filter or an error about the text", () => {
  const words = [
    ...[
      "and",
      "or",
      "not",
      "(",
      ")",
      "[",
      "]",
      "tcp",
      "ip",
      "host",
      "net",
      "port",
      "src",
      "dst",
      "vlan",
      "mpls",
    ],
    ...[
      "1",
      "80",
      "1.2.3.4",
      "10.0",
      "::1",
      "0:1:2:3:4:5",
      "80-90",
      "=",
      "<",
      "+",
      "-",
      "&",
      "%",
      "/",
      ":",
      "len",
    ],
    ...["geneve", "proto", "less", "mask", "\\tcp", "ether", "broadcast", "pppoes", "vxlan", "name", "!"],
  ];
  const random = new Random(5);
  let compiled = 0;
  for (let i = 0; i < 6_000; i++) {
    const text = Array.from({ length: 1 + random.next(8) }, () => random.of(words)).join(" ");
    try {
      compileFilter(text).matches(new Uint8Array(60));
      compiled++;
    } catch (error) {
      expect(isArgumentError(error), `${text}: ${error}`).toBe(true);
    }
  }
  expect(compiled).toBeGreaterThan(60);
});
