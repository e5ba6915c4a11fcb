import { GRE_LENGTH } from "../layout/gre.layout.ts";
import { IP_PROTOCOL_GRE } from "../layout/ipv4.layout.ts";
import {
  ENCAPSULATE_GRE_CHECKSUM,
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_LENGTH,
  ENCAPSULATE_LENGTH_FROM,
  ENCAPSULATE_NUMBER,
  ENCAPSULATE_NUMBER_SHIFT,
  ENCAPSULATE_OF_IPV4,
  ENCAPSULATE_OF_IPV6,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_TUNNEL,
  ENCAPSULATE_TYPE,
  ENCAPSULATE_TYPE_IPV4,
  ENCAPSULATE_TYPE_IPV6,
  ENCAPSULATE_UDP_SUM,
  OPERATION_ENCAPSULATE,
  OPERATION_ENCAPSULATE_ANY,
  STAGE_OPERATION,
} from "../layout/stage.layout.ts";
import type { Wrapping } from "../tunnel/encapsulation.ts";
import type { EncapsulateStage } from "../tunnel/encapsulations.ts";
import { checkedStage, type EncapsulateTunnelStage, rowOf } from "../tunnel/kinds.ts";
import type { OfAnyKind, TunnelRow } from "../tunnel/tunnel-kind.ts";
import { addFlags, checkBare, type OuterOptions, templateOf, writeOuter, writeSum } from "./write-outer.ts";

/** Options that are not of one kind's header. */
export interface CommonOptions extends OuterOptions {
  readonly header?: "full" | "bare" | undefined;
  readonly innerTag?: "keep" | "strip" | undefined;
  readonly seed?: number | undefined;
}

/**
 * Writes the record of an encapsulation of a kind of tunnel, and says whether it carries IP packets. Frames go by the kernels
 * of tunnels.
 */
export function writeTunnel(stage: EncapsulateTunnelStage, record: DataView): boolean {
  const row = rowOf("encapsulate", stage);
  const options: OfAnyKind<EncapsulateTunnelStage> = checkedStage(row, "encapsulate", stage);
  const { carries = "ethernet", checksum, port = 0 } = options;
  const wrapping: Wrapping = {
    carries,
    around: row.over.protocol === "udp" ? { udp: port } : { protocol: IP_PROTOCOL_GRE },
    header: row.header(options),
    ipTypes: row.ipTypes,
    checksumAt: checksum ? GRE_LENGTH : undefined,
  };
  writeWrapping(wrapping, stage, options, record);
  if (carries === "ip") return true;
  writeNumber(row, record);
  return false;
}

/** Makes the record one for the kernels of tunnels, which can put a number in and sum headers up beforehand. */
function writeNumber({ encapsulateFlags, numberAt, numberShift }: TunnelRow, record: DataView): void {
  const tunnel = record.getUint32(ENCAPSULATE_TUNNEL, true);
  const headerLength = record.getUint32(ENCAPSULATE_HEADER_LENGTH, true);
  record.setUint32(STAGE_OPERATION, OPERATION_ENCAPSULATE, true);
  addFlags(record, encapsulateFlags);
  record.setUint32(ENCAPSULATE_NUMBER, numberAt + (numberAt < 0 ? headerLength : tunnel), true);
  record.setUint32(ENCAPSULATE_NUMBER_SHIFT, numberShift, true);
  // The sum so far is that of UDP and its pseudo-header, or nothing, for a checksum of GRE's.
  const before = record.getUint16(ENCAPSULATE_UDP_SUM);
  writeSum(templateOf(record), tunnel, headerLength, before, record, ENCAPSULATE_UDP_SUM);
}

/** Writes the record of what is put around: `stage` is what was given, `options` are the same, checked. */
export function writeWrapping(
  { carries, around, header, ipTypes, length, checksumAt }: Wrapping,
  stage: EncapsulateStage,
  options: CommonOptions,
  record: DataView,
): void {
  const set = (at: number, value: number): void => record.setUint32(at, value, true);
  set(STAGE_OPERATION, OPERATION_ENCAPSULATE_ANY);
  set(ENCAPSULATE_SEED, options.seed ?? 0);
  let tunnel = 0;
  if (options.header === "bare") checkBare(stage as OuterOptions);
  else tunnel = writeOuter(around, options, record);
  templateOf(record).set(header, tunnel);
  set(ENCAPSULATE_TUNNEL, tunnel);
  set(ENCAPSULATE_HEADER_LENGTH, tunnel + header.length);
  if (carries === "ethernet") {
    if (options.innerTag === "strip") addFlags(record, ENCAPSULATE_STRIP_TAG);
  } else {
    if (carries !== "ipv6") addFlags(record, ENCAPSULATE_OF_IPV4);
    if (carries !== "ipv4") addFlags(record, ENCAPSULATE_OF_IPV6);
    if (ipTypes !== undefined) {
      set(ENCAPSULATE_TYPE, tunnel + ipTypes.at);
      record.setUint16(ENCAPSULATE_TYPE_IPV4, ipTypes.ipv4);
      record.setUint16(ENCAPSULATE_TYPE_IPV6, ipTypes.ipv6);
    }
  }
  if (length !== undefined) {
    set(ENCAPSULATE_LENGTH, tunnel + length.at);
    set(ENCAPSULATE_LENGTH_FROM, tunnel + length.from);
  }
  if (checksumAt !== undefined) set(ENCAPSULATE_GRE_CHECKSUM, tunnel + checksumAt);
}
