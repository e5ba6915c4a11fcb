// The regions of one switch: its record, its tables of ports and bridge domains, and a context for each thread.

import type { Kernels } from "../kernel/kernels.ts";
import { COUNTERS_LENGTH } from "../layout/drop.layout.ts";
import { READER_IDLE, READER_LENGTH } from "../layout/fdb.layout.ts";
import {
  CONTEXT_COPIES,
  CONTEXT_COPY_COUNT,
  CONTEXT_DOMAINS,
  CONTEXT_FRAME_BYTES,
  CONTEXT_HEADROOM,
  CONTEXT_LENGTH,
  CONTEXT_OUT,
  CONTEXT_PORTS,
  CONTEXT_REASONS,
  CONTEXT_SCRATCH,
  CONTEXT_SLOTS,
  CONTEXT_STRIDE,
  CONTEXT_SWITCH,
  CONTEXT_THREAD,
  DOMAIN_COUNTERS_LENGTH,
  DOMAIN_LENGTH,
  PORT_COUNTERS_LENGTH,
  PORT_LENGTH,
  SWITCH_DOMAIN_COUNT,
  SWITCH_DOMAINS,
  SWITCH_LENGTH,
  SWITCH_PORT_COUNT,
  SWITCH_PORTS,
  SWITCH_READERS,
} from "../layout/switch.layout.ts";
import type { SwitchWorkspace } from "./workspace.ts";

/** What one thread has of a switch: addresses. */
export interface SwitchContext {
  readonly address: number;
  readonly reasons: number;
  readonly ports: number;
  readonly domains: number;
  readonly workspace: SwitchWorkspace;
}

export class SwitchMemory {
  readonly kernels: Kernels;
  /** Address of the switch's record. */
  readonly address: number;
  /** Most ports and bridge domains; numbers go from 1 to these. */
  readonly portsMaximum: number;
  readonly domainsMaximum: number;
  readonly contexts: readonly SwitchContext[];
  /** The number by which the caller's thread takes the FDB's lock. */
  readonly thread: number;
  /** Address of the threads' epochs; 0 if there is only one thread. */
  readonly readers: number;
  readonly #regions: Set<number> = new Set();
  readonly #workspaces: SwitchWorkspace[] = [];

  /** One context for each workspace; with more than one, or with `shared`, the switch is made for many threads. */
  constructor(
    kernels: Kernels,
    options: {
      ports: number;
      bridgeDomains: number;
      workspaces: readonly SwitchWorkspace[];
      shared: boolean;
    },
  ) {
    const { ports, bridgeDomains, workspaces, shared } = options;
    this.kernels = kernels;
    this.portsMaximum = ports;
    this.domainsMaximum = bridgeDomains;
    this.thread = workspaces.length + 1;
    try {
      for (const workspace of workspaces) {
        workspace.enter();
        this.#workspaces.push(workspace);
      }
      this.address = this.reserve("a switch", SWITCH_LENGTH);
      this.readers = shared ? this.reserve("a switch's readers", this.thread * READER_LENGTH) : 0;
      for (let i = 0; shared && i < this.thread; i++)
        kernels.words[(this.readers + i * READER_LENGTH) >>> 2] = READER_IDLE;
      this.set(SWITCH_PORTS, this.reserve(`a switch's ${ports} ports`, (ports + 1) * PORT_LENGTH));
      this.set(
        SWITCH_DOMAINS,
        this.reserve(`a switch's ${bridgeDomains} bridge domains`, (bridgeDomains + 1) * DOMAIN_LENGTH),
      );
      this.set(SWITCH_PORT_COUNT, ports + 1);
      this.set(SWITCH_DOMAIN_COUNT, bridgeDomains + 1);
      this.set(SWITCH_READERS, this.readers);
      this.contexts = workspaces.map((workspace, index) => this.#context(workspace, index + 1));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  reserve(purpose: string, length: number): number {
    const address = this.kernels.plan.reserve(purpose, length);
    this.#regions.add(address);
    return address;
  }

  release(address: number): void {
    this.#regions.delete(address);
    this.kernels.plan.release(address);
  }

  /** Writes a field of the switch's record. */
  set(field: number, value: number): void {
    this.kernels.words[(this.address + field) >>> 2] = value;
  }

  get(field: number): number {
    return this.kernels.words[(this.address + field) >>> 2] as number;
  }

  portAddress(number: number): number {
    return this.get(SWITCH_PORTS) + number * PORT_LENGTH;
  }

  domainAddress(id: number): number {
    return this.get(SWITCH_DOMAINS) + id * DOMAIN_LENGTH;
  }

  close(): void {
    for (const region of this.#regions) this.kernels.plan.release(region);
    this.#regions.clear();
    for (const workspace of this.#workspaces.splice(0)) workspace.leave();
  }

  #context(workspace: SwitchWorkspace, thread: number): SwitchContext {
    const { words } = this.kernels;
    const address = this.reserve("a switch's context", CONTEXT_LENGTH);
    const portsLength = (this.portsMaximum + 1) * PORT_COUNTERS_LENGTH;
    const domainsLength = (this.domainsMaximum + 1) * DOMAIN_COUNTERS_LENGTH;
    const reasons = this.reserve("a switch's counters", COUNTERS_LENGTH + portsLength + domainsLength);
    const ports = reasons + COUNTERS_LENGTH;
    const domains = ports + portsLength;
    const fields: readonly (readonly [number, number])[] = [
      [CONTEXT_SWITCH, this.address],
      [CONTEXT_THREAD, thread],
      [CONTEXT_REASONS, reasons],
      [CONTEXT_PORTS, ports],
      [CONTEXT_DOMAINS, domains],
      [CONTEXT_SCRATCH, workspace.scratch],
      [CONTEXT_COPIES, workspace.descriptors],
      [CONTEXT_SLOTS, workspace.slots],
      [CONTEXT_STRIDE, workspace.stride],
      [CONTEXT_HEADROOM, workspace.headroom],
      [CONTEXT_FRAME_BYTES, workspace.frameBytes],
      [CONTEXT_COPY_COUNT, workspace.copies],
      [CONTEXT_OUT, workspace.out],
    ];
    for (const [field, value] of fields) words[(address + field) >>> 2] = value;
    return { address, reasons, ports, domains, workspace };
  }
}
