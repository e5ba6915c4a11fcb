// The simplest network underneath: one switch that all hosts are plugged into. It is told where hosts are: if a
// thousand of them announced themselves to each other, that would be a million frames. Pods in VLANs are learned.

import { formatMac, parseStationMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wholeNumber } from "../core/arguments.ts";
import { checkFields, type Fields, flag, given, text, whole } from "../core/fields.ts";
import { formatPrefix } from "../core/prefixes.ts";
import { Undo } from "../core/undo.ts";
import { VLAN_VID_RESERVED } from "../layout/vlan.layout.ts";
import type { BridgeDomain, SwitchPort } from "../switch/switch-types.ts";
import { AddressPool } from "./address-pool.ts";
import type { Attachment, Link } from "./link.ts";
import type { Network } from "./network.ts";
import { type CarrierNetwork, type Place, type PlaceRequest, stationMac } from "./place.ts";
import type { SwitchNode } from "./switch-node.ts";

export interface FlatUnderlayOptions {
  /** The switch's name. Default `underlay`. */
  readonly name?: string | undefined;
  /** Its network. Default `10.1.0.0/16`. */
  readonly cidr?: string | undefined;
  /** Longest packet in bytes: 576 to 9,000, default 1,500. */
  readonly mtu?: number | undefined;
  /** Most hosts. Default 256. */
  readonly ports?: number | undefined;
  /** Whether its links keep what they carry, for `toPcapng`. Default false. */
  readonly capture?: boolean | undefined;
}

type Defaults = "name" | "cidr" | "mtu" | "ports" | "capture";

const UNDERLAY_FIELDS: Fields<FlatUnderlayOptions, Defaults> = {
  name: { ...text(), fallback: "underlay" },
  // Checked by the pool of its addresses.
  cidr: { ...given("a network such as 10.1.0.0/16"), fallback: "10.1.0.0/16" },
  mtu: { ...whole(576, 9000), fallback: 1500 },
  ports: { ...whole(1, 65534), fallback: 256 },
  capture: { ...flag(), fallback: false },
};

/** The untagged network's number on ports that carry VLANs too: no frame ever shows it. */
const NATIVE_VLAN = 1;

interface Vlan {
  readonly domain: BridgeDomain;
  ports: number;
}

/** One layer-2 segment, with VLANs for those who ask for them. */
export class FlatUnderlay implements CarrierNetwork {
  readonly node: SwitchNode;
  readonly mtu: number;
  readonly #network: Network;
  readonly #addresses: AddressPool;
  readonly #capture: boolean;
  readonly #untagged: BridgeDomain;
  readonly #vlans = new Map<number, Vlan>();
  readonly #macs = new Set<string>();

  constructor(network: Network, options: FlatUnderlayOptions = {}) {
    const checked = checkFields<FlatUnderlayOptions, Defaults>("underlay", UNDERLAY_FIELDS, options);
    const { name, cidr, mtu, ports, capture } = checked;
    this.mtu = mtu;
    this.#network = network;
    this.#addresses = new AddressPool("cidr", cidr);
    this.#capture = capture;
    const fdb = { capacity: Math.max(1024, 2 * ports) };
    this.node = network.addSwitch(name, { ports, fdb });
    this.#untagged = this.node.core.addBridgeDomain({ name: "untagged" });
  }

  get cidr(): string {
    return formatPrefix(this.#addresses.prefix);
  }

  place(request: PlaceRequest): Place {
    if (request.host !== undefined)
      throw new ArgumentRangeError(
        "not-for-this",
        "host",
        `${this.node.name} is one switch, and has no hosts to choose from`,
      );
    const vids = [...new Set(request.vlans ?? [])];
    for (const vid of vids) wholeNumber("vlans", vid, NATIVE_VLAN + 1, VLAN_VID_RESERVED - 1);
    const chosen = request.mac === undefined ? undefined : formatMac(parseStationMac("mac", request.mac));
    if (chosen !== undefined && this.#macs.has(chosen))
      throw new ArgumentRangeError("taken", "mac", `${chosen} is taken`);
    const address = this.#addresses.take("address", request.address);
    const mac = chosen ?? stationMac(address);
    const undo = new Undo();
    undo.add(() => this.#addresses.release(address));
    try {
      if (this.#macs.has(mac)) throw new ArgumentRangeError("taken", "mac", `${mac} is taken`);
      const port = this.#addPort(request.name, vids);
      this.#macs.add(mac);
      this.node.core.fdb.set({ bridgeDomain: this.#untagged, mac, port });
      return this.#placeAt(request.name, address, mac, port, vids);
    } catch (error) {
      throw undo.because(error);
    }
  }

  #placeAt(name: string, address: string, mac: string, port: SwitchPort, vids: readonly number[]): Place {
    const network = this.#network;
    let link: Link | undefined;
    let vacated = false;
    return {
      name,
      address,
      prefixLength: this.#addresses.prefix.length,
      mac,
      mtu: this.mtu,
      segment: this,
      gatewayMac: undefined,
      routed: this,
      plug: (attachment: Attachment): void => {
        if (link !== undefined)
          throw new ArgumentRangeError("taken", "attachment", `something stands at ${name}'s place already`);
        const end = { node: this.node, port };
        link = network.connect(attachment, end, { mtu: this.mtu, capture: this.#capture });
      },
      announce: (): void => {},
      vacate: (): void => {
        if (vacated) return;
        vacated = true;
        if (link !== undefined) network.disconnect(link);
        this.node.core.removePort(port);
        for (const vid of vids) this.#leaveVlan(vid);
        this.#macs.delete(mac);
        this.#addresses.release(address);
      },
    };
  }

  #addPort(name: string, vids: readonly number[]): SwitchPort {
    const { core } = this.node;
    if (vids.length === 0) return core.addPort({ name, bridgeDomain: this.#untagged });
    const vlans: [number, BridgeDomain][] = [[NATIVE_VLAN, this.#untagged]];
    try {
      for (const vid of vids) vlans.push([vid, this.#joinVlan(vid)]);
      return core.addPort({ name, vlans, native: NATIVE_VLAN });
    } catch (error) {
      for (const [vid] of vlans.slice(1)) this.#leaveVlan(vid);
      throw error;
    }
  }

  #joinVlan(vid: number): BridgeDomain {
    let vlan = this.#vlans.get(vid);
    if (vlan === undefined) {
      vlan = { domain: this.node.core.addBridgeDomain({ name: `vlan-${vid}` }), ports: 0 };
      this.#vlans.set(vid, vlan);
    }
    vlan.ports++;
    return vlan.domain;
  }

  #leaveVlan(vid: number): void {
    const vlan = this.#vlans.get(vid);
    if (vlan === undefined || --vlan.ports > 0) return;
    this.node.core.removeBridgeDomain(vlan.domain);
    this.#vlans.delete(vid);
  }
}
