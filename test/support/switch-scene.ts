// A switch under test in a few words: frames in, and what leaves, is dropped or counted.
import type { FrameBatchOptions, Kernels } from "frameferry";
import { expect } from "vitest";
import { expectIdentities, newSubject, type Subject } from "./switch-subject.ts";
import type { PortFrame, PortHandle, SwitchControl, SwitchSettings, Tally } from "./switch-types.ts";

export class Scene {
  readonly subject: Subject;
  readonly sw: SwitchControl;
  nowMs = 1000;
  #drops: Readonly<Record<string, number>> = {};

  constructor(
    which: "model" | "core",
    kernels: Kernels,
    settings: SwitchSettings = {},
    slots: FrameBatchOptions = {},
  ) {
    this.subject = newSubject(which, kernels, settings, slots);
    this.sw = this.subject.control;
  }

  /** What leaves when these frames come in. The counters' identities hold behind each burst. */
  burst(frames: readonly PortFrame[]): PortFrame[] {
    const outputs = this.subject.forward(frames, this.nowMs);
    expectIdentities(this.sw.counters());
    return outputs;
  }

  send(port: PortHandle | number, ...frames: readonly Uint8Array[]): PortFrame[] {
    const number = typeof port === "number" ? port : port.number;
    return this.burst(frames.map((bytes) => ({ port: number, bytes })));
  }

  /** The numbers of the ports that one frame leaves by. */
  ports(port: PortHandle | number, bytes: Uint8Array): number[] {
    return this.send(port, bytes).map((output) => output.port);
  }

  /** Sends frames none of which leaves, and says why. */
  dropped(port: PortHandle | number, ...frames: readonly Uint8Array[]): Record<string, number> {
    this.newDrops();
    expect(this.send(port, ...frames)).toEqual([]);
    return this.newDrops();
  }

  /** What was dropped since this was last asked, by reason. */
  newDrops(): Record<string, number> {
    const before = this.#drops;
    this.#drops = this.sw.counters().drops;
    const news: Record<string, number> = {};
    for (const [reason, count] of Object.entries(this.#drops)) {
      const more = count - (before[reason] ?? 0);
      if (more !== 0) news[reason] = more;
    }
    return news;
  }

  tallyOf(port: PortHandle | number): Tally & { receivedBytes: number; sentBytes: number } {
    const number = typeof port === "number" ? port : port.number;
    const found = this.sw.counters().ports.find((one) => one.number === number)!;
    const { received, copies, dropped, sent, receivedBytes, sentBytes } = found;
    return { received, copies, dropped, sent, receivedBytes, sentBytes };
  }

  tallyOfDomain(id: number): Tally {
    const found = this.sw.counters().bridgeDomains.find((one) => one.id === id)!;
    const { received, copies, dropped, sent } = found;
    return { received, copies, dropped, sent };
  }

  [Symbol.dispose](): void {
    this.subject.close();
  }
}

/** Hosts by number. */
export function mac(host: number): string {
  return `02:00:00:00:02:${host.toString(16).padStart(2, "0")}`;
}
