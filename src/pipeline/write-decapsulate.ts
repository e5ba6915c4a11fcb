// Writes the record of a decapsulation.

import { oneOf, wholeNumber } from "../core/arguments.ts";
import { VNI_NONE } from "../layout/descriptor.layout.ts";
import { GENEVE_PORT } from "../layout/geneve.layout.ts";
import {
  DECAPSULATE_BARE,
  DECAPSULATE_DEPTH,
  DECAPSULATE_GENEVE,
  DECAPSULATE_GRE,
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_KEYED,
  DECAPSULATE_NVGRE,
  DECAPSULATE_PORT,
  DECAPSULATE_REFUSE_TAGGED,
  DECAPSULATE_STRICT,
  DECAPSULATE_TAKE_CRITICAL,
  DECAPSULATE_TRUST_GRE,
  DECAPSULATE_TRUST_IP,
  DECAPSULATE_VERIFY_UDP,
  DECAPSULATE_VNI,
  OPERATION_DECAPSULATE,
  STAGE_FLAGS,
  STAGE_OPERATION,
} from "../layout/stage.layout.ts";
import { VNI_MAXIMUM, VXLAN_PORT } from "../layout/vxlan.layout.ts";
import { kindOf, type OfAnyKind, type OwnOptions } from "./tunnel-kinds.ts";
import type { DecapsulateStage } from "./tunnel-stages.ts";

/** More tunnels in one another than a frame of 64 KiB can hold headers for are not waited for. */
const DEPTH_MAXIMUM = 64;

const KNOWN = [
  ...["stage", "kind", "depth", "others", "ipChecksum", "header"],
  ...["port", "vni", "key", "rule", "criticalOptions", "udpChecksum", "checksum", "innerTag"],
];
const OWN: OwnOptions = {
  vxlan: ["port", "vni", "rule", "udpChecksum", "innerTag"],
  geneve: ["port", "vni", "criticalOptions", "udpChecksum", "innerTag"],
  gre: ["key", "rule", "checksum", "innerTag"],
  nvgre: ["vni", "rule"],
};

/** Writes the record; a decapsulation makes no frame longer. */
export function writeDecapsulate(stage: DecapsulateStage, record: DataView): number {
  const kind = kindOf("decapsulate", stage, KNOWN, OWN);
  const options: OfAnyKind<DecapsulateStage> = stage;
  const port = wholeNumber("port", options.port ?? (kind === "geneve" ? GENEVE_PORT : VXLAN_PORT), 1, 65535);
  const number =
    options.key === undefined ? wholeVni(options.vni) : wholeNumber("key", options.key, 0, 0xffffffff);
  const depth =
    options.depth === "all" ? DEPTH_MAXIMUM : wholeNumber("depth", options.depth ?? 1, 1, DEPTH_MAXIMUM);
  const chosen = <T extends string>(name: string, value: T | undefined, usual: T, other: T, flag: number) =>
    oneOf(name, value ?? usual, [usual, other]) === other ? flag : 0;
  const flags =
    KIND_FLAGS[kind] |
    (options.key === undefined ? 0 : DECAPSULATE_KEYED) |
    chosen("rule", options.rule, "rfc", "strict", DECAPSULATE_STRICT) |
    chosen("others", options.others, "drop", "keep", DECAPSULATE_KEEP_OTHERS) |
    chosen("udpChecksum", options.udpChecksum, "ignore", "verify", DECAPSULATE_VERIFY_UDP) |
    chosen("ipChecksum", options.ipChecksum, "verify", "ignore", DECAPSULATE_TRUST_IP) |
    chosen("checksum", options.checksum, "verify", "ignore", DECAPSULATE_TRUST_GRE) |
    chosen("criticalOptions", options.criticalOptions, "drop", "take", DECAPSULATE_TAKE_CRITICAL) |
    chosen("innerTag", options.innerTag, "keep", "drop", DECAPSULATE_REFUSE_TAGGED) |
    chosen("header", options.header, "full", "bare", DECAPSULATE_BARE);
  record.setUint32(STAGE_OPERATION, OPERATION_DECAPSULATE, true);
  record.setUint32(STAGE_FLAGS, flags, true);
  record.setUint32(DECAPSULATE_PORT, port, true);
  record.setUint32(DECAPSULATE_VNI, number, true);
  record.setUint32(DECAPSULATE_DEPTH, depth, true);
  return 0;
}

const KIND_FLAGS = {
  vxlan: 0,
  geneve: DECAPSULATE_GENEVE,
  gre: DECAPSULATE_GRE,
  // A passenger with a tag is dropped (RFC 7637 §3.2).
  nvgre: DECAPSULATE_GRE | DECAPSULATE_NVGRE | DECAPSULATE_REFUSE_TAGGED,
};

function wholeVni(vni: number | undefined): number {
  return vni === undefined ? VNI_NONE : wholeNumber("vni", vni, 0, VNI_MAXIMUM);
}
