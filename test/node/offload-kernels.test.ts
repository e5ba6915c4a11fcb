// Cutting super-frames, joining segments, and what TAPs say in front of frames: against a model that builds each segment by itself,
// against tshark, and against headers that lie.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { CaptureWriter } from "frameferry/pcap";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../cli/program.ts";
import { OffloadKernels } from "../support/offload-kernels.ts";
import {
  headersOf,
  noise,
  onesComplement,
  type Segments,
  segmentsArbitrary,
  segmentsOf,
  superFrame,
  transportOf,
} from "../support/segment-model.ts";
import { hasTshark, tsharkFields } from "../support/tshark.ts";

const kernels = new OffloadKernels();
const REFUSED = 0;
const WHOLE = 1;
const SUPER = 2;

const wireOf = (it: Segments): number => headersOf(it) + it.segment;

/** A usual one. */
const usual: Segments = {
  ...{ ipv6: false, tcp: true, tags: 0, options: 12, flags: 0x10, sequence: 1000, id: 7 },
  ...{ dontFragment: true, payload: noise(20_000, 5), segment: 1448, seed: 5 },
};

describe("cutting", () => {
  test("gives the segments that the standards say, whatever the room", () => {
    fc.assert(
      fc.property(segmentsArbitrary, fc.constantFrom(9200, 70_000, 2 << 20), (it, room) => {
        expect(kernels.cut(superFrame(it), { wire: wireOf(it), room })).toEqual(segmentsOf(it));
      }),
      { numRuns: 150 },
    );
  });

  test("one behind the other with a tunnel's header in front of each", () => {
    fc.assert(
      fc.property(segmentsArbitrary, fc.constantFrom(8, 12, 260), (it, inner) => {
        const front = noise(inner, 99);
        const frame = Uint8Array.from([...front, ...superFrame(it)]);
        const pieces = kernels.cut(frame, { inner, wire: inner + wireOf(it), records: false, room: 65_507 });
        expect(pieces).toEqual(segmentsOf(it).map((segment) => Uint8Array.from([...front, ...segment])));
      }),
      { numRuns: 80 },
    );
  });

  test("as many as there is room for, and 16 bytes", () => {
    const length = wireOf(usual);
    for (const [room, count] of [
      [3 * length + 16, 3],
      [3 * length + 15, 2],
    ] as const) {
      const cut = kernels.pieces(superFrame(usual), { wire: length, records: false, room });
      expect(cut).toBe(count * length);
    }
  });

  test("into shorter super-frames, which give the same segments", () => {
    fc.assert(
      fc.property(segmentsArbitrary, fc.integer({ min: 2, max: 9 }), (it, segments) => {
        const wire = wireOf(it);
        const pieces = kernels.cut(superFrame(it), { wire, segments }) ?? [];
        expect(pieces.map(({ length }) => length)).toEqual(
          segmentsOf(it, segments).map(({ length }) => length),
        );
        const cut = pieces.flatMap((piece) =>
          piece.length > wire ? (kernels.cut(piece, { wire }) ?? []) : [piece],
        );
        expect(cut).toEqual(segmentsOf(it));
      }),
      { numRuns: 60 },
    );
  });

  test.skipIf(!hasTshark())("tshark finds no wrong checksum and no gap", () => {
    const path = join(temporaryFolder(), "segments.pcap");
    const writer = new CaptureWriter({ format: "pcap" });
    const all = [false, true].flatMap((ipv6) => [
      { ...usual, ipv6 },
      { ...usual, ipv6, tcp: false },
      { ...usual, ipv6, tags: 1, payload: noise(7, 3), segment: 8 },
    ]);
    const frames = all.flatMap((it) => kernels.cut(superFrame(it), { wire: wireOf(it) }) ?? []);
    const records = frames.map((data) => ({ data, timestamp: 0n }));
    writeFileSync(
      path,
      [writer.write(records), writer.finish()].reduce((a, b) => Buffer.concat([a, b])),
    );
    const status = ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status"];
    const rows = tsharkFields(path, [...status, "tcp.seq_raw", "tcp.len"]);
    expect(rows.length).toBe(frames.length);
    for (const [ip, tcp, udp] of rows) {
      expect(["1", ""]).toContain(ip);
      expect([tcp, udp].sort()).toEqual(["", "1"]);
    }
    const first = rows.slice(0, segmentsOf(usual).length).map((row) => [Number(row[3]), Number(row[4])]);
    for (const [index, [sequence, length]] of first.entries())
      if (index + 1 < first.length) expect(first[index + 1]?.[0]).toBe((sequence ?? 0) + (length ?? 0));
  });

  test("what cannot be cut is left, and nothing is written outside", () => {
    const frame = superFrame(usual);
    const wire = wireOf(usual);
    for (const [bytes, at] of [
      [0x46, 14], // options that are not there make other headers, which is no reason
      [0x35, 14], // no IPv4
      [0x44, 14], // a header shorter than there is
      [0x20, 20], // a fragment
      [51, 23], // no TCP
      [0x40, 46], // a TCP header shorter than there is
    ] as const) {
      const wrong = frame.slice();
      wrong[at] = bytes;
      if (bytes === 0x46) continue;
      expect([at, kernels.cut(wrong, { wire })]).toEqual([at, undefined]);
    }
    expect(kernels.cut(frame, { wire: headersOf(usual) })).toBe(undefined);
    expect(kernels.cut(frame, { wire: headersOf(usual) + 7 })).toBe(undefined);
    expect(kernels.cut(frame, { wire: frame.length + 1 })).toBe(undefined);
    expect(kernels.cut(frame.subarray(0, 100), { wire: 90 })).toBe(undefined); // shorter than its IP header says
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(300), fc.nat(20), (bytes, length, inner) => {
        kernels.cut(bytes, { wire: length, inner });
      }),
    );
  });
});

describe("joining", () => {
  const joinable = segmentsArbitrary.map((it) => ({ ...it, tcp: true, flags: it.flags & 0x59 }));

  test("gives what was cut, however the segments come", () => {
    fc.assert(
      fc.property(joinable, fc.integer({ min: 1, max: 50 }), (it, together) => {
        const segments = segmentsOf(it);
        const groups: Uint8Array[][] = [];
        for (let i = 0; i < segments.length; i += together) groups.push(segments.slice(i, i + together));
        const joined = kernels.join(groups);
        expect(joined.length).toBe(1);
        const [{ frame, wire } = { frame: new Uint8Array(0), wire: 0 }] = joined;
        expect(wire).toBe(wireOf(it));
        // Nobody reads the checksum of a super-frame.
        const checksum = transportOf(it) + 16;
        const expected = superFrame(it);
        frame.set(expected.subarray(checksum, checksum + 2), checksum);
        expect(frame).toEqual(expected);
        expect(kernels.cut(frame, { wire })).toEqual(segments);
      }),
      { numRuns: 120 },
    );
  });

  test("behind a tunnel's header of VXLAN and of Geneve with options", () => {
    const vxlan = [8, 0, 0, 0, 0, 0, 42, 0];
    const geneve = [2, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 1, 9, 9, 9, 9];
    for (const front of [vxlan, geneve]) {
      const segments = segmentsOf(usual).map((segment) => Uint8Array.from([...front, ...segment]));
      const joined = kernels.join([segments], true);
      expect(joined.map(({ frame, wire }) => [frame.length, wire])).toEqual([
        [front.length + superFrame(usual).length, front.length + wireOf(usual)],
      ]);
      // Of another network it is another flow.
      const other = segments.map((segment, i) => (i === 3 ? segment.with(6, 43) : segment));
      expect(kernels.join([other], true).length).toBe(3);
    }
  });

  /** Changes a segment, and makes its checksums right again. */
  function changed(segment: Uint8Array, it: Segments, at: number, value: number): Uint8Array {
    const bytes = segment.with(at, value);
    const transport = transportOf(it);
    const ip = 14 + 4 * it.tags;
    const put = (place: number, sum: number): void => void bytes.set([sum >> 8, sum & 255], place);
    if (!it.ipv6) {
      put(ip + 10, 0);
      put(ip + 10, onesComplement(bytes.subarray(ip, transport)));
    }
    put(transport + 16, 0);
    const length = bytes.length - transport;
    const addresses = bytes.subarray(it.ipv6 ? ip + 8 : ip + 12, transport);
    const pseudo = [...addresses, 0, 6, length >> 8, length & 255, ...bytes.subarray(transport)];
    put(transport + 16, onesComplement(pseudo));
    return bytes;
  }

  test.each([
    ["another destination", 0, 4],
    ["another source", 11, 9],
    ["another TOS", 15, 0],
    ["fragments allowed", 20, 0],
    ["another TTL", 22, 9],
    ["another IP source", 26, 9],
    ["another IP destination", 33, 9],
    ["another port", 35, 9],
    ["a gap", 41, 9],
    ["another acknowledgement", 45, 9],
    ["SYN", 47, 0x12],
    ["RST", 47, 0x14],
    ["URG", 47, 0x30],
    ["CWR", 47, 0x90],
    ["ECE", 47, 0x50],
    ["no ACK", 47, 0],
    ["another window", 49, 9],
    ["another option", 60, 9],
  ])("%s begins another frame", (_what, at, value) => {
    const segments = segmentsOf({ ...usual, payload: usual.payload.subarray(0, 8 * 1448) });
    const same = segments.map((segment) => changed(segment, usual, 0, segment[0] as number));
    expect(kernels.join([same]).length).toBe(1);
    const frames = same.map((segment, i) => (i === 4 ? changed(segment, usual, at, value) : segment));
    const joined = kernels.join([frames]);
    expect(joined.length).toBeGreaterThan(1);
    expect(joined[0]?.frame.length).toBe(headersOf(usual) + 4 * 1448);
    expect(joined[1]?.frame.subarray(0, headersOf(usual))[at]).toBe(value);
  });

  test.each([
    ["the checksum of TCP", 51],
    ["the checksum of IP", 25],
    ["a byte of the payload", 100],
  ])("what has a mistake in %s stays alone, as it is", (_what, at) => {
    const segments = segmentsOf(usual);
    const wrong = (segments[4] as Uint8Array).with(at, (segments[4]?.[at] as number) ^ 1);
    const joined = kernels.join([segments.with(4, wrong)]);
    expect(joined[1]?.frame).toEqual(wrong);
    expect(joined.length).toBe(3);
  });

  test("PSH and FIN end it, a shorter segment too, and a longer one begins anew", () => {
    const segments = segmentsOf({ ...usual, payload: usual.payload.subarray(0, 6 * 1448) });
    const counts = (frames: readonly Uint8Array[]): number[] =>
      kernels
        .join(frames.map((frame) => [frame]))
        .map(({ frame }) => (frame.length - headersOf(usual)) / 1448);
    for (const flags of [0x18, 0x11]) {
      const pushed = changed(segments[2] as Uint8Array, usual, 47, flags);
      const joined = kernels.join([segments.with(2, pushed)]);
      expect(joined.map(({ frame }) => (frame.length - headersOf(usual)) / 1448)).toEqual([3, 3]);
      expect(joined[0]?.frame[47]).toBe(flags);
    }
    expect(counts(segments)).toEqual([6]);
    const half = segmentsOf({ ...usual, segment: 724, payload: usual.payload.subarray(0, 724 * 3) });
    const rest = segmentsOf({
      ...usual,
      sequence: usual.sequence + 724 * 3,
      payload: usual.payload.subarray(0, 2896),
    });
    expect(counts([...half, ...rest])).toEqual([1.5, 2]);
  });

  test("identifications count where fragments are allowed, and only there", () => {
    const of = (dontFragment: boolean): number => {
      const segments = segmentsOf({ ...usual, dontFragment }).map((segment) =>
        changed(segment, usual, 19, 7),
      );
      return kernels.join([segments]).length;
    };
    expect([of(true), of(false)]).toEqual([1, segmentsOf(usual).length]);
  });

  test("never more than headers can say", () => {
    const long: Segments = { ...usual, payload: noise(120_000, 1) };
    const joined = kernels.join(segmentsOf({ ...long, sequence: 5 }).map((segment) => [segment]));
    expect(joined.length).toBe(2);
    for (const { frame } of joined) expect(frame.length).toBeLessThanOrEqual(65_024);
  });

  test("bytes that are no segments are left alone", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 120 }), { minLength: 1 }),
        fc.boolean(),
        (all, inTunnel) => {
          expect(
            kernels
              .join(
                all.map((bytes) => [bytes]),
                inTunnel,
              )
              .map(({ frame }) => frame),
          ).toEqual(all);
        },
      ),
    );
  });
});

describe("what a TAP says of a frame", () => {
  /** flags, type, headers, segment, checksum start, checksum offset: little-endian, as the machine. */
  const said = (
    flags: number,
    type: number,
    headers: number,
    segment: number,
    start: number,
    offset: number,
  ) => {
    const words = [headers, segment, start, offset].flatMap((word) => [word & 255, word >> 8]);
    return [flags, type, ...words];
  };

  test("a checksum that was left is right afterwards", () => {
    fc.assert(
      fc.property(segmentsArbitrary, (it) => {
        const frame = segmentsOf(it)[0] as Uint8Array;
        const transport = transportOf(it);
        const offset = it.tcp ? 16 : 6;
        // The system leaves the sum over the pseudo header there.
        const partial = frame.slice();
        partial.fill(0, transport + offset, transport + offset + 2);
        const body = onesComplement(partial.subarray(transport));
        const right =
          ((frame[transport + offset] as number) << 8) | (frame[transport + offset + 1] as number);
        let pseudo = (~right & 0xffff) - (~body & 0xffff);
        if (pseudo < 0) pseudo += 0xffff;
        partial.set([pseudo >> 8, pseudo & 255], transport + offset);
        const result = kernels.take(said(1, 0, 0, 0, transport, offset), partial);
        expect(result.taken).toBe(WHOLE);
        expect(result.frame).toEqual(frame);
        expect(result.wire).toBe(frame.length);
        // Nothing is done where nothing is said.
        expect(kernels.take(said(0, 0, 0, 0, transport, offset), partial).frame).toEqual(partial);
      }),
      { numRuns: 80 },
    );
  });

  test("a super-frame is one as far as its headers bear it out", () => {
    const type = (it: Segments): number => (it.tcp ? (it.ipv6 ? 4 : 1) : 5);
    fc.assert(
      fc.property(segmentsArbitrary, fc.nat(0xffff), (it, lie) => {
        const frame = superFrame(it);
        // The length of headers is a hint that nobody believes.
        const header = said(1, type(it) | 0x80, lie, it.segment, lie, lie);
        expect(kernels.take(header, frame)).toMatchObject({ taken: SUPER, frame, wire: wireOf(it) });
        expect(kernels.take(said(1, 3, 0, it.segment, 0, 0), frame).taken).toBe(REFUSED); // UFO
        expect(kernels.take(said(1, type(it) === 1 ? 4 : 1, 0, it.segment, 0, 0), frame).taken).toBe(REFUSED);
        for (const segment of [0, 1, 7])
          expect(kernels.take(said(1, type(it), 0, segment, 0, 0), frame).taken).toBe(REFUSED);
        // One segment is a frame.
        const whole = said(0, type(it), 0, Math.min(65_535, it.payload.length), 0, 0);
        expect(kernels.take(whole, frame)).toMatchObject({ taken: WHOLE, wire: frame.length });
      }),
      { numRuns: 60 },
    );
  });

  test("headers that lie are refused or harmless", () => {
    const frame = superFrame(usual).subarray(0, 400);
    expect(kernels.take(said(1, 0, 0, 0, 399, 0), frame).taken).toBe(REFUSED); // two bytes do not fit
    expect(kernels.take(said(1, 0, 0, 0, 398, 0), frame).taken).toBe(WHOLE);
    expect(kernels.take(said(1, 0, 0, 0, 0xffff, 0xffff), frame).taken).toBe(REFUSED);
    expect(kernels.take(said(1, 1, 0, 100, 34, 16), frame).taken).toBe(REFUSED); // shorter than IP says
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        fc.uint8Array({ minLength: 14, maxLength: 150 }),
        (header, bytes) => {
          const { taken, wire } = kernels.take(header, bytes);
          expect([REFUSED, WHOLE, SUPER]).toContain(taken);
          if (taken === WHOLE) expect(wire).toBe(bytes.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("what is told of a super-frame lets the system cut it", () => {
    fc.assert(
      fc.property(segmentsArbitrary, (it) => {
        const given = kernels.give(superFrame(it), wireOf(it));
        const transport = transportOf(it);
        const type = it.tcp ? (it.ipv6 ? 4 : 1) : 5;
        const expected = said(1, type, headersOf(it), it.segment, transport, it.tcp ? 16 : 6);
        expect([...(given?.header ?? [])]).toEqual(expected);
        // Taken back, it is the same.
        expect(kernels.take(expected, given?.frame as Uint8Array)).toMatchObject({
          taken: SUPER,
          wire: wireOf(it),
        });
        expect(kernels.give(superFrame(it), superFrame(it).length)?.header).toEqual(new Uint8Array(10));
      }),
      { numRuns: 60 },
    );
    expect(kernels.give(noise(200, 1), 100)).toBe(undefined);
  });
});
