// What tests and model see of a switch: the part of SwitchCore's shape that both sides share.
import type { FrameBatch, TunnelKind } from "frameferry";
import type { GeneveOption } from "frameferry/wire";

export interface SwitchSettings {
  readonly ports?: number;
  readonly bridgeDomains?: number;
  readonly neighbours?: number;
  readonly fdb?: {
    readonly capacity?: number;
    readonly ageSeconds?: number;
    readonly whenFull?: "evict" | "forward";
    readonly seed?: bigint;
    readonly events?: number;
  };
  readonly vtep?: {
    readonly address: string;
    readonly mac?: string;
    readonly ports?: Partial<Record<TunnelKind, number>>;
    readonly rule?: "rfc" | "strict";
    readonly udpChecksum?: "ignore" | "verify";
    readonly ipChecksum?: "verify" | "ignore";
  };
  /** Of the workspace: slots for copies. */
  readonly copies?: number;
  readonly frameBytes?: number;
  readonly headroom?: number;
}

export interface DomainHandle {
  readonly id: number;
  readonly name: string;
  readonly vni?: number | undefined;
}

export interface PortHandle {
  readonly number: number;
  readonly name: string;
  readonly kind: string;
}

export interface DomainSettings {
  readonly name?: string;
  readonly vni?: number;
  readonly learning?: boolean;
  readonly unknownUnicast?: "flood" | "drop";
  readonly arpSuppression?: boolean;
  readonly fdbLimit?: number;
}

interface CommonPortSettings {
  readonly name?: string;
  readonly learning?: boolean;
  readonly flood?: boolean;
  readonly group?: number;
  readonly fdbLimit?: number;
  readonly mtu?: number;
}

export interface PortSettings extends CommonPortSettings {
  readonly bridgeDomain?: DomainHandle;
  readonly vlans?: Readonly<Record<number, DomainHandle>>;
  readonly native?: number;
}

export interface TunnelSettings extends CommonPortSettings {
  readonly kind: TunnelKind;
  readonly remote: string;
  readonly bridgeDomains: readonly DomainHandle[];
  readonly remoteMac?: string;
  readonly port?: number;
  readonly ttl?: number;
  readonly dscp?: number;
  readonly udpChecksum?: boolean;
  readonly options?: readonly GeneveOption[];
  readonly checksum?: boolean;
}

export interface StaticEntry {
  readonly bridgeDomain: DomainHandle;
  readonly mac: string;
  readonly port?: PortHandle;
  readonly blackhole?: true;
}

export interface FlushFilter {
  readonly bridgeDomain?: DomainHandle;
  readonly port?: PortHandle;
  readonly kinds?: "all" | "learned";
}

/** Handles or their numbers, text or bytes: {@link entryText} and {@link eventText} make them comparable. */
export interface FdbEntryView {
  readonly bridgeDomain: DomainHandle | number;
  readonly mac: string | Uint8Array;
  readonly port?: PortHandle | number | undefined;
  readonly kind: string;
  readonly seconds?: number | undefined;
}

export interface FdbEventView extends FdbEntryView {
  readonly from?: PortHandle | number | undefined;
}

export interface FdbView {
  readonly size: number;
  readonly lostEvents: number;
  set(entry: StaticEntry): unknown;
  get(bridgeDomain: DomainHandle, mac: string): FdbEntryView | undefined;
  remove(bridgeDomain: DomainHandle, mac: string): boolean;
  flush(filter: FlushFilter): number;
  sweep(nowMs: number, options?: { readonly buckets?: number }): number;
  entries(): Iterable<FdbEntryView>;
  takeEvents(): readonly FdbEventView[];
}

export interface Tally {
  received: number;
  copies: number;
  dropped: number;
  sent: number;
}

export interface SwitchTally extends Tally {
  readonly drops: Readonly<Record<string, number>>;
  readonly ports: readonly (Tally & {
    readonly number: number;
    readonly name: string;
    readonly receivedBytes: number;
    readonly sentBytes: number;
  })[];
  readonly bridgeDomains: readonly (Tally & { readonly id: number; readonly name: string })[];
  readonly answered: { readonly arp: number };
  readonly learnRefused: number;
}

/** All of a switch but `forward`, which takes a batch in the core and a list of frames in the model. */
export interface SwitchControl {
  readonly uplink: PortHandle | undefined;
  readonly fdb: FdbView;
  addBridgeDomain(settings: DomainSettings): DomainHandle;
  removeBridgeDomain(domain: DomainHandle): void;
  addPort(settings: PortSettings): PortHandle;
  addTunnel(settings: TunnelSettings): PortHandle;
  removePort(port: PortHandle): void;
  joinTunnel(tunnel: PortHandle, domain: DomainHandle): void;
  leaveTunnel(tunnel: PortHandle, domain: DomainHandle): void;
  addNeighbour(neighbour: {
    readonly bridgeDomain: DomainHandle;
    readonly ip: string;
    readonly mac: string;
  }): unknown;
  removeNeighbour(neighbour: { readonly bridgeDomain: DomainHandle; readonly ip: string }): unknown;
  ports(): readonly PortHandle[];
  bridgeDomains(): readonly DomainHandle[];
  port(name: string): PortHandle | undefined;
  bridgeDomain(name: string): DomainHandle | undefined;
  counters(): SwitchTally;
  close(): void;
}

export interface CoreSwitch extends SwitchControl {
  forward(batch: FrameBatch, nowMs: number, deliver: (frame: Uint8Array, port: number) => void): unknown;
}

/** One frame that comes in or leaves, and the number of the port. */
export interface PortFrame {
  readonly port: number;
  readonly bytes: Uint8Array;
}
