// The tunnel header of an encapsulation, as its template holds it.

import { byteArray, knownKeys, trueOrFalse, wholeNumber, wrongType } from "../core/arguments.ts";
import { NVGRE_VSID_MAXIMUM, NVGRE_VSID_MINIMUM } from "../layout/gre.layout.ts";
import { VXLAN_LENGTH } from "../layout/vxlan.layout.ts";
import { emitGeneve, type GeneveOption, geneveLength } from "../wire/geneve.ts";
import { emitGre, type GreFields, greLength } from "../wire/gre.ts";
import { emitVxlan } from "../wire/vxlan.ts";
import type { EncapsulateStage } from "./tunnel-stages.ts";

/** The header of the stage's kind, with a checksum of zero where it has one, and a FlowID of zero. */
export function tunnelHeader(stage: EncapsulateStage): Uint8Array {
  switch (stage.kind) {
    case "vxlan": {
      const header = new Uint8Array(VXLAN_LENGTH);
      emitVxlan({ vni: stage.vni }, header);
      return header;
    }
    case "geneve": {
      const fields = { vni: stage.vni, options: geneveOptions(stage.options ?? []) };
      const header = new Uint8Array(geneveLength(fields));
      emitGeneve(fields, header);
      return header;
    }
    case "gre": {
      const checksum = trueOrFalse("checksum", stage.checksum ?? false);
      return greHeader({ checksum: checksum ? 0 : undefined, key: stage.key });
    }
    case "nvgre": {
      return greHeader({ key: wholeVsid("vni", stage.vni) * 256 });
    }
  }
}

/** Returns what can be a VSID: others are reserved (RFC 7637 §3.2). */
export function wholeVsid(name: string, vsid: unknown): number {
  return wholeNumber(name, vsid, NVGRE_VSID_MINIMUM, NVGRE_VSID_MAXIMUM);
}

function greHeader(fields: GreFields): Uint8Array {
  const header = new Uint8Array(greLength(fields));
  emitGre(fields, header);
  return header;
}

/** The codec checks what is in them; here that they are options at all. */
function geneveOptions(options: readonly GeneveOption[]): readonly GeneveOption[] {
  if (!Array.isArray(options)) throw wrongType("options", "an array", options);
  options.forEach((option: GeneveOption, index) => {
    knownKeys(`options[${index}]`, option, ["class", "type", "data"]);
    byteArray(`options[${index}].data`, option.data);
  });
  return options;
}
