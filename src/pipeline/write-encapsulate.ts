// Writes the record of an encapsulation into a tunnel of a kind that switches have, too: the outer headers as a template, and the
// sums that do not change.

import { GRE_LENGTH } from "../layout/gre.layout.ts";
import { IP_PROTOCOL_GRE } from "../layout/ipv4.layout.ts";
import {
  ENCAPSULATE_GRE_CHECKSUM,
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_NUMBER,
  ENCAPSULATE_NUMBER_SHIFT,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_UDP_SUM,
  STAGE_FLAGS,
} from "../layout/stage.layout.ts";
import type { Around } from "../tunnel/encapsulation.ts";
import { checkedStage, type EncapsulateTunnelStage, rowOf } from "../tunnel/kinds.ts";
import type { OfAnyKind, TunnelRow } from "../tunnel/tunnel-kind.ts";
import { checkBare, templateOf, writeOuter, writeSum } from "./write-outer.ts";

/** Writes the record; returns the length of the headers. */
export function writeEncapsulate(stage: EncapsulateTunnelStage, record: DataView): number {
  const row = rowOf("encapsulate", stage);
  const options: OfAnyKind<EncapsulateTunnelStage> = checkedStage(row, "encapsulate", stage);
  const tunnel = row.header(options);
  const strip = options.innerTag === "strip";
  record.setUint32(STAGE_FLAGS, row.encapsulateFlags | (strip ? ENCAPSULATE_STRIP_TAG : 0), true);
  record.setUint32(ENCAPSULATE_SEED, options.seed as number, true);
  const template = templateOf(record);
  let tunnelOffset = 0;
  if (options.header === "bare") checkBare(stage);
  else tunnelOffset = writeOuter(aroundOf(row, options), options, record);
  template.set(tunnel, tunnelOffset);
  const headerLength = tunnelOffset + tunnel.length;
  record.setUint32(ENCAPSULATE_HEADER_LENGTH, headerLength, true);
  const { numberAt, numberShift } = row;
  record.setUint32(ENCAPSULATE_NUMBER, numberAt + (numberAt < 0 ? headerLength : tunnelOffset), true);
  record.setUint32(ENCAPSULATE_NUMBER_SHIFT, numberShift, true);
  if (options.checksum) record.setUint32(ENCAPSULATE_GRE_CHECKSUM, tunnelOffset + GRE_LENGTH, true);
  // The sum so far is that of UDP and its pseudo-header, or nothing, for a checksum of GRE's.
  const before = record.getUint16(ENCAPSULATE_UDP_SUM);
  writeSum(template, tunnelOffset, headerLength, before, record, ENCAPSULATE_UDP_SUM);
  return headerLength;
}

/** What lies around the header of a kind. */
export function aroundOf({ over }: TunnelRow, { port = 0 }: OfAnyKind<EncapsulateTunnelStage>): Around {
  return over.protocol === "udp" ? { udp: port } : { protocol: IP_PROTOCOL_GRE };
}
