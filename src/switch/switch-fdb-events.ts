// What happens to the entries of a switch's FDB, as its user hears of it.

import { formatMac } from "../core/addresses.ts";
import {
  DESTINATION_PORT_MASK,
  EVENT_AGED,
  EVENT_DESTINATION,
  EVENT_EVICTED,
  EVENT_FROM,
  EVENT_KEY,
  EVENT_KIND,
  EVENT_LEARNED,
  EVENT_LENGTH,
  EVENT_MOVED,
  EVENT_STAMP,
  EVENTS_HEADER_LENGTH,
  EVENTS_LIMIT,
  EVENTS_LOST,
  EVENTS_MASK,
  EVENTS_TAKEN,
  EVENTS_WRITTEN,
  KEY_DOMAIN,
} from "../layout/fdb.layout.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import type { BridgeDomain, SwitchPort } from "./switch-types.ts";

export interface FdbEvent {
  readonly kind: "learned" | "moved" | "aged" | "evicted";
  readonly bridgeDomain: BridgeDomain;
  readonly mac: string;
  readonly port: SwitchPort;
  /** Where it was before it moved. */
  readonly from?: SwitchPort | undefined;
  readonly seconds: number;
}

/** What the FDB asks of the switch whose it is. */
export interface FdbOwner {
  readonly memory: SwitchMemory;
  expectOpen(): void;
  expectDomain(name: string, domain: unknown): BridgeDomain;
  expectPort(name: string, port: unknown): SwitchPort;
  domainById(id: number): BridgeDomain | undefined;
  portByNumber(number: number): SwitchPort | undefined;
  /** The destination of a bridge domain on a port, or undefined if it is not there. */
  destination(port: SwitchPort, domain: BridgeDomain): number | undefined;
}

const EVENT_KINDS: ReadonlyMap<number, FdbEvent["kind"]> = new Map([
  [EVENT_LEARNED, "learned"],
  [EVENT_MOVED, "moved"],
  [EVENT_AGED, "aged"],
  [EVENT_EVICTED, "evicted"],
]);

/** The kernels write events round and round; here they are read, and get the names of what they tell of. */
export class FdbEvents {
  /** Address of the header, for kernels. */
  readonly address: number;
  readonly #owner: FdbOwner;
  readonly #most: number;
  readonly #kept: FdbEvent[] = [];
  #lost = 0;

  /** Room for `most` events. */
  constructor(owner: FdbOwner, most: number) {
    const { memory } = owner;
    this.#owner = owner;
    this.#most = most;
    const records = 2 ** Math.ceil(Math.log2(most));
    this.address = memory.reserve("an FDB's events", EVENTS_HEADER_LENGTH + records * EVENT_LENGTH);
    memory.kernels.words[(this.address + EVENTS_MASK) >>> 2] = records - 1;
    memory.kernels.words[(this.address + EVENTS_LIMIT) >>> 2] = most;
  }

  /** All there are, in order. */
  take(): FdbEvent[] {
    this.keep();
    return this.#kept.splice(0);
  }

  /** How many there was no room for. */
  get lost(): number {
    return this.#owner.memory.kernels.counter(this.address + EVENTS_LOST) + this.#lost;
  }

  /** Resolves what events say, before numbers get another meaning. */
  keep(): void {
    const { words, signed } = this.#owner.memory.kernels;
    const written = Atomics.load(signed, (this.address + EVENTS_WRITTEN) >>> 2);
    const mask = words[(this.address + EVENTS_MASK) >>> 2] as number;
    let taken = signed[(this.address + EVENTS_TAKEN) >>> 2] as number;
    for (; taken !== written; taken = (taken + 1) | 0) {
      const event = this.#read(this.address + EVENTS_HEADER_LENGTH + (taken & mask) * EVENT_LENGTH);
      if (event === undefined) continue;
      // Nobody may ever come to take them.
      if (this.#kept.length < this.#most) this.#kept.push(event);
      else this.#lost++;
    }
    Atomics.store(signed, (this.address + EVENTS_TAKEN) >>> 2, taken);
  }

  #read(at: number): FdbEvent | undefined {
    const { view, bytes } = this.#owner.memory.kernels;
    const kind = EVENT_KINDS.get(view.getUint32(at + EVENT_KIND, true));
    const bridgeDomain = this.#owner.domainById(view.getUint16(at + EVENT_KEY + KEY_DOMAIN, true));
    const port = this.#portOf(view.getUint32(at + EVENT_DESTINATION, true));
    if (kind === undefined || bridgeDomain === undefined || port === undefined) return undefined;
    const mac = formatMac(bytes, at + EVENT_KEY);
    const seconds = view.getUint32(at + EVENT_STAMP, true);
    const from = kind === "moved" ? this.#portOf(view.getUint32(at + EVENT_FROM, true)) : undefined;
    return { kind, bridgeDomain, mac, port, seconds, ...(from === undefined ? {} : { from }) };
  }

  #portOf(destination: number): SwitchPort | undefined {
    return this.#owner.portByNumber(destination & DESTINATION_PORT_MASK);
  }
}
