// The bridge domains of a switch, with their flood lists.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { checkFields } from "../core/fields.ts";
import { DESTINATION_VID_SHIFT } from "../layout/fdb.layout.ts";
import {
  DOMAIN_ANSWERS_ARP,
  DOMAIN_FLAGS,
  DOMAIN_FLOOD,
  DOMAIN_FLOOD_COUNT,
  DOMAIN_FLOODS_UNKNOWN,
  DOMAIN_LEARNS,
  DOMAIN_LENGTH,
  DOMAIN_PRESENT,
  DOMAIN_VNI,
} from "../layout/switch.layout.ts";
import { Names } from "./names.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import { BRIDGE_DOMAIN_FIELDS } from "./switch-options.ts";
import type { BridgeDomain, BridgeDomainOptions } from "./switch-types.ts";

interface Domain {
  readonly handle: BridgeDomain;
  /** Address of its flood list, and for how many destinations there is room. */
  list: number;
  room: number;
  /** How many destinations stand in the flood list, and how many ports there are in all. */
  flooded: number;
  ports: number;
  /** A bit for each port that is in it. */
  present: Uint32Array;
}

/** Destinations that a flood list has room for at first. */
const ROOM = 8;

export class BridgeDomains {
  readonly #memory: SwitchMemory;
  /** By number. */
  readonly #domains: (Domain | undefined)[] = [];
  readonly #names: Names<BridgeDomain>;
  readonly #byVni: Map<number, BridgeDomain> = new Map();

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
    this.#names = new Names("domain", 1, memory.domainsMaximum);
  }

  add(options: BridgeDomainOptions): { handle: BridgeDomain; fdbLimit: number | undefined } {
    const checked = checkFields("bridgeDomain", BRIDGE_DOMAIN_FIELDS, options);
    const { vni, fdbLimit } = checked;
    const taken = vni === undefined ? undefined : this.#byVni.get(vni);
    if (taken !== undefined)
      throw new ArgumentRangeError("taken", "vni", `${vni} is the VNI of ${taken.name} already`);
    const flags =
      DOMAIN_PRESENT |
      (checked.learning ? DOMAIN_LEARNS : 0) |
      (checked.unknownUnicast === "flood" ? DOMAIN_FLOODS_UNKNOWN : 0) |
      (checked.arpSuppression ? DOMAIN_ANSWERS_ARP : 0);
    const { number: id, name } = this.#names.choose(checked.name, "bridgeDomains", "bridge domains");
    const list = this.#memory.reserve("a flood list", ROOM * 4);
    const handle: BridgeDomain = Object.freeze({ id, name, vni });
    this.#names.take(id, name, handle);
    if (vni !== undefined) this.#byVni.set(vni, handle);
    this.#domains[id] = { handle, list, room: ROOM, flooded: 0, ports: 0, present: new Uint32Array(1) };
    const { words, bytes, view } = this.#memory.kernels;
    const at = this.#memory.domainAddress(id);
    bytes.fill(0, at, at + DOMAIN_LENGTH);
    words[(at + DOMAIN_FLAGS) >>> 2] = flags;
    words[(at + DOMAIN_FLOOD) >>> 2] = list;
    if (vni !== undefined) view.setUint32(at + DOMAIN_VNI, (vni << 8) >>> 0);
    return { handle, fdbLimit };
  }

  remove(handle: BridgeDomain): void {
    const domain = this.#domain(handle.id);
    if (domain.ports > 0)
      throw new ArgumentRangeError(
        "in-use",
        "bridgeDomain",
        `${domain.ports} ports are in ${handle.name} still`,
      );
    const at = this.#memory.domainAddress(handle.id);
    this.#memory.kernels.bytes.fill(0, at, at + DOMAIN_LENGTH);
    this.#memory.release(domain.list);
    this.#domains[handle.id] = undefined;
    if (handle.vni !== undefined) this.#byVni.delete(handle.vni);
    this.#names.free(handle.id, handle.name);
  }

  /** Returns what is a bridge domain of this switch. */
  expect(name: string, handle: unknown): BridgeDomain {
    return this.#names.expect(name, handle, "a bridge domain");
  }

  byId(id: number): BridgeDomain | undefined {
    return this.#names.get(id);
  }

  byName(name: string): BridgeDomain | undefined {
    return this.#names.named(name);
  }

  all(): BridgeDomain[] {
    return this.#names.all();
  }

  /** Whether a port is in it. */
  has(handle: BridgeDomain, port: number): boolean {
    const { present } = this.#domain(handle.id);
    return (((present[port >>> 5] ?? 0) >>> (port & 31)) & 1) !== 0;
  }

  /** Makes room for another port, so that `attach` cannot fail. */
  prepare(handle: BridgeDomain): void {
    const domain = this.#domain(handle.id);
    if (domain.flooded < domain.room) return;
    const room = 2 * domain.room;
    const list = this.#memory.reserve("a flood list", room * 4);
    this.#memory.kernels.words.copyWithin(list >>> 2, domain.list >>> 2, (domain.list >>> 2) + domain.room);
    this.#memory.release(domain.list);
    this.#useList(domain, list, room);
  }

  /**
   * Puts a port into a bridge domain that it is not in: `vid` is the VLAN by which its frames leave there, 0 for none;
   * `floods` says whether floods do.
   */
  attach(handle: BridgeDomain, port: number, vid: number, floods: boolean): void {
    const domain = this.#domain(handle.id);
    const word = port >>> 5;
    if (word >= domain.present.length) {
      const present = new Uint32Array(2 ** (32 - Math.clz32(word)));
      present.set(domain.present);
      domain.present = present;
    }
    (domain.present[word] as number) |= 1 << (port & 31);
    domain.ports++;
    if (!floods) return;
    this.#memory.kernels.words[(domain.list >>> 2) + domain.flooded] = destinationOf(port, vid);
    this.#count(domain, domain.flooded + 1);
  }

  /** Takes a port out, and says what it said when it came; the others keep their order. */
  detach(handle: BridgeDomain, port: number, vid: number, floods: boolean): void {
    const domain = this.#domain(handle.id);
    (domain.present[port >>> 5] as number) &= ~(1 << (port & 31));
    domain.ports--;
    if (!floods) return;
    const { words } = this.#memory.kernels;
    const end = (domain.list >>> 2) + domain.flooded;
    const destination = destinationOf(port, vid);
    let place = domain.list >>> 2;
    while (place < end && words[place] !== destination) place++;
    if (place === end) return;
    words.copyWithin(place, place + 1, end);
    this.#count(domain, domain.flooded - 1);
    if (domain.room > ROOM && domain.flooded <= domain.room / 4) this.#shrink(domain);
  }

  /** A shorter list finds room where the old one was: removing cannot fail for lack of memory. */
  #shrink(domain: Domain): void {
    const start = domain.list >>> 2;
    const kept = this.#memory.kernels.words.slice(start, start + domain.flooded);
    this.#memory.release(domain.list);
    const room = domain.room / 2;
    const list = this.#memory.reserve("a flood list", room * 4);
    this.#memory.kernels.words.set(kept, list >>> 2);
    this.#useList(domain, list, room);
  }

  #useList(domain: Domain, list: number, room: number): void {
    domain.list = list;
    domain.room = room;
    this.#memory.kernels.words[(this.#memory.domainAddress(domain.handle.id) + DOMAIN_FLOOD) >>> 2] = list;
  }

  #count(domain: Domain, flooded: number): void {
    domain.flooded = flooded;
    const at = this.#memory.domainAddress(domain.handle.id) + DOMAIN_FLOOD_COUNT;
    this.#memory.kernels.words[at >>> 2] = flooded;
  }

  #domain(id: number): Domain {
    return this.#domains[id] as Domain;
  }
}

/** Where frames leave: a port, and by which VLAN. */
export function destinationOf(port: number, vid: number): number {
  return port | (vid << DESTINATION_VID_SHIFT);
}
