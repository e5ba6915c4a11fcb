// The records of many encapsulations that differ in their remotes only, as a switch's tunnels do.

import { type IpAddress, type MacAddress, parseIp } from "../core/addresses.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { ETHERNET_LENGTH, MAC_LENGTH } from "../layout/ethernet.layout.ts";
import { IPV4_DESTINATION } from "../layout/ipv4.layout.ts";
import { IPV6_DESTINATION } from "../layout/ipv6.layout.ts";
import { CACHE_LINE } from "../layout/memory.layout.ts";
import {
  ENCAPSULATE_FLOW_ID,
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_IP_SUM,
  ENCAPSULATE_NUMBER,
  ENCAPSULATE_STRIP_ALL,
  ENCAPSULATE_TEMPLATE,
  ENCAPSULATE_UDP_OFFSET,
  ENCAPSULATE_UDP_SUM,
  INHERIT,
  STAGE_FLAGS,
  STAGE_LENGTH,
} from "../layout/stage.layout.ts";
import { PLAIN_KEYED_LENGTH, PLAIN_UDP_LENGTH } from "../layout/tunnel.layout.ts";
import { type EncapsulateTunnelStage, rowOf, type TunnelKind } from "../tunnel/kinds.ts";
import type { OfAnyKind } from "../tunnel/tunnel-kind.ts";
import { checksumFold } from "../wire/checksum.ts";
import { writeTunnel } from "./write-encapsulate.ts";

/**
 * What such records have in common; nothing of it is `undefined`. All but the ends is for the tunnel's kind alone, to
 * whom it is left to check it.
 */
export type TemplateHeaders = OfAnyKind<EncapsulateTunnelStage> & {
  readonly kind: TunnelKind;
  readonly local: IpAddress;
  readonly localMac: MacAddress;
};

/** Which kernel for usual headers (over IPv4, no checksum behind that of IP) may write this record's, if one may. */
function plainness(record: DataView): "udp" | "gre" | undefined {
  if (record.getUint32(ENCAPSULATE_IP_OFFSET, true) !== ETHERNET_LENGTH) return undefined;
  const flags = record.getUint32(STAGE_FLAGS, true);
  const udp = record.getUint32(ENCAPSULATE_UDP_OFFSET, true) !== 0;
  const headerLength = record.getUint32(ENCAPSULATE_HEADER_LENGTH, true);
  if (udp) return flags === 0 && headerLength === PLAIN_UDP_LENGTH ? "udp" : undefined;
  // A tag is not on its way with a plain passenger.
  const gre = (flags & ~(ENCAPSULATE_STRIP_ALL | ENCAPSULATE_FLOW_ID)) === 0;
  return gre && headerLength === PLAIN_KEYED_LENGTH ? "gre" : undefined;
}

/**
 * Records that differ in nothing but the remote and its MAC, and have a VNI, VSID or key of zero. The headers are checked and
 * written once; each record is a copy, of which only the remote and the sums that it is part of are put in.
 */
export class EncapsulateTemplate {
  /** Of a record, in bytes: what lies behind the headers is left out. */
  readonly length: number;
  /** Which kernel for usual headers may write these, if one may. */
  readonly plain: "udp" | "gre" | undefined;
  /** Whether outer headers take over what their passengers say. */
  readonly inherits: boolean;
  readonly #words: Uint32Array;
  readonly #addressLength: number;
  /** Where in a record the remote's address begins. */
  readonly #remote: number;
  /** Sums as numbers, without the remote. */
  readonly #ipSum: number;
  readonly #udpSum: number;
  /** Whether the remote is a part of the second sum, as it is of UDP's. */
  readonly #udp: boolean;

  /** @throws TypeError or RangeError for what is not as an encapsulation stage of the kind has it. */
  constructor(headers: TemplateHeaders) {
    const record = new DataView(new ArrayBuffer(STAGE_LENGTH));
    const addressLength = parseIp("local", headers.local).length;
    // In a sum zeroes are nothing.
    const nobody = { remote: new Uint8Array(addressLength), remoteMac: new Uint8Array(MAC_LENGTH) };
    const stage = { stage: "encapsulate", ...headers, ...nobody } as EncapsulateTunnelStage;
    const { numberName, placeholder } = rowOf("encapsulate", stage);
    writeTunnel({ ...stage, [numberName]: placeholder } as EncapsulateTunnelStage, record);
    // Where the least number is not zero, there is no checksum that has summed it up.
    if (placeholder !== 0)
      record.setUint32(ENCAPSULATE_TEMPLATE + record.getUint32(ENCAPSULATE_NUMBER, true), 0);
    this.length = recordLength(record.getUint32(ENCAPSULATE_HEADER_LENGTH, true));
    this.plain = plainness(record);
    this.inherits = (record.getUint32(STAGE_FLAGS, true) & INHERIT) !== 0;
    this.#words = new Uint32Array(record.buffer, 0, this.length >>> 2);
    this.#addressLength = addressLength;
    this.#remote =
      ENCAPSULATE_TEMPLATE +
      record.getUint32(ENCAPSULATE_IP_OFFSET, true) +
      (addressLength === 16 ? IPV6_DESTINATION : IPV4_DESTINATION);
    this.#ipSum = record.getUint16(ENCAPSULATE_IP_SUM);
    this.#udpSum = record.getUint16(ENCAPSULATE_UDP_SUM);
    this.#udp = record.getUint32(ENCAPSULATE_UDP_OFFSET, true) !== 0;
  }

  /** Writes the record of a remote, as long an address as the local one, to `address` in the memory of `kernels`. */
  write({ words, bytes }: Kernels, address: number, remote: Uint8Array, mac: Uint8Array): void {
    words.set(this.#words, address >>> 2);
    for (let i = 0; i < MAC_LENGTH; i++) bytes[address + ENCAPSULATE_TEMPLATE + i] = mac[i] as number;
    let sum = 0;
    for (let i = 0; i < this.#addressLength; i += 2) {
      const [high, low] = [remote[i] as number, remote[i + 1] as number];
      bytes[address + this.#remote + i] = high;
      bytes[address + this.#remote + i + 1] = low;
      sum += (high << 8) | low;
    }
    writeSum(bytes, address + ENCAPSULATE_IP_SUM, this.#ipSum + sum);
    if (this.#udp) writeSum(bytes, address + ENCAPSULATE_UDP_SUM, this.#udpSum + sum);
  }

  /** Reads the remote of the record at `address` into `remote`, and returns that. */
  readRemote({ bytes }: Kernels, address: number, remote: Uint8Array): Uint8Array {
    for (let i = 0; i < this.#addressLength; i++) remote[i] = bytes[address + this.#remote + i] as number;
    return remote;
  }
}

/** The length of the record at `address`, whichever template has written it. */
export function encapsulationLength({ words }: Kernels, address: number): number {
  return recordLength(words[(address + ENCAPSULATE_HEADER_LENGTH) >>> 2] as number);
}

function recordLength(headerLength: number): number {
  return Math.ceil((ENCAPSULATE_TEMPLATE + headerLength) / CACHE_LINE) * CACHE_LINE;
}

function writeSum(bytes: Uint8Array, at: number, sum: number): void {
  const folded = checksumFold(sum);
  bytes[at] = folded >>> 8;
  bytes[at + 1] = folded & 0xff;
}
