// The tunnels of a switch. There may be tens of thousands, and they differ in little but the remote: the record of
// each is a copy of one template. What a tunnel is stands there and in the kernels' tables, and hardly anywhere else.

import { parseIp, parseMac } from "../core/addresses.ts";
import { knownKeys, oneOf } from "../core/arguments.ts";
import { MAC_LENGTH } from "../layout/ethernet.layout.ts";
import { PORT_ENCAPSULATION, PORT_PLAIN_TUNNEL } from "../layout/switch.layout.ts";
import { EncapsulateTemplate } from "../pipeline/encapsulate-template.ts";
import { macOfIp } from "../pipeline/write-encapsulate.ts";
import type { BridgeDomains } from "./bridge-domains.ts";
import { bitsOf } from "./condense.ts";
import { type Added, ANY_PORT, checkCommon, type Ports } from "./ports.ts";
import { Records } from "./records.ts";
import { Remotes } from "./remotes.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import type { BridgeDomain, SwitchPort, TunnelOptions } from "./switch-types.ts";
import type { Vtep } from "./vtep.ts";

const TUNNEL = [
  ...ANY_PORT,
  "kind",
  "remote",
  "bridgeDomains",
  "remoteMac",
  "port",
  "ttl",
  "dscp",
  "udpChecksum",
] as const;

/** What a template is made of: tunnels that say the same have the same. */
type Headers = Pick<TunnelOptions, "port" | "ttl" | "dscp" | "udpChecksum">;

export class Tunnels {
  /** Who may send what to the switch. */
  readonly remotes: Remotes;
  readonly #memory: SwitchMemory;
  readonly #domains: BridgeDomains;
  readonly #ports: Ports;
  readonly #vtep: Vtep;
  readonly #records: Records;
  readonly #byRemote: Map<number, SwitchPort> = new Map();
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
    this.#headers = {};
    this.#template = templateOf(vtep, this.#headers);
    this.#records = new Records(memory, "a switch's tunnels", this.#template.length);
    this.#remote = new Uint8Array(vtep.address.length);
    this.remotes = new Remotes(memory);
  }

  add(options: TunnelOptions): Added {
    knownKeys("tunnel", options, TUNNEL);
    oneOf("kind", options.kind, ["vxlan"]);
    const common = checkCommon(options, 1);
    const remote = addressOf(options.remote);
    this.#vtep.checkRemote(remote);
    const key = bitsOf(remote);
    const twin = this.#byRemote.get(key);
    if (twin !== undefined) throw new RangeError(`remote: ${this.#whyNot(twin, remote)}`);
    const { bridgeDomains } = options;
    this.#checkDomains(bridgeDomains);
    const template = this.#templateFor(options);
    const mac = options.remoteMac === undefined ? macOfIp(remote) : macAddressOf(options.remoteMac);
    const { number, name } = this.#ports.choose(options.name);
    for (const domain of bridgeDomains) this.#domains.prepare(domain);
    this.remotes.prepare(bridgeDomains.length);
    const record = this.#records.take();
    // From here on nothing fails.
    template.write(this.#memory.kernels, record, remote, mac);
    const flags = template.isPlain ? PORT_PLAIN_TUNNEL : 0;
    const added = this.#ports.enterTunnel(number, name, common, flags, record);
    for (const domain of bridgeDomains) this.#enter(added.handle, domain, remote);
    this.#byRemote.set(key, added.handle);
    return added;
  }

  join(tunnel: SwitchPort, domain: BridgeDomain): void {
    this.#expect(tunnel);
    checkVni("bridgeDomain", domain);
    if (this.#domains.has(domain, tunnel.number))
      throw new RangeError(`bridgeDomain: ${domain.name} is in ${tunnel.name} already`);
    this.#domains.prepare(domain);
    this.remotes.prepare(1);
    this.#enter(tunnel, domain, this.#remoteOf(tunnel));
  }

  leave(tunnel: SwitchPort, domain: BridgeDomain): void {
    this.#expect(tunnel);
    if (!this.#domains.has(domain, tunnel.number))
      throw new RangeError(`bridgeDomain: ${domain.name} is not in ${tunnel.name}`);
    this.#withdraw(tunnel, domain, this.#remoteOf(tunnel));
  }

  /** Takes a tunnel out of all bridge domains, so that its port can go. */
  remove(tunnel: SwitchPort): void {
    const remote = this.#remoteOf(tunnel);
    for (const domain of this.#domains.all())
      if (this.#domains.has(domain, tunnel.number)) this.#withdraw(tunnel, domain, remote);
    this.#byRemote.delete(bitsOf(remote));
    this.#records.give(this.#ports.field(tunnel.number, PORT_ENCAPSULATION));
  }

  close(): void {
    this.remotes.close();
  }

  #enter({ number }: SwitchPort, domain: BridgeDomain, remote: Uint8Array): void {
    this.remotes.allow(remote, domain.vni as number, number, domain.id);
    this.#domains.attach(domain, number, 0, this.#ports.floods(number));
  }

  #withdraw({ number }: SwitchPort, domain: BridgeDomain, remote: Uint8Array): void {
    this.remotes.refuse(remote, domain.vni as number);
    this.#domains.detach(domain, number, 0, this.#ports.floods(number));
  }

  #expect(handle: SwitchPort): void {
    if (this.#ports.expect("tunnel", handle).kind !== "tunnel")
      throw new RangeError(`tunnel: ${handle.name} is no tunnel`);
  }

  #checkDomains(bridgeDomains: readonly BridgeDomain[]): void {
    if (!Array.isArray(bridgeDomains))
      throw new TypeError(`bridgeDomains: expected an array, got ${typeof bridgeDomains}`);
    for (const item of bridgeDomains) checkVni("bridgeDomains", this.#domains.expect("bridgeDomains", item));
    if (bridgeDomains.length < 2) return;
    const seen = new Set<BridgeDomain>();
    for (const domain of bridgeDomains as readonly BridgeDomain[]) {
      if (seen.has(domain)) throw new RangeError(`bridgeDomains: ${domain.name} stands there twice`);
      seen.add(domain);
    }
  }

  #templateFor({ port, ttl, dscp, udpChecksum }: Headers): EncapsulateTemplate {
    const { port: lastPort, ttl: lastTtl, dscp: lastDscp, udpChecksum: lastChecksum } = this.#headers;
    if (port !== lastPort || ttl !== lastTtl || dscp !== lastDscp || udpChecksum !== lastChecksum) {
      const headers = { port, ttl, dscp, udpChecksum } as Headers;
      this.#template = templateOf(this.#vtep, headers);
      this.#headers = headers;
    }
    return this.#template;
  }

  /** One in four thousand million pairs of IPv6 addresses cannot be told apart by the table of remotes. */
  #whyNot(twin: SwitchPort, remote: Uint8Array): string {
    const same = this.#remoteOf(twin).every((byte, index) => byte === remote[index]);
    return same
      ? `${twin.name} is a tunnel to it already`
      : `in the table of remotes it falls together with that of ${twin.name}: use another of its addresses`;
  }

  /** Good until the next is read. */
  #remoteOf({ number }: SwitchPort): Uint8Array {
    const record = this.#ports.field(number, PORT_ENCAPSULATION);
    return this.#template.readRemote(this.#memory.kernels, record, this.#remote);
  }
}

function templateOf({ address, mac, port: usual }: Vtep, headers: Headers): EncapsulateTemplate {
  const { port = usual, ttl, dscp, udpChecksum } = headers;
  return new EncapsulateTemplate({
    local: address,
    localMac: mac,
    port,
    ...(ttl === undefined ? {} : { ttl }),
    ...(dscp === undefined ? {} : { dscp }),
    ...(udpChecksum === undefined ? {} : { udpChecksum }),
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

function checkVni(name: string, domain: BridgeDomain): void {
  if (domain.vni === undefined)
    throw new RangeError(`${name}: ${domain.name} has no VNI, so that no tunnel can carry it`);
}
