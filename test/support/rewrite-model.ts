// Frames as what they say, and the same with other headers: a slow model, which makes each frame anew with its checksums worked
// out from nothing.
import type { Change, Changes, NumberRange, RewriteOptions } from "frameferry/stages";

export interface Tag {
  readonly tpid: number;
  readonly vid: number;
  readonly pcp: number;
  readonly dei: boolean;
}

export interface Said {
  readonly destinationMac: string;
  readonly sourceMac: string;
  readonly tags: readonly Tag[];
  readonly version: 4 | 6 | "arp" | "none";
  readonly source: string;
  readonly destination: string;
  readonly dscp: number;
  readonly ecn: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Of a packet that is a fragment: its first one, or one behind it. */
  readonly fragment: "none" | "first" | "later";
  /** Words of options in an IPv4 header. */
  readonly options: number;
  /** Extension headers of IPv6: with a route the packet goes in the end somewhere else than its header says. */
  readonly extensions: readonly ("hop" | "route")[];
  /** UDP without a checksum. */
  readonly unchecked: boolean;
  readonly payload: Uint8Array;
  /** Bytes behind the packet. */
  readonly padding: number;
}

export const MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff", "0a:1b:2c:3d:4e:5f"];
export const IPV4S = ["10.0.0.1", "10.0.0.2", "10.1.2.3", "192.0.2.255", "255.255.0.0"];
export const IPV6S = ["2001:db8:0:0:0:0:0:1", "2001:db8:1:0:0:0:0:ffff", "fd00:0:0:0:ffff:ffff:ffff:ffff"];
const ROUTED = "2001:db8:99:0:0:0:0:9";
const CHECKSUM_AT: Readonly<Record<number, number>> = { 6: 16, 17: 6, 33: 6, 58: 2, 136: 6 };

function macBytes(mac: string): number[] {
  return mac.split(":").map((part) => Number.parseInt(part, 16));
}

/** Addresses of IPv6 are written out here, with eight groups. */
function ipBytes(address: string): number[] {
  if (!address.includes(":")) return address.split(".").map(Number);
  return address.split(":").flatMap((group) => half(Number.parseInt(group, 16)));
}

function half(value: number): number[] {
  return [value >>> 8, value & 255];
}

function sumOf(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The frame, and where its IP header begins and what that carries. */
export function frameOf(said: Said): { bytes: Uint8Array; ip: number; transport: number; end: number } {
  const link = [...macBytes(said.destinationMac), ...macBytes(said.sourceMac)];
  for (const { tpid, vid, pcp, dei } of said.tags)
    link.push(...half(tpid), ...half((pcp << 13) | (dei ? 0x1000 : 0) | vid));
  const types = { 4: 0x0800, 6: 0x86dd, arp: 0x0806, none: 0x88cc };
  link.push(...half(types[said.version]));
  const { header, carried } = packetOf(said);
  const all = [...link, ...header, ...carried];
  return {
    bytes: Uint8Array.from([...all, ...new Array<number>(said.padding).fill(0xee)]),
    ip: link.length,
    transport: link.length + header.length,
    end: all.length,
  };
}

function packetOf(said: Said): { header: number[]; carried: number[] } {
  if (said.version === "none") return { header: [], carried: [...said.payload] };
  const [source, destination] = [ipBytes(said.source), ipBytes(said.destination)];
  if (said.version === "arp") {
    const asked = macBytes(said.fragment === "none" ? said.destinationMac : "00:00:00:00:00:00");
    const macs = [...macBytes(said.sourceMac), ...source, ...asked, ...destination];
    return { header: [0, 1, 8, 0, 6, 4, 0, 1, ...macs], carried: [] };
  }
  const carried = carriedBy(said, source, destination);
  const traffic = (said.dscp << 2) | said.ecn;
  if (said.version === 6) {
    const extensions = said.extensions.flatMap((kind, i) => {
      const next = nextOf(said, i + 1);
      return kind === "hop" ? [next, 0, 1, 4, 0, 0, 0, 0] : [next, 2, 4, 1, 0, 0, 0, 0, ...ipBytes(ROUTED)];
    });
    if (said.fragment !== "none")
      extensions.push(said.protocol, 0, ...half(said.fragment === "first" ? 1 : 0x401), 0, 0, 0, 7);
    const length = half(extensions.length + carried.length);
    const first = [0x60 | (traffic >>> 4), ((traffic & 15) << 4) | 3, 1, 2];
    return {
      header: [...first, ...length, nextOf(said, 0), said.ttl, ...source, ...destination, ...extensions],
      carried,
    };
  }
  const fragment = { none: 0, first: 0x2000, later: 0x2080 }[said.fragment];
  const options = new Array<number>(said.options * 4).fill(1);
  const length = 20 + options.length + carried.length;
  const front = [0x45 + said.options, traffic, ...half(length), 0x12, 0x34, ...half(fragment)];
  const rest = [...source, ...destination, ...options];
  const sum = sumOf([...front, said.ttl, said.protocol, 0, 0, ...rest]);
  return { header: [...front, said.ttl, said.protocol, ...half(sum), ...rest], carried };
}

/** The number of the header behind so many extensions. */
function nextOf({ extensions, fragment, protocol }: Said, passed: number): number {
  const kind = extensions[passed];
  if (kind !== undefined) return kind === "hop" ? 0 : 43;
  return fragment === "none" ? protocol : 44;
}

function carriedBy(said: Said, source: readonly number[], destination: readonly number[]): number[] {
  const { protocol, fragment, payload } = said;
  if (fragment === "later") return [...payload];
  const hasPorts = [6, 17, 33, 136].includes(protocol);
  const ports = hasPorts ? [...half(said.sourcePort), ...half(said.destinationPort)] : [128, 0, 0, 0];
  const header = [...ports, ...new Array<number>(protocol === 6 ? 16 : 4).fill(0)];
  if (protocol === 6) header[12] = 0x50;
  const all = [...header, ...payload];
  if (protocol === 17) all.splice(4, 2, ...half(all.length));
  const at = CHECKSUM_AT[protocol];
  if (at === undefined || (said.version === 4 && protocol === 58)) return all;
  if (protocol === 17 && said.unchecked) return all;
  const last = said.extensions.includes("route") && said.version === 6 ? ipBytes(ROUTED) : destination;
  const sum = sumOf([...source, ...last, ...half(0), ...half(all.length), 0, protocol, ...all]);
  all.splice(at, 2, ...half(protocol === 17 && sum === 0 ? 0xffff : sum));
  return all;
}

/** What a frame says afterwards; undefined: its TTL does not last. */
export function rewritten(said: Said, options: RewriteOptions): Said | undefined {
  const isIp = said.version === 4 || said.version === 6;
  const { ttlLess = 0 } = options;
  if (isIp && ttlLess > 0 && said.ttl <= ttlLess) return undefined;
  const mac = (value: string, ...all: (Changes<string> | undefined)[]): string =>
    flat(all).find(({ from }) => from === undefined || from === value)?.to ?? value;
  const number = (value: number, ...all: (Changes<NumberRange> | undefined)[]): number => {
    for (const { from, to } of flat(all)) {
      const [first, last] = from === undefined ? [0, Number.POSITIVE_INFINITY] : rangeOf(from);
      if (value < first || value > last) continue;
      return typeof to === "number" ? to : to[0] + value - first;
    }
    return value;
  };
  const hasPorts = isIp && said.fragment !== "later" && [6, 17, 33, 136].includes(said.protocol);
  const [tag, ...tags] = said.tags;
  const { macs, addresses, ports } = options as RewriteOptions & { macs?: Changes<string> };
  return {
    ...said,
    destinationMac: mac(said.destinationMac, options.destinationMac as Changes<string>, macs),
    sourceMac: mac(said.sourceMac, options.sourceMac as Changes<string>, macs),
    tags:
      tag === undefined
        ? []
        : [{ ...tag, vid: number(tag.vid, options.vid), pcp: number(tag.pcp, options.pcp) }, ...tags],
    ...(said.version !== "none" && {
      source: address(said.source, flat([options.source, addresses] as Changes<string>[])),
      destination: address(said.destination, flat([options.destination, addresses] as Changes<string>[])),
    }),
    ...(isIp && { dscp: number(said.dscp, options.dscp), ttl: number(said.ttl, options.ttl) - ttlLess }),
    ...(hasPorts && {
      sourcePort: number(said.sourcePort, options.sourcePort, ports),
      destinationPort: number(said.destinationPort, options.destinationPort, ports),
    }),
  };
}

function flat<T>(all: readonly (Changes<T> | undefined)[]): Change<T>[] {
  return all.flatMap((changes) => (changes === undefined ? [] : (changes as Change<T> | Change<T>[])));
}

function rangeOf(range: NumberRange): readonly [number, number] {
  return typeof range === "number" ? [range, range] : range;
}

function address(value: string, changes: readonly Change<string>[]): string {
  const bits = bitsOf(value);
  for (const { from, to } of changes) {
    if (to.includes(":") !== value.includes(":")) continue;
    if (from !== undefined && !bits.startsWith(prefixBits(from))) continue;
    const put = prefixBits(to);
    return textOf(put + bits.slice(put.length));
  }
  return value;
}

function bitsOf(value: string): string {
  return ipBytes(value)
    .map((byte) => byte.toString(2).padStart(8, "0"))
    .join("");
}

function prefixBits(prefix: string): string {
  const [value = "", length] = prefix.split("/");
  return bitsOf(value).slice(0, length === undefined ? undefined : Number(length));
}

function textOf(bits: string): string {
  const groups = bits.match(bits.length === 32 ? /.{8}/g : /.{16}/g) ?? [];
  const numbers = groups.map((group) => Number.parseInt(group, 2));
  return bits.length === 32 ? numbers.join(".") : numbers.map((group) => group.toString(16)).join(":");
}
