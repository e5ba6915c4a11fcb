// The tunnels of a switch. There may be tens of thousands, and they differ in little but the remote: the record of
// each is a copy of one template. What a tunnel is stands there and in the kernels' tables, and hardly anywhere else.

import { parseIp, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { MAC_LENGTH } from "../layout/ethernet.layout.ts";
import {
  PORT_ENCAPSULATION,
  PORT_PLAIN_GRE,
  PORT_PLAIN_TUNNEL,
  PORT_TUNNEL_KIND,
  TUNNEL_GENEVE,
  TUNNEL_GRE,
  TUNNEL_NVGRE,
  TUNNEL_VXLAN,
} from "../layout/switch.layout.ts";
import { EncapsulateTemplate, encapsulationLength } from "../pipeline/encapsulate-template.ts";
import { wholeVsid } from "../pipeline/tunnel-header.ts";
import { kindOf, type OfAnyKind, type OwnOptions, TUNNEL_KINDS } from "../pipeline/tunnel-kinds.ts";
import type { TunnelKind } from "../pipeline/tunnel-stages.ts";
import { macOfIp } from "../pipeline/write-encapsulate.ts";
import type { BridgeDomains } from "./bridge-domains.ts";
import { bitsOf } from "./condense.ts";
import { type Added, checkCommon, type Ports } from "./ports.ts";
import { RecordPool } from "./record-pool.ts";
import { Remotes } from "./remotes.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import { ANY_PORT_FIELDS } from "./switch-options.ts";
import type { BridgeDomain, SwitchPort, TunnelOptions } from "./switch-types.ts";
import type { Vtep } from "./vtep.ts";

const TUNNEL = [
  ...Object.keys(ANY_PORT_FIELDS),
  "kind",
  "remote",
  "bridgeDomains",
  "remoteMac",
  "ttl",
  "dscp",
  "port",
  "udpChecksum",
  "options",
  "checksum",
] as const;
const OWN: OwnOptions = {
  vxlan: ["port", "udpChecksum"],
  geneve: ["port", "udpChecksum", "options"],
  gre: ["checksum"],
  nvgre: [],
};

/** The kinds as records say them: as places in the list of kinds. */
const NUMBER_OF: Readonly<Record<TunnelKind, number>> = {
  vxlan: TUNNEL_VXLAN,
  geneve: TUNNEL_GENEVE,
  gre: TUNNEL_GRE,
  nvgre: TUNNEL_NVGRE,
};

const PLAIN_FLAGS = { udp: PORT_PLAIN_TUNNEL, gre: PORT_PLAIN_GRE, not: 0 } as const;

/** What a template is made of: tunnels that say the same have the same. */
type Headers = { readonly kind: TunnelKind } & Pick<
  OfAnyKind<TunnelOptions>,
  "port" | "ttl" | "dscp" | "udpChecksum" | "options" | "checksum"
>;

export class Tunnels {
  /** Who may send what to the switch. */
  readonly remotes: Remotes;
  readonly #memory: SwitchMemory;
  readonly #domains: BridgeDomains;
  readonly #ports: Ports;
  readonly #vtep: Vtep;
  /** By their length. */
  readonly #records: Map<number, RecordPool> = new Map();
  /** By what packets of the kind look like: VXLAN, Geneve, GRE. */
  readonly #byRemote: readonly Map<number, SwitchPort>[] = [new Map(), new Map(), new Map()];
  /** The latest headers: nearly always those of the next tunnel, too. */
  #headers: Headers;
  #template: EncapsulateTemplate;
  /** A remote that was read from its record. */
  readonly #remote: Uint8Array;

  constructor(memory: SwitchMemory, domains: BridgeDomains, ports: Ports, vtep: Vtep) {
    this.#memory = memory;
    this.#domains = domains;
    this.#ports = ports;
    this.#vtep = vtep;
    this.#headers = { kind: "vxlan" };
    this.#template = templateOf(vtep, this.#headers);
    this.#remote = new Uint8Array(vtep.address.length);
    this.remotes = new Remotes(memory);
  }

  add(options: TunnelOptions): Added {
    const kind = NUMBER_OF[kindOf("tunnel", options, TUNNEL, OWN)];
    const common = checkCommon(options, 1);
    const remote = addressOf(options.remote);
    this.#vtep.checkRemote(remote);
    const key = bitsOf(remote);
    const twins = this.#alike(kind);
    const twin = twins.get(key);
    if (twin !== undefined)
      throw new ArgumentRangeError("taken", "remote", `${this.#whyNot(twin, kind, remote)}`);
    const { bridgeDomains } = options;
    this.#checkDomains(kind, bridgeDomains);
    const template = this.#templateFor(options);
    const mac = options.remoteMac === undefined ? macOfIp(remote) : macAddressOf(options.remoteMac);
    const place = this.#ports.choose(options.name);
    for (const domain of bridgeDomains) this.#domains.prepare(domain);
    this.remotes.prepare(bridgeDomains.length + (kind === TUNNEL_NVGRE ? 1 : 0));
    const record = this.#recordsOf(template.length).take();
    // From here on nothing fails.
    template.write(this.#memory.kernels, record, remote, mac);
    const flags = PLAIN_FLAGS[template.plain ?? "not"];
    const added = this.#ports.enterTunnel(place, common, kind, flags, record);
    for (const domain of bridgeDomains) this.#enter(added.handle, domain, remote);
    if (kind === TUNNEL_NVGRE) this.remotes.addNvgre(remote);
    twins.set(key, added.handle);
    return added;
  }

  join(tunnel: SwitchPort, domain: BridgeDomain): void {
    this.#expect(tunnel);
    checkVni("bridgeDomain", this.#kindOf(tunnel), domain);
    if (this.#domains.has(domain, tunnel.number))
      throw new ArgumentRangeError("taken", "bridgeDomain", `${domain.name} is in ${tunnel.name} already`);
    this.#domains.prepare(domain);
    this.remotes.prepare(1);
    this.#enter(tunnel, domain, this.#remoteOf(tunnel));
  }

  leave(tunnel: SwitchPort, domain: BridgeDomain): void {
    this.#expect(tunnel);
    if (!this.#domains.has(domain, tunnel.number))
      throw new ArgumentRangeError("not-found", "bridgeDomain", `${domain.name} is not in ${tunnel.name}`);
    this.#withdraw(tunnel, domain, this.#remoteOf(tunnel));
  }

  /** Takes a tunnel out of all bridge domains, so that its port can go. */
  remove(tunnel: SwitchPort): void {
    const remote = this.#remoteOf(tunnel);
    for (const domain of this.#domains.all())
      if (this.#domains.has(domain, tunnel.number)) this.#withdraw(tunnel, domain, remote);
    const kind = this.#kindOf(tunnel);
    if (kind === TUNNEL_NVGRE) this.remotes.removeNvgre(remote);
    this.#alike(kind).delete(bitsOf(remote));
    const record = this.#ports.field(tunnel.number, PORT_ENCAPSULATION);
    this.#recordsOf(encapsulationLength(this.#memory.kernels, record)).give(record);
  }

  close(): void {
    this.remotes.close();
  }

  #enter(tunnel: SwitchPort, domain: BridgeDomain, remote: Uint8Array): void {
    const { number } = tunnel;
    this.remotes.allow(remote, this.#kindOf(tunnel), domain.vni as number, number, domain.id);
    this.#domains.attach(domain, number, 0, this.#ports.floods(number));
  }

  #withdraw(tunnel: SwitchPort, domain: BridgeDomain, remote: Uint8Array): void {
    const { number } = tunnel;
    this.remotes.refuse(remote, this.#kindOf(tunnel), domain.vni as number);
    this.#domains.detach(domain, number, 0, this.#ports.floods(number));
  }

  #expect(handle: SwitchPort): void {
    if (this.#ports.expect("tunnel", handle).kind !== "tunnel")
      throw new ArgumentRangeError("not-found", "tunnel", `${handle.name} is no tunnel`);
  }

  #kindOf({ number }: SwitchPort): number {
    return this.#ports.field(number, PORT_TUNNEL_KIND);
  }

  /** Tunnels whose packets look like those of a kind, by what is in keys of their remotes. */
  #alike(kind: number): Map<number, SwitchPort> {
    return this.#byRemote[Math.min(kind, TUNNEL_GRE)] as Map<number, SwitchPort>;
  }

  #recordsOf(length: number): RecordPool {
    const known = this.#records.get(length);
    if (known !== undefined) return known;
    const records = new RecordPool(this.#memory, "a switch's tunnels", length);
    this.#records.set(length, records);
    return records;
  }

  #checkDomains(kind: number, bridgeDomains: readonly BridgeDomain[]): void {
    if (!Array.isArray(bridgeDomains)) throw wrongType("bridgeDomains", "an array", bridgeDomains);
    for (const item of bridgeDomains)
      checkVni("bridgeDomains", kind, this.#domains.expect("bridgeDomains", item));
    if (bridgeDomains.length < 2) return;
    const seen = new Set<BridgeDomain>();
    for (const domain of bridgeDomains as readonly BridgeDomain[]) {
      if (seen.has(domain))
        throw new ArgumentRangeError("taken", "bridgeDomains", `${domain.name} stands there twice`);
      seen.add(domain);
    }
  }

  #templateFor(headers: Headers): EncapsulateTemplate {
    const last = this.#headers;
    const { kind, port, ttl, dscp, udpChecksum, options, checksum } = headers;
    // Whose options can be changed cannot be compared.
    const same =
      kind === last.kind &&
      port === last.port &&
      ttl === last.ttl &&
      dscp === last.dscp &&
      udpChecksum === last.udpChecksum &&
      checksum === last.checksum &&
      options === undefined &&
      last.options === undefined;
    if (!same) {
      const own = { kind, port, ttl, dscp, udpChecksum, options, checksum } as Headers;
      this.#template = templateOf(this.#vtep, own);
      this.#headers = own;
    }
    return this.#template;
  }

  /** One in four thousand million pairs of IPv6 addresses cannot be told apart by the table of remotes. */
  #whyNot(twin: SwitchPort, kind: number, remote: Uint8Array): string {
    const same = this.#remoteOf(twin).every((byte, index) => byte === remote[index]);
    if (!same)
      return `in the table of remotes it falls together with that of ${twin.name}: use another of its addresses`;
    const other = this.#kindOf(twin);
    if (other === kind) return `${twin.name} is a tunnel to it already`;
    return `${twin.name} is a tunnel of kind ${TUNNEL_KINDS[other]} to it: GRE with a key and NVGRE look alike`;
  }

  /** Good until the next is read. */
  #remoteOf({ number }: SwitchPort): Uint8Array {
    const record = this.#ports.field(number, PORT_ENCAPSULATION);
    return this.#template.readRemote(this.#memory.kernels, record, this.#remote);
  }
}

function templateOf(vtep: Vtep, headers: Headers): EncapsulateTemplate {
  const { kind, port, ttl, dscp, udpChecksum, options, checksum } = headers;
  const usual = kind === "vxlan" ? vtep.port : kind === "geneve" ? vtep.genevePort : undefined;
  const destination = port ?? usual;
  return new EncapsulateTemplate({
    kind,
    local: vtep.address,
    localMac: vtep.mac,
    ...(destination === undefined ? {} : { port: destination }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(dscp === undefined ? {} : { dscp }),
    ...(udpChecksum === undefined ? {} : { udpChecksum }),
    ...(options === undefined ? {} : { options }),
    ...(checksum === undefined ? {} : { checksum }),
  });
}

/** Bytes are read at once, so that nobody needs a copy. */
function addressOf(remote: TunnelOptions["remote"]): Uint8Array {
  const isBytes = remote instanceof Uint8Array && (remote.length === 4 || remote.length === 16);
  return isBytes ? remote : parseIp("remote", remote);
}

function macAddressOf(mac: NonNullable<TunnelOptions["remoteMac"]>): Uint8Array {
  return mac instanceof Uint8Array && mac.length === MAC_LENGTH ? mac : parseMac("remoteMac", mac);
}

function checkVni(name: string, kind: number, { name: domain, vni }: BridgeDomain): void {
  if (vni === undefined)
    throw new ArgumentRangeError(
      "not-for-this",
      name,
      `${domain} has no VNI, so that no tunnel can carry it`,
    );
  if (kind === TUNNEL_NVGRE) wholeVsid(`${name}: VSID of ${domain}`, vni);
}
