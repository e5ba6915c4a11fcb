// Words about link headers: 802.11, LLC, the way that a frame went; and headers of IP that are followed. What they mean in
// each case, libpcap says in test/node/filter-libpcap.test.ts; here they run in browsers, too, with what it does otherwise.
import { compileFilter } from "frameferry/filter";
import { describe, expect, test } from "vitest";

const WLAN = 105;
const RADIOTAP = 127;
const COOKED = 113;
const COOKED_2 = 276;

const [A, B, C] = [1, 2, 3].map((last) => [2, 0, 0, 0, 0, last]) as [number[], number[], number[]];
const DATA = [
  0x88,
  0x02,
  0,
  0,
  ...A,
  ...B,
  ...C,
  0x10,
  0,
  0,
  0,
  0xaa,
  0xaa,
  3,
  0,
  0,
  0,
  8,
  0,
  0x45,
  0,
  0,
  20,
];
const BEACON = [0x80, 0, 0, 0, ...new Array(6).fill(255), ...B, ...B, 0, 0, 1, 2, 3];
const ACK = [0xd4, 0, 0, 0, ...A];
const BOTH_WAYS = [
  0x08,
  0x03,
  0,
  0,
  ...A,
  ...B,
  ...C,
  0,
  0,
  2,
  0,
  0,
  0,
  0,
  9,
  0xaa,
  0xaa,
  3,
  0,
  0,
  0,
  8,
  0,
  0x45,
];
const ENCRYPTED = [0x08, 0x41, 0, 0, ...A, ...B, ...C, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

function matches(text: string, bytes: readonly number[], linkType: number): boolean {
  return compileFilter(text).matches(Uint8Array.from(bytes), bytes.length, linkType);
}

describe("802.11", () => {
  test.each([
    ["type data", DATA, true],
    ["type mgt", BEACON, true],
    ["type ctl subtype ack", ACK, true],
    ["subtype qos-data", DATA, true],
    ["wlan type management subtype beacon", BEACON, true],
    ["subtype beacon", DATA, false],
    ["dir fromds", DATA, true],
    ["dir 3", BOTH_WAYS, true],
    ["wlan src 2:0:0:0:0:3", DATA, true],
    ["wlan dst 2:0:0:0:0:1", DATA, true],
    ["wlan host 2:0:0:0:0:2", DATA, false],
    ["ether src 2:0:0:0:0:9", BOTH_WAYS, true],
    ["wlan addr2 2:0:0:0:0:2", DATA, true],
    ["wlan addr2 2:0:0:0:0:2", ACK, false],
    ["wlan address4 2:0:0:0:0:9", BOTH_WAYS, true],
    ["wlan addr4 2:0:0:0:0:9", DATA, false],
    ["wlan ra 2:0:0:0:0:1", DATA, true],
    ["wlan ta 2:0:0:0:0:2", DATA, true],
    ["broadcast and multicast", BEACON, true],
    ["multicast", DATA, false],
    ["llc ui", DATA, true],
    ["llc and not llc s", DATA, true],
    ["llc", BEACON, false],
    ["wlan[0] = 0x80", BEACON, true],
    ["ip", DATA, true],
    ["ip", BOTH_WAYS, true],
    // There is something, and it is no IP packet that anybody could read.
    ["not ip", BEACON, true],
    ["not ip", ACK, true],
    ["not ip", ENCRYPTED, true],
    ["wlan dst 2:0:0:0:0:3", ENCRYPTED, true],
  ] as const)("%s %#", (text, bytes, expected) => {
    expect(matches(text, bytes, WLAN)).toBe(expected);
    // Behind a radiotap header it is the same, and of an Ethernet frame nothing of it holds.
    expect(matches(text, [0, 0, 10, 0, 0, 0, 0, 0, 9, 9, ...bytes], RADIOTAP)).toBe(expected);
    if (/^(type|sub|dir|wlan a|wlan .a)/.test(text)) expect(matches(text, bytes, 1)).toBe(false);
  });

  test("what is not there matches neither a term nor its opposite", () => {
    for (const text of ["type data", "not type data"]) {
      expect(matches(text, [], WLAN)).toBe(false);
      expect(matches(text, [0, 0, 10], RADIOTAP)).toBe(false);
      expect(matches(text, [0, 0, 10, 0, 0, 0, 0, 0, 9, 9], RADIOTAP)).toBe(false);
    }
  });

  test("radio reads what stands in front", () => {
    const frame = [0, 0, 10, 0, 0, 0, 0, 0, 9, 7, ...BEACON];
    expect(matches("radio[9] = 7", frame, RADIOTAP)).toBe(true);
    expect(matches("radio[9] = 7 or not radio[9] = 7", BEACON, WLAN)).toBe(true);
    expect(matches("radio[9] = 255", BEACON, WLAN)).toBe(false);
  });
});

test("the way of cooked frames", () => {
  const cooked = (type: number): number[] => [0, type, 0, 1, 0, 6, ...A, 0, 0, 8, 0, 0x45];
  const cooked2 = (type: number): number[] => [8, 0, 0, 0, 0, 0, 0, 5, 0, 1, type, 6, ...A, 0, 0, 0x45];
  for (const [frame, linkType] of [
    [cooked, COOKED],
    [cooked2, COOKED_2],
  ] as const) {
    expect([0, 4].map((type) => matches("inbound", frame(type), linkType))).toEqual([true, false]);
    expect([0, 4].map((type) => matches("outbound and ip", frame(type), linkType))).toEqual([false, true]);
  }
  expect(matches("ifindex 5", cooked2(0), COOKED_2)).toBe(true);
  expect(matches("ifindex 5", cooked(0), COOKED)).toBe(false);
  expect(matches("inbound or outbound", new Array(60).fill(0), 1)).toBe(false);
});

test("byte: one of the bits is set", () => {
  const frame = [5, ...new Array(59).fill(0)];
  for (const [text, expected] of [
    ["byte 0 = 5", true],
    ["byte 0 & 6", true],
    ["byte 0 & 8", false],
    ["byte 1 | 1", true],
    ["byte 1 | 0", false],
    ["byte 0 > 4", true],
    ["byte 0 < 5", false],
    ["byte 60 < 5", false],
    ["not byte 60 < 5", false],
  ] as const)
    expect(matches(text, frame, 1), text).toBe(expected);
});

describe("protochain", () => {
  const ipv4 = (protocol: number, payload: readonly number[]): number[] => [
    ...[
      ...A,
      ...B,
      8,
      0,
      0x46,
      0,
      0,
      60,
      0,
      0,
      0,
      0,
      64,
      protocol,
      0,
      0,
      10,
      0,
      0,
      1,
      10,
      0,
      0,
      2,
      1,
      1,
      1,
      1,
    ],
    ...payload,
  ];
  const ipv6 = (next: number, payload: readonly number[]): number[] => [
    ...[...A, ...B, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 60, next, 64, ...new Array(32).fill(1)],
    ...payload,
  ];
  const ah = (next: number): number[] => [next, 4, ...new Array(22).fill(7)];

  test("goes over authentication headers by their length, which libpcap does not", () => {
    for (const ip of [ipv4, ipv6]) {
      const over = ip === ipv4 ? "ip" : "ip6";
      const frame = ip(51, [...ah(51), ...ah(6), 0, 80]);
      expect(matches(`${over} protochain 6`, frame, 1)).toBe(true);
      expect(matches("protochain 6", frame, 1)).toBe(true);
      expect(matches("protochain \\ah", frame, 1)).toBe(true);
      expect(matches("protochain 17 or 6", frame, 1)).toBe(true);
      expect(matches("protochain 17", frame, 1)).toBe(false);
      expect(matches(`${over === "ip" ? "ip6" : "ip"} protochain 6`, frame, 1)).toBe(false);
      // Where it was cut in front of the last.
      const cut = frame.slice(0, -26);
      expect(
        [`${over} protochain 6`, `not ${over} protochain 6`].map((text) => matches(text, cut, 1)),
      ).toEqual([false, false]);
    }
  });

  test("looks behind tags and into tunnels, as other words", () => {
    const [mac, packet] = [ipv6(0, []).slice(0, 12), ipv6(0, [58, 0, 0, 0, 0, 0, 0, 0]).slice(12)];
    expect(matches("vlan and ip6 protochain 58", [...mac, 0x81, 0, 0, 5, ...packet], 1)).toBe(true);
    const udp = [0, 9, 0x17, 0xc1, 0, 0, 0, 0, 0, 0, 0x65, 0x58, 0, 0, 5, 0];
    expect(matches("geneve 5 and ip6 protochain 58", ipv4(17, [...udp, ...mac, ...packet]), 1)).toBe(true);
  });
});

test.each([
  ["gateway 1.2.3.4", "at 0: gateway takes the name of a host, and names are not looked up"],
  ["addr1 1.2.3.4", "at 6: addr1 applies to MAC addresses only"],
  ["addr1 2:0:0:0:0:1", "at 6: expected ether host, ether src or ether dst in front of a MAC address"],
  ["type data subtype beacon", 'at 18: expected the name of a subtype, got "beacon"'],
  ["type 3", 'at 5: expected mgt, ctl or data, got "3"'],
  ["subtype 0x80", 'at 8: expected the name of a subtype, got "0x80"'],
  ["dir up", 'at 4: expected nods, tods, fromds, dstods, got "up"'],
  ["llc none", "at 4: expected one of i, s, u, rr, rnr, rej, ui, ua, disc, test, sabme, xid, frmr"],
  ["pppoes and llc", "at 11: behind pppoes there is no llc"],
  ["byte 1", "at 6: expected =, <, >, & or |, got the end"],
  ["src protochain 6", "at 4: src does not apply to protochain"],
  ["tcp protochain 6", "at 15: tcp does not apply to protochain"],
  [
    "inner protochain 6",
    "at 17: protochain does not stand behind a position: proto passes over headers there",
  ],
])("%s: an error", (text, sentence) => {
  expect(() => compileFilter(text)).toThrow(sentence);
});
