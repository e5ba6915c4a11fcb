// A laboratory: a network that was built from a topology, and what can be done in it.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { checkFields, type Fields, instance } from "../core/fields.ts";
import { ARP_LENGTH, ARP_REQUEST } from "../layout/arp.layout.ts";
import { ETHERNET_LENGTH, ETHERTYPE_ARP } from "../layout/ethernet.layout.ts";
import { VLAN_HEADER_LENGTH } from "../layout/vlan.layout.ts";
import { emitArp } from "../wire/arp.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import type { DataCentre } from "./data-centre.ts";
import { Failures } from "./failures.ts";
import { type Outcome, ReachTable } from "./lab-outcomes.ts";
import { type FrameCounts, Watch } from "./lab-watch.ts";
import { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { PingHandle } from "./ping.ts";
import type { FlowStep, PingStep, Step } from "./topology-types.ts";

/** Something in a VPC that can go to another of its hosts. */
export interface Movable {
  readonly hosts: readonly string[];
  move(host: string): void;
}

/** What steps need that the network does not know. */
export interface LabParts {
  readonly network: Network;
  readonly dataCentre: DataCentre | undefined;
  /** By name. */
  readonly movable: ReadonlyMap<string, Movable>;
}

export interface StepOptions {
  /** The frames of captures, by the names that stand in steps. */
  readonly captures?: ReadonlyMap<string, readonly Uint8Array[]> | undefined;
}

const STEP_FIELDS: Fields<StepOptions> = { captures: instance(Map<string, readonly Uint8Array[]>, "a Map") };

const DISCARD_PORT = 9;
const FLOW_PORTS_FIRST = 49152;
const FLOW_BYTES_DEFAULT = 64;
/** Longer than a machine asks for a MAC in vain: three times, a second apart. */
const PATIENCE_MS = 4000;
const SECOND_MS = 1000;
/** "hello" */
const HELLO = [0x68, 0x65, 0x6c, 0x6c, 0x6f];
const EVERYBODY = "ff:ff:ff:ff:ff:ff";
const NOBODY = "00:00:00:00:00:00";

type Seen = { readonly arrived: FrameCounts; readonly overheard: FrameCounts };

/** Made by `buildTopology`. */
export class Lab {
  readonly network: Network;
  readonly dataCentre: DataCentre | undefined;
  /** Who reached whom, of all that was tried. */
  readonly reach: ReachTable = new ReachTable();
  readonly #movable: LabParts["movable"];
  readonly #failures: Pick<DataCentre, "fail" | "repair">;

  constructor({ network, dataCentre, movable }: LabParts) {
    this.network = network;
    this.dataCentre = dataCentre;
    this.#movable = movable;
    this.#failures = dataCentre ?? new Failures(network);
  }

  /** All that can say hello, in the order in which they were added. */
  machines(): Machine[] {
    return this.network.nodes().filter((node) => node instanceof Machine);
  }

  /** @throws RangeError if there is no machine or pod of this name. */
  machine(name: string): Machine {
    const node = this.network.node(name);
    if (node instanceof Machine) return node;
    const what = node === undefined ? "there is none of this name" : "it is a switch";
    throw new ArgumentRangeError("not-found", "machine", `${JSON.stringify(name)}: ${what}`);
  }

  /** What is to move, and that it can. Throws a RangeError that names the argument, `move` or `to`. */
  checkMove(move: string, to: string): Movable {
    const movable = this.#movable.get(move);
    if (movable === undefined)
      throw new ArgumentRangeError("not-found", "move", `${JSON.stringify(move)} stands in no VPC`);
    if (!movable.hosts.includes(to))
      throw new ArgumentRangeError("not-found", "to", `${JSON.stringify(to)} is no host of its cloud`);
    return movable;
  }

  /** Does one thing, and lets everything that it sets in motion come to an end. */
  do(step: Step, options: StepOptions = {}): Outcome {
    const { captures } = checkFields("options", STEP_FIELDS, options);
    const timeMs = this.network.nowMs;
    if ("ping" in step) return { step, timeMs, ...this.#ping(step) };
    if ("arp" in step) return { step, timeMs, ...this.#arp(...step.arp) };
    if ("broadcast" in step) {
      const from = this.machine(step.broadcast);
      const seen = this.#watched(false, () => from.broadcast(Uint8Array.from(HELLO)));
      return { step, timeMs, sent: 1, ...seen };
    }
    if ("flow" in step) return { step, timeMs, ...this.#flow(step.flow) };
    if ("capture" in step) {
      const from = this.machine(step.from);
      const frames = captures?.get(step.capture);
      if (frames === undefined)
        throw new ArgumentRangeError(
          "not-found",
          "captures",
          `nothing is known of ${JSON.stringify(step.capture)}`,
        );
      const longest = from.mtu + ETHERNET_LENGTH + VLAN_HEADER_LENGTH;
      const sendable = frames.filter(({ length }) => length >= ETHERNET_LENGTH && length <= longest);
      const seen = this.#watched(true, () => {
        for (const frame of sendable) from.send(frame);
      });
      return { step, timeMs, sent: sendable.length, ...seen };
    }
    if ("reach" in step) return { step, timeMs, ...this.#reachEachOther(step.reach) };
    let changed = true;
    const seen = this.#watched(false, () => {
      if ("fail" in step) changed = this.#failures.fail(step.fail);
      else if ("repair" in step) changed = this.#failures.repair(step.repair);
      else if ("move" in step) this.checkMove(step.move, step.to).move(step.to);
      else this.network.advance(step.wait);
    });
    return { step, timeMs, changed, ...seen };
  }

  /** Gives all memory back. */
  close(): void {
    this.network.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #ping({
    ping: [fromName, toName],
    size,
    ttl,
    df,
    count = 1,
  }: PingStep): Omit<Extract<Outcome, { step: PingStep }>, "step" | "timeMs"> {
    const from = this.machine(fromName);
    const to = this.machine(toName);
    const watch = new Watch(this.machines(), false);
    const handle = from.ping(addressOf(to), {
      count,
      ...(size !== undefined && { size }),
      ...(ttl !== undefined && { ttl }),
      ...(df !== undefined && { df }),
    });
    this.#await([handle], count);
    watch.stop();
    const reached = handle.replies > 0 && watch.wasAsked(to, addressOf(from));
    this.reach.set(fromName, toName, reached);
    const { sent, replies, rttMs, errors } = handle;
    return {
      sent,
      replies,
      rttMs: [...rttMs],
      errors: [...errors],
      reached,
      arrived: watch.arrived,
      overheard: watch.overheard,
    };
  }

  #arp(fromName: string, toName: string): Seen & { readonly mac: string | undefined } {
    const from = this.machine(fromName);
    const to = this.machine(toName);
    const frame = new Uint8Array(ETHERNET_LENGTH + ARP_LENGTH);
    const header = { destination: EVERYBODY, source: from.mac, etherType: ETHERTYPE_ARP };
    const senderIp = addressOf(from);
    const targetIp = addressOf(to);
    const packet = emitEthernet(header, frame);
    emitArp(
      { operation: ARP_REQUEST, senderMac: from.mac, senderIp, targetMac: NOBODY, targetIp },
      frame,
      packet,
    );
    from.forget();
    const seen = this.#watched(true, () => from.send(frame));
    return { mac: from.neighbours().get(targetIp), ...seen };
  }

  #flow({
    from: fromName,
    to: toName,
    packets,
    bytes = FLOW_BYTES_DEFAULT,
    flows = 1,
  }: FlowStep["flow"]): Seen & {
    readonly sent: number;
  } {
    const from = this.machine(fromName);
    const to = addressOf(this.machine(toName));
    const payload = Uint8Array.from({ length: bytes }, (_, i) => i);
    // What waits for a MAC waits in a queue that is not endless: a hello goes first.
    if (packets > 1 && !from.neighbours().has(to)) {
      from.ping(to);
      this.network.advance(PATIENCE_MS);
    }
    const seen = this.#watched(false, () => {
      for (let i = 0; i < packets; i++)
        from.sendUdp(to, DISCARD_PORT, payload, FLOW_PORTS_FIRST + (i % flows));
    });
    return { sent: packets, ...seen };
  }

  #reachEachOther(which: "all" | readonly string[]): Seen & { readonly machines: readonly string[] } {
    const machines =
      which === "all" ? this.machines() : [...new Set(which)].map((name) => this.machine(name));
    const seen = this.#watched(false, () => {
      for (const from of machines) this.#reachFrom(from, machines);
    });
    return { machines: machines.map(({ name }) => name), ...seen };
  }

  /** One asks all others; whoever was asked and answered was reached, for nobody else asks meanwhile. */
  #reachFrom(from: Machine, machines: readonly Machine[]): void {
    const others = machines.filter((to) => to !== from);
    const watch = new Watch(others, false);
    const pings = others.map((to) => from.ping(addressOf(to)));
    this.#await(pings, 1);
    watch.stop();
    others.forEach((to, i) => {
      const answered = (pings[i] as PingHandle).replies > 0;
      this.reach.set(from.name, to.name, answered && watch.wasAsked(to, addressOf(from)));
    });
  }

  /** Waits until pings are answered, or given up. */
  #await(pings: readonly PingHandle[], count: number): void {
    this.network.run();
    const open = (): boolean => pings.some(({ replies, errors }) => replies + errors.length < count);
    if (count > 1) this.network.advance((count - 1) * SECOND_MS);
    if (open()) this.network.advance(PATIENCE_MS);
  }

  #watched(arp: boolean, action: () => void): Seen {
    const watch = new Watch(this.machines(), arp);
    try {
      action();
      this.network.run();
    } finally {
      watch.stop();
    }
    return { arrived: watch.arrived, overheard: watch.overheard };
  }
}

function addressOf(machine: Machine): string {
  if (machine.ip === undefined)
    throw new ArgumentRangeError("not-for-this", "machine", `${machine.name} has no IPv4 address`);
  return machine.ip;
}
