// What the kinds of tunnels cost a switch: from an access port into a tunnel, and out of it to an access port, 1,000
// stations a side, a burst of 256 frames of as many flows.

import { FrameBatch, type Kernels, loadKernels } from "../src/index.ts";
import { DESCRIPTOR_LENGTH } from "../src/layout/descriptor.layout.ts";
import { SwitchCore, type SwitchPort, type TunnelOptions } from "../src/switch.ts";
import type { Contest } from "./contests.ts";
import { FDB_SEED } from "./fdb-keys.ts";
import { makeFrames, tunnel } from "./frames.ts";
import { type Contender, contender } from "./rounds.ts";
import { stationMac, writeMac } from "./switch-image.ts";

export const SWITCH_KINDS_OUT = "switch, access port to tunnel, by kind";
export const SWITCH_KINDS_BACK = "switch, tunnel to access port, by kind";
const BURST = 256;
const STATIONS = 1000;
const NOW = 1000;
/** Good for an NVGRE VSID, too. */
const VNI = 5000;

const KINDS: readonly (readonly [string, Pick<TunnelOptions, "kind"> & { readonly checksum?: boolean }])[] = [
  ["VXLAN", { kind: "vxlan" }],
  ["Geneve", { kind: "geneve" }],
  ["GRE with a key", { kind: "gre" }],
  ["GRE with a checksum", { kind: "gre", checksum: true }],
  ["NVGRE", { kind: "nvgre" }],
  ["VXLAN-GPE", { kind: "vxlan-gpe" }],
];

export async function* switchKindContests(
  bytes: number,
  wanted: (group: string) => boolean,
): AsyncGenerator<Contest> {
  if (![SWITCH_KINDS_OUT, SWITCH_KINDS_BACK].some(wanted)) return;
  const kernels = await loadKernels({ memoryBytes: 128 << 20 });
  const ways = KINDS.map(([name, kind]) => waysOf(kernels, name, kind as Pick<TunnelOptions, "kind">, bytes));
  for (const [place, group] of [SWITCH_KINDS_OUT, SWITCH_KINDS_BACK].entries()) {
    if (wanted(group)) yield { group, bytes, contenders: ways.map((way) => way[place] as Contender) };
  }
}

/** Out of one switch by a tunnel, and into another by it. */
function waysOf(
  kernels: Kernels,
  name: string,
  kind: Pick<TunnelOptions, "kind">,
  bytes: number,
): [Contender, Contender] {
  const [here, there] = [end(kernels, kind, false), end(kernels, kind, true)];
  // Everybody says something to the other side's first station, and so is known on both.
  const learn = (from: End, to: End, first: number, dest: number): void => {
    for (let station = 0; station < STATIONS; station++) {
      const [frame] = makeFrames(1, bytes) as [Uint8Array];
      writeMac(frame, 0, stationMac(dest));
      writeMac(frame, 6, stationMac(first + station));
      pass(to, 0, pass(from, from.port.number, [frame]));
    }
  };
  learn(here, there, 0, STATIONS);
  learn(there, here, STATIONS, 0);
  const frames = makeFrames(BURST, bytes).map((frame, i) => {
    writeMac(frame, 0, stationMac(STATIONS + ((i * 37) % STATIONS)));
    writeMac(frame, 6, stationMac((i * 31) % STATIONS));
    return frame;
  });
  const packets = pass(here, here.port.number, frames);
  const arrived = pass(there, 0, packets);
  if (packets.length !== BURST || arrived.some((frame, i) => frame.some((byte, j) => byte !== frames[i]![j])))
    throw new Error(`switch, ${name}: not every frame arrived as it was`);
  return [run(here, name, here.port.number, frames), run(there, name, 0, packets)];
}

interface End {
  readonly core: SwitchCore;
  readonly port: SwitchPort;
}

function end(kernels: Kernels, kind: Pick<TunnelOptions, "kind">, far: boolean): End {
  const [address, remote] = far ? [tunnel.remote, tunnel.local] : [tunnel.local, tunnel.remote];
  const core = new SwitchCore(kernels, { vtep: { address }, fdb: { ageSeconds: 0, seed: FDB_SEED } });
  const bridgeDomain = core.addBridgeDomain({ vni: VNI });
  const port = core.addPort({ bridgeDomain });
  core.addTunnel({ ...kind, remote, bridgeDomains: [bridgeDomain] } as TunnelOptions);
  return { core, port };
}

/** What leaves the switch when these come in by `port`. */
function pass({ core }: End, port: number, frames: readonly Uint8Array[]): Uint8Array[] {
  using batch = new FrameBatch(core.kernels);
  for (const frame of frames) batch.add(frame, { mark: port });
  const out: Uint8Array[] = [];
  core.forward(batch, NOW, (frame) => void out.push(frame.slice()));
  return out;
}

function run({ core }: End, name: string, port: number, frames: readonly Uint8Array[]): Contender {
  const batch = new FrameBatch(core.kernels);
  for (const frame of frames) batch.add(frame, { mark: port });
  const { functions, words } = core.kernels;
  const start = batch.descriptors >>> 2;
  const fresh = words.slice(start, start + (BURST * DESCRIPTOR_LENGTH) / 4);
  return contender(
    name,
    BURST,
    () => void functions.runSwitch(core.contextAddress, batch.descriptors, BURST),
    () => words.set(fresh, start),
  );
}
