// The configuration of `frameferry switch`: read, checked against schema/switch.schema.json, and said in types.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import type { TunnelKind } from "../index.ts";
import type {
  AccessPortOptions,
  BridgeDomainOptions,
  InterfaceOptions,
  RouteOptions,
  SwitchFdbOptions,
  TrunkPortOptions,
  TunnelOptionsOf,
  VtepOptions,
} from "../switch.ts";
import { BadConfiguration } from "./failures.ts";
import { readJson } from "./json-file.ts";
import { explainSchemaErrors } from "./schema-errors.ts";
import { validateSwitchConfig } from "./switch-schema.generated.ts";

/** Captures that run into a port, and the one of what leaves it. */
export interface CaptureNames {
  readonly in?: string | readonly string[];
  readonly out?: string;
}

export type NamedAccessPort = Omit<AccessPortOptions, "bridgeDomain"> & { readonly bridgeDomain: string };
export type NamedTrunkPort = Omit<TrunkPortOptions, "vlans"> & {
  readonly vlans: Readonly<Record<string, string>>;
};
export type NamedPort = (NamedAccessPort | NamedTrunkPort) & CaptureNames & { readonly name: string };
/** An option of Geneve, with its data in hex. */
export interface NamedGeneveOption {
  readonly class: number;
  readonly type: number;
  readonly data?: string;
}

/** What belongs to its kind the switch knows. */
export interface NamedTunnel extends Omit<TunnelOptionsOf<"vxlan">, "bridgeDomains" | "kind"> {
  readonly name: string;
  readonly kind?: TunnelKind;
  readonly remote: string;
  readonly bridgeDomains: readonly string[];
  readonly options?: readonly NamedGeneveOption[];
  readonly checksum?: boolean;
}
export type NamedEntry = { readonly bridgeDomain: string; readonly mac: MacAddress } & (
  | { readonly port: string }
  | { readonly blackhole: true }
);

export interface NamedNeighbour {
  readonly bridgeDomain: string;
  readonly ip: IpAddress;
  readonly mac: MacAddress;
}
export interface NamedRouter {
  readonly interfaces: readonly (Omit<InterfaceOptions, "bridgeDomain"> & {
    readonly bridgeDomain: string;
  })[];
  readonly routes?: readonly RouteOptions[];
}

/** What the schema lets through: the options of a switch, with names where it takes handles. */
export interface SwitchConfig {
  readonly vtep?: VtepOptions;
  readonly fdb?: Pick<SwitchFdbOptions, "capacity" | "ageSeconds" | "whenFull"> & {
    readonly entries?: readonly NamedEntry[];
  };
  readonly bridgeDomains: readonly (BridgeDomainOptions & { readonly name: string })[];
  readonly ports: readonly NamedPort[];
  readonly tunnels?: readonly NamedTunnel[];
  readonly neighbours?: readonly NamedNeighbour[];
  readonly routers?: readonly NamedRouter[];
  readonly uplink?: CaptureNames;
}

/**
 * Reads a configuration; `-` is standard input.
 * @throws FileError if it cannot be read, BadConfiguration if it cannot be.
 */
export async function readSwitchConfig(file: string): Promise<SwitchConfig> {
  const config = await readJson(file);
  if (!validateSwitchConfig(config)) {
    throw new BadConfiguration(file, explainSchemaErrors(config, validateSwitchConfig.errors ?? []));
  }
  return config as SwitchConfig;
}

/** The configuration that `--example` prints: it runs on overlay.pcap of `frameferry demo -o .`. */
export const EXAMPLE_CONFIG = `{
  "vtep": { "address": "192.168.202.1" },
  "bridgeDomains": [
    { "name": "orange", "vni": 100 },
    { "name": "blue", "vni": 200 }
  ],
  "ports": [
    { "name": "host", "bridgeDomain": "orange", "out": "host.pcapng" },
    { "name": "trunk", "vlans": { "10": "orange", "20": "blue" }, "native": 20, "out": "trunk.pcap" }
  ],
  "tunnels": [
    { "name": "peer", "remote": "192.168.203.1", "bridgeDomains": ["orange", "blue"] }
  ],
  "uplink": { "in": "overlay.pcap", "out": "uplink.pcapng" }
}
`;
