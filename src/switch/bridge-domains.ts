// The bridge domains of a switch, with their flood lists.

import { knownKeys, oneOf, trueOrFalse, wholeNumber } from "../core/arguments.ts";
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
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import { Names } from "./names.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import type { BridgeDomain, BridgeDomainOptions } from "./switch-types.ts";

/** A port in a bridge domain: the VLAN by which its frames leave there, 0 for none, and whether floods do. */
export interface Attachment {
  readonly port: number;
  readonly vid: number;
  readonly floods: boolean;
}

interface Domain {
  readonly handle: BridgeDomain;
  readonly attachments: Attachment[];
  list: number;
  room: number;
}

/** Destinations that a flood list has room for at first. */
const ROOM = 8;
export const LIMIT_MAXIMUM = 0xfffffffe;

export class BridgeDomains {
  readonly #memory: SwitchMemory;
  readonly #domains: Map<number, Domain> = new Map();
  readonly #names: Names<BridgeDomain>;
  readonly #byVni: Map<number, BridgeDomain> = new Map();

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
    this.#names = new Names("domain", 1, memory.domainsMaximum);
  }

  add(options: BridgeDomainOptions): { handle: BridgeDomain; fdbLimit: number | undefined } {
    knownKeys("bridgeDomain", options, [
      "name",
      "vni",
      "learning",
      "unknownUnicast",
      "arpSuppression",
      "fdbLimit",
    ]);
    const vni = options.vni === undefined ? undefined : wholeNumber("vni", options.vni, 0, VNI_MAXIMUM);
    const taken = vni === undefined ? undefined : this.#byVni.get(vni);
    if (taken !== undefined) throw new RangeError(`vni: ${vni} is the VNI of ${taken.name} already`);
    const flags =
      DOMAIN_PRESENT |
      (trueOrFalse("learning", options.learning ?? true) ? DOMAIN_LEARNS : 0) |
      (oneOf("unknownUnicast", options.unknownUnicast ?? "flood", ["flood", "drop"]) === "flood"
        ? DOMAIN_FLOODS_UNKNOWN
        : 0) |
      (trueOrFalse("arpSuppression", options.arpSuppression ?? false) ? DOMAIN_ANSWERS_ARP : 0);
    const fdbLimit =
      options.fdbLimit === undefined
        ? undefined
        : wholeNumber("fdbLimit", options.fdbLimit, 0, LIMIT_MAXIMUM);
    const { number: id, name } = this.#names.choose(options.name, "bridgeDomains", "bridge domains");
    const list = this.#memory.reserve("a flood list", ROOM * 4);
    const handle: BridgeDomain = Object.freeze({ id, name, vni });
    this.#names.take(id, name, handle);
    if (vni !== undefined) this.#byVni.set(vni, handle);
    this.#domains.set(id, { handle, attachments: [], list, room: ROOM });
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
    if (domain.attachments.length > 0)
      throw new RangeError(`bridgeDomain: ${domain.attachments.length} ports are in ${handle.name} still`);
    const at = this.#memory.domainAddress(handle.id);
    this.#memory.kernels.bytes.fill(0, at, at + DOMAIN_LENGTH);
    this.#memory.release(domain.list);
    this.#domains.delete(handle.id);
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

  attachmentsOf(handle: BridgeDomain): readonly Attachment[] {
    return this.#domain(handle.id).attachments;
  }

  /** Makes room for another port, so that `attach` cannot fail. */
  prepare(handle: BridgeDomain): void {
    const domain = this.#domain(handle.id);
    if (domain.attachments.length < domain.room) return;
    const room = 2 * domain.room;
    const list = this.#memory.reserve("a flood list", room * 4);
    this.#memory.kernels.words.copyWithin(list >>> 2, domain.list >>> 2, (domain.list >>> 2) + domain.room);
    this.#memory.kernels.words[(this.#memory.domainAddress(handle.id) + DOMAIN_FLOOD) >>> 2] = list;
    this.#memory.release(domain.list);
    domain.list = list;
    domain.room = room;
  }

  attach(handle: BridgeDomain, attachment: Attachment): void {
    const domain = this.#domain(handle.id);
    domain.attachments.push(attachment);
    this.#writeList(domain);
  }

  detach(handle: BridgeDomain, port: number): void {
    const domain = this.#domain(handle.id);
    const index = domain.attachments.findIndex((attachment) => attachment.port === port);
    if (index < 0) return;
    domain.attachments.splice(index, 1);
    this.#writeList(domain);
  }

  #writeList({ handle, attachments, list }: Domain): void {
    const { words } = this.#memory.kernels;
    let count = 0;
    for (const { port, vid, floods } of attachments) {
      if (floods) words[(list >>> 2) + count++] = port | (vid << DESTINATION_VID_SHIFT);
    }
    words[(this.#memory.domainAddress(handle.id) + DOMAIN_FLOOD_COUNT) >>> 2] = count;
  }

  #domain(id: number): Domain {
    return this.#domains.get(id) as Domain;
  }
}
