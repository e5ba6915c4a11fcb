// Encapsulation of every kind: byte for byte what the codecs make of the same options, and out again what went in.
import fc from "fast-check";
import {
  type EncapsulateStage,
  encapsulateKinds,
  type Kernels,
  loadKernels,
  Pipeline,
  tunnelKinds,
  type WrappingKind,
} from "frameferry";
import { type ComposeLayer, compose, flowHash, sourcePort } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { type Drawn, ENCAPSULATION_CASES, type EncapsulationCase } from "../support/encapsulation-cases.ts";
import { cook, noise, passengerRecipe, tpid } from "../support/passengers.ts";
import { expectBytes, PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 16, headroom: 384, frameBytes: 2048 });
});

/** A frame that goes in, and what of it is carried. */
interface Passenger {
  readonly frame: Uint8Array;
  readonly carried: Uint8Array;
  readonly version: 4 | 6 | undefined;
}

/** A frame without its outermost VLAN tag. */
const untagged = (frame: Uint8Array): Uint8Array =>
  [0x8100, 0x88a8, 0x9100].includes((frame[12]! << 8) | frame[13]!) && frame.length >= 18
    ? Uint8Array.of(...frame.subarray(0, 12), ...frame.subarray(16))
    : frame;

function packetOf(version: 4 | 6, length: number, seed: number): Uint8Array {
  const random = noise(40, seed);
  const ports = { sourcePort: seed & 0xffff, destinationPort: 53 };
  const layers: ComposeLayer[] =
    version === 4
      ? [{ name: "ipv4", source: random.subarray(0, 4), destination: random.subarray(4, 8), ttl: 9 }]
      : [{ name: "ipv6", source: random.subarray(0, 16), destination: random.subarray(16, 32), hopLimit: 9 }];
  return compose([...layers, { name: "udp", ...ports }], noise(length, seed));
}

/** IP packets in Ethernet frames, tagged up to four times, with padding behind. */
function packets(versions: readonly (4 | 6)[]): fc.Arbitrary<Passenger> {
  return fc
    .record({
      version: fc.constantFrom(...versions),
      length: fc.integer({ min: 0, max: 1400 }),
      seed: fc.integer({ min: 1, max: 0xffff }),
      tags: fc.array(tpid, { maxLength: 4 }),
      padding: fc.integer({ min: 0, max: 46 }),
    })
    .map(({ version, length, seed, tags, padding }) => {
      const carried = packetOf(version, length, seed);
      const etherType = version === 4 ? 0x0800 : 0x86dd;
      const macs = noise(12, seed + 1);
      const frame = compose(
        [
          {
            name: "ethernet",
            destination: macs.subarray(0, 6),
            source: macs.subarray(6),
            etherType: tags[0] ?? etherType,
          },
          ...tags.map(
            (one, i): ComposeLayer => ({
              name: "vlan",
              tpid: one,
              vid: i,
              etherType: tags[i + 1] ?? etherType,
            }),
          ),
        ],
        Uint8Array.of(...carried, ...noise(padding, seed + 2)),
      );
      return { frame, carried, version };
    });
}

const frames: fc.Arbitrary<Passenger> = passengerRecipe.map((recipe) => {
  const frame = cook(recipe);
  return { frame, carried: frame, version: undefined };
});

/** Frames that nobody takes for something else. */
const usualFrames: fc.Arbitrary<Passenger> = fc
  .tuple(packets([4, 6]), fc.integer({ min: 1, max: 0xffff }))
  .map(([{ frame }, seed]) => {
    // An address that begins with the number of a version, or like a control word, would look like one. So would a frame
    // in whose addresses, four or eight bytes before its type, a type stands that is read: no such type begins with 0xf.
    const usual = frame.slice();
    usual.set([0x22, seed >>> 8, seed & 0xff, 1, 0xf2, 0xf3, 0x22, 4, 0xf5, 0xf6], 0);
    return { frame: usual, carried: usual, version: undefined };
  });

const outer = fc.record(
  {
    ipv6: fc.boolean(),
    macs: fc.boolean(),
    outerVid: fc.integer({ min: 1, max: 4094 }),
    ttl: fc.integer({ min: 1, max: 255 }),
    dscp: fc.integer({ min: 0, max: 63 }),
    udpChecksum: fc.boolean(),
    port: fc.integer({ min: 1, max: 65535 }),
    seed: fc.integer({ min: 0, max: 0xffffffff }),
    strip: fc.boolean(),
  },
  { requiredKeys: ["ipv6", "macs"] },
);
type Outer = typeof outer extends fc.Arbitrary<infer O> ? O : never;

const IPS = [["10.1.5.7", "10.1.5.8"] as const, ["fd00::10.1.5.7", "fd00::10.1.5.8"] as const];
const MADE = { localMac: "02:00:0a:01:05:07", remoteMac: "02:00:0a:01:05:08" };
const GIVEN = { localMac: "00:01:02:03:04:05", remoteMac: "06:07:08:09:0a:0b" };

const isTag = ({ over }: EncapsulationCase): boolean => over === "frame";
const isOverIp = ({ over }: EncapsulationCase): boolean => over === "ip" || over === "udp";
const fixedPort = ({ kind, sourcePort: fixed }: EncapsulationCase): boolean =>
  fixed !== undefined && kind !== "capwap";

/** The stage of a case with these options, and what of them it has. */
function stageOf(one: EncapsulationCase, own: Drawn, drawn: Outer): { stage: EncapsulateStage; has: Drawn } {
  const { ipv6, macs, outerVid, ttl, dscp, udpChecksum, port, seed, strip } = drawn;
  const version = one.outer ?? (ipv6 ? 6 : 4);
  const [local, remote] = IPS[version === 6 ? 1 : 0]!;
  const innerTag = strip && (one.carried === "ethernet" || isTag(one)) ? { innerTag: "strip" } : {};
  const has: Drawn = {
    ...(isOverIp(one) && { local, remote, ttl, dscp }),
    ...(!isTag(one) && { outerVid, ...(macs && GIVEN) }),
    ...(one.over === "udp" && { udpChecksum, ...(!fixedPort(one) && { port }) }),
    seed,
    ...innerTag,
    ...own,
  };
  const given = Object.fromEntries(Object.entries(has).filter(([, value]) => value !== undefined));
  return {
    stage: { stage: "encapsulate", kind: one.kind, ...given } as unknown as EncapsulateStage,
    has: given,
  };
}

/** What must come out. */
function expected(one: EncapsulationCase, has: Drawn, { frame, carried, version }: Passenger): Uint8Array {
  const layers = one.layers(has, version);
  const goesIn = has.innerTag === "strip" ? untagged(carried) : carried;
  const [destination, source] = [frame.subarray(0, 6), frame.subarray(6, 12)];
  if (isTag(one)) {
    const [tag] = layers as [ComposeLayer];
    const etherType = (goesIn[12]! << 8) | goesIn[13]!;
    const link: ComposeLayer = { name: "ethernet", destination, source };
    return compose([link, { ...tag, etherType } as ComposeLayer], goesIn.subarray(14));
  }
  const macs = isOverIp(one) ? MADE : { localMac: source, remoteMac: destination };
  const { localMac, remoteMac } = { ...macs, ...has } as { localMac: Uint8Array; remoteMac: Uint8Array };
  const link: ComposeLayer[] = [{ name: "ethernet", destination: remoteMac, source: localMac }];
  const tpidOf = one.kind === "802.1ah" ? 0x88a8 : 0x8100;
  if (has.outerVid !== undefined) link.push({ name: "vlan", tpid: tpidOf, vid: has.outerVid as number });
  if (!isOverIp(one)) return compose([...link, ...layers], goesIn);
  const {
    local,
    remote,
    ttl = 64,
    dscp,
  } = has as { local: string; remote: string; ttl?: number; dscp?: number };
  const ends = { source: local, destination: remote, dscp };
  const protocol = layers.length === 0 ? { protocol: version === 4 ? 4 : 41 } : {};
  const ip: ComposeLayer = local.includes(":")
    ? { name: "ipv6", ...ends, ...protocol, hopLimit: ttl }
    : { name: "ipv4", ...ends, ...protocol, ttl, dontFragment: true };
  if (one.over === "ip") return compose([...link, ip, ...layers], goesIn);
  const flow = has.innerTag === "strip" ? untagged(frame) : frame;
  const udp: ComposeLayer = {
    name: "udp",
    sourcePort:
      one.kind === "capwap"
        ? ((has.port as number) ?? 5247)
        : (one.sourcePort ?? sourcePort(hashOf(one, flow, carried, version, (has.seed as number) ?? 0))),
    destinationPort: (has.port as number) ?? one.port!,
    ...((has.udpChecksum ?? local.includes(":")) ? {} : { checksum: 0 }),
  };
  return compose([...link, ip, udp, ...layers], goesIn);
}

/** A packet's flow is that of a frame it stands in without tags. */
function hashOf(
  one: EncapsulationCase,
  frame: Uint8Array,
  carried: Uint8Array,
  version: 4 | 6 | undefined,
  seed: number,
): number {
  if (one.carried === "ethernet" || version === undefined) return flowHash(frame, seed);
  const type = version === 4 ? [8, 0] : [0x86, 0xdd];
  return flowHash(Uint8Array.of(...new Uint8Array(12), ...type, ...carried), seed);
}

const passengersOf = ({ carried, guessed }: EncapsulationCase): fc.Arbitrary<Passenger> => {
  if (carried === "ethernet" || carried === "frame") return guessed ? usualFrames : frames;
  return packets(carried);
};

describe("encapsulation of any kind", () => {
  it("has a case for every kind", () => {
    const tested = new Set([
      ...ENCAPSULATION_CASES.map(({ kind }) => kind),
      ...tunnelKinds.map(({ kind }) => kind),
    ]);
    expect([...tested].sort()).toEqual([...encapsulateKinds].sort());
  });

  it.each(ENCAPSULATION_CASES)("$name over $over: what the codecs make", (one) => {
    fc.assert(
      fc.property(
        fc.array(passengersOf(one), { minLength: 1, maxLength: 8 }),
        one.options,
        outer,
        (passengers, own, drawn) => {
          const { stage, has } = stageOf(one, own, drawn);
          using pipeline = new Pipeline(kernels, [stage]);
          const outcomes = poisoned.run(
            pipeline,
            passengers.map(({ frame }) => ({ bytes: frame })),
          );
          outcomes.forEach(({ bytes, reason, wireLength, vni }, i) => {
            expect(reason).toBeUndefined();
            expectBytes(bytes, expected(one, has, passengers[i]!));
            expect(wireLength).toBe(bytes!.length);
            expect(vni).toBeUndefined();
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(ENCAPSULATION_CASES)("$name over $over: there and back", (one) => {
    fc.assert(
      fc.property(
        fc.array(passengersOf(one), { minLength: 1, maxLength: 8 }),
        one.options,
        outer,
        (passengers, own, { strip: _, port: __, ...drawn }) => {
          const { stage } = stageOf(one, own, drawn);
          const kinds: readonly WrappingKind[] = one.takenAs ?? [one.kind];
          using pipeline = new Pipeline(kernels, [
            stage,
            {
              stage: "decapsulate",
              kind: "any",
              kinds,
              link: "raw",
              ...(one.over === "udp" && { udpChecksum: "verify" }),
              lengths: "strict",
            },
          ]);
          const outcomes = poisoned.run(
            pipeline,
            passengers.map(({ frame }) => ({ bytes: frame })),
          );
          outcomes.forEach(({ bytes, reason, wireLength }, i) => {
            expect(reason).toBeUndefined();
            expectBytes(bytes, passengers[i]!.carried);
            expect(wireLength).toBe(bytes!.length);
          });
          expect(pipeline.counters().changed).toEqual([passengers.length, passengers.length]);
        },
      ),
      { numRuns: 40 },
    );
  });
});
