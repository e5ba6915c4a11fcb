// The ports of a switch: access, trunk, and the uplink; tunnels come from `Tunnels`. What a port is stands in its
// record, where the kernels read it, and nowhere else: a switch may have tens of thousands.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wholeNumber, wrongType } from "../core/arguments.ts";
import { fieldOf, onlyFields } from "../core/fields.ts";
import {
  MTU_NONE,
  PORT_ACCESS,
  PORT_DOMAIN,
  PORT_ENCAPSULATION,
  PORT_FLAGS,
  PORT_FLOODS,
  PORT_GROUP,
  PORT_KIND,
  PORT_LEARNS,
  PORT_LENGTH,
  PORT_MTU,
  PORT_NATIVE_VID,
  PORT_TRUNK,
  PORT_TUNNEL,
  PORT_TUNNEL_KIND,
  PORT_UPLINK,
  PORT_VLANS,
  UPLINK_NUMBER,
} from "../layout/switch.layout.ts";
import { VLAN_VID_RESERVED } from "../layout/vlan.layout.ts";
import { type BridgeDomains, destinationOf } from "./bridge-domains.ts";
import { Names } from "./names.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import { ACCESS_PORT_FIELDS, ANY_PORT_FIELDS, TRUNK_PORT_FIELDS } from "./switch-options.ts";
import type {
  AccessPortOptions,
  BridgeDomain,
  SwitchPort,
  TrunkPortOptions,
  TunnelOptions,
} from "./switch-types.ts";

const VLANS_LENGTH = 4096 * 2;

/** What every port has, checked. */
export interface Common {
  readonly flags: number;
  readonly group: number;
  readonly mtu: number;
  readonly fdbLimit: number | undefined;
}

export interface Added {
  readonly handle: SwitchPort;
  readonly fdbLimit: number | undefined;
}

export class Ports {
  readonly #memory: SwitchMemory;
  readonly #domains: BridgeDomains;
  readonly #names: Names<SwitchPort>;
  /** Of each trunk, the VLAN by which its bridge domains leave there. */
  readonly #vids: Map<SwitchPort, ReadonlyMap<BridgeDomain, number>> = new Map();

  constructor(memory: SwitchMemory, domains: BridgeDomains) {
    this.#memory = memory;
    this.#domains = domains;
    this.#names = new Names("port", 1, memory.portsMaximum);
  }

  addUplink(): SwitchPort {
    this.#write(UPLINK_NUMBER, PORT_UPLINK, { flags: 0, group: 0, mtu: MTU_NONE, fdbLimit: 0 });
    return this.#take(UPLINK_NUMBER, "uplink", "uplink");
  }

  addAccess(options: AccessPortOptions): Added {
    onlyFields("port", ACCESS_PORT_FIELDS, options);
    const common = checkCommon(options, 0);
    const domain = this.#domains.expect("bridgeDomain", options.bridgeDomain);
    const { number, name } = this.choose(options.name);
    this.#domains.prepare(domain);
    this.#write(number, PORT_ACCESS, common);
    this.setField(number, PORT_DOMAIN, domain.id);
    this.#domains.attach(domain, number, 0, this.floods(number));
    return { handle: this.#take(number, name, "access"), fdbLimit: common.fdbLimit };
  }

  addTrunk(options: TrunkPortOptions): Added {
    onlyFields("port", TRUNK_PORT_FIELDS, options);
    const common = checkCommon(options, 0);
    const vlans = this.#checkVlans(options.vlans);
    const native = fieldOf(TRUNK_PORT_FIELDS, options, "native") ?? 0;
    const nativeDomain = vlans.get(native);
    if (native !== 0 && nativeDomain === undefined)
      throw new ArgumentRangeError("not-found", "native", `${native} is not one of vlans`);
    const { number, name } = this.choose(options.name);
    for (const domain of vlans.values()) this.#domains.prepare(domain);
    const map = this.#memory.reserve("a trunk's VLANs", VLANS_LENGTH);
    this.#write(number, PORT_TRUNK, common);
    this.setField(number, PORT_DOMAIN, nativeDomain?.id ?? 0);
    this.setField(number, PORT_VLANS, map);
    this.setField(number, PORT_NATIVE_VID, native);
    const vids = new Map<BridgeDomain, number>();
    for (const [vlan, domain] of vlans) {
      this.#memory.kernels.view.setUint16(map + vlan * 2, domain.id, true);
      const vid = vlan === native ? 0 : vlan;
      vids.set(domain, vid);
      this.#domains.attach(domain, number, vid, this.floods(number));
    }
    const handle = this.#take(number, name, "trunk");
    this.#vids.set(handle, vids);
    return { handle, fdbLimit: common.fdbLimit };
  }

  /** For `Tunnels`: the number that the next port gets, and its name; nothing is taken yet. */
  choose(name: string | undefined): { number: number; name: string } {
    return this.#names.choose(name, "ports", "ports");
  }

  /** For `Tunnels`: enters a tunnel of a kind with these flags of its own, and the address of its encapsulation. */
  enterTunnel(
    { number, name }: { readonly number: number; readonly name: string },
    common: Common,
    kind: number,
    flags: number,
    record: number,
  ): Added {
    this.#write(number, PORT_TUNNEL, common);
    this.setField(number, PORT_TUNNEL_KIND, kind);
    this.setField(number, PORT_FLAGS, common.flags | flags);
    this.setField(number, PORT_ENCAPSULATION, record);
    return { handle: this.#take(number, name, "tunnel"), fdbLimit: common.fdbLimit };
  }

  /** Takes a port out. `Tunnels` has taken a tunnel out of its bridge domains before. */
  remove(handle: SwitchPort): void {
    const { number, name, kind } = handle;
    const floods = this.floods(number);
    if (kind === "access") {
      const domain = this.#domains.byId(this.field(number, PORT_DOMAIN)) as BridgeDomain;
      this.#domains.detach(domain, number, 0, floods);
    } else if (kind === "trunk") {
      for (const [domain, vid] of this.#vids.get(handle) ?? [])
        this.#domains.detach(domain, number, vid, floods);
      this.#vids.delete(handle);
      this.#memory.release(this.field(number, PORT_VLANS));
    }
    const at = this.#memory.portAddress(number) >>> 2;
    this.#memory.kernels.words.fill(0, at, at + (PORT_LENGTH >>> 2));
    this.#names.free(number, name);
  }

  /** Returns what is a port of this switch. */
  expect(name: string, handle: unknown): SwitchPort {
    return this.#names.expect(name, handle, "a port");
  }

  byNumber(number: number): SwitchPort | undefined {
    return this.#names.get(number);
  }

  /** By its name, or by its number. */
  find(which: string | number): SwitchPort | undefined {
    return typeof which === "number" ? this.#names.get(which) : this.#names.named(which);
  }

  all(): SwitchPort[] {
    return this.#names.all();
  }

  /** Where frames of a bridge domain leave by this port; undefined if it is not in it. */
  destination(handle: SwitchPort, domain: BridgeDomain): number | undefined {
    const { number } = handle;
    if (!this.#domains.has(domain, number)) return undefined;
    return destinationOf(number, this.#vids.get(handle)?.get(domain) ?? 0);
  }

  /** Whether what is flooded leaves by a port. */
  floods(number: number): boolean {
    return (this.field(number, PORT_FLAGS) & PORT_FLOODS) !== 0;
  }

  /** A field of a port's record. */
  field(number: number, field: number): number {
    return this.#memory.kernels.words[(this.#memory.portAddress(number) + field) >>> 2] as number;
  }

  setField(number: number, field: number, value: number): void {
    this.#memory.kernels.words[(this.#memory.portAddress(number) + field) >>> 2] = value;
  }

  #checkVlans(vlans: TrunkPortOptions["vlans"]): Map<number, BridgeDomain> {
    if (typeof vlans !== "object" || vlans === null)
      throw wrongType("vlans", "VLANs and their bridge domains", vlans);
    const pairs =
      Symbol.iterator in vlans
        ? [...vlans]
        : Object.entries(vlans).map(([vid, domain]) => [Number(vid), domain] as const);
    const checked = new Map<number, BridgeDomain>();
    const seen = new Set<BridgeDomain>();
    for (const pair of pairs) {
      const vid = wholeNumber("vlans", pair[0], 1, VLAN_VID_RESERVED - 1);
      const domain = this.#domains.expect("vlans", pair[1]);
      if (checked.has(vid)) throw new ArgumentRangeError("taken", "vlans", `${vid} stands there twice`);
      if (seen.has(domain))
        throw new ArgumentRangeError("taken", "vlans", `${domain.name} can have one VLAN only on a port`);
      checked.set(vid, domain);
      seen.add(domain);
    }
    if (checked.size === 0)
      throw new ArgumentRangeError("out-of-range", "vlans", "a trunk needs at least one VLAN");
    return checked;
  }

  /** The record of a number that nobody has is zero. */
  #write(number: number, code: number, { flags, group, mtu }: Common): void {
    const { words } = this.#memory.kernels;
    const at = this.#memory.portAddress(number);
    words[(at + PORT_KIND) >>> 2] = code;
    words[(at + PORT_FLAGS) >>> 2] = flags;
    words[(at + PORT_GROUP) >>> 2] = group;
    words[(at + PORT_MTU) >>> 2] = mtu;
  }

  #take(number: number, name: string, kind: SwitchPort["kind"]): SwitchPort {
    const handle: SwitchPort = Object.freeze({ number, name, kind });
    this.#names.take(number, name, handle);
    return handle;
  }
}

/** Checks what all ports have; `group` is the split-horizon group by default. */
export function checkCommon(
  options: AccessPortOptions | TrunkPortOptions | TunnelOptions,
  group: number,
): Common {
  return {
    flags:
      (fieldOf(ANY_PORT_FIELDS, options, "learning") ? PORT_LEARNS : 0) |
      (fieldOf(ANY_PORT_FIELDS, options, "flood") ? PORT_FLOODS : 0),
    group: fieldOf(ANY_PORT_FIELDS, options, "group") ?? group,
    mtu: fieldOf(ANY_PORT_FIELDS, options, "mtu") ?? MTU_NONE,
    fdbLimit: fieldOf(ANY_PORT_FIELDS, options, "fdbLimit"),
  };
}
