// What a switch has counted, added up over its threads.

import { dropReasons } from "../core/drop-reasons.ts";
import { COUNTER_LENGTH, DROP_WORKER_DIED } from "../layout/drop.layout.ts";
import {
  ANSWERED_ARP,
  ANSWERED_ECHO,
  ANSWERED_TOO_BIG,
  ANSWERED_TTL,
  CONTEXT_ANSWERED,
  DOMAIN_COPIES,
  DOMAIN_COUNTERS_LENGTH,
  DOMAIN_DROPPED,
  DOMAIN_RECEIVED,
  DOMAIN_ROUTED_IN,
  DOMAIN_ROUTED_OUT,
  DOMAIN_SENT,
  PORT_COPIES,
  PORT_COUNTERS_LENGTH,
  PORT_DROPPED,
  PORT_RECEIVED,
  PORT_RECEIVED_BYTES,
  PORT_SENT,
  PORT_SENT_BYTES,
} from "../layout/switch.layout.ts";
import type { SwitchContext, SwitchMemory } from "./switch-memory.ts";
import type { BridgeDomain, SwitchPort } from "./switch-types.ts";

/**
 * Frames, and bytes as they came in or left, seen from the switch: what it received is what was sent at the port. What
 * came in here: received + copies = sent because of it + dropped, but for what \`drops\` says.
 */
export interface PortCounters {
  readonly number: number;
  readonly name: string;
  readonly kind: SwitchPort["kind"];
  readonly received: number;
  readonly receivedBytes: number;
  /** Copies that flooding made of what came in here. */
  readonly copies: number;
  /** Of what came in here, and of what found its queue full when it left here. */
  readonly dropped: number;
  /** Of these, those that were lost at the port itself, in front of the switch or behind it; the others are in the switch's. */
  readonly drops: Readonly<Record<string, number>>;
  readonly sent: number;
  readonly sentBytes: number;
}

/** received + copies + routedIn = sent + dropped + routedOut. */
export interface BridgeDomainCounters {
  readonly id: number;
  readonly name: string;
  readonly received: number;
  readonly copies: number;
  readonly dropped: number;
  readonly sent: number;
  readonly routedIn: number;
  readonly routedOut: number;
}

/** received + copies = sent + dropped, whenever nothing is under way. */
export interface SwitchCounters {
  readonly received: number;
  readonly copies: number;
  readonly sent: number;
  readonly dropped: number;
  /** Drops by reason name; reasons that never came up are left out. */
  readonly drops: Readonly<Record<string, number>>;
  /** The uplink counts packets; each tunnel, too, those of its remote. */
  readonly ports: readonly PortCounters[];
  readonly bridgeDomains: readonly BridgeDomainCounters[];
  /** Frames that the switch itself has answered; they count as sent. */
  readonly answered: {
    readonly arp: number;
    readonly echo: number;
    readonly ttlExceeded: number;
    readonly packetTooBig: number;
  };
  /** How often an address was not learned because a limit was reached or the table was full. */
  readonly learnRefused: number;
}

type Totals = { received: number; copies: number; sent: number; dropped: number };

const PLACE_0: SwitchPort = { number: 0, name: "", kind: "uplink" };

export class CounterTable {
  readonly #memory: SwitchMemory;
  /** What ports have counted that are no longer there. */
  readonly #gone: Map<SwitchContext, Totals> = new Map();
  readonly #goneTunnels = { sent: 0, sentBytes: 0 };

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
  }

  read(
    ports: readonly SwitchPort[],
    bridgeDomains: readonly BridgeDomain[],
    learnRefused: number,
  ): SwitchCounters {
    const totals = { received: 0, copies: 0, sent: 0, dropped: 0 };
    for (const gone of this.#gone.values()) {
      totals.received += gone.received;
      totals.copies += gone.copies;
      totals.sent += gone.sent;
      totals.dropped += gone.dropped;
    }
    const viaTunnels = { ...this.#goneTunnels };
    const all = ports.map((port) => this.#port(port));
    // Without an uplink its place counts what belongs to no port.
    const nobody = ports[0]?.number === 0 ? [] : [this.#port(PLACE_0)];
    for (const port of [...all, ...nobody]) {
      // A tunnel's packets were received by the uplink.
      if (port.kind !== "tunnel") totals.received += port.received;
      else {
        viaTunnels.sent += port.sent;
        viaTunnels.sentBytes += port.sentBytes;
      }
      totals.copies += port.copies;
      totals.sent += port.sent;
      totals.dropped += port.dropped;
    }
    const drops: Record<string, number> = {};
    for (const { code, name } of dropReasons.slice(1)) {
      const count = this.#sum((context) => context.reasons + code * COUNTER_LENGTH);
      if (count > 0) drops[name] = count;
    }
    const answered = (kind: number): number =>
      this.#sum((context) => context.address + CONTEXT_ANSWERED + kind);
    return {
      received: totals.received,
      copies: totals.copies,
      sent: totals.sent,
      dropped: totals.dropped,
      drops,
      ports: all.map((port) =>
        port.kind === "uplink"
          ? {
              ...port,
              sent: port.sent + viaTunnels.sent,
              sentBytes: port.sentBytes + viaTunnels.sentBytes,
            }
          : port,
      ),
      bridgeDomains: bridgeDomains.map((domain) => this.#domain(domain)),
      answered: {
        arp: answered(ANSWERED_ARP),
        echo: answered(ANSWERED_ECHO),
        ttlExceeded: answered(ANSWERED_TTL),
        packetTooBig: answered(ANSWERED_TOO_BIG),
      },
      learnRefused,
    };
  }

  /**
   * For a thread that has ended in the middle of a burst: it has received so many frames in all, and what of them has
   * neither left nor been dropped is dropped now. Where nobody knows which port it was, it is counted at place 0.
   */
  settleDied(
    context: SwitchContext,
    received: number,
    ports: readonly SwitchPort[],
    bridgeDomains: readonly BridgeDomain[],
  ): void {
    const { kernels } = this.#memory;
    const sums = { ...this.#goneOf(context) };
    for (const { number, kind } of ports[0]?.number === 0 ? ports : [PLACE_0, ...ports]) {
      const at = context.ports + number * PORT_COUNTERS_LENGTH;
      if (kind !== "tunnel") sums.received += kernels.counter(at + PORT_RECEIVED);
      sums.copies += kernels.counter(at + PORT_COPIES);
      sums.sent += kernels.counter(at + PORT_SENT);
      sums.dropped += kernels.counter(at + PORT_DROPPED);
    }
    const lost = Math.max(0, received + sums.copies - sums.sent - sums.dropped);
    this.#add(context.ports + PORT_RECEIVED, received - sums.received);
    this.#add(context.ports + PORT_DROPPED, lost);
    let reasons = 0;
    for (const { code } of dropReasons) reasons += kernels.counter(context.reasons + code * COUNTER_LENGTH);
    this.#add(context.reasons + DROP_WORKER_DIED * COUNTER_LENGTH, sums.dropped + lost - reasons);
    for (const { id } of bridgeDomains) {
      const at = context.domains + id * DOMAIN_COUNTERS_LENGTH;
      const field = (offset: number): number => kernels.counter(at + offset);
      const came = field(DOMAIN_RECEIVED) + field(DOMAIN_COPIES) + field(DOMAIN_ROUTED_IN);
      const went = field(DOMAIN_SENT) + field(DOMAIN_DROPPED) + field(DOMAIN_ROUTED_OUT);
      this.#add(at + DOMAIN_DROPPED, came - went);
    }
  }

  #goneOf(context: SwitchContext): Totals {
    let gone = this.#gone.get(context);
    if (gone === undefined) {
      gone = { received: 0, copies: 0, sent: 0, dropped: 0 };
      this.#gone.set(context, gone);
    }
    return gone;
  }

  /** A port goes: what it counted stays in the totals, and its place is zeroed. */
  retirePort({ number, kind }: SwitchPort): void {
    const { kernels, contexts } = this.#memory;
    for (const context of contexts) {
      const at = context.ports + number * PORT_COUNTERS_LENGTH;
      const gone = this.#goneOf(context);
      const sent = kernels.counter(at + PORT_SENT);
      if (kind === "tunnel") {
        this.#goneTunnels.sent += sent;
        this.#goneTunnels.sentBytes += kernels.counter(at + PORT_SENT_BYTES);
      } else gone.received += kernels.counter(at + PORT_RECEIVED);
      gone.copies += kernels.counter(at + PORT_COPIES);
      gone.sent += sent;
      gone.dropped += kernels.counter(at + PORT_DROPPED);
      this.#zero(at, PORT_COUNTERS_LENGTH);
    }
  }

  retireDomain(id: number): void {
    for (const { domains } of this.#memory.contexts)
      this.#zero(domains + id * DOMAIN_COUNTERS_LENGTH, DOMAIN_COUNTERS_LENGTH);
  }

  #port({ number, name, kind }: SwitchPort): PortCounters {
    const field = (offset: number): number =>
      this.#sum(({ ports }) => ports + number * PORT_COUNTERS_LENGTH + offset);
    return {
      number,
      name,
      kind,
      received: field(PORT_RECEIVED),
      receivedBytes: field(PORT_RECEIVED_BYTES),
      copies: field(PORT_COPIES),
      dropped: field(PORT_DROPPED),
      drops: {},
      sent: field(PORT_SENT),
      sentBytes: field(PORT_SENT_BYTES),
    };
  }

  #domain({ id, name }: BridgeDomain): BridgeDomainCounters {
    const field = (offset: number): number =>
      this.#sum(({ domains }) => domains + id * DOMAIN_COUNTERS_LENGTH + offset);
    return {
      id,
      name,
      received: field(DOMAIN_RECEIVED),
      copies: field(DOMAIN_COPIES),
      dropped: field(DOMAIN_DROPPED),
      sent: field(DOMAIN_SENT),
      routedIn: field(DOMAIN_ROUTED_IN),
      routedOut: field(DOMAIN_ROUTED_OUT),
    };
  }

  #sum(addressOf: (context: SwitchContext) => number): number {
    let sum = 0;
    for (const context of this.#memory.contexts) sum += this.#memory.kernels.counter(addressOf(context));
    return sum;
  }

  #add(address: number, count: number): void {
    const { kernels } = this.#memory;
    kernels.view.setBigUint64(address, BigInt(Math.max(0, kernels.counter(address) + count)), true);
  }

  #zero(address: number, length: number): void {
    this.#memory.kernels.bytes.fill(0, address, address + length);
  }
}
