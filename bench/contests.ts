// What is compared: each contest is one task at one size, with all peers that can do it.

import type { Kernels } from "../src/index.ts";
import { assertBytes, assertSame, damage } from "./agreement.ts";
import { makeFrames, makePackets, makeRecords } from "./frames.ts";
import { makeImage, outcomes, rewritten } from "./image.ts";
import type { NativePeers } from "./native-peers.ts";
import { codecDatapath } from "./peers/codec.ts";
import { frameferryDatapath } from "./peers/frameferry.ts";
import { frameferryCapture } from "./peers/frameferry-capture.ts";
import { type TypedArrayDatapath, typedArrayDatapath } from "./peers/typed-array.ts";
import { type Contender, contender } from "./rounds.ts";

export interface Contest {
  readonly group: string;
  /** Bytes of a frame; 0 where frames have none. */
  readonly bytes: number;
  /** Entries of a table. */
  readonly entries?: number;
  /** Frames in memory, where that is not one burst. */
  readonly frames?: number;
  /** Milliseconds that a turn takes at least, where a turn is to hold several long passes. */
  readonly slice?: number;
  readonly contenders: readonly Contender[];
}

/** What a contest may use beside the package: native programs, packages from npm. */
export interface Surroundings {
  readonly kernels: Kernels;
  readonly native?: NativePeers;
  readonly npm?: typeof import("./peers/npm-packages.ts");
}

export const FRAMEFERRY = "frameferry";
export const TYPED_ARRAY = "JavaScript, by hand";
export const CODEC = "frameferry/wire";
export const C = "C";
export const NPM = "npm ip-packet + udp-packet";
const BURST = 256;
const SEED = 0x2545f491;

type Step = "encapsulate" | "decapsulate" | "vlanPush" | "vlanPop" | "flowHashes" | "checksums";
const NATIVE_TASKS: Record<Step, string> = {
  encapsulate: "encapsulate",
  decapsulate: "decapsulate",
  vlanPush: "vlan-push",
  vlanPop: "vlan-pop",
  flowHashes: "flow-hash",
  checksums: "checksum",
};
const FIELDS = ["verdict", "reason", "wireLength", "vni", "flowHash", "mark"] as const;

/** Everything that works on frames of one size; `only` is a prefix of group names. */
export async function* frameContests(
  around: Surroundings,
  bytes: number,
  count: number,
  wanted: (group: string) => boolean,
): AsyncGenerator<Contest> {
  const frames = makeFrames(count, bytes);
  const image = makeImage(frames, { seed: SEED });
  const wasm = frameferryDatapath(around.kernels, frames, SEED);
  const js = inBursts(typedArrayDatapath(), count);
  typedArrayDatapath().load(image);
  const wireImage = image.slice();
  const wire = codecDatapath(wireImage.buffer);
  const native = around.native?.datapath;
  await around.native?.loadImage(image);

  const all = async (step: Step, fields: readonly (typeof FIELDS)[number][]): Promise<void> => {
    wasm[step]();
    js[step]();
    wire[step]();
    await native?.once(NATIVE_TASKS[step]);
    const expected = wasm.outcomes();
    assertSame(step, TYPED_ARRAY, expected, outcomes(typedArrayDatapath().image()), fields);
    assertSame(step, CODEC, expected, outcomes(wireImage), fields);
    const dumped = await around.native?.dumpImage();
    if (dumped !== undefined) assertSame(step, C, expected, outcomes(dumped), fields);
  };
  if (bytes >= 64) {
    await all("encapsulate", ["verdict", "wireLength", "flowHash"]);
    await all("decapsulate", ["verdict", "wireLength", "flowHash", "vni"]);
    await all("vlanPush", ["verdict", "wireLength"]);
    await all("vlanPop", ["verdict", "wireLength"]);
    await all("flowHashes", ["flowHash"]);
  }
  await all("checksums", ["mark"]);

  const steps = { [FRAMEFERRY]: wasm, [TYPED_ARRAY]: js, [CODEC]: wire };
  const inTurn = (
    task: string,
    work: (peer: Steps) => () => void,
    prepare: (peer: Steps) => () => void,
  ): Contender[] => {
    const found = Object.entries(steps).map(([name, peer]) =>
      contender(name, count, work(peer), prepare(peer)),
    );
    if (native !== undefined) found.splice(1, 0, native.contender(C, count, task));
    return found;
  };
  // A frame of 20 bytes has a checksum and nothing else worth measuring.
  const contests: [string, () => Contender[]][] = [
    [
      "encapsulate",
      () => [
        ...inTurn(
          "encapsulate",
          (peer) => peer.encapsulate,
          (peer) => peer.renew,
        ),
        ...npmContender(around, count, (npm) => npm.encapsulator(frames)),
      ],
    ],
    [
      "decapsulate",
      () => [
        ...inTurn(
          "decapsulate",
          (peer) => peer.decapsulate,
          (peer) => both(peer.renew, peer.encapsulate),
        ),
        ...npmContender(around, count, (npm) => npm.decapsulator(makePackets(frames))),
      ],
    ],
    [
      "there and back",
      () =>
        inTurn(
          "there-and-back",
          (peer) => both(peer.encapsulate, peer.decapsulate),
          (peer) => peer.renew,
        ),
    ],
    [
      "vlan push",
      () =>
        inTurn(
          "vlan-push",
          (peer) => peer.vlanPush,
          (peer) => peer.vlanPop,
        ),
    ],
    [
      "vlan pop",
      () =>
        inTurn(
          "vlan-pop",
          (peer) => peer.vlanPop,
          (peer) => both(peer.vlanPop, peer.vlanPush),
        ),
    ],
    [
      "flow hash",
      () =>
        inTurn(
          "flow-hash",
          (peer) => peer.flowHashes,
          (peer) => peer.renew,
        ),
    ],
    [
      "checksum",
      () =>
        inTurn(
          "checksum",
          (peer) => peer.checksums,
          (peer) => peer.renew,
        ),
    ],
  ];
  try {
    for (const [group, make] of contests) {
      if (!wanted(group) || (bytes < 64 && group !== "checksum")) continue;
      if (count > BURST && !["encapsulate", "decapsulate", "there and back"].includes(group)) continue;
      // Every task starts from descriptors and frames as they were.
      wasm.renew();
      js.renew();
      wire.renew();
      await around.native?.loadImage(image);
      yield { group, bytes, contenders: make(), ...(count > BURST ? { frames: count } : {}) };
    }
  } finally {
    wasm.close();
  }
}

/** A capture in memory: its records read, decapsulated, written again. */
export async function captureContest(around: Surroundings, bytes: number, records: number): Promise<Contest> {
  const capture = makeRecords(makePackets(makeFrames(records, bytes)));
  const image = makeImage(makeFrames(BURST, bytes), { seed: SEED, capture });
  const wasm = frameferryCapture(around.kernels, capture);
  const js = typedArrayDatapath();
  js.load(image);
  wasm.rewrite();
  js.rewriteCapture();
  assertBytes("capture", TYPED_ARRAY, wasm.written(), rewritten(js.image()));
  const contenders = [
    contender(FRAMEFERRY, records, wasm.rewrite),
    contender(TYPED_ARRAY, records, js.rewriteCapture),
  ];
  if (around.native?.datapath !== undefined) {
    await around.native.loadImage(image);
    await around.native.datapath.once("capture");
    const dumped = await around.native.dumpImage();
    assertBytes("capture", C, wasm.written(), rewritten(dumped!));
    contenders.splice(1, 0, around.native.datapath.contender(C, records, "capture"));
  }
  return { group: "capture, decapsulated in memory", bytes, contenders };
}

/** Frames that are damaged in all ways: every peer must give the same drop reasons. Codecs do not give any. */
export async function assertSameReasons(around: Surroundings): Promise<void> {
  for (let seed = 1; seed <= 8; seed++) {
    const whole = makePackets(makeFrames(BURST, 40 + seed * 37));
    const { frames, wireLengths } = damage(whole, seed);
    const image = makeImage(frames, { seed: SEED, wireLengths });
    const js = inBursts(typedArrayDatapath(), BURST);
    typedArrayDatapath().load(image);
    const wasm = frameferryDatapath(around.kernels, frames, SEED, wireLengths);
    await around.native?.loadImage(image);
    for (const step of ["decapsulate", "flowHashes", "encapsulate", "vlanPush", "vlanPop"] as const) {
      wasm[step]();
      js[step]();
      await around.native?.datapath?.once(NATIVE_TASKS[step]);
      const expected = wasm.outcomes();
      assertSame(
        `damaged frames, ${step}`,
        TYPED_ARRAY,
        expected,
        outcomes(typedArrayDatapath().image()),
        FIELDS,
      );
      const dumped = await around.native?.dumpImage();
      if (dumped !== undefined) assertSame(`damaged frames, ${step}`, C, expected, outcomes(dumped), FIELDS);
    }
    wasm.close();
  }
}

type Steps = Record<Step | "renew", () => void>;

function inBursts(datapath: TypedArrayDatapath, count: number): Steps {
  const bursts = (work: (first: number, count: number) => void) => (): void => {
    for (let first = 0; first < count; first += BURST) work(first, BURST);
  };
  return {
    encapsulate: bursts(datapath.encapsulate),
    decapsulate: bursts(datapath.decapsulate),
    vlanPush: bursts(datapath.vlanPush),
    vlanPop: bursts(datapath.vlanPop),
    flowHashes: bursts(datapath.flowHashes),
    checksums: bursts(datapath.checksums),
    renew: datapath.renew,
  };
}

function npmContender(
  around: Surroundings,
  count: number,
  pass: (npm: NonNullable<Surroundings["npm"]>) => () => void,
): Contender[] {
  return around.npm === undefined ? [] : [contender(NPM, count, pass(around.npm))];
}

function both(first: () => void, second: () => void): () => void {
  return () => {
    first();
    second();
  };
}
