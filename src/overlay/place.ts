// Where a host stands in the network underneath it: what a flat switch, a data centre and a VPC have in common.
// Hosts of VPCs and nodes of Kubernetes stand in such places alike, and as a VPC offers places too, overlays nest.

import {
  formatIp,
  formatMac,
  type IpAddress,
  type MacAddress,
  macOfIp,
  parseIp,
  parseMac,
} from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { ARP_LENGTH, ARP_REQUEST } from "../layout/arp.layout.ts";
import { ETHERNET_LENGTH, ETHERTYPE_ARP } from "../layout/ethernet.layout.ts";
import { IPV4_LENGTH } from "../layout/ipv4.layout.ts";
import { UDP_LENGTH } from "../layout/udp.layout.ts";
import { VXLAN_LENGTH } from "../layout/vxlan.layout.ts";
import { emitArp } from "../wire/arp.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import type { Attachment } from "./link.ts";

/** What VXLAN over IPv4 takes of a packet's length: 50 bytes, the passenger's Ethernet header among them. */
export const VXLAN_OVERHEAD: number = IPV4_LENGTH + UDP_LENGTH + VXLAN_LENGTH + ETHERNET_LENGTH;

/** Who wants a place, and which. */
export interface PlaceRequest {
  /** The name of what will stand there. */
  readonly name: string;
  /** Default: the lowest that is free. */
  readonly address?: IpAddress | undefined;
  /** Default: made of the address. */
  readonly mac?: MacAddress | undefined;
  /** In a VPC: on which of its hosts. Default: drawn. */
  readonly host?: string | undefined;
  /** VLANs that it needs beside the untagged network: 2 to 4,094. Default: none. */
  readonly vlans?: readonly number[] | undefined;
}

/** Room for one network card in an underlay. */
export interface Place {
  readonly name: string;
  /** An IPv4 address. */
  readonly address: string;
  readonly prefixLength: number;
  readonly mac: string;
  /** Longest packet, in bytes. */
  readonly mtu: number;
  /** Places of one layer-2 segment, and no others, have the same. */
  readonly segment: object;
  /** MAC of the way out of the segment; undefined if there is none. */
  readonly gatewayMac: string | undefined;
  /** What one can reach through gateways: the same for all places that reach each other so. */
  readonly routed: object;
  /** Connects what stands here. */
  plug(attachment: Attachment): void;
  /** Says aloud who stands here, so that the switches underneath know it (RFC 5227 §3). */
  announce(): void;
  /** Disconnects it and gives the place back. */
  vacate(): void;
}

/** A network that hosts stand in: it carries what their tunnels wrap. */
export interface CarrierNetwork {
  /** @throws TypeError or RangeError that names what is wrong, or says what this network cannot do. */
  place(request: PlaceRequest): Place;
}

/** The MAC to which `from` sends what is for `to`, or undefined if it cannot reach it. */
export function nextHopMac(from: Place, to: Place): string | undefined {
  if (from.segment === to.segment) return to.mac;
  return from.routed === to.routed ? from.gatewayMac : undefined;
}

/** 02:00 and the address, as a VTEP has it that is told no other. */
export function stationMac(address: string): string {
  return formatMac(macOfIp(parseIp("address", address)));
}

/** Four bytes, or a RangeError that names the argument. */
export function ipv4Text(name: string, ip: IpAddress): string {
  const bytes = parseIp(name, ip);
  if (bytes.length !== 4)
    throw new ArgumentRangeError("not-for-this", name, `expected an IPv4 address, got ${formatIp(bytes)}`);
  return formatIp(bytes);
}

/** A gratuitous ARP request: the sender asks for its own address, so all switches on the way learn where it is. */
export function announcement(mac: string, ip: string): Uint8Array {
  const senderMac = parseMac("mac", mac);
  const senderIp = parseIp("ip", ip);
  const frame = new Uint8Array(ETHERNET_LENGTH + ARP_LENGTH);
  const header = { destination: "ff:ff:ff:ff:ff:ff", source: senderMac, etherType: ETHERTYPE_ARP };
  const targetMac = new Uint8Array(6);
  const packet = emitEthernet(header, frame);
  emitArp({ operation: ARP_REQUEST, senderMac, senderIp, targetMac, targetIp: senderIp }, frame, packet);
  return frame;
}
