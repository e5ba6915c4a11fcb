// Places in a network of racks: hosts of one rack reach each other by MAC, all others through their gateway.

import { formatMac, parseStationMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { parseAddressWithLength } from "../core/prefixes.ts";
import type { Attachment, Link } from "./link.ts";
import type { Network } from "./network.ts";
import { announcement, type CarrierNetwork, ipv4Text, type Place, type PlaceRequest } from "./place.ts";

/** What a host needs to know of the rack it stands in. */
export interface RackPlace {
  readonly attachment: Attachment;
  readonly address: string;
  /** Of the rack, such as `10.1.7.0/24`. */
  readonly prefix: string;
  readonly mac: string;
  readonly gatewayMac: string;
  readonly mtu: number;
}

/** A data centre, as far as its hosts are concerned. */
export interface RackUnderlay {
  attachHost(name: string, options?: { readonly mac?: string }): RackPlace;
  detachHost(name: string): boolean;
}

/** Lets hosts of clouds and nodes of clusters stand in the racks of a data centre. */
export class RoutedPlaces implements CarrierNetwork {
  readonly #network: Network;
  readonly #underlay: RackUnderlay;
  readonly #segments = new Map<string, object>();

  constructor(network: Network, underlay: RackUnderlay) {
    this.#network = network;
    this.#underlay = underlay;
  }

  place(request: PlaceRequest): Place {
    const { name } = request;
    if (request.host !== undefined)
      throw new ArgumentRangeError(
        "not-for-this",
        "host",
        "a data centre is no VPC; its places go by the names of its own hosts",
      );
    if ((request.vlans ?? []).length > 0)
      throw new ArgumentRangeError(
        "not-for-this",
        "vlans",
        "the data centre routes from rack to rack, and carries no VLANs",
      );
    const mac = request.mac === undefined ? undefined : formatMac(parseStationMac("mac", request.mac));
    const wanted = request.address === undefined ? undefined : ipv4Text("address", request.address);
    const network = this.#network;
    const rack = this.#underlay.attachHost(name, mac === undefined ? {} : { mac });
    if (wanted !== undefined && wanted !== rack.address) {
      this.#underlay.detachHost(name);
      throw new ArgumentRangeError(
        "contradiction",
        "address",
        `the place of ${name} has ${rack.address}, got ${wanted}`,
      );
    }
    let link: Link | undefined;
    let vacated = false;
    return {
      name,
      address: rack.address,
      prefixLength: parseAddressWithLength("prefix", rack.prefix).length,
      mac: rack.mac,
      mtu: rack.mtu,
      segment: this.#segment(rack.prefix),
      gatewayMac: rack.gatewayMac,
      routed: this.#underlay,
      plug: (attachment: Attachment): void => {
        if (link !== undefined)
          throw new ArgumentRangeError("taken", "attachment", `something stands at ${name}'s place already`);
        link = network.connect(attachment, rack.attachment, { mtu: rack.mtu });
      },
      announce: (): void => link?.ab.send(announcement(rack.mac, rack.address)),
      vacate: (): void => {
        if (vacated) return;
        vacated = true;
        if (link !== undefined) network.disconnect(link);
        this.#underlay.detachHost(name);
      },
    };
  }

  /** The same object for the same rack. */
  #segment(prefix: string): object {
    let segment = this.#segments.get(prefix);
    if (segment === undefined) {
      segment = { prefix };
      this.#segments.set(prefix, segment);
    }
    return segment;
  }
}

/** What hosts may be given to stand in, as places. */
export function carrierOf(network: Network, underlay: CarrierNetwork | RackUnderlay): CarrierNetwork {
  return "place" in underlay ? underlay : new RoutedPlaces(network, underlay);
}
