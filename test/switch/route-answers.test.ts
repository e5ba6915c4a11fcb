// What the kernel `route` and those for ARP and neighbour discovery answer, byte for byte.
import { compose, parseIp, parseMac } from "frameferry/wire";
import { describe, expect, it } from "vitest";
import {
  bench,
  echo,
  expectIcmp,
  expectPassed,
  frameOf,
  GATEWAY,
  GATEWAY_2,
  HOST,
  PEER,
  route,
  withRouter,
} from "./route-support.ts";

withRouter();

describe("what the router answers", () => {
  const sizes = [0, 1, 8, 100, 519, 520, 521, 1183, 1184, 1185, 1400];

  it.each(sizes)("time exceeded, %i bytes of payload", (payload) => {
    for (const vid of [undefined, 9]) {
      const tag = vid === undefined ? {} : ({ tag: 4 } as const);
      const shape = { payload, ttl: 1, ...(vid === undefined ? {} : { vid }) };
      const behind = vid === undefined ? 14 : 18;
      const frame = frameOf({ ...shape, to: "10.0.2.5" });
      const out = route(frame, tag);
      const body = expectIcmp(out, "10.0.1.5", "10.0.1.1", 11, 0);
      expect(body.subarray(0, 4)).toEqual(new Uint8Array(4));
      expect(body.subarray(4)).toEqual(frame.subarray(behind, Math.min(frame.length, behind + 548)));
      if (vid !== undefined) expect(out.bytes.subarray(12, 18)).toEqual(frame.subarray(12, 18));
      const frame6 = frameOf({ ...shape, to: "fc00:2::5" });
      const body6 = expectIcmp(route(frame6, tag), "fc00:1::5", "fc00:1::1", 3, 0);
      expect(body6.subarray(0, 4)).toEqual(new Uint8Array(4));
      expect(body6.subarray(4)).toEqual(frame6.subarray(behind, Math.min(frame6.length, behind + 1232)));
    }
  });

  it("packet too big, with the MTU, from one byte too many on", () => {
    for (const fields of [{}, { dontFragment: true }]) {
      const frame = frameOf({ to: "10.0.2.5", payload: 1273, fields });
      const body = expectIcmp(route(frame), "10.0.1.5", "10.0.1.1", 3, 4);
      expect(body.subarray(0, 4)).toEqual(Uint8Array.of(0, 0, 1300 >> 8, 1300 & 255));
      expect(body.subarray(4)).toEqual(frame.subarray(14, 562));
    }
    const frame = frameOf({ to: "fc00:5::1", payload: 1253 });
    const body = expectIcmp(route(frame), "fc00:1::5", "fc00:1::1", 2, 0);
    expect(body.subarray(0, 4)).toEqual(Uint8Array.of(0, 0, 1300 >> 8, 1300 & 255));
    expect(body.subarray(4)).toEqual(frame.subarray(14, 14 + 1232));
    for (const [to, payload] of [
      ["10.0.2.5", 1272],
      ["fc00:2::5", 1252],
    ] as const) {
      const fitting = frameOf({ to, payload });
      expectPassed(fitting, route(fitting), 2, PEER, GATEWAY_2);
    }
  });

  it("quotes no more than a capture left, nor bytes behind the packet", () => {
    const frame = frameOf({ to: "10.0.2.5", ttl: 1, payload: 300 });
    const cut = route(frame.subarray(0, 100), { wireLength: frame.length });
    expect(expectIcmp(cut, "10.0.1.5", "10.0.1.1", 11, 0).subarray(4)).toEqual(frame.subarray(14, 100));
    const longer = new Uint8Array(frame.length + 9).fill(7);
    longer.set(frame);
    expect(expectIcmp(route(longer), "10.0.1.5", "10.0.1.1", 11, 0).subarray(4)).toEqual(frame.subarray(14));
  });

  it.each(["10.0.1.1", "10.0.2.1", "10.0.1.9", "fc00:1::1", "fc00:2::1", "fe80::1"])("echo to %s", (to) => {
    const ipv6 = to.includes(":");
    for (const payload of [4, 5, 60, 1200]) {
      for (const ttl of [1, 64, 255]) {
        const frame = echo({ to, payload, ttl });
        const body = expectIcmp(route(frame), ipv6 ? "fc00:1::5" : "10.0.1.5", to, ipv6 ? 129 : 0, 0);
        expect(body).toEqual(frame.subarray(ipv6 ? 58 : 38));
      }
    }
  });

  it("echo that a capture cut, whose checksum stays as right as it was", () => {
    for (const [to, from, at] of [
      ["10.0.1.1", "10.0.1.5", 34],
      ["fc00:1::1", "fc00:1::5", 54],
    ] as const) {
      const frame = echo({ to, payload: 200 });
      const whole = route(frame);
      expectIcmp(whole, from, to, at === 34 ? 0 : 129, 0);
      const cut = route(frame.subarray(0, at + 9), { wireLength: frame.length });
      expect(cut).toMatchObject({ reason: undefined, answered: true, wireLength: frame.length });
      expect(cut.bytes).toEqual(whole.bytes.subarray(0, at + 9));
    }
  });

  it("counts them by what they are", () => {
    const before = bench.answered;
    route(echo({ to: "10.0.1.1" }));
    route(frameOf({ to: "10.0.2.5", ttl: 1 }));
    route(frameOf({ to: "fc00:2::5", ttl: 0 }));
    route(frameOf({ to: "10.0.2.5", payload: 1400 }));
    expect(bench.answered.map((count, i) => count - before[i]!)).toEqual([0, 1, 2, 1]);
  });
});

describe("ARP and neighbour solicitation", () => {
  const request = (targetIp: string, more: object = {}): Uint8Array =>
    compose(
      [
        { name: "ethernet", destination: "ff:ff:ff:ff:ff:ff", source: HOST },
        {
          name: "arp",
          operation: 1,
          senderMac: HOST,
          senderIp: "10.0.1.5",
          targetMac: "00:00:00:00:00:00",
          targetIp,
          ...more,
        },
      ],
      new Uint8Array(18).fill(0xee),
    );

  it("answers for the gateway, for others only where asked to", () => {
    bench.neighbours.set(5, parseIp("ip", "10.0.1.6"), parseMac("m", PEER));
    bench.neighbours.set(5, parseIp("ip", "10.0.1.1"), parseMac("m", GATEWAY), true);
    const run = (bytes: Uint8Array, domain: number) => bench.run("answerArp", { bytes }, domain);
    const count = bench.answered[0]!;
    for (const [ip, mac, answers] of [
      ["10.0.1.1", GATEWAY, true],
      ["10.0.1.6", PEER, false],
    ] as const) {
      expect(run(request(ip), 5).answered).toBe(answers);
      const out = answers ? run(request(ip), 5) : undefined;
      const expected = compose(
        [
          { name: "ethernet", destination: HOST, source: mac },
          { name: "arp", operation: 2, senderMac: mac, senderIp: ip, targetMac: HOST, targetIp: "10.0.1.5" },
        ],
        new Uint8Array(18).fill(0xee),
      );
      if (out !== undefined) expect(out.bytes).toEqual(expected);
    }
    expect(bench.answered[0]).toBe(count + 2);
    bench.suppress(5);
    expect(run(request("10.0.1.6"), 5).answered).toBe(true);
    for (const quiet of [
      request("10.0.1.7"),
      request("10.0.1.1", { senderIp: "10.0.1.1" }),
      request("10.0.1.1", { senderMac: GATEWAY }),
      request("10.0.1.1", { operation: 2 }),
      request("10.0.1.1", { hardwareType: 6 }),
      request("10.0.1.1", { protocolType: 0x86dd }),
      request("10.0.1.1").subarray(0, 41),
    ])
      expect(run(quiet, 5).answered).toBe(false);
    expect(run(request("10.0.1.6"), 6).answered).toBe(false);
    for (const ip of ["10.0.1.6", "10.0.1.1"]) bench.neighbours.delete(5, parseIp("ip", ip));
    expect(run(request("10.0.1.6"), 5).answered).toBe(false);
  });

  it("answers for the uplink, tagged too", () => {
    bench.neighbours.set(0, parseIp("ip", "10.0.1.1"), parseMac("m", GATEWAY), true);
    const plain = request("10.0.1.1");
    const tagged = new Uint8Array(plain.length + 4);
    tagged.set(plain.subarray(0, 12));
    tagged.set([0x81, 0, 0x20, 5], 12);
    tagged.set(plain.subarray(12), 16);
    const out = bench.run("answerArp", { bytes: tagged }, 0, 4);
    expect(out.answered).toBe(true);
    expect(out.bytes.subarray(12, 18)).toEqual(tagged.subarray(12, 18));
    expect(bench.run("answerArp", { bytes: tagged.subarray(0, 45) }, 0, 4).answered).toBe(false);
    bench.neighbours.delete(0, parseIp("ip", "10.0.1.1"));
  });

  const target = parseIp("ip", "fc00:1::1");
  const solicit = (source: string, option: boolean, more: object = {}, checksum?: number): Uint8Array => {
    const body = Uint8Array.from([0, 0, 0, 0, ...target, ...(option ? [1, 1, ...parseMac("m", HOST)] : [])]);
    return compose(
      [
        { name: "ethernet", destination: "33:33:ff:00:00:01", source: HOST },
        { name: "ipv6", source, destination: "ff02::1:ff00:1", hopLimit: 255, ...more },
        { name: "icmpv6", type: 135, checksum },
      ],
      body,
    );
  };

  it("answers solicitations, with the target's MAC", () => {
    for (const [source, option, to, mac, flags] of [
      ["fc00:1::5", true, "fc00:1::5", HOST, 0xe0],
      ["fc00:1::5", false, "fc00:1::5", HOST, 0xe0],
      ["::", false, "ff02::1", "33:33:00:00:00:01", 0xa0],
    ] as const) {
      const { bytes, answered } = bench.run("answerArp", { bytes: solicit(source, option) }, 1);
      expect(answered).toBe(true);
      const payload = Uint8Array.from([flags, 0, 0, 0, ...target, 2, 1, ...parseMac("m", GATEWAY)]);
      const expected = compose(
        [
          { name: "ethernet", destination: mac, source: GATEWAY },
          { name: "ipv6", source: "fc00:1::1", destination: to, hopLimit: 255 },
          { name: "icmpv6", type: 136 },
        ],
        payload,
      );
      expect(bytes).toEqual(expected);
    }
  });

  it("is silent about solicitations that are none", () => {
    // Its checksum would be right with the poison behind it.
    const whole = compose(
      [
        { name: "ethernet", destination: "33:33:ff:00:00:01", source: HOST },
        { name: "ipv6", source: "fc00:1::5", destination: "ff02::1:ff00:1", hopLimit: 255 },
        { name: "icmpv6", type: 135 },
      ],
      Uint8Array.from([0, 0, 0, 0, ...target, 1, 2, ...parseMac("m", HOST), ...new Uint8Array(8).fill(0xa5)]),
    );
    expect(bench.run("answerArp", { bytes: whole }, 1).answered).toBe(true);
    const beyond = whole.subarray(0, whole.length - 8);
    for (const bytes of [
      solicit("fc00:1::5", true, { hopLimit: 254 }),
      solicit("fc00:1::5", true, {}, 5),
      solicit("fc00:1::5", true).subarray(0, 77),
      solicit("fc00:1::5", true, { payloadLength: 33 }),
      solicit("fc00:1::5", true, { payloadLength: 23 }),
      beyond,
    ])
      expect(bench.run("answerArp", { bytes }, 1).answered).toBe(false);
    expect(bench.run("answerArp", { bytes: solicit("::", false), headroom: 7 }, 1).answered).toBe(false);
    expect(bench.run("answerArp", { bytes: solicit("::", false), headroom: 8 }, 1).answered).toBe(true);
    expect(bench.run("answerArp", { bytes: solicit("fc00:1::5", true) }, 2).answered).toBe(false);
  });
});
