// Broken frames through two switches that are alike: into the one in bursts, into the other one by one. What leaves, where
// and in which order must be the same, and both must have counted every frame.

import { FrameBatch } from "../../src/frame/frame-batch.ts";
import type { Kernels } from "../../src/kernel/kernels.ts";
import { SwitchCore } from "../../src/switch/switch-core.ts";
import { SwitchWorkspace } from "../../src/switch/workspace.ts";
import type { CaseFault } from "./faults.ts";
import { mutated, type Next } from "./mutate.ts";
import { mended, soundFrames, VNI } from "./passengers.ts";
import { hex, shrunk } from "./shrink.ts";

const FRAMES = 96;
const PORTS = 5;
const LONGEST = 1900;
/** Batches between two new pairs of switches. */
const LIFE = 40;

interface Sent {
  readonly frame: Uint8Array;
  readonly port: number;
}

export class SwitchFuzz {
  readonly name = "switch";
  readonly #kernels: Kernels;
  readonly #batch: FrameBatch;
  readonly #workspace: SwitchWorkspace;
  readonly #sound: readonly Uint8Array[];
  #history: Sent[][] = [];
  #pair: Pair | undefined;

  constructor(kernels: Kernels, next: Next) {
    this.#kernels = kernels;
    this.#batch = new FrameBatch(kernels, { frames: FRAMES, headroom: 192 });
    this.#workspace = new SwitchWorkspace(kernels, { copies: 24, headroom: 192 });
    this.#sound = soundFrames(kernels, next, 6);
  }

  async run(next: Next): Promise<number | CaseFault> {
    if (this.#pair === undefined || this.#history.length >= LIFE) this.#renew(next(2), next(3));
    const sent = Array.from({ length: FRAMES }, (): Sent => {
      const frame = this.#sound[next(this.#sound.length)] as Uint8Array;
      const broken = next(3) === 0 ? frame : mended(mutated(frame, next, LONGEST));
      return { frame: broken, port: next(4) === 0 ? 0 : 1 + next(PORTS) };
    });
    const pair = this.#pair as Pair;
    this.#history.push(sent);
    const wrong = pair.compare(this.#batch, sent, this.#history.length);
    if (wrong === undefined) return FRAMES;
    const fault = await this.#shrink(pair, wrong);
    this.#renew(next(2), next(3));
    return fault;
  }

  #renew(version: number, kind: number): void {
    this.#pair?.close();
    this.#history = [];
    this.#pair = new Pair(this.#kernels, this.#workspace, version, kind);
  }

  /** As few bursts of as few frames as show it, on switches that are new each time. */
  async #shrink({ version, kind }: Pair, wrong: string): Promise<CaseFault> {
    this.#pair?.close();
    this.#pair = undefined;
    const replay = (bursts: readonly (readonly Sent[])[]): string | undefined => {
      const pair = new Pair(this.#kernels, this.#workspace, version, kind);
      try {
        for (const [index, burst] of bursts.entries()) {
          const found = pair.compare(this.#batch, burst, index + 1);
          if (found !== undefined) return found;
        }
        return undefined;
      } finally {
        pair.close();
      }
    };
    let bursts: readonly (readonly Sent[])[] = this.#history;
    bursts = await shrunk(bursts, (candidate) => replay(candidate) !== undefined, 200);
    for (let index = 0; index < bursts.length; index++)
      bursts = await Promise.all(
        bursts.map((burst, i) =>
          i === index
            ? shrunk(burst, (few) => replay(bursts.map((one, j) => (j === i ? few : one))) !== undefined, 300)
            : burst,
        ),
      );
    return {
      where: `switches over IPv${version === 0 ? 4 : 6}, kind ${kind}`,
      what: replay(bursts) ?? wrong,
      input: bursts.map((burst) => burst.map(({ frame, port }) => `${port}:${hex(frame)}`).join(" ")),
    };
  }
}

/** Two switches that were told the same. */
class Pair {
  readonly version: number;
  readonly kind: number;
  readonly #bursts: SwitchCore;
  readonly #singles: SwitchCore;
  #sent = 0;

  constructor(kernels: Kernels, workspace: SwitchWorkspace, version: number, kind: number) {
    this.version = version;
    this.kind = kind;
    this.#bursts = switchOf(kernels, workspace, version, kind);
    this.#singles = switchOf(kernels, workspace, version, kind);
  }

  close(): void {
    this.#bursts.close();
    this.#singles.close();
  }

  compare(batch: FrameBatch, sent: readonly Sent[], second: number): string | undefined {
    this.#sent += sent.length;
    const now = second * 1000;
    const together: string[] = [];
    batch.clear();
    for (const { frame, port } of sent) batch.add(frame, { mark: port });
    this.#bursts.forward(batch, now, (frame, port) => together.push(`${port}:${latin(frame)}`));
    const alone: string[] = [];
    for (const { frame, port } of sent) {
      batch.clear();
      batch.add(frame, { mark: port });
      this.#singles.forward(batch, now, (one, to) => alone.push(`${to}:${latin(one)}`));
    }
    for (let i = 0; i < Math.max(together.length, alone.length); i++)
      if (together[i] !== alone[i])
        return `what leaves as number ${i} differs: in a burst ${readable(together[i])}, one by one ${readable(alone[i])}`;
    return this.#conserved(this.#bursts) ?? this.#conserved(this.#singles) ?? this.#same();
  }

  #conserved(core: SwitchCore): string | undefined {
    const { received, copies, sent, dropped, drops } = core.counters();
    const reasons = Object.values(drops).reduce((sum, count) => sum + count, 0);
    if (received !== this.#sent) return `${this.#sent} frames went in, and ${received} were received`;
    if (received + copies !== sent + dropped || reasons !== dropped)
      return `${received} received + ${copies} copies, ${sent} sent + ${dropped} dropped, ${reasons} by reason`;
    return undefined;
  }

  #same(): string | undefined {
    const told = ({ counters }: { counters: unknown }): string => JSON.stringify(counters);
    const [a, b] = [this.#bursts, this.#singles].map((core) => told({ counters: core.counters() }));
    return a === b ? undefined : `counters differ: ${a}, and one by one ${b}`;
  }
}

function latin(frame: Uint8Array): string {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.length).toString("latin1");
}

function readable(told: string | undefined): string {
  if (told === undefined) return "nothing";
  const colon = told.indexOf(":");
  return `to ${told.slice(0, colon)}: ${Buffer.from(told.slice(colon + 1), "latin1").toString("hex")}`;
}

function switchOf(kernels: Kernels, workspace: SwitchWorkspace, version: number, kind: number): SwitchCore {
  const [address, remote] = version === 0 ? ["10.1.5.7", "10.1.5.8"] : ["fd00:1::7", "fd00:1::8"];
  const core = new SwitchCore(kernels, {
    vtep: { address: address as string, udpChecksum: "verify" },
    fdb: { capacity: 40, seed: 7n },
    workspace,
  });
  const inside = core.addBridgeDomain({ vni: VNI, arpSuppression: true });
  const other = core.addBridgeDomain({ vni: VNI + 1, unknownUnicast: "drop" });
  core.addPort({ bridgeDomain: inside });
  core.addPort({ bridgeDomain: inside, group: 3, mtu: 80 });
  core.addPort({ vlans: { 10: inside, 11: other }, native: 11 });
  core.addPort({ bridgeDomain: other, group: 3, fdbLimit: 4 });
  core.addPort({ vlans: { 10: inside } });
  const kinds = [["vxlan"], ["geneve", "gre"], ["vxlan", "nvgre"]] as const;
  for (const one of kinds[kind] ?? []) {
    const bridgeDomains = one === "gre" || one === "nvgre" ? [other] : [inside];
    core.addTunnel({ kind: one, remote: remote as string, bridgeDomains });
  }
  const router = core.addRouter();
  router.addInterface({
    bridgeDomain: inside,
    mac: "02:00:00:00:00:0b",
    addresses: ["10.0.0.1/24", "fd00::1/64"],
  });
  router.addInterface({
    bridgeDomain: other,
    mac: "02:00:00:00:00:0b",
    addresses: ["10.0.1.1/24"],
    mtu: 100,
  });
  for (let host = 2; host < 8; host++) {
    const mac = `02:00:00:00:00:0${host}`;
    core.addNeighbour({ bridgeDomain: inside, ip: `10.0.0.${host}`, mac });
    core.addNeighbour({ bridgeDomain: other, ip: `10.0.1.${host}`, mac });
    core.addNeighbour({ bridgeDomain: inside, ip: `fd00::${host}`, mac });
  }
  return core;
}
