// What machines see while something is done: who got frames, and who overheard those for others.

import { formatIp, parseMac } from "../core/addresses.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4 } from "../layout/ethernet.layout.ts";
import { ICMP_ECHO_REQUEST } from "../layout/icmp.layout.ts";
import { IP_PROTOCOL_ICMP } from "../layout/ipv4.layout.ts";
import { parseEthernet } from "../wire/ethernet.ts";
import { parseIcmp } from "../wire/icmp.ts";
import { parseIpv4 } from "../wire/ipv4.ts";
import type { Machine } from "./machine.ts";

/** Frames by the name of the machine that saw them. */
export type FrameCounts = Readonly<Record<string, number>>;

/** What machines saw, from the time it was made until `stop`. */
export class Watch {
  readonly #machines: readonly Machine[];
  readonly #before: readonly Machine["onFrame"][];
  readonly #arrived = new Map<string, number>();
  readonly #overheard = new Map<string, number>();
  readonly #asked = new Map<string, Set<string>>();

  /** With `arp` ARP counts too; without, only what is not about who has which MAC. */
  constructor(machines: readonly Machine[], arp: boolean) {
    this.#machines = machines;
    this.#before = machines.map(({ onFrame }) => onFrame);
    for (const machine of machines) {
      const mac = parseMac("mac", machine.mac);
      // Whoever watches already goes on watching.
      const { onFrame } = machine;
      machine.onFrame = (frame) => {
        onFrame?.(frame, machine);
        this.#see(machine, mac, frame, arp);
      };
    }
  }

  /** Frames that arrived at those they were for, and group frames at whoever got them. */
  get arrived(): FrameCounts {
    return Object.fromEntries(this.#arrived);
  }

  /** Frames that a machine saw though they are for another's MAC: what flooding shows around. */
  get overheard(): FrameCounts {
    return Object.fromEntries(this.#overheard);
  }

  /** Whether an ICMP echo request from this address has arrived at this machine. */
  wasAsked(machine: Machine, from: string): boolean {
    return this.#asked.get(machine.name)?.has(from) === true;
  }

  stop(): void {
    this.#machines.forEach((machine, i) => {
      machine.onFrame = this.#before[i];
    });
  }

  #see(machine: Machine, mac: Uint8Array, frame: Uint8Array, arp: boolean): void {
    const ethernet = parseEthernet(frame);
    if (!ethernet.ok) return;
    const { destination, etherType } = ethernet.header;
    if (etherType === ETHERTYPE_ARP && !arp) return;
    const group = ((destination[0] as number) & 1) !== 0;
    if (!group && destination.some((byte, i) => byte !== mac[i])) {
      add(this.#overheard, machine.name);
      return;
    }
    add(this.#arrived, machine.name);
    if (etherType === ETHERTYPE_IPV4) this.#noteEcho(machine, frame, ethernet.payload);
  }

  #noteEcho(machine: Machine, frame: Uint8Array, offset: number): void {
    const ip = parseIpv4(frame, offset);
    if (!ip.ok || ip.header.protocol !== IP_PROTOCOL_ICMP || ip.header.fragmentOffset !== 0) return;
    const icmp = parseIcmp(frame, ip.payload);
    if (!icmp.ok || icmp.header.type !== ICMP_ECHO_REQUEST) return;
    if (formatIp(ip.header.destination) !== machine.ip) return;
    const asked = this.#asked.get(machine.name) ?? new Set();
    asked.add(formatIp(ip.header.source));
    this.#asked.set(machine.name, asked);
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
