// The switch's complete path, from an access port to a tunnel and back, with 1,000 and 64,000 stations a side.
//
// A pass is one burst of 256. Before each, outside of the measured time, its descriptors are put back and its frames
// get MACs drawn anew, so that a large table is looked up everywhere and not where the same 256 frames look. Outer
// headers lie in the headroom, and frames come in within the second their sources were learned in.

import { flowHash } from "../src/wire/flow-hash.ts";
import { assertBytes } from "./agreement.ts";
import { C, type Contest, FRAMEFERRY, TYPED_ARRAY } from "./contests.ts";
import { makeFrames } from "./frames.ts";
import { makeImage } from "./image.ts";
import type { NativePeers } from "./native-peers.ts";
import { type FrameferrySwitch, frameferrySwitch } from "./peers/frameferry-switch.ts";
import { typedArraySwitch } from "./peers/typed-array-switch.ts";
import { type Contender, contender } from "./rounds.ts";
import { switchDescriptors, switchPortCounts } from "./switch-image.ts";
import {
  capacityFor,
  makeMixture,
  makeTraffic,
  PEER,
  SWITCH_BURST_FRAMES,
  VM,
  wrap,
} from "./switch-traffic.ts";

export const SWITCH_OUT = "switch, access port to tunnel";
export const SWITCH_BACK = "switch, tunnel to access port";
export const SWITCH_LEARN = "switch, learning a station";
export const SWITCH_LOOKUP = "switch, lookup of a station";
export const FORWARD = "frameferry forward(), every frame delivered";
export const TEMPLATE_PAIR = "C, only encapsulate + decapsulate";
export const STATIONS: readonly number[] = [1000, 64000];

const LOOKUPS = 16384;
const MIXED = 2048;
const MIXTURES = 8;
const OUTER_LENGTH = 50;

export async function* switchContests(
  native: NativePeers | undefined,
  wanted: (group: string) => boolean,
): AsyncGenerator<Contest> {
  if (![SWITCH_OUT, SWITCH_BACK, SWITCH_LEARN, SWITCH_LOOKUP].some(wanted)) return;
  await assertSameSwitches(native);
  const js = typedArraySwitch();
  for (const stations of STATIONS) {
    const image = makeTraffic(stations);
    const ours = await frameferrySwitch(image, stations, capacityFor(stations));
    await assertForwarded(image, ours, native);
    js.load(image);
    await native?.loadSwitch(image);
    await native?.loadImage(makeImage(makeFrames(SWITCH_BURST_FRAMES, 64), { seed: 0 }));
    for (const [burst, group] of [SWITCH_OUT, SWITCH_BACK].entries()) {
      if (!wanted(group)) continue;
      const macs = burst * OUTER_LENGTH;
      const renew = (): void => ours.renew(burst, macs);
      const contenders: Contender[] = [
        contender(FRAMEFERRY, SWITCH_BURST_FRAMES, () => ours.forward(burst), renew),
        contender(FORWARD, SWITCH_BURST_FRAMES, () => ours.deliver(burst), renew),
      ];
      if (native?.switch !== undefined) {
        const task = burst === 0 ? "out" : "back";
        contenders.push(native.switch.contender(C, SWITCH_BURST_FRAMES, task));
      }
      if (native?.datapath !== undefined)
        contenders.push(native.datapath.contender(TEMPLATE_PAIR, SWITCH_BURST_FRAMES, "there-and-back"));
      contenders.push(
        contender(
          TYPED_ARRAY,
          SWITCH_BURST_FRAMES,
          () => js.forward(burst * SWITCH_BURST_FRAMES, SWITCH_BURST_FRAMES),
          () => js.renew(burst, macs),
        ),
      );
      yield { group, bytes: 64, entries: stations, contenders };
    }
    if (native?.switch === undefined) continue;
    const table: [string, string, number][] = [
      [SWITCH_LEARN, "learn", stations * 2],
      [SWITCH_LOOKUP, "lookup", LOOKUPS],
    ];
    for (const [group, task, keys] of table) {
      if (!wanted(group)) continue;
      yield { group, bytes: 0, entries: stations, contenders: [native.switch.contender(C, keys, task)] };
    }
  }
}

/** Traffic of all kinds, thrice: as it is, a second later, and again when everybody has been learned. */
async function assertSameSwitches(native: NativePeers | undefined): Promise<void> {
  if (native?.switch === undefined) return;
  const js = typedArraySwitch();
  for (let seed = 1; seed <= MIXTURES; seed++) {
    const mixture = makeMixture(seed, MIXED);
    js.load(mixture);
    await native.loadSwitch(mixture);
    for (let turn = 0; turn < 3; turn++) {
      if (turn === 1) {
        js.tick();
        await native.switch.once("tick");
      }
      await native.switch.once("forward");
      for (let first = 0; first < MIXED; first += SWITCH_BURST_FRAMES) js.forward(first, SWITCH_BURST_FRAMES);
      const dumped = await native.dumpSwitch();
      const image = js.image();
      const at = image.findIndex((byte, i) => byte !== dumped![i]);
      if (at >= 0)
        throw new Error(`mixed frames ${seed}, turn ${turn}: C and ${TYPED_ARRAY} differ at byte ${at}`);
      js.restore();
      await native.switch.once("restore");
    }
  }
}

/** Every frame must leave as the plain and slow way makes it. */
async function assertForwarded(
  image: Uint8Array<ArrayBuffer>,
  ours: FrameferrySwitch,
  native: NativePeers | undefined,
): Promise<void> {
  const js = typedArraySwitch();
  js.load(image);
  js.forward(0, SWITCH_BURST_FRAMES);
  js.forward(SWITCH_BURST_FRAMES, SWITCH_BURST_FRAMES);
  ours.forward(0);
  ours.forward(1);
  const images: [string, Uint8Array<ArrayBuffer>][] = [[TYPED_ARRAY, js.image()]];
  if (native?.switch !== undefined) {
    await native.loadSwitch(image);
    await native.switch.once("out");
    await native.switch.once("back");
    images.push([C, (await native.dumpSwitch())!]);
  }
  const expected = switchDescriptors(image).map(({ bytes, mark }) =>
    mark === VM
      ? { bytes: wrap(bytes, "10.1.5.7", "10.1.5.8", 42, flowHash(bytes) >>> 18), mark: 0 }
      : { bytes: bytes.slice(OUTER_LENGTH), mark: VM },
  );
  const results = images.map(([peer, result]) => [peer, switchDescriptors(result)] as const);
  for (const [peer, outcomes] of [[FRAMEFERRY, ours.outcomes()] as const, ...results]) {
    for (const [i, { bytes, mark, verdict }] of outcomes.entries()) {
      const wanted = expected[i]!;
      if (verdict !== 0 || mark !== wanted.mark)
        throw new Error(`switch: ${peer}, frame ${i}: verdict ${verdict}, port ${mark}, not ${wanted.mark}`);
      assertBytes("switch", `${peer}, frame ${i}`, wanted.bytes, bytes);
    }
  }
  for (const [peer, result] of images) assertCounted(peer, result);
}

function assertCounted(peer: string, image: Uint8Array<ArrayBuffer>): void {
  const counted = switchPortCounts(image);
  const frames = SWITCH_BURST_FRAMES;
  const expected = new Map([
    [VM, [frames, frames * 64, 0, frames, frames * 64]],
    [PEER, [frames, frames * 64, 0, frames, frames * (64 + OUTER_LENGTH)]],
  ]);
  for (const [port, counts] of counted.entries()) {
    const wanted = (expected.get(port) ?? [0, 0, 0, 0, 0]).join(" ");
    if (counts.join(" ") !== wanted)
      throw new Error(`switch: ${peer}: port ${port} counted ${counts.join(" ")}, not ${wanted}`);
  }
}
