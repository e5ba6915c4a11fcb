// Writes the record of an encapsulation of any kind. Apart from that of tunnels, so that a switch, which has those only, does
// not bring all the others.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { MAC_LENGTH } from "../layout/ethernet.layout.ts";
import { ENCAPSULATE_BEHIND_MACS, ENCAPSULATE_HEADER_LENGTH, STAGE_FLAGS } from "../layout/stage.layout.ts";
import { isOnEthernet } from "../tunnel/encapsulation.ts";
import { checkedEncapsulation, type EncapsulateStage } from "../tunnel/encapsulations.ts";
import { type EncapsulateTunnelStage, TUNNEL_KINDS } from "../tunnel/kinds.ts";
import type { StageNeeds } from "./stage-kind.ts";
import { writeTunnel, writeWrapping } from "./write-encapsulate.ts";
import type { OuterOptions } from "./write-outer.ts";

/** Writes the record of an encapsulation of any kind, and says what it needs. */
export function writeEncapsulation(stage: EncapsulateStage, record: DataView): StageNeeds {
  const ofTunnels = (TUNNEL_KINDS as readonly string[]).includes(stage?.kind);
  const isPacket = ofTunnels
    ? writeTunnel(stage as EncapsulateTunnelStage, record)
    : writeOther(stage, record);
  const behindMacs = (record.getUint32(STAGE_FLAGS, true) & ENCAPSULATE_BEHIND_MACS) !== 0;
  return {
    // Of a frame that keeps its addresses they make room; raw IP has nothing that is taken off.
    headroom: record.getUint32(ENCAPSULATE_HEADER_LENGTH, true) - (behindMacs ? 2 * MAC_LENGTH : 0),
    changes: { of: isPacket ? "any" : "ethernet", to: ["ethernet"], keeps: false, keepsOthers: false },
  };
}

/** Of another kind; says whether it carries IP packets. */
function writeOther(stage: EncapsulateStage, record: DataView): boolean {
  const { row, options } = checkedEncapsulation(stage);
  if (row.overIp !== undefined && isOnEthernet(options as OuterOptions)) {
    const given = stage as unknown as Readonly<Record<string, unknown>>;
    for (const name of [...row.overIp, "ttl"]) {
      if (given[name] === undefined || !(row.overIp.includes(name) || given[name] === "uniform")) continue;
      throw new ArgumentTypeError(
        "contradiction",
        name,
        "without local and remote there is no outer IP header",
      );
    }
  }
  const wrapping = row.wrapping(options);
  writeWrapping(wrapping, stage, options, record);
  return wrapping.carries !== "ethernet";
}
