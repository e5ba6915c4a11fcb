// The stage that rewrites headers: its options, and how kernels read them.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import { ArgumentTypeError } from "../core/argument-error.ts";
import { checkFields, type Field, type Fields, several, whole } from "../core/fields.ts";
import {
  LIST_DESTINATION_IPV4,
  LIST_DESTINATION_IPV6,
  LIST_DESTINATION_MAC,
  LIST_DESTINATION_PORT,
  LIST_DSCP,
  LIST_PCP,
  LIST_SOURCE_IPV4,
  LIST_SOURCE_IPV6,
  LIST_SOURCE_MAC,
  LIST_SOURCE_PORT,
  LIST_TTL,
  LIST_VID,
  LISTS,
  READY_REWRITE,
  REWRITE_LIST_BYTES,
  REWRITE_LIST_LENGTH,
  REWRITE_LISTS,
  REWRITE_TTL_LESS,
} from "../layout/ready.layout.ts";
import type { ModuleStage } from "../pipeline/stages.ts";
import {
  addressChange,
  addressRow,
  type Change,
  macChange,
  macRow,
  type NumberRange,
  numberChange,
  numberRow,
  versionOf,
} from "./change.ts";
import { readyStage } from "./ready-stage.ts";

/** One change, or several: the first whose `from` matches is made. */
export type Changes<T> = Change<T> | readonly Change<T>[];

export interface RewriteOptions {
  /** MACs of the Ethernet header, and in ARP. */
  readonly sourceMac?: Changes<MacAddress> | undefined;
  readonly destinationMac?: Changes<MacAddress> | undefined;
  /** Of both, behind those for one. */
  readonly macs?: Changes<MacAddress> | undefined;
  /** Addresses of the IP header, and in ARP; of a prefix the bits behind it stay as they are. */
  readonly source?: Changes<IpAddress> | undefined;
  readonly destination?: Changes<IpAddress> | undefined;
  readonly addresses?: Changes<IpAddress> | undefined;
  /** Ports of TCP, UDP, UDP-Lite and DCCP. */
  readonly sourcePort?: Changes<NumberRange> | undefined;
  readonly destinationPort?: Changes<NumberRange> | undefined;
  readonly ports?: Changes<NumberRange> | undefined;
  /** VLAN and priority of the outermost tag, if there is one. */
  readonly vid?: Changes<NumberRange> | undefined;
  readonly pcp?: Changes<NumberRange> | undefined;
  readonly dscp?: Changes<NumberRange> | undefined;
  /** TTL of IPv4, hop limit of IPv6. */
  readonly ttl?: Changes<NumberRange> | undefined;
  /** Takes so many off it, 1 to 255; what has no more than that is dropped as `ttl-exceeded`. */
  readonly ttlLess?: number | undefined;
}

const CHANGES_MAXIMUM = 256;

function macs(flag: string, help: string): Field<Changes<MacAddress>> {
  return { ...several(macChange(), CHANGES_MAXIMUM), flag, help };
}

function addresses(flag: string, help: string): Field<Changes<IpAddress>> {
  return { ...several(addressChange(), CHANGES_MAXIMUM), flag, help };
}

function numbers(most: number, flag: string, help: string): Field<Changes<NumberRange>> {
  return { ...several(numberChange(most), CHANGES_MAXIMUM), flag, help };
}

export const REWRITE_FIELDS: Fields<RewriteOptions> = {
  sourceMac: macs("--source-mac <FROM=TO>", "a source MAC, and what it becomes; TO alone: whatever it was"),
  destinationMac: macs("--destination-mac <FROM=TO>", "likewise the destination's"),
  macs: macs("--macs <FROM=TO>", "likewise on both sides"),
  source: addresses("--source <FROM=TO>", "a source address or prefix, as 10.0.0.0/8=172.0.0.0/8"),
  destination: addresses("--destination <FROM=TO>", "likewise the destination's"),
  addresses: addresses("--addresses <FROM=TO>", "likewise on both sides"),
  sourcePort: numbers(
    65535,
    "--source-port <FROM=TO>",
    "a port of TCP or UDP, or a range, as 80-89=8080-8089",
  ),
  destinationPort: numbers(65535, "--destination-port <FROM=TO>", "likewise the destination's"),
  ports: numbers(65535, "--ports <FROM=TO>", "likewise on both sides"),
  vid: numbers(4095, "--vid <FROM=TO>", "the VLAN of the outermost tag"),
  pcp: numbers(7, "--pcp <FROM=TO>", "its priority code point"),
  dscp: numbers(63, "--dscp <FROM=TO>", "differentiated services code point of the IP header"),
  ttl: numbers(255, "--ttl <FROM=TO>", "TTL or hop limit"),
  ttlLess: {
    ...whole(1, 255),
    flag: "--ttl-less <N>",
    help: "takes N off TTLs; drops frames that have no more than that",
  },
};

type Written = readonly [list: number, row: Uint8Array];
/** How the changes of an option are written: for each the lists that it goes into, and its row. */
type Writer<T> = (change: Change<T>) => readonly Written[];

const ofMac =
  (...lists: readonly number[]): Writer<MacAddress> =>
  (change) =>
    lists.map((list) => [list, macRow(change)]);
const ofNumber =
  (...lists: readonly number[]): Writer<NumberRange> =>
  (change) =>
    lists.map((list) => [list, numberRow(change)]);
/** Lists of IPv4, each with that of IPv6. */
const ofAddress =
  (...lists: readonly (readonly [ipv4: number, ipv6: number])[]): Writer<IpAddress> =>
  (change) =>
    lists.map(([ipv4, ipv6]) => [versionOf(change.to) === 4 ? ipv4 : ipv6, addressRow(change)]);

const SOURCES = [LIST_SOURCE_IPV4, LIST_SOURCE_IPV6] as const;
const DESTINATIONS = [LIST_DESTINATION_IPV4, LIST_DESTINATION_IPV6] as const;

/** In the order in which they are asked: those for one side before those for both. */
const WRITERS: {
  readonly [K in Exclude<keyof RewriteOptions, "ttlLess">]-?: NonNullable<RewriteOptions[K]> extends Changes<
    infer T
  >
    ? Writer<T>
    : never;
} = {
  sourceMac: ofMac(LIST_SOURCE_MAC),
  destinationMac: ofMac(LIST_DESTINATION_MAC),
  macs: ofMac(LIST_SOURCE_MAC, LIST_DESTINATION_MAC),
  source: ofAddress(SOURCES),
  destination: ofAddress(DESTINATIONS),
  addresses: ofAddress(SOURCES, DESTINATIONS),
  sourcePort: ofNumber(LIST_SOURCE_PORT),
  destinationPort: ofNumber(LIST_DESTINATION_PORT),
  ports: ofNumber(LIST_SOURCE_PORT, LIST_DESTINATION_PORT),
  vid: ofNumber(LIST_VID),
  pcp: ofNumber(LIST_PCP),
  dscp: ofNumber(LIST_DSCP),
  ttl: ofNumber(LIST_TTL),
};

/**
 * A stage that puts other MACs, tags, addresses, ports, DSCPs and TTLs in place of those in the outermost headers; checksums
 * stay as right as they were.
 * @throws ArgumentError that names the option.
 */
export function rewrite(options: RewriteOptions): ModuleStage {
  const checked = checkFields<RewriteOptions>("rewrite", REWRITE_FIELDS, options) as RewriteOptions;
  if (checked.ttl !== undefined && checked.ttlLess !== undefined)
    throw new ArgumentTypeError("contradiction", "ttlLess", "what the TTL becomes is said by ttl already");
  const lists: Uint8Array[][] = Array.from({ length: LISTS }, () => []);
  for (const name of Object.keys(WRITERS) as (keyof typeof WRITERS)[]) {
    const write = WRITERS[name] as Writer<unknown>;
    // After the check it is always an array.
    for (const change of (checked[name] ?? []) as readonly Change<unknown>[])
      for (const [list, row] of write(change)) lists[list]?.push(row);
  }
  const rows = lists.flat();
  if (rows.length === 0 && checked.ttlLess === undefined)
    throw new ArgumentTypeError(
      "missing",
      "rewrite",
      `nothing to rewrite: give ${Object.keys(REWRITE_FIELDS).join(", ")}`,
    );
  const write = (parameters: DataView): void => {
    parameters.setUint32(REWRITE_TTL_LESS, checked.ttlLess ?? 0, true);
    let start = 0;
    lists.forEach((list, number) => {
      const length = list.reduce((sum, row) => sum + row.length, 0);
      const at = REWRITE_LISTS + number * REWRITE_LIST_LENGTH;
      parameters.setUint32(at, start, true);
      parameters.setUint32(at + REWRITE_LIST_BYTES, length, true);
      start += length;
    });
  };
  const data = Uint8Array.from(rows.flatMap((row) => [...row]));
  return readyStage("rewrite", READY_REWRITE, write, rows.length === 0 ? {} : { data });
}
