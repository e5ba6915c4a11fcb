// The ports of a switch: access, trunk, tunnel, and the uplink.

import { parseIp } from "../core/addresses.ts";
import { knownKeys, oneOf, trueOrFalse, wholeNumber } from "../core/arguments.ts";
import { DESTINATION_VID_SHIFT } from "../layout/fdb.layout.ts";
import { STAGE_LENGTH } from "../layout/stage.layout.ts";
import {
  MTU_NONE,
  PORT_ACCESS,
  PORT_DOMAIN,
  PORT_ENCAPSULATION,
  PORT_FLAGS,
  PORT_GROUP,
  PORT_KIND,
  PORT_LEARNS,
  PORT_LENGTH,
  PORT_MTU,
  PORT_NATIVE_VID,
  PORT_PLAIN_TUNNEL,
  PORT_TRUNK,
  PORT_TUNNEL,
  PORT_UPLINK,
  PORT_VLANS,
  UPLINK_NUMBER,
} from "../layout/switch.layout.ts";
import { VLAN_VID_RESERVED } from "../layout/vlan.layout.ts";
import { isPlainEncapsulation, writeEncapsulate } from "../pipeline/write-encapsulate.ts";
import { type BridgeDomains, LIMIT_MAXIMUM } from "./bridge-domains.ts";
import { Names } from "./names.ts";
import type { Remotes } from "./remotes.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import type {
  AccessPortOptions,
  BridgeDomain,
  SwitchPort,
  TrunkPortOptions,
  TunnelOptions,
} from "./switch-types.ts";
import type { Vtep } from "./vtep.ts";

const ANY_PORT = ["name", "learning", "flood", "group", "fdbLimit", "mtu"] as const;
const TUNNEL = [
  ...ANY_PORT,
  "kind",
  "remote",
  "bridgeDomains",
  "remoteMac",
  "port",
  "ttl",
  "dscp",
  "udpChecksum",
] as const;
const MTU_MINIMUM = 46;
const VLANS_LENGTH = 4096 * 2;

/** What every port has, checked. */
interface Common {
  readonly flags: number;
  readonly floods: boolean;
  readonly group: number;
  readonly mtu: number;
  readonly fdbLimit: number | undefined;
}

interface Port {
  readonly handle: SwitchPort;
  /** Its bridge domains, and the VLAN by which each leaves here. */
  readonly domains: Map<BridgeDomain, number>;
  readonly floods: boolean;
  readonly remote: Uint8Array | undefined;
  readonly regions: readonly number[];
}

export class Ports {
  readonly #memory: SwitchMemory;
  readonly #domains: BridgeDomains;
  readonly #ports: Map<SwitchPort, Port> = new Map();
  readonly #names: Names<SwitchPort>;
  readonly #byRemote: Map<string, SwitchPort> = new Map();
  /** Where a tunnel's record is written first: there may be thousands of tunnels. */
  readonly #record: DataView = new DataView(new ArrayBuffer(STAGE_LENGTH));

  constructor(memory: SwitchMemory, domains: BridgeDomains) {
    this.#memory = memory;
    this.#domains = domains;
    this.#names = new Names("port", 1, memory.portsMaximum);
  }

  addUplink(): SwitchPort {
    const handle: SwitchPort = Object.freeze({ number: UPLINK_NUMBER, name: "uplink", kind: "uplink" });
    this.#names.take(UPLINK_NUMBER, handle.name, handle);
    this.#ports.set(handle, { handle, domains: new Map(), floods: false, remote: undefined, regions: [] });
    this.#write(
      UPLINK_NUMBER,
      PORT_UPLINK,
      { flags: 0, floods: false, group: 0, mtu: MTU_NONE, fdbLimit: 0 },
      [],
    );
    return handle;
  }

  addAccess(options: AccessPortOptions): Added {
    knownKeys("port", options, [...ANY_PORT, "bridgeDomain"]);
    const common = checkCommon(options, 0);
    const domain = this.#domains.expect("bridgeDomain", options.bridgeDomain);
    const { number, name } = this.#names.choose(options.name, "ports", "ports");
    this.#domains.prepare(domain);
    this.#write(number, PORT_ACCESS, common, [[PORT_DOMAIN, domain.id]]);
    return this.#added({ number, name, kind: "access" }, common, new Map([[domain, 0]]));
  }

  addTrunk(options: TrunkPortOptions): Added {
    knownKeys("port", options, [...ANY_PORT, "vlans", "native"]);
    const common = checkCommon(options, 0);
    const vlans = this.#checkVlans(options.vlans);
    const native =
      options.native === undefined ? 0 : wholeNumber("native", options.native, 1, VLAN_VID_RESERVED - 1);
    const nativeDomain = vlans.get(native);
    if (native !== 0 && nativeDomain === undefined)
      throw new RangeError(`native: ${native} is not one of vlans`);
    const { number, name } = this.#names.choose(options.name, "ports", "ports");
    for (const domain of vlans.values()) this.#domains.prepare(domain);
    const map = this.#memory.reserve("a trunk's VLANs", VLANS_LENGTH);
    const domains = new Map<BridgeDomain, number>();
    for (const [vid, domain] of vlans) {
      this.#memory.kernels.view.setUint16(map + vid * 2, domain.id, true);
      domains.set(domain, vid === native ? 0 : vid);
    }
    this.#write(number, PORT_TRUNK, common, [
      [PORT_DOMAIN, nativeDomain?.id ?? 0],
      [PORT_VLANS, map],
      [PORT_NATIVE_VID, native],
    ]);
    return this.#added({ number, name, kind: "trunk" }, common, domains, { regions: [map] });
  }

  addTunnel(options: TunnelOptions, vtep: Vtep, remotes: Remotes): Added {
    knownKeys("tunnel", options, TUNNEL);
    oneOf("kind", options.kind, ["vxlan"]);
    const common = checkCommon(options, 1);
    const remote = parseIp("remote", options.remote);
    const key = remote.join(".");
    vtep.checkRemote(remote);
    const twin = this.#byRemote.get(key);
    if (twin !== undefined) throw new RangeError(`remote: ${twin.name} is a tunnel to it already`);
    if (!Array.isArray(options.bridgeDomains))
      throw new TypeError(`bridgeDomains: expected an array, got ${typeof options.bridgeDomains}`);
    const domains = new Map<BridgeDomain, number>();
    for (const item of options.bridgeDomains) {
      const domain = this.#domains.expect("bridgeDomains", item);
      checkVni("bridgeDomains", domain);
      if (domains.has(domain)) throw new RangeError(`bridgeDomains: ${domain.name} stands there twice`);
      domains.set(domain, 0);
    }
    const record = this.#record;
    const bytes = new Uint8Array(record.buffer).fill(0);
    const { remoteMac, ttl, dscp, udpChecksum } = options;
    writeEncapsulate(
      {
        stage: "encapsulate",
        kind: "vxlan",
        vni: 0,
        local: vtep.address,
        localMac: vtep.mac,
        remote,
        port: options.port ?? vtep.port,
        ...(remoteMac === undefined ? {} : { remoteMac }),
        ...(ttl === undefined ? {} : { ttl }),
        ...(dscp === undefined ? {} : { dscp }),
        ...(udpChecksum === undefined ? {} : { udpChecksum }),
      },
      record,
    );
    const { number, name } = this.#names.choose(options.name, "ports", "ports");
    for (const domain of domains.keys()) this.#domains.prepare(domain);
    const stage = this.#memory.reserve("a tunnel", STAGE_LENGTH);
    this.#memory.kernels.bytes.set(bytes, stage);
    const flags = common.flags | (isPlainEncapsulation(record) ? PORT_PLAIN_TUNNEL : 0);
    this.#write(number, PORT_TUNNEL, { ...common, flags }, [[PORT_ENCAPSULATION, stage]]);
    for (const domain of domains.keys()) remotes.allow(remote, domain.vni as number, number, domain.id);
    const added = this.#added({ number, name, kind: "tunnel" }, common, domains, {
      remote,
      regions: [stage],
    });
    this.#byRemote.set(key, added.handle);
    return added;
  }

  join(tunnel: SwitchPort, domain: BridgeDomain, remotes: Remotes): void {
    const port = this.#tunnel(tunnel);
    checkVni("bridgeDomain", domain);
    if (port.domains.has(domain))
      throw new RangeError(`bridgeDomain: ${domain.name} is in ${tunnel.name} already`);
    this.#domains.prepare(domain);
    remotes.allow(port.remote as Uint8Array, domain.vni as number, tunnel.number, domain.id);
    port.domains.set(domain, 0);
    this.#domains.attach(domain, { port: tunnel.number, vid: 0, floods: port.floods });
  }

  leave(tunnel: SwitchPort, domain: BridgeDomain, remotes: Remotes): void {
    const port = this.#tunnel(tunnel);
    if (!port.domains.delete(domain))
      throw new RangeError(`bridgeDomain: ${domain.name} is not in ${tunnel.name}`);
    remotes.refuse(port.remote as Uint8Array, domain.vni as number);
    this.#domains.detach(domain, tunnel.number);
  }

  remove(handle: SwitchPort, remotes: Remotes | undefined): void {
    const port = this.#ports.get(handle) as Port;
    for (const domain of port.domains.keys()) {
      this.#domains.detach(domain, handle.number);
      if (port.remote !== undefined) remotes?.refuse(port.remote, domain.vni as number);
    }
    const at = this.#memory.portAddress(handle.number);
    this.#memory.kernels.bytes.fill(0, at, at + PORT_LENGTH);
    for (const region of port.regions) this.#memory.release(region);
    if (port.remote !== undefined) this.#byRemote.delete(port.remote.join("."));
    this.#ports.delete(handle);
    this.#names.free(handle.number, handle.name);
  }

  /** Returns what is a port of this switch. */
  expect(name: string, handle: unknown): SwitchPort {
    return this.#names.expect(name, handle, "a port");
  }

  byNumber(number: number): SwitchPort | undefined {
    return this.#names.get(number);
  }

  byName(name: string): SwitchPort | undefined {
    return this.#names.named(name);
  }

  all(): SwitchPort[] {
    return this.#names.all();
  }

  /** Where frames of a bridge domain leave by this port; undefined if it is not in it. */
  destination(handle: SwitchPort, domain: BridgeDomain): number | undefined {
    const vid = this.#ports.get(handle)?.domains.get(domain);
    return vid === undefined ? undefined : handle.number | (vid << DESTINATION_VID_SHIFT);
  }

  #tunnel(handle: SwitchPort): Port {
    const port = this.#ports.get(this.expect("tunnel", handle)) as Port;
    if (handle.kind !== "tunnel") throw new RangeError(`tunnel: ${handle.name} is no tunnel`);
    return port;
  }

  #checkVlans(vlans: TrunkPortOptions["vlans"]): Map<number, BridgeDomain> {
    if (typeof vlans !== "object" || vlans === null)
      throw new TypeError(`vlans: expected VLANs and their bridge domains, got ${typeof vlans}`);
    const pairs =
      Symbol.iterator in vlans
        ? [...vlans]
        : Object.entries(vlans).map(([vid, domain]) => [Number(vid), domain] as const);
    const checked = new Map<number, BridgeDomain>();
    const seen = new Set<BridgeDomain>();
    for (const pair of pairs) {
      const vid = wholeNumber("vlans", pair[0], 1, VLAN_VID_RESERVED - 1);
      const domain = this.#domains.expect("vlans", pair[1]);
      if (checked.has(vid)) throw new RangeError(`vlans: ${vid} stands there twice`);
      if (seen.has(domain)) throw new RangeError(`vlans: ${domain.name} can have one VLAN only on a port`);
      checked.set(vid, domain);
      seen.add(domain);
    }
    if (checked.size === 0) throw new RangeError("vlans: a trunk needs at least one VLAN");
    return checked;
  }

  #added(
    identity: SwitchPort,
    common: Common,
    domains: Map<BridgeDomain, number>,
    more: { remote?: Uint8Array; regions?: readonly number[] } = {},
  ): Added {
    const handle = Object.freeze(identity);
    const { number, name } = handle;
    this.#names.take(number, name, handle);
    const { floods } = common;
    this.#ports.set(handle, { handle, domains, floods, remote: more.remote, regions: more.regions ?? [] });
    for (const [domain, vid] of domains) this.#domains.attach(domain, { port: number, vid, floods });
    return { handle, fdbLimit: common.fdbLimit };
  }

  #write(number: number, kind: number, common: Common, fields: readonly (readonly [number, number])[]): void {
    const { words, bytes } = this.#memory.kernels;
    const at = this.#memory.portAddress(number);
    bytes.fill(0, at, at + PORT_LENGTH);
    words[(at + PORT_KIND) >>> 2] = kind;
    words[(at + PORT_FLAGS) >>> 2] = common.flags;
    words[(at + PORT_GROUP) >>> 2] = common.group;
    words[(at + PORT_MTU) >>> 2] = common.mtu;
    for (const [field, value] of fields) words[(at + field) >>> 2] = value;
  }
}

export interface Added {
  readonly handle: SwitchPort;
  readonly fdbLimit: number | undefined;
}

function checkVni(name: string, domain: BridgeDomain): void {
  if (domain.vni === undefined)
    throw new RangeError(`${name}: ${domain.name} has no VNI, so that no tunnel can carry it`);
}

function checkCommon(options: AccessPortOptions | TrunkPortOptions | TunnelOptions, group: number): Common {
  return {
    flags: trueOrFalse("learning", options.learning ?? true) ? PORT_LEARNS : 0,
    floods: trueOrFalse("flood", options.flood ?? true),
    group: wholeNumber("group", options.group ?? group, 0, 255),
    mtu: options.mtu === undefined ? MTU_NONE : wholeNumber("mtu", options.mtu, MTU_MINIMUM, 65535),
    fdbLimit:
      options.fdbLimit === undefined
        ? undefined
        : wholeNumber("fdbLimit", options.fdbLimit, 0, LIMIT_MAXIMUM),
  };
}
