// Encapsulation of any kind where it has a choice: frames of every link, what is no IP packet, what was cut, what is too long,
// and options that cannot be.
import {
  type EncapsulateStage,
  isArgumentError,
  type Kernels,
  loadKernels,
  Pipeline,
  type Stage,
} from "frameferry";
import { type ComposeLayer, compose } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { processed, recordsOf } from "../support/capture-corpus.ts";
import { LINK_FRAMES } from "../support/link-frames.ts";
import { noise } from "../support/passengers.ts";
import { expectBytes, PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const ENDS = { local: "10.1.5.7", remote: "10.1.5.8" };
const encapsulate = (options: object): EncapsulateStage =>
  ({ stage: "encapsulate", ...options }) as unknown as EncapsulateStage;
const GTP = encapsulate({ kind: "gtp-u", teid: 7, ...ENDS });
const PPPOE = encapsulate({ kind: "pppoe", session: 7 });

const ip = (version: 4 | 6): ComposeLayer =>
  version === 4
    ? { name: "ipv4", source: "192.0.2.1", destination: "192.0.2.2", protocol: 17 }
    : { name: "ipv6", source: "2001:db8::1", destination: "2001:db8::2", protocol: 17 };
const link: ComposeLayer = {
  name: "ethernet",
  destination: "00:00:5e:00:53:02",
  source: "00:00:5e:00:53:01",
};
const packet = (version: 4 | 6, length = 40): Uint8Array => compose([ip(version)], noise(length, 1));
const framed = (version: 4 | 6, length = 40): Uint8Array => compose([link, ip(version)], noise(length, 1));

interface Told {
  readonly reason: string | undefined;
  readonly bytes: Uint8Array | undefined;
  readonly wireLength: number;
}

function run(stages: readonly Stage[], bytes: Uint8Array, wireLength = bytes.length, headroom = 96): Told {
  const poisoned = new PoisonedBatch(kernels, { frames: 2, headroom, frameBytes: 2048 });
  using pipeline = new Pipeline(kernels, stages);
  const [outcome] = poisoned.run(pipeline, [{ bytes, wireLength }]);
  poisoned.close();
  return outcome!;
}

/** Takes off what was put on, and leaves IP bare. */
const OFF: Stage = { stage: "decapsulate", kind: "any", link: "raw" };

describe("what is carried is an IP packet", () => {
  it.each([...LINK_FRAMES.keys()])("of frames of link type %i", async (type) => {
    for (const version of [4, 6] as const) {
      if ((type === 228 && version === 6) || (type === 229 && version === 4)) continue;
      const wanted = packet(version);
      for (let choice = 0; choice < 64; choice++) {
        const frame = LINK_FRAMES.get(type)!(wanted, choice);
        const input = join([pcapHeader(false, false, type), pcapRecord(false, 1, 0, frame)]).bytes;
        using pipeline = new Pipeline(kernels, [GTP]);
        const { bytes, summary } = await processed(input, pipeline, {});
        expect(summary.drops).toEqual({});
        const { records } = await recordsOf(bytes);
        expect(records[0]!.interface.linkType).toBe(1);
        const { bytes: found } = run([OFF], records[0]!.data);
        expectBytes(found, wanted);
      }
    }
  });

  it("and its addresses are made up, where the frame has none", async () => {
    const input = join([pcapHeader(false, false, 101), pcapRecord(false, 1, 0, packet(4))]).bytes;
    using pipeline = new Pipeline(kernels, [PPPOE]);
    const { records } = await recordsOf((await processed(input, pipeline, {})).bytes);
    expect([...records[0]!.data.subarray(0, 14)]).toEqual([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0x64]);
  });

  it("and the frame's own, where nothing else was asked for", () => {
    const mine = run([PPPOE], framed(6)).bytes!;
    expect([...mine.subarray(0, 12)]).toEqual([...framed(6).subarray(0, 12)]);
    const half = run([encapsulate({ ...PPPOE, localMac: "02:02:02:02:02:02" })], framed(6)).bytes!;
    expect([...half.subarray(0, 12)]).toEqual([...framed(6).subarray(0, 6), 2, 2, 2, 2, 2, 2]);
  });

  it.each([
    ["ARP", compose([{ ...link, etherType: 0x0806 } as ComposeLayer], noise(46, 1)), GTP],
    ["LLC", compose([{ ...link, etherType: 38 } as ComposeLayer], noise(46, 1)), GTP],
    ["an Ethernet header alone", framed(4).subarray(0, 14), GTP],
    ["half an IPv4 header", framed(4).subarray(0, 33), GTP],
    ["half an IPv6 header", framed(6).subarray(0, 53), GTP],
    ["IPv6 where the type says IPv4", Uint8Array.of(...framed(4).subarray(0, 14), ...packet(6)), GTP],
    ["IPv4 where the type says IPv6", Uint8Array.of(...framed(6).subarray(0, 14), ...packet(4)), GTP],
    ["a tag without a type", Uint8Array.of(...framed(4).subarray(0, 12), 0x81, 0, 0), GTP],
    ["IPv6 in 4in6", framed(6), encapsulate({ kind: "4in6", local: "fd00::1", remote: "fd00::2" })],
    ["IPv4 in 6in4", framed(4), encapsulate({ kind: "6in4", ...ENDS })],
  ] as const)("not %s", (_, bytes, stage) => {
    expect(run([stage], bytes).reason).toBe("not-ip");
  });

  it("as long as it says, or all there is where that cannot be", () => {
    const padded = Uint8Array.of(...framed(4), ...noise(9, 2));
    expectBytes(run([GTP, OFF], padded).bytes, packet(4));
    const patched = (at: number, value: number, version: 4 | 6): Uint8Array => {
      const frame = framed(version);
      new DataView(frame.buffer).setUint16(14 + at, value);
      return frame;
    };
    for (const frame of [
      patched(2, 0, 4),
      patched(2, 19, 4),
      patched(2, 61, 4),
      patched(4, 0, 6),
      patched(4, 41, 6),
    ])
      expect(run([GTP], frame).bytes!.length).toBe(frame.length - 14 + 50 - 14 + 14);
  });

  it("cut by a capture as it was: lengths are those on the wire", () => {
    const { bytes, wireLength, reason } = run([GTP], framed(4, 400).subarray(0, 100), 434);
    expect(reason).toBeUndefined();
    expect([bytes!.length, wireLength]).toEqual([86 + 50, 420 + 50]);
    const view = new DataView(bytes!.buffer, bytes!.byteOffset);
    expect([view.getUint16(16), view.getUint16(38), view.getUint16(44)]).toEqual([456, 436, 420]);
    expect(
      run([encapsulate({ ...GTP, udpChecksum: true })], framed(4, 400).subarray(0, 100), 434).reason,
    ).toBe("cut-by-capture");
  });
});

describe("frames that cannot be put in", () => {
  const TZSP = encapsulate({ kind: "tzsp", ...ENDS });
  const VN_TAG = encapsulate({ kind: "vn-tag", destinationVif: 1 });

  it("are those that are too short, too long, or without headroom", () => {
    expect(run([VN_TAG], noise(14, 1)).reason).toBeUndefined();
    // The headers are 47 bytes, of which Ethernet's are not told by IP.
    expect(run([TZSP], noise(1000, 1), 65535 - 33).reason).toBeUndefined();
    expect(run([TZSP], noise(1000, 1), 65535 - 32).reason).toBe("frame-too-long");
    // Behind the addresses.
    expect(run([VN_TAG], noise(1000, 1), 12 + 65535).reason).toBeUndefined();
    expect(run([VN_TAG], noise(1000, 1), 12 + 65536).reason).toBe("frame-too-long");
    const pppoe = framed(4, 1000);
    new DataView(pppoe.buffer).setUint16(16, 0);
    expect(run([PPPOE], pppoe, 14 + 65533).reason).toBeUndefined();
    expect(run([PPPOE], pppoe, 14 + 65534).reason).toBe("frame-too-long");
    expect(run([TZSP], noise(60, 1), 60, 47).reason).toBeUndefined();
    expect(run([TZSP], noise(60, 1), 60, 46).reason).toBe("no-headroom");
    expect(run([VN_TAG], noise(60, 1), 60, 6).reason).toBeUndefined();
    expect(run([VN_TAG], noise(60, 1), 60, 5).reason).toBe("no-headroom");
    using pipeline = new Pipeline(kernels, [VN_TAG, TZSP]);
    expect(pipeline.headroom).toBe(6 + 47);
  });

  it("are those of other links, where frames are carried", async () => {
    const input = join([pcapHeader(false, false, 101), pcapRecord(false, 1, 0, packet(4))]).bytes;
    using pipeline = new Pipeline(kernels, [TZSP]);
    const { summary } = await processed(input, pipeline, {});
    expect(summary.drops).toEqual({ "not-ethernet": 1 });
  });
});

describe("headers alone", () => {
  it.each([
    ["etherip", {}, [0x30, 0]],
    ["tzsp", {}, [1, 0, 0, 1, 1]],
    ["mpls-in-udp", { label: 16 }, [0, 1, 1, 64]],
    ["erspan", { type: 1 }, [0, 0, 0x88, 0xbe]],
    ["gtp-u", { teid: 5 }, [0x30, 255, 0, 60, 0, 0, 0, 5]],
  ])("of %s", (kind, options, header) => {
    const stage = encapsulate({ kind, header: "bare", ...options });
    const { bytes } = run([stage], framed(4));
    expectBytes(bytes, Uint8Array.of(...header, ...(kind === "gtp-u" ? packet(4) : framed(4))));
    using pipeline = new Pipeline(kernels, [stage]);
    expect(pipeline.headroom).toBe(header.length);
  });
});

describe("options that cannot be", () => {
  const L2TPV3 = { kind: "l2tpv3", session: 1, ...ENDS };
  it.each<[object, string, string, string?]>([
    [
      { kind: "pptp", ...ENDS },
      "kind",
      "not-for-this",
      "pptp is only taken off; what can be put on is vxlan, ",
    ],
    [{ kind: "any", ...ENDS }, "kind", "not-one-of"],
    [{ kind: "gtp-u", ...ENDS }, "teid", "missing"],
    [{ kind: "gtp-u", teid: 2 ** 32, ...ENDS }, "teid", "out-of-range"],
    [{ kind: "gtp-u", teid: 5 }, "local", "missing"],
    [{ kind: "gtp-u", teid: 5, local: "10.0.0.1" }, "remote", "missing"],
    [{ kind: "gtp-u", teid: 5, local: "10.0.0.1", remote: "fd00::1" }, "remote", "contradiction"],
    [{ kind: "gtp-u", teid: 5, vni: 5, ...ENDS }, "vni", "not-for-this"],
    [{ kind: "gtp-u", teid: 5, tied: 5, ...ENDS }, "encapsulate", "unknown-option"],
    [{ kind: "gtp-u", teid: 5, uplink: true, ...ENDS }, "uplink", "contradiction"],
    [{ kind: "gtp-u", teid: 5, header: "bare", ...ENDS }, "local", "not-for-this"],
    [{ kind: "ipip", header: "bare" }, "header", "not-for-this"],
    [{ kind: "ipip", local: "fd00::1", remote: "fd00::2" }, "local", "contradiction"],
    [{ kind: "4in6", ...ENDS }, "local", "contradiction"],
    [{ kind: "erspan", type: 4, ...ENDS }, "type", "out-of-range"],
    [{ kind: "erspan", type: 1, session: 0, ...ENDS }, "session", "not-for-this"],
    [{ kind: "erspan", hardware: 0, ...ENDS }, "hardware", "not-for-this"],
    [{ kind: "erspan", type: 3, index: 0, ...ENDS }, "index", "not-for-this"],
    [{ ...L2TPV3, session: 0 }, "session", "out-of-range"],
    [{ ...L2TPV3, cookie: new Uint8Array(5) }, "cookie", "out-of-range"],
    [{ ...L2TPV3, cookie: "00" }, "cookie", "wrong-type"],
    [{ ...L2TPV3, over: "tcp" }, "over", "not-one-of"],
    [{ ...L2TPV3, udpChecksum: false }, "udpChecksum", "not-for-this"],
    [{ ...L2TPV3, port: 5 }, "port", "not-for-this"],
    [{ kind: "mpls" }, "label", "missing"],
    [{ kind: "mpls", label: [] }, "label", "out-of-range"],
    [{ kind: "mpls", label: new Array(17).fill(1) }, "label", "full"],
    [{ kind: "mpls", label: [1, 2 ** 20] }, "label[1]", "out-of-range"],
    [{ kind: "mpls", label: 1, carries: "ip", controlWord: true }, "controlWord", "contradiction"],
    [{ kind: "mpls", label: 1, carries: "ipv4" }, "carries", "not-one-of"],
    [{ kind: "mpls", label: 1, dscp: 0 }, "dscp", "contradiction"],
    [{ kind: "mpls", label: 1, local: "10.0.0.1" }, "remote", "missing"],
    [{ kind: "nsh", path: 1, vni: 5 }, "vni", "contradiction"],
    [{ kind: "nsh", path: 1, ttl: 5 }, "ttl", "contradiction"],
    [{ kind: "nsh", path: 1, ...ENDS }, "vni", "missing"],
    [{ kind: "vn-tag", destinationVif: 1, outerVid: 5 }, "outerVid", "not-for-this"],
    [{ kind: "802.1ah", vni: 1, ...ENDS }, "local", "not-for-this"],
    [{ kind: "pppoe", session: 65535 }, "session", "out-of-range"],
    [{ kind: "vxlan", vni: 1, carries: "ip", ...ENDS }, "carries", "not-for-this"],
    [{ kind: "vxlan", vni: 1, policy: {}, ...ENDS }, "policy.group", "missing"],
    [{ kind: "vxlan", vni: 1, policy: { group: 1, learn: true }, ...ENDS }, "policy", "unknown-option"],
  ])("%j: %s", (options, path, code, sentence) => {
    let found: unknown;
    try {
      new Pipeline(kernels, [encapsulate(options)]);
    } catch (error) {
      found = error;
    }
    if (!isArgumentError(found)) throw found ?? new Error("no error");
    expect([found.path, found.code]).toEqual([`stages[0].${path}`, code]);
    if (sentence !== undefined) expect(found.sentence).toContain(sentence);
  });
});
