// The configuration of `frameferry vtep`: read, checked against schema/vtep.schema.json, and said in types. It is that of a
// switch, with what is plugged into its ports in place of captures.

import type { PacketPortOptions, TapOptions } from "../linux.ts";
import type { DatagramPortOptions, StreamEnd, WebSocketListenerOptions } from "../node.ts";
import { BadConfiguration } from "./failures.ts";
import { readJson } from "./json-file.ts";
import { explainSchemaErrors } from "./schema-errors.ts";
import type { NamedAccessPort, NamedTrunkPort, SwitchConfig } from "./switch-config.ts";
import { validateVtepConfig } from "./vtep-schema.generated.ts";

/** An interface of this machine; its name is the port's unless it has one. */
export type TapPlug = Partial<Pick<TapOptions, "name" | "mtu" | "mac" | "up" | "offloads" | "namespace">>;
/** An interface that is there already. */
export type PacketPlug = Pick<PacketPortOptions, "interface" | "promiscuous" | "mtu" | "namespace">;
/** A frame in each datagram. */
export type UdpPlug = Pick<DatagramPortOptions, "local" | "remote" | "mtu">;
/** What QEMU speaks: one of the three. */
export interface QemuPlug {
  readonly listen?: StreamEnd;
  readonly connect?: StreamEnd;
  readonly dgram?: UdpPlug;
  readonly mtu?: number;
}

/** Machines that come over a WebSocket, one at a time: those of pages, say. */
export interface WebSocketPlug extends Pick<WebSocketListenerOptions, "origins" | "paths" | "mtu"> {
  readonly listen: { readonly address: string; readonly port: number };
  readonly token: string;
}

/** What is plugged into a port: one of them. */
export interface PlugOptions {
  readonly tap?: TapPlug;
  readonly packet?: PacketPlug;
  readonly udp?: UdpPlug;
  readonly qemu?: QemuPlug;
  readonly websocket?: WebSocketPlug;
}

export type VtepPort = (NamedAccessPort | NamedTrunkPort) & PlugOptions & { readonly name: string };

/** What the schema lets through. */
export interface VtepConfig extends Omit<SwitchConfig, "ports" | "uplink"> {
  readonly vtep: NonNullable<SwitchConfig["vtep"]>;
  readonly ports: readonly VtepPort[];
  readonly control?: string;
  readonly metrics?: MetricsOptions;
}

/** Where what was counted can be read. */
export interface MetricsOptions {
  /** Of the loopback. Default 127.0.0.1. */
  readonly address?: string;
  readonly port: number;
}

/**
 * Reads a configuration; `-` is standard input.
 * @throws FileError if it cannot be read, BadConfiguration if it cannot be.
 */
export async function readVtepConfig(file: string): Promise<VtepConfig> {
  const config = await readJson(file);
  if (!validateVtepConfig(config)) {
    throw new BadConfiguration(file, explainSchemaErrors(config, validateVtepConfig.errors ?? []));
  }
  return config as VtepConfig;
}

/** The switch that it describes, without what it is plugged into. */
export function switchOf(config: VtepConfig): SwitchConfig {
  const { control: _control, metrics: _metrics, ports, ...rest } = config;
  return { ...rest, ports: ports.map((port) => withoutPlug(port)) };
}

/** The options of a port, and what is plugged in. */
export function withoutPlug(port: VtepPort): (NamedAccessPort | NamedTrunkPort) & { readonly name: string } {
  const { tap: _tap, packet: _packet, udp: _udp, qemu: _qemu, websocket: _websocket, ...options } = port;
  return options;
}

export function plugOf({ tap, packet, udp, qemu, websocket }: VtepPort): PlugOptions {
  return {
    ...(tap !== undefined && { tap }),
    ...(packet !== undefined && { packet }),
    ...(udp !== undefined && { udp }),
    ...(qemu !== undefined && { qemu }),
    ...(websocket !== undefined && { websocket }),
  };
}

export interface ExampleOptions {
  readonly local: string;
  readonly remote: readonly string[];
  readonly vni: number;
  readonly tap: string;
}

/** What `--example` prints: a TAP in the bridge domain of a VNI, and a tunnel to each remote. */
export function exampleConfig({ local, remote, vni, tap }: ExampleOptions): string {
  const name = `vni-${vni}`;
  const config: VtepConfig = {
    vtep: { address: local },
    bridgeDomains: [{ name, vni }],
    ports: [{ name: tap, bridgeDomain: name, tap: {} }],
    tunnels: remote.map((address) => ({ name: `to-${address}`, remote: address, bridgeDomains: [name] })),
    control: `/run/frameferry-${tap}-${local}.sock`,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
