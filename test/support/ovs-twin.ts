// The switch in the place of an Open vSwitch bridge: one bridge domain for each VLAN.
import { FrameBatch, type Kernels } from "frameferry";
import { type BridgeDomain, SwitchCore, type SwitchPort, SwitchWorkspace } from "frameferry/switch";
import type {
  AddressTable,
  ArrivingFrame,
  BridgePort,
  BridgeUnderTest,
  KnownAddress,
  LeavingFrame,
} from "./ovs.ts";

/** Stamps are kept modulo this: time starts shortly before, so that it is passed. */
const STAMPS = 2 ** 24;
/** So few that a burst has to stop now and then until some have left. */
const COPIES = 3;

export class SwitchTwin implements BridgeUnderTest {
  readonly #workspace: SwitchWorkspace;
  readonly #switch: SwitchCore;
  readonly #batch: FrameBatch;
  readonly #domains: ReadonlyMap<number, BridgeDomain>;
  readonly #ports: readonly SwitchPort[];
  #seconds: number = STAMPS - 60;

  constructor(kernels: Kernels, ports: readonly BridgePort[], table: AddressTable) {
    this.#workspace = new SwitchWorkspace(kernels, { copies: COPIES });
    this.#switch = new SwitchCore(kernels, { fdb: { ...table, seed: 1n }, workspace: this.#workspace });
    this.#batch = new FrameBatch(kernels, { frames: 64 });
    const vlans = new Set(ports.flatMap(({ trunk, untagged }) => trunk ?? untagged!));
    this.#domains = new Map(Array.from(vlans, (vlan) => [vlan, this.#switch.addBridgeDomain()]));
    this.#ports = ports.map((port) => this.#addPort(port));
  }

  async receive(arrivals: readonly ArrivingFrame[]): Promise<LeavingFrame[]> {
    this.#batch.clear();
    for (const { port, frame } of arrivals) this.#batch.add(frame, { mark: this.#ports[port - 1]!.number });
    if (this.#batch.length < arrivals.length) throw new Error("the batch is too small for this test");
    const left: LeavingFrame[] = [];
    this.#switch.forward(this.#batch, this.#seconds * 1000, (frame, number) => {
      left.push({ port: this.#place(number), frame: frame.slice() });
    });
    return left;
  }

  async passSeconds(seconds: number): Promise<void> {
    this.#seconds += seconds;
    this.#switch.fdb.sweep(this.#seconds * 1000);
  }

  async addStatic(port: number, vlan: number, mac: string): Promise<void> {
    const bridgeDomain = this.#domains.get(vlan)!;
    this.#switch.fdb.set({ bridgeDomain, mac, port: this.#ports[port - 1]! });
  }

  async flush(): Promise<void> {
    this.#switch.fdb.flush({});
  }

  async addresses(): Promise<KnownAddress[]> {
    const vlans = new Map(Array.from(this.#domains, ([vlan, domain]) => [domain, vlan]));
    return Array.from(this.#switch.fdb.entries(), ({ bridgeDomain, mac, port, kind, seconds }) => ({
      port: this.#place(port!.number),
      vlan: vlans.get(bridgeDomain)!,
      mac,
      age: kind === "static" ? undefined : (this.#seconds - seconds + STAMPS) % STAMPS,
    }));
  }

  close(): void {
    this.#batch.close();
    this.#switch.close();
    this.#workspace.close();
  }

  #addPort(port: BridgePort): SwitchPort {
    const { trunk, untagged, flood = true, mtu = 1500 } = port;
    const common = { flood, mtu, group: port.protected ? 1 : 0 };
    if (trunk === undefined)
      return this.#switch.addPort({ ...common, bridgeDomain: this.#domains.get(untagged!)! });
    const vlans = trunk.map((vlan) => [vlan, this.#domains.get(vlan)!] as const);
    return this.#switch.addPort({
      ...common,
      vlans,
      ...(untagged === undefined ? {} : { native: untagged }),
    });
  }

  /** The number in the bridge of a port of the switch. */
  #place(number: number): number {
    return 1 + this.#ports.findIndex((port) => port.number === number);
  }
}
