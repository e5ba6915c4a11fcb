// The package's SwitchCore in two forms: `forward()`, which hands every frame that leaves to JavaScript, and its
// kernel alone on descriptors in its memory, as a datapath that needs no JavaScript for a frame calls it.

import { FrameBatch, loadKernels } from "../../src/index.ts";
import { DESCRIPTOR_LENGTH } from "../../src/layout/descriptor.layout.ts";
import { SwitchCore } from "../../src/switch.ts";
import { FDB_SEED } from "../fdb-keys.ts";
import { tunnel } from "../frames.ts";
import {
  NOW_SECONDS,
  type SwitchOutcome,
  stationMac,
  switchDescriptors,
  switchDraws,
  writeMac,
} from "../switch-image.ts";
import { SWITCH_BURST_FRAMES as BURST, PEER, VM, wrap } from "../switch-traffic.ts";

export interface FrameferrySwitch {
  /** The kernel on one of the two bursts. */
  forward(burst: number): void;
  /** The same by way of `forward()`. */
  deliver(burst: number): void;
  /** Puts a burst's descriptors back and gives its frames, `macs` bytes behind their beginning, the next drawn MACs. */
  renew(burst: number, macs: number): void;
  outcomes(): SwitchOutcome[];
}

/** A switch that knows the stations of `makeTraffic`, and two batches with its frames. */
export async function frameferrySwitch(
  image: Uint8Array<ArrayBuffer>,
  stations: number,
  capacity: number,
): Promise<FrameferrySwitch> {
  const kernels = await loadKernels({ memoryBytes: 64 * 1024 * 1024 });
  const core = new SwitchCore(kernels, {
    fdb: { capacity, ageSeconds: 0, seed: FDB_SEED },
    vtep: { address: tunnel.local, mac: tunnel.localMac },
  });
  const bridgeDomain = core.addBridgeDomain({ vni: tunnel.vni });
  const vm = core.addPort({ name: "vm", bridgeDomain });
  const peer = core.addTunnel({
    name: "peer",
    kind: "vxlan",
    remote: tunnel.remote,
    remoteMac: tunnel.remoteMac,
    bridgeDomains: [bridgeDomain],
  });
  if (vm.number !== VM || peer.number !== PEER) throw new Error("switch: its ports have other numbers");

  const batches = [0, 1].map(() => new FrameBatch(kernels));
  const introduce = new FrameBatch(kernels);
  const nowMs = NOW_SECONDS * 1000;
  const ignore = (): void => {};
  // Everybody says something to the first station.
  const frame = new Uint8Array(64);
  for (let i = 0; i < stations * 2; i++) {
    writeMac(frame, 0, stationMac(0));
    writeMac(frame, 6, stationMac(i));
    if (i < stations) introduce.add(frame, { mark: VM });
    else introduce.add(wrap(frame, tunnel.remote, tunnel.local, tunnel.vni, i), { mark: 0 });
    if (introduce.length < BURST && i < stations * 2 - 1) continue;
    core.forward(introduce, nowMs, ignore);
    introduce.clear();
  }
  if (core.fdb.size !== stations * 2) throw new Error(`switch: it learned ${core.fdb.size} stations`);

  for (const [i, { bytes, mark }] of switchDescriptors(image).entries())
    batches[Math.floor(i / BURST)]!.add(bytes, { mark });
  const { words, bytes, functions } = kernels;
  const start = (burst: number): number => batches[burst]!.descriptors >>> 2;
  const length = (BURST * DESCRIPTOR_LENGTH) / 4;
  const fresh = batches.map((_, burst) => words.slice(start(burst), start(burst) + length));
  const draws = switchDraws(image);
  const drawn = [0, 0];
  return {
    forward: (burst) => void functions.runSwitch(core.contextAddress, batches[burst]!.descriptors, BURST),
    deliver: (burst) => core.forward(batches[burst]!, nowMs, ignore),
    renew: (burst, macs) => {
      words.set(fresh[burst]!, start(burst));
      const from = draws[burst]!;
      if (drawn[burst]! + BURST * 12 > from.length) drawn[burst] = 0;
      for (let i = 0; i < BURST; i++, drawn[burst]! += 12) {
        const to = words[start(burst) + (i * DESCRIPTOR_LENGTH) / 4]! + macs;
        for (let j = 0; j < 12; j++) bytes[to + j] = from[drawn[burst]! + j]!;
      }
    },
    outcomes: () =>
      batches.flatMap((batch) =>
        Array.from({ length: BURST }, (_, i) => ({
          verdict: batch.verdict(i) === "forward" ? 0 : 3,
          mark: batch.mark(i),
          bytes: batch.frame(i).slice(),
        })),
      ),
  };
}
