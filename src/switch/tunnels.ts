// The tunnels of a switch. There may be tens of thousands, and they differ in little but the remote: the record of
// each is a copy of one template. What a tunnel is stands there and in the kernels' tables, and hardly anywhere else.

import { macOfIp, parseIp, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { MAC_LENGTH } from "../layout/ethernet.layout.ts";
import {
  PORT_ENCAPSULATION,
  PORT_INHERITS,
  PORT_PLAIN_GRE,
  PORT_PLAIN_TUNNEL,
  PORT_TUNNEL_KIND,
} from "../layout/switch.layout.ts";
import { TUNNEL_NVGRE } from "../layout/tunnel.layout.ts";
import { EncapsulateTemplate, encapsulationLength } from "../pipeline/encapsulate-template.ts";
import { rowOf, rowOfNumber, TUNNEL_ROWS, type TunnelKind } from "../tunnel/kinds.ts";
import type { TunnelRow } from "../tunnel/tunnel-kind.ts";
import type { BridgeDomains } from "./bridge-domains.ts";
import { bitsOf } from "./condense.ts";
import { type Added, checkCommon, type Ports } from "./ports.ts";
import { RecordPool } from "./record-pool.ts";
import { Remotes } from "./remotes.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import { ANY_PORT_FIELDS } from "./switch-options.ts";
import type { BridgeDomain, SwitchPort, TunnelOptions } from "./switch-types.ts";
import type { Vtep } from "./vtep.ts";

/** Options that are a port's, of whatever kind of tunnel. */
const OF_PORTS: Readonly<Record<string, true>> = Object.fromEntries(
  [...Object.keys(ANY_PORT_FIELDS), "bridgeDomains"].map((name) => [name, true]),
);

/** Of each kind, the options that templates are made of: all but where a tunnel leads. */
const HEADER_OPTIONS: readonly (readonly string[])[] = TUNNEL_ROWS.map(({ tunnel }) =>
  Object.keys(tunnel).filter((name) => !["kind", "remote", "remoteMac"].includes(name)),
);

const PLAIN_FLAGS = { udp: PORT_PLAIN_TUNNEL, gre: PORT_PLAIN_GRE, not: 0 } as const;

/** What a template is made of: tunnels that say the same have the same. */
interface Headers {
  readonly row: TunnelRow;
  readonly options: Readonly<Record<string, unknown>>;
}

export class Tunnels {
  /** Who may send what to the switch. */
  readonly remotes: Remotes;
  readonly #memory: SwitchMemory;
  readonly #domains: BridgeDomains;
  readonly #ports: Ports;
  readonly #vtep: Vtep;
  /** By their length. */
  readonly #records: Map<number, RecordPool> = new Map();
  /** By the number of the kind that packets look like, and what is in keys of their remotes. */
  readonly #byRemote: readonly Map<number, SwitchPort>[] = TUNNEL_ROWS.map(() => new Map());
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
    this.#headers = { row: rowOfNumber(0), options: {} };
    this.#template = templateOf(vtep, this.#headers);
    this.#remote = new Uint8Array(vtep.address.length);
    this.remotes = new Remotes(memory);
  }

  add(options: TunnelOptions): Added {
    const row = rowOf("tunnel", options, OF_PORTS);
    const common = checkCommon(options, 1);
    const remote = addressOf(options.remote);
    this.#vtep.checkRemote(remote);
    const key = bitsOf(remote);
    const twins = this.#alike(row);
    const twin = twins.get(key);
    if (twin !== undefined) throw new ArgumentRangeError("taken", "remote", this.#whyNot(twin, row, remote));
    const { bridgeDomains } = options;
    this.#checkDomains(row, bridgeDomains);
    const template = this.#templateFor(row, options as object as Headers["options"]);
    const mac = options.remoteMac === undefined ? macOfIp(remote) : macAddressOf(options.remoteMac);
    const place = this.#ports.choose(options.name);
    for (const domain of bridgeDomains) this.#domains.prepare(domain);
    this.remotes.prepare(bridgeDomains.length + (row.number === TUNNEL_NVGRE ? 1 : 0));
    const record = this.#recordsOf(template.length).take();
    // From here on nothing fails.
    template.write(this.#memory.kernels, record, remote, mac);
    const flags = PLAIN_FLAGS[template.plain ?? "not"] | (template.inherits ? PORT_INHERITS : 0);
    const added = this.#ports.enterTunnel(place, common, row.number, flags, record);
    for (const domain of bridgeDomains) this.#enter(added.handle, domain, remote);
    if (row.number === TUNNEL_NVGRE) this.remotes.addNvgre(remote);
    twins.set(key, added.handle);
    return added;
  }

  join(tunnel: SwitchPort, domain: BridgeDomain): void {
    this.#expect(tunnel);
    checkVni("bridgeDomain", rowOfNumber(this.#kindOf(tunnel)), domain);
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
    this.#alike(rowOfNumber(kind)).delete(bitsOf(remote));
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
  #alike({ alike }: TunnelRow): Map<number, SwitchPort> {
    return this.#byRemote[alike] as Map<number, SwitchPort>;
  }

  #recordsOf(length: number): RecordPool {
    const known = this.#records.get(length);
    if (known !== undefined) return known;
    const records = new RecordPool(this.#memory, "a switch's tunnels", length);
    this.#records.set(length, records);
    return records;
  }

  #checkDomains(row: TunnelRow, bridgeDomains: readonly BridgeDomain[]): void {
    if (!Array.isArray(bridgeDomains)) throw wrongType("bridgeDomains", "an array", bridgeDomains);
    for (const item of bridgeDomains)
      checkVni("bridgeDomains", row, this.#domains.expect("bridgeDomains", item));
    if (bridgeDomains.length < 2) return;
    const seen = new Set<BridgeDomain>();
    for (const domain of bridgeDomains as readonly BridgeDomain[]) {
      if (seen.has(domain))
        throw new ArgumentRangeError("taken", "bridgeDomains", `${domain.name} stands there twice`);
      seen.add(domain);
    }
  }

  #templateFor(row: TunnelRow, given: Headers["options"]): EncapsulateTemplate {
    const { row: lastRow, options: last } = this.#headers;
    const names = HEADER_OPTIONS[row.number] as readonly string[];
    let same = row === lastRow;
    // What can be changed after it was given cannot be compared.
    for (let i = 0; same && i < names.length; i++) {
      const name = names[i] as string;
      same = given[name] === last[name] && typeof given[name] !== "object";
    }
    if (!same) {
      const headers = { row, options: Object.fromEntries(names.map((name) => [name, given[name]])) };
      this.#template = templateOf(this.#vtep, headers);
      this.#headers = headers;
    }
    return this.#template;
  }

  /** One in four thousand million pairs of IPv6 addresses cannot be told apart by the table of remotes. */
  #whyNot(twin: SwitchPort, row: TunnelRow, remote: Uint8Array): string {
    const same = this.#remoteOf(twin).every((byte, index) => byte === remote[index]);
    if (!same)
      return `in the table of remotes it falls together with that of ${twin.name}: use another of its addresses`;
    const other = rowOfNumber(this.#kindOf(twin));
    if (other === row) return `${twin.name} is a tunnel to it already`;
    const [first, second] = [other, row].sort((a, b) => a.number - b.number) as [TunnelRow, TunnelRow];
    return `${twin.name} is a tunnel of kind ${other.name} to it: ${first.title} with a key and ${second.title} look alike`;
  }

  /** Good until the next is read. */
  #remoteOf({ number }: SwitchPort): Uint8Array {
    const record = this.#ports.field(number, PORT_ENCAPSULATION);
    return this.#template.readRemote(this.#memory.kernels, record, this.#remote);
  }
}

function templateOf({ address, mac, ports }: Vtep, { row, options }: Headers): EncapsulateTemplate {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return new EncapsulateTemplate({
    kind: row.name as TunnelKind,
    local: address,
    localMac: mac,
    ...(row.over.protocol === "udp" && { port: ports[row.number] as number }),
    ...Object.fromEntries(given),
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

function checkVni(name: string, row: TunnelRow, { name: domain, vni }: BridgeDomain): void {
  if (vni === undefined)
    throw new ArgumentRangeError(
      "not-for-this",
      name,
      `${domain} has no VNI, so that no tunnel can carry it`,
    );
  const [least, most] = row.numberRange;
  if (vni >= least && vni <= most) return;
  const sentence = `expected a whole number from ${least} to ${most} in a tunnel of kind ${row.name}, got ${vni}`;
  throw new ArgumentRangeError("out-of-range", name, `VNI of ${domain}: ${sentence}`);
}
