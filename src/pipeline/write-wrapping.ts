// Writes the record of an encapsulation that the general kernel makes: of kinds that no switch has, and of IP packets.

import { GRE_LENGTH } from "../layout/gre.layout.ts";
import {
  ENCAPSULATE_GRE_CHECKSUM,
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_LENGTH,
  ENCAPSULATE_LENGTH_FROM,
  ENCAPSULATE_OF_IPV4,
  ENCAPSULATE_OF_IPV6,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_TUNNEL,
  ENCAPSULATE_TYPE,
  ENCAPSULATE_TYPE_IPV4,
  ENCAPSULATE_TYPE_IPV6,
  OPERATION_ENCAPSULATE_ANY,
  STAGE_FLAGS,
  STAGE_OPERATION,
} from "../layout/stage.layout.ts";
import { isOnEthernet, type Wrapping } from "../tunnel/encapsulation.ts";
import { checkedEncapsulation, type EncapsulateStage } from "../tunnel/encapsulations.ts";
import { checkedStage, type EncapsulateTunnelStage, rowOf, TUNNEL_KINDS } from "../tunnel/kinds.ts";
import type { OfAnyKind } from "../tunnel/tunnel-kind.ts";
import type { StageNeeds } from "./stage-kind.ts";
import { aroundOf, writeEncapsulate } from "./write-encapsulate.ts";
import { checkBare, checkOnEthernet, type OuterOptions, templateOf, writeOuter } from "./write-outer.ts";

/** Options that are not of one kind's header. */
interface CommonOptions extends OuterOptions {
  readonly header?: "full" | "bare" | undefined;
  readonly innerTag?: "keep" | "strip" | undefined;
  readonly seed?: number | undefined;
}

/** Writes the record of an encapsulation of any kind, and says what it needs. */
export function writeEncapsulation(stage: EncapsulateStage, record: DataView): StageNeeds {
  const ofSwitches = (TUNNEL_KINDS as readonly string[]).includes(stage.kind);
  const wrapping = ofSwitches
    ? packetInTunnel(stage as EncapsulateTunnelStage, record)
    : inAnother(stage, record);
  if (wrapping !== undefined) return wrapping;
  const headroom = writeEncapsulate(stage as EncapsulateTunnelStage, record);
  return { headroom, changes: { of: "ethernet", to: ["ethernet"], keeps: false, keepsOthers: false } };
}

function inAnother(stage: EncapsulateStage, record: DataView): StageNeeds {
  const { row, options } = checkedEncapsulation(stage);
  if (row.onBoth && isOnEthernet(options as OuterOptions)) checkOnEthernet(stage as OuterOptions);
  return writeWrapping(row.wrapping(options), stage, options, record);
}

/** Nothing for a frame: that the kernel of tunnels puts in. */
function packetInTunnel(stage: EncapsulateTunnelStage, record: DataView): StageNeeds | undefined {
  if (!("carries" in stage) || stage.carries !== "ip") return undefined;
  const row = rowOf("encapsulate", stage);
  const options: OfAnyKind<EncapsulateTunnelStage> = checkedStage(row, "encapsulate", stage);
  const wrapping: Wrapping = {
    carries: "ip",
    around: aroundOf(row, options),
    header: row.header(options),
    ipTypes: row.ipTypes,
    checksumAt: options.checksum ? GRE_LENGTH : undefined,
  };
  return writeWrapping(wrapping, stage, options, record);
}

/** `stage` is what was given, `options` are the same, checked. */
function writeWrapping(
  { carries, around, header, ipTypes, length, checksumAt }: Wrapping,
  stage: EncapsulateStage,
  options: CommonOptions,
  record: DataView,
): StageNeeds {
  const isPacket = carries !== "ethernet";
  let flags = !isPacket && options.innerTag === "strip" ? ENCAPSULATE_STRIP_TAG : 0;
  if (carries === "ip" || carries === "ipv4") flags |= ENCAPSULATE_OF_IPV4;
  if (carries === "ip" || carries === "ipv6") flags |= ENCAPSULATE_OF_IPV6;
  record.setUint32(STAGE_OPERATION, OPERATION_ENCAPSULATE_ANY, true);
  record.setUint32(STAGE_FLAGS, flags, true);
  record.setUint32(ENCAPSULATE_SEED, options.seed ?? 0, true);
  let tunnel = 0;
  if (options.header === "bare") checkBare(stage as OuterOptions);
  else tunnel = writeOuter(around, options, record);
  templateOf(record).set(header, tunnel);
  const headerLength = tunnel + header.length;
  record.setUint32(ENCAPSULATE_TUNNEL, tunnel, true);
  record.setUint32(ENCAPSULATE_HEADER_LENGTH, headerLength, true);
  if (isPacket && ipTypes !== undefined) {
    record.setUint32(ENCAPSULATE_TYPE, tunnel + ipTypes.at, true);
    record.setUint16(ENCAPSULATE_TYPE_IPV4, ipTypes.ipv4);
    record.setUint16(ENCAPSULATE_TYPE_IPV6, ipTypes.ipv6);
  }
  if (length !== undefined) {
    record.setUint32(ENCAPSULATE_LENGTH, tunnel + length.at, true);
    record.setUint32(ENCAPSULATE_LENGTH_FROM, tunnel + length.from, true);
  }
  if (checksumAt !== undefined) record.setUint32(ENCAPSULATE_GRE_CHECKSUM, tunnel + checksumAt, true);
  return {
    headroom: headerLength,
    changes: { of: isPacket ? "any" : "ethernet", to: ["ethernet"], keeps: false, keepsOthers: false },
  };
}
