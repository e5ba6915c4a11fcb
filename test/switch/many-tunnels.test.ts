// Thousands of tunnels of one switch that come and go: to whom floods are copied, in which order, and who is let in,
// against a model that keeps lists; and that memory comes back, and nothing is half done when there is none left.
import { FrameBatch, type Kernels, loadKernels, type TunnelKind } from "frameferry";
import {
  type BridgeDomain,
  SwitchCore,
  type SwitchPort,
  SwitchWorkspace,
  type TunnelOptions,
} from "frameferry/switch";
import {
  dissect,
  formatIp,
  formatMac,
  type GeneveOption,
  greChecksumStatus,
  ipv4ChecksumIsGood,
  type Layer,
  parseIp,
  udpChecksumStatus,
} from "frameferry/wire";
import { describe, expect, it } from "vitest";
import { BROADCAST, frame, tunnelPacket } from "../support/switch-frames.ts";
import { mac } from "../support/switch-scene.ts";
import { defaultPort, KINDS, overUdp } from "../support/tunnel-kinds.ts";

type Family = "ipv4" | "ipv6";

/** So few that the table of remotes is as small as it can be when no tunnel is left. */
const DOMAINS = 8;
/** Of the first; those that follow can be VSIDs, too, and such a key is more than 24 bits. */
const VNI = 0x12345;
const LOCAL = { ipv4: "10.1.0.1", ipv6: "2001:db8::1" } as const;

/** A tunnel's options of any kind. */
interface AnyTunnel {
  readonly kind: TunnelKind;
  readonly remote: string | Uint8Array;
  readonly bridgeDomains: readonly BridgeDomain[];
  readonly flood?: boolean;
  readonly ttl?: number;
  readonly dscp?: number;
  readonly udpChecksum?: boolean;
  readonly checksum?: boolean;
  readonly options?: readonly GeneveOption[];
  readonly port?: number;
  readonly remoteMac?: string;
}

interface Tunnel {
  readonly port: SwitchPort;
  readonly remote: string;
  readonly address: Uint8Array;
  readonly options: AnyTunnel;
  readonly domains: Set<number>;
}

class Bench {
  readonly kernels: Kernels;
  readonly core: SwitchCore;
  readonly domains: readonly BridgeDomain[];
  readonly inside: readonly SwitchPort[];
  readonly tunnels: Tunnel[] = [];
  /** Of each bridge domain, to whom floods go, in order. */
  readonly floods: Tunnel[][] = Array.from({ length: DOMAINS }, () => []);
  readonly family: Family;
  readonly #batch: FrameBatch;
  readonly #workspace: SwitchWorkspace;
  readonly #packets: Readonly<Record<TunnelKind, Uint8Array>>[];
  #state = 11;

  constructor(kernels: Kernels, family: Family, ports: number) {
    this.kernels = kernels;
    this.family = family;
    const address = LOCAL[family];
    // The checksum of the outer IPv4 header stays that of the first packet.
    // Room for options of Geneve.
    this.#workspace = new SwitchWorkspace(kernels, { copies: 64, headroom: 256 });
    this.core = new SwitchCore(kernels, {
      ports,
      vtep: { address, ipChecksum: "ignore" },
      fdb: { capacity: 64, events: 0 },
      workspace: this.#workspace,
    });
    this.domains = Array.from({ length: DOMAINS }, (_, i) =>
      this.core.addBridgeDomain({ vni: VNI + i, learning: false }),
    );
    this.inside = this.domains.map((bridgeDomain) => this.core.addPort({ bridgeDomain }));
    this.#batch = new FrameBatch(kernels, { frames: 256, frameBytes: 256, headroom: 256 });
    const source = this.remote(1);
    this.#packets = this.domains.map((_, i) => {
      const of = (kind: TunnelKind): Uint8Array =>
        tunnelPacket({ kind, source, destination: address, vni: VNI + i }, frame(BROADCAST, mac(1)));
      return Object.fromEntries(KINDS.map((kind) => [kind, of(kind)])) as Record<TunnelKind, Uint8Array>;
    });
  }

  [Symbol.dispose](): void {
    this.core.close();
    this.#workspace.close();
    this.#batch.close();
  }

  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1103515245) + 12345) & 0x7fffffff;
    return (this.#state >>> 8) % end;
  }

  remote(number: number): string {
    return this.family === "ipv4"
      ? `10.${2 + (number >>> 16)}.${(number >>> 8) & 255}.${number & 255}`
      : `2001:db8:${((number & 7) + 1).toString(16)}::${((number >>> 3) + 1).toString(16)}:2`;
  }

  add(number: number): void {
    const domains = new Set<number>();
    for (let i = this.below(4); i > 0; i--) domains.add(this.below(DOMAINS));
    const remote = this.remote(number);
    const address = parseIp("remote", remote);
    // Text or bytes, and now and then headers of its own.
    const kind = KINDS[Math.max(0, this.below(KINDS.length + 2) - 2)] as TunnelKind;
    const words = this.below(40);
    const options: AnyTunnel = {
      kind,
      remote: number % 2 === 0 ? remote : address,
      bridgeDomains: [...domains].map((i) => this.domains[i] as BridgeDomain),
      ...(this.below(5) === 0 && { flood: false }),
      ...(this.below(9) === 0 && { ttl: 1 + this.below(255) }),
      ...(this.below(9) === 0 && { dscp: this.below(64) }),
      ...(this.below(9) === 0 && overUdp(kind) && { udpChecksum: this.below(2) === 0 }),
      ...(this.below(3) === 0 && kind === "gre" && { checksum: this.below(2) === 0 }),
      ...(this.below(3) === 0 &&
        kind === "geneve" && {
          options: [{ class: 1, type: 2, data: new Uint8Array(4 * Math.min(words, 31)) }],
        }),
      ...(this.below(9) === 0 && overUdp(kind) && { port: 1024 + this.below(60000) }),
      ...(this.below(3) === 0 && { remoteMac: mac(this.below(200)) }),
    };
    const tunnel = { port: this.core.addTunnel(options as TunnelOptions), remote, address, options, domains };
    this.tunnels.push(tunnel);
    for (const i of domains) this.#attach(tunnel, i);
  }

  remove(place: number): void {
    const [tunnel] = this.tunnels.splice(place, 1) as [Tunnel];
    this.core.removePort(tunnel.port);
    for (const i of tunnel.domains) this.#detach(tunnel, i);
  }

  /** Lets a tunnel join a bridge domain that it is not in, or leave one. */
  change(tunnel: Tunnel, i: number): void {
    const domain = this.domains[i] as BridgeDomain;
    if (tunnel.domains.delete(i)) {
      expect(() => this.core.joinTunnel(tunnel.port, domain)).toThrow(/is in port-\d+ already/);
      this.core.leaveTunnel(tunnel.port, domain);
      this.#detach(tunnel, i);
    } else {
      expect(() => this.core.leaveTunnel(tunnel.port, domain)).toThrow(/is not in port-/);
      this.core.joinTunnel(tunnel.port, domain);
      tunnel.domains.add(i);
      this.#attach(tunnel, i);
    }
  }

  /** Everything that can be seen from outside. */
  check(): void {
    expect(this.core.ports().length).toBe(1 + DOMAINS + this.tunnels.length);
    for (let i = 0; i < DOMAINS; i++) {
      const expected = (this.floods[i] as Tunnel[]).map((tunnel) => headersOf(tunnel, VNI + i, this.family));
      expect(this.copies(i).map(seen)).toEqual(expected);
    }
    for (let i = 0; i < DOMAINS; i++) {
      const letIn = this.arrivals(this.tunnels, i);
      expect(letIn).toEqual(this.tunnels.map(({ domains }) => domains.has(i)));
    }
  }

  /** What leaves by the uplink when a frame is flooded in a bridge domain. */
  copies(i: number): Uint8Array[] {
    const batch = this.#batch;
    batch.clear();
    batch.add(frame(BROADCAST, mac(1)), { mark: (this.inside[i] as SwitchPort).number });
    const copies: Uint8Array[] = [];
    this.core.forward(batch, 0, (bytes, port) => {
      expect(port).toBe(0);
      copies.push(bytes.slice());
    });
    return copies;
  }

  /** Of which remotes a packet with the VNI of a bridge domain arrives there, and nowhere else. */
  arrivals(from: readonly Tunnel[], i: number): boolean[] {
    const source = this.family === "ipv4" ? 26 : 22;
    return from.map(({ address, options: { kind } }) => {
      const packet = (this.#packets[i] as Record<TunnelKind, Uint8Array>)[kind];
      packet.set(address, source);
      this.#batch.clear();
      this.#batch.add(packet, { mark: 0 });
      const out: number[] = [];
      this.core.forward(this.#batch, 0, (_, port) => void out.push(port));
      if (out.length > 0) expect(out).toEqual([(this.inside[i] as SwitchPort).number]);
      return out.length > 0;
    });
  }

  #attach(tunnel: Tunnel, i: number): void {
    if (tunnel.options.flood !== false) this.floods[i]?.push(tunnel);
  }

  #detach(tunnel: Tunnel, i: number): void {
    if (tunnel.options.flood === false) return;
    const list = this.floods[i] as Tunnel[];
    list.splice(list.indexOf(tunnel), 1);
  }
}

/** What the headers say, and that their checksums are right. */
function headersOf({ remote, address, options }: Tunnel, vni: number, family: Family): object {
  const { kind, ttl = 64, dscp = 0, udpChecksum = family === "ipv6", checksum = false, remoteMac } = options;
  const { port = defaultPort(kind) } = options;
  const last = address.subarray(-4);
  const made = formatMac(Uint8Array.from([2, 0, ...last]));
  const words = (options.options ?? []).map(({ data }) => 1 + data.length / 4);
  return {
    ...{ remote, mac: remoteMac ?? made, ttl, dscp, ip: true },
    // NVGRE: without the FlowID.
    number: kind === "nvgre" ? vni * 256 : vni,
    words: words.reduce((sum, one) => sum + one, 0),
    ...(overUdp(kind)
      ? { port, sum: udpChecksum ? "good" : "absent" }
      : { port: undefined, sum: checksum ? "good" : "absent" }),
  };
}

function seen(bytes: Uint8Array): object {
  const { layers } = dissect(bytes);
  const [ethernet, ip, next] = layers as unknown as [Header, Header, Header];
  const ipv4 = (ip as unknown as Layer).name === "ipv4";
  const { source, destination } = ip.header as { source: Uint8Array; destination: Uint8Array };
  const at = ipv4 ? 34 : 54;
  const udp = (next as unknown as Layer).name === "udp";
  // VXLAN or Geneve at whatever port.
  const geneve = udp && bytes[at + 10] === 0x65;
  const key = (next.header as { key?: number }).key ?? 0;
  const vni = (bytes[at + 12]! << 16) | (bytes[at + 13]! << 8) | bytes[at + 14]!;
  return {
    remote: formatIp(destination),
    mac: formatMac(ethernet.header.destination as Uint8Array),
    ttl: ip.header.ttl ?? ip.header.hopLimit,
    dscp: ip.header.dscp,
    ip: !ipv4 || ipv4ChecksumIsGood(bytes, 14, 20),
    number: udp ? vni : key > 0xffffff ? key - (key % 256) : key,
    words: geneve ? bytes[at + 8]! & 0x3f : 0,
    port: next.header.destinationPort,
    sum: udp
      ? udpChecksumStatus(bytes, at, bytes.length, source, destination)
      : greChecksumStatus(bytes, at, bytes.length),
  };
}

interface Header {
  readonly header: Readonly<Record<string, unknown>>;
}

describe.each(["ipv4", "ipv6"] as const)("thousands of tunnels over %s", (family) => {
  it("that come and go in any order lead where they say, and let in whom they say", async () => {
    const kernels = await loadKernels({ memoryBytes: 32 << 20 });
    const before = kernels.plan.freeBytes;
    {
      using bench = new Bench(kernels, family, 4000);
      const free = kernels.plan.freeBytes;
      for (let number = 1; number <= 2000; number++) bench.add(number);
      bench.check();
      for (let i = 0; i < 8000; i++) {
        const what = bench.below(12);
        const place = bench.below(bench.tunnels.length);
        if (what === 0) bench.remove(place);
        else if (what === 1) bench.add(2001 + i);
        else bench.change(bench.tunnels[place] as Tunnel, bench.below(DOMAINS));
      }
      bench.check();
      for (let i = 0; i < 800; i++) {
        bench.remove(bench.below(bench.tunnels.length));
      }
      bench.check();
      const all = [...bench.tunnels];
      while (bench.tunnels.length > 0) bench.remove(bench.below(bench.tunnels.length));
      bench.check();
      expect(bench.arrivals(all, 0).some(Boolean)).toBe(false);
      expect(kernels.plan.freeBytes).toBe(free);
      for (let number = 1; number <= 300; number++) bench.add(number);
      bench.check();
    }
    expect(kernels.plan.freeBytes).toBe(before);
  });

  it("leave everything as it was where memory does not suffice", async () => {
    const kernels = await loadKernels({ memoryBytes: 32 * 65536 });
    using bench = new Bench(kernels, family, 2000);
    // So little is left that a flood list, the table of remotes and the records come to their end in turn.
    const most = kernels.plan.freeBytes - 64;
    for (const left of [0, 512, 1024, 2048, 4096, 9000, 20_000, 40_000]) {
      const rest = kernels.plan.reserve("what is left to others", most - left - 64);
      const free = kernels.plan.freeBytes;
      let number = 1;
      let refused: unknown;
      while (refused === undefined && number < 2000) {
        try {
          bench.add(number);
          number++;
        } catch (error) {
          refused = error;
        }
      }
      expect(String(refused)).toMatch(/^RangeError: memoryBytes: .* needs \d+ bytes/);
      bench.check();
      // Joining needs memory, too: it is refused, or done.
      for (const tunnel of bench.tunnels.slice(-8))
        for (let i = 0; i < DOMAINS; i++) {
          try {
            bench.change(tunnel, i);
          } catch (error) {
            expect(String(error)).toMatch(/^RangeError: memoryBytes: /);
          }
        }
      bench.check();
      while (bench.tunnels.length > 0) bench.remove(bench.below(bench.tunnels.length));
      expect(kernels.plan.freeBytes).toBe(free);
      kernels.plan.release(rest);
    }
  });
});

it("refuses a remote that the table cannot tell from another, and nothing is left of it", async () => {
  const kernels = await loadKernels({ memoryBytes: 8 << 20 });
  using core = new SwitchCore(kernels, { vtep: { address: "fd00::1" } });
  const one = core.addBridgeDomain({ vni: 1 });
  const two = core.addBridgeDomain({ vni: 2 });
  const remote = "fd00:1:c184::3cc9:0:1";
  const twin = "fd00:1:e287::9ce:0:1";
  const first = core.addTunnel({ kind: "vxlan", remote, bridgeDomains: [one], name: "first" });
  const free = kernels.plan.freeBytes;
  expect(() => core.addTunnel({ kind: "vxlan", remote: twin, bridgeDomains: [two] })).toThrow(
    /^remote: .* falls together with that of first/,
  );
  expect(() => core.addTunnel({ kind: "vxlan", remote, bridgeDomains: [two] })).toThrow(
    /^remote: first is a tunnel to it already/,
  );
  expect(kernels.plan.freeBytes).toBe(free);
  expect(core.ports().length).toBe(2);
  core.removePort(first);
  core.addTunnel({ kind: "vxlan", remote: twin, bridgeDomains: [two] });
});
