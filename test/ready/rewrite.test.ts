// Headers rewritten: frames become what a slow model says, whole and cut at every length, and checksums are as right as they
// were.
import { type Kernels, loadKernels, Pipeline } from "frameferry";
import { CaptureWriter } from "frameferry/pcap";
import { type Changes, type NumberRange, type RewriteOptions, rewrite } from "frameferry/stages";
import { beforeAll, describe, expect, test } from "vitest";
import { Sink } from "../dataplane/capture-support.ts";
import { collect, dataplaneTest, modes } from "../dataplane/support.ts";
import { processed, recordsOf } from "../support/capture-corpus.ts";
import { Random } from "../support/filter-expressions.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";
import { frameOf, IPV4S, IPV6S, MACS, rewritten, type Said, type Tag } from "../support/rewrite-model.ts";

const SEED = 22;
const PORTS = [0, 53, 80, 81, 82, 4789, 65535];

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 64, frameBytes: 512 });
});

const text = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? "dropped" : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** A frame that says something of everything that there is to be changed. */
function saidBy(random: Random): Said {
  const version = random.of([4, 6, 4, 6, 4, 6, "arp", "none"] as const);
  const addresses = version === 6 ? IPV6S : IPV4S;
  const tag = (): Tag => ({
    tpid: random.of([0x8100, 0x88a8, 0x9100]),
    vid: random.of([0, 5, 6, 4094]),
    pcp: random.next(8),
    dei: random.next(2) === 0,
  });
  return {
    destinationMac: random.of(MACS),
    sourceMac: random.of(MACS),
    tags: Array.from({ length: random.next(3) }, tag),
    version,
    source: random.of(addresses),
    destination: random.of(addresses),
    dscp: random.of([0, 46, 63]),
    ecn: random.next(4),
    ttl: random.of([0, 1, 2, 64, 255]),
    protocol: random.of([6, 17, 6, 17, 58, 33, 136, 132, 47]),
    sourcePort: random.of(PORTS),
    destinationPort: random.of(PORTS),
    fragment: random.of(["none", "none", "none", "first", "later"] as const),
    options: version === 4 ? random.of([0, 0, 1, 10]) : 0,
    extensions: version === 6 ? random.of([[], [], ["hop"], ["route"], ["hop", "route"]] as const) : [],
    unchecked: random.next(4) === 0,
    payload: Uint8Array.from({ length: random.next(40) }, () => random.next(256)),
    padding: random.of([0, 0, 7]),
  };
}

/** Sometimes one change, sometimes several, often none. */
function some<T>(random: Random, make: () => { from?: T; to: T }): Changes<T> | undefined {
  const count = random.next(4);
  if (count === 0) return undefined;
  return count === 1 ? make() : Array.from({ length: count }, make);
}

function optionsBy(random: Random): RewriteOptions {
  const of = <T>(values: readonly T[]): Changes<T> | undefined =>
    some(random, () =>
      random.next(4) === 0 ? { to: random.of(values) } : { from: random.of(values), to: random.of(values) },
    );
  const addresses = (): Changes<string> | undefined =>
    some(random, () => {
      const family = random.of([
        [...IPV4S, "10.0.0.0/8", "172.16.0.0/12", "0.0.0.0/0", "10.1.2.2/31"],
        [...IPV6S, "2001:db8:0:0:0:0:0:0/32", "fd00:0:0:0:0:0:0:0/65", "0:0:0:0:0:0:0:0/0"],
      ]);
      const to = random.of(family);
      return random.next(4) === 0 ? { to } : { from: random.of(family), to };
    });
  const ports = (): Changes<NumberRange> | undefined =>
    some<NumberRange>(random, () => {
      if (random.next(3) === 0) return { from: [80, 82], to: random.of([[8080, 8082], 7] as const) };
      return { from: random.of(PORTS), to: random.of(PORTS) };
    });
  const options: RewriteOptions = {
    sourceMac: of(MACS),
    destinationMac: of(MACS),
    macs: of(MACS),
    source: addresses(),
    destination: addresses(),
    addresses: addresses(),
    sourcePort: ports(),
    destinationPort: ports(),
    ports: ports(),
    vid: of([0, 5, 6, 4094]),
    pcp: of([0, 3, 7]),
    dscp: of([0, 46, 63]),
    ...(random.next(2) === 0 ? { ttl: of([0, 1, 64, 255]) } : { ttlLess: random.of([1, 2, 255]) }),
  };
  return options;
}

test("frames become what the model says", () => {
  const random = new Random(SEED);
  let [changed, dropped] = [0, 0];
  for (let turn = 0; turn < 120; turn++) {
    const options = { ...optionsBy(random), ...(turn === 0 && { ttlLess: 1, ttl: undefined }) };
    if (Object.values(options).every((option) => option === undefined)) continue;
    using pipeline = new Pipeline(kernels, [rewrite(options)]);
    const asked = Array.from({ length: 64 }, () => saidBy(random));
    const frames = asked.map((said) => frameOf(said).bytes);
    const results = poisoned.run(
      pipeline,
      frames.map((bytes) => ({ bytes })),
    );
    let differ = 0;
    results.forEach(({ bytes, reason }, i) => {
      const expected = rewritten(asked[i]!, options);
      const wanted = expected && frameOf(expected).bytes;
      if (text(bytes) !== text(wanted))
        expect(text(bytes), JSON.stringify([options, asked[i], text(frames[i])])).toBe(text(wanted));
      if (wanted === undefined) expect(reason).toBe("ttl-exceeded");
      else if (text(wanted) !== text(frames[i])) differ++;
      if (wanted === undefined) dropped++;
    });
    expect(pipeline.counters().changed).toEqual([differ]);
    changed += differ;
  }
  expect(changed).toBeGreaterThan(4000);
  expect(dropped).toBeGreaterThan(100);
});

test("of frames that are cut, what is there whole", () => {
  const random = new Random(SEED + 1);
  const options: RewriteOptions = {
    macs: { to: "0a:0b:0c:0d:0e:0f" },
    addresses: [{ to: "172.16.0.0/12" }, { to: "fd00:0:0:0:0:0:0:0/16" }],
    ports: { to: 9999 },
    vid: { to: 77 },
    dscp: { to: 10 },
    ttl: { to: 99 },
  };
  using pipeline = new Pipeline(kernels, [rewrite(options)]);
  for (let turn = 0; turn < 60; turn++) {
    const said = { ...saidBy(random), padding: 0 };
    const before = frameOf(said);
    const after = frameOf(rewritten(said, options)!).bytes;
    const lengths = Array.from({ length: before.bytes.length + 1 }, (_, length) => length);
    const results = poisoned.run(
      pipeline,
      lengths.map((length) => ({
        bytes: before.bytes.slice(0, length),
        wireLength: before.bytes.length,
      })),
    );
    const needs = { 4: 20, 6: 40, arp: 28, none: 0 }[said.version];
    lengths.forEach((length) => {
      // Up to here all is as it becomes, and behind that as it was.
      let good = length;
      if (length < before.transport + 4) good = Math.min(good, before.transport);
      if (length < before.ip + needs) good = Math.min(good, before.ip);
      // Nor half of a checksum.
      if (length === before.transport + (said.protocol === 6 ? 17 : 7)) good--;
      if (length < 18 && said.tags.length > 0) good = Math.min(good, 14);
      if (length < 14) good = 0;
      const wanted = [...after.slice(0, good), ...before.bytes.slice(good, length)];
      expect(text(results[length]!.bytes), `${length} of ${text(before.bytes)}`).toBe(
        text(Uint8Array.from(wanted)),
      );
    });
  }
});

test("checksums that were wrong are as wrong afterwards", () => {
  const random = new Random(SEED + 2);
  const [said] = Array.from({ length: 500 }, () => saidBy(random)).filter(
    ({ version, protocol, fragment, tags }) =>
      version === 4 && protocol === 6 && fragment === "none" && tags.length === 0,
  );
  const options: RewriteOptions = { addresses: { to: "172.16.0.0/12" }, ports: { to: 9 } };
  using pipeline = new Pipeline(kernels, [rewrite(options)]);
  const { bytes, transport } = frameOf({ ...said!, padding: 0 });
  const wrong = bytes.slice();
  // By one more than it should be, which stays so.
  const field = (frame: Uint8Array, at: number): number => new DataView(frame.buffer).getUint16(at);
  new DataView(wrong.buffer).setUint16(transport + 16, (field(bytes, transport + 16) + 1) % 0xffff);
  const [result] = poisoned.run(pipeline, [{ bytes: wrong }]);
  const right = frameOf({ ...rewritten(said!, options)!, padding: 0 }).bytes;
  const off = (field(result!.bytes!, transport + 16) - field(right, transport + 16) + 0xffff) % 0xffff;
  expect(off).toBe(1);
});

test("packets of other links are rewritten behind their link headers", async () => {
  const said: Said = { ...saidBy(new Random(4)), version: 4, tags: [], padding: 0, ttl: 9 };
  const options: RewriteOptions = { macs: { to: "00:00:00:00:00:00" }, source: { to: "1.2.3.4" } };
  const { ip, bytes } = frameOf(said);
  const after = frameOf(rewritten(said, options)!).bytes.slice(ip);
  const capture = new CaptureWriter({ format: "pcap", linkType: 101 }).write([
    { data: bytes.slice(ip), timestamp: 0n },
  ]);
  using pipeline = new Pipeline(kernels, [rewrite(options)]);
  const { records } = await recordsOf((await processed(capture, pipeline, { format: "same" })).bytes);
  expect(text(records[0]!.data)).toBe(text(after));
});

const OPTIONS: RewriteOptions = { addresses: { from: "10.0.0.0/8", to: "172.0.0.0/8" }, ttlLess: 1 };

describe.each(modes)("$name", (mode) => {
  dataplaneTest(mode, "the same becomes of frames in a channel and in a capture", async (dataplane) => {
    const random = new Random(SEED + 3);
    const asked = Array.from({ length: 120 }, () => saidBy(random));
    const expected = asked.flatMap((said) => {
      const after = rewritten(said, OPTIONS);
      return after === undefined ? [] : [text(frameOf(after).bytes)];
    });
    const sent = asked.map((said) => frameOf(said).bytes);
    await using channel = await dataplane.open([rewrite(OPTIONS)]);
    for (let at = 0; at < sent.length; at += 40) await channel.sendAll(sent.slice(at, at + 40));
    channel.end();
    const received: string[] = [];
    for (const burst of await collect(channel))
      for (let i = 0; i < burst.length; i++) received.push(text(burst.frame(i)));
    expect(received.sort()).toEqual([...expected].sort());
    expect(channel.counters().drops).toEqual({ "ttl-exceeded": sent.length - expected.length });
    const capture = new CaptureWriter({ format: "pcap" }).write(
      sent.map((data) => ({ data, timestamp: 0n })),
    );
    const sink = new Sink();
    const summary = await dataplane.processCapture(capture, [rewrite(OPTIONS)], sink);
    expect(summary.drops).toEqual({ "ttl-exceeded": sent.length - expected.length });
    const written = text(Uint8Array.from(sink.parts.flatMap((part) => [...part])));
    for (const frame of expected) expect(written).toContain(frame);
  });
});

test.each([
  [{}, "rewrite: nothing to rewrite: give sourceMac, destinationMac, macs, source"],
  [{ ports: { from: 80 } }, "ports.to: missing; expected a whole number from 0 to 65535"],
  [{ ports: { to: 65536 } }, "ports.to: expected a whole number from 0 to 65535, got 65536"],
  [{ ports: [{ to: 1 }, { from: [9, 8], to: 1 }] }, "ports[1].from: expected the lower one first, got 9, 8"],
  [{ ports: { from: [8, 9], to: [1, 3] } }, "ports: a range can only come of one that is as long"],
  [{ ports: { to: [1, 3] } }, "ports: a range can only come of one that is as long"],
  [{ ports: { to: "80" } }, "ports.to: expected a whole number from 0 to 65535"],
  [{ source: { from: "10.0.0.0/8", to: "::/8" } }, "source: one address is of IPv4, and the other of IPv6"],
  [{ source: { to: "10.0.0.1/8" } }, "source.to: expected 10.0.0.0/8 or a longer prefix, got 10.0.0.1/8"],
  [{ source: { to: "10.0.0" } }, "source.to"],
  [{ macs: { from: "02", to: "02:00:00:00:00:01" } }, "macs.from"],
  [{ vid: { to: 4096 } }, "vid.to: expected a whole number from 0 to 4095, got 4096"],
  [{ ttlLess: 0 }, "ttlLess: expected a whole number from 1 to 255, got 0"],
  [{ ttl: { to: 1 }, ttlLess: 1 }, "ttlLess: what the TTL becomes is said by ttl already"],
  [{ ports: { to: 1, too: 1 } }, "ports: unknown option"],
  [{ port: { to: 1 } }, "rewrite: unknown option"],
])("%j is refused", (options, sentence) => {
  expect(() => rewrite(options as RewriteOptions)).toThrow(sentence);
});
