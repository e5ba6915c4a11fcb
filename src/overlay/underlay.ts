// What a host needs to know of the carrier network it stands in.

import { formatMac, parseIp } from "../core/addresses.ts";
import { macOfIp } from "../pipeline/write-encapsulate.ts";
import type { Attachment } from "./link.ts";

/** A host's place: its addresses, and where to plug it in. */
export interface HostPlace {
  readonly name: string;
  /** Connect the host's uplink, or its network card, to this. */
  readonly attachment: Attachment;
  readonly address: string;
  /** The network the address is in, such as `10.1.7.0/24`. Whoever is in it is reached by its own MAC. */
  readonly prefix: string;
  /** The host's own MAC: the underlay sends to this one. */
  readonly mac: string;
  readonly gateway: string;
  /** Where packets to other networks go. */
  readonly gatewayMac: string;
  /** Longest packet in bytes. */
  readonly mtu: number;
}

/** A network for hosts. */
export interface Underlay {
  /** Gives a host its place. Throws a RangeError if there is none of this name, or if it is taken. */
  attachHost(name: string): HostPlace;
  /** Frees a host's place; false if nobody had it. Disconnect the link first. */
  detachHost(name: string): boolean;
}

/** The MAC that belongs to an address in the underlay: the one that the end of a tunnel has if nobody says another. */
export function underlayMac(address: string): string {
  return formatMac(macOfIp(parseIp("address", address)));
}
