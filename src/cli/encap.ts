import type { Command } from "commander";
import type { EncapsulateStage, TunnelKind } from "../tunnel/kinds.ts";
import type { GeneveOption } from "../wire/geneve.ts";
import { UsageError } from "./failures.ts";
import {
  addTransformOptions,
  geneveOptions,
  ip,
  key,
  kind,
  mac,
  port,
  type TransformOptions,
  vni,
  wholeNumber,
} from "./options.ts";
import { transform } from "./transform.ts";

interface EncapOptions extends TransformOptions {
  readonly kind: TunnelKind;
  readonly vni?: number;
  readonly key?: number;
  readonly greChecksum?: true;
  readonly geneveOption?: readonly GeneveOption[];
  readonly local: string;
  readonly remote: string;
  readonly localMac?: string;
  readonly remoteMac?: string;
  readonly dstPort?: number;
  readonly ttl?: number;
  readonly dscp?: number;
  readonly udpChecksum?: boolean;
  readonly outerVid?: number;
  readonly stripTag?: true;
  readonly seed?: number;
}

const EXAMPLES = `
Examples:
  frameferry encap lan.pcap -o overlay.pcap --kind vxlan --vni 5001 --local 10.1.5.7 --remote 10.1.5.8
  frameferry encap lan.pcap -o overlay.pcap --vni 1 --local 10.0.0.1 --remote 10.0.0.2 --dst-port 8472 --ttl 255
  frameferry encap lan.pcap -o overlay.pcap --vni 7 --local fd00::1 --remote fd00::2
  frameferry encap lan.pcap -o gre.pcap --kind gre --key 77 --local 10.0.0.1 --remote 10.0.0.2
  frameferry encap lan.pcap -o geneve.pcap --kind geneve --vni 7 --geneve-option 0x0102:0x80:00010002 --local fd00::1 --remote fd00::2
  frameferry encap a.pcap -o - --vni 1 --local 10.0.0.1 --remote 10.0.0.2 | frameferry inspect -

The UDP source port, or the FlowID of NVGRE, is a hash of the passenger's flow. Timestamps, interfaces and comments are kept.`;

/** Options that are called otherwise than the stage's fields. */
const FLAGS = {
  port: "dst-port",
  checksum: "gre-checksum",
  options: "geneve-option",
  innerTag: "strip-tag",
};

export function defineEncap(command: Command): void {
  addTransformOptions(command)
    .option("--kind <KIND>", "kind of tunnel: vxlan, geneve, gre or nvgre", kind("--kind"), "vxlan")
    .option(
      "--vni <N>",
      "VNI, 0 to 16777215; of NVGRE the VSID, 4096 to 16777214 (required but for GRE)",
      vni("--vni"),
    )
    .option("--key <N>", "GRE key, 0 to 4294967295 (default: none)", key("--key"))
    .option("--gre-checksum", "compute the GRE checksum")
    .option(
      "--geneve-option <CLASS:TYPE:DATA>",
      "option of every Geneve header, data in hex; may be given several times",
      geneveOptions("--geneve-option"),
    )
    .requiredOption("--local <IP>", "outer source address, IPv4 or IPv6", ip("--local"))
    .requiredOption("--remote <IP>", "outer destination address, of the same family", ip("--remote"))
    .option("--local-mac <MAC>", "outer source MAC (default: made of the address)", mac("--local-mac"))
    .option("--remote-mac <MAC>", "outer destination MAC (default: made of the address)", mac("--remote-mac"))
    .option("--dst-port <P>", "UDP destination port (default: 4789, of Geneve 6081)", port("--dst-port"))
    .option("--ttl <N>", "time to live or hop limit (default: 64)", wholeNumber("--ttl", 1, 255))
    .option("--dscp <N>", "differentiated services code point (default: 0)", wholeNumber("--dscp", 0, 63))
    .option("--udp-checksum", "compute the outer UDP checksum (default over IPv6)")
    .option("--no-udp-checksum", "leave the outer UDP checksum zero (default over IPv4)")
    .option("--outer-vid <N>", "VLAN of the outer frame", wholeNumber("--outer-vid", 1, 4094))
    .option("--strip-tag", "take the passenger's outermost VLAN tag off (RFC 7348 section 6.1)")
    .option("--seed <N>", "seed of the flow hash (default: 0)", wholeNumber("--seed", 0, 0xffffffff))
    .addHelpText("after", EXAMPLES)
    .action((input: string, options: EncapOptions) =>
      transform("encap", input, options, stageOf(options), FLAGS),
    );
}

function stageOf(options: EncapOptions): EncapsulateStage {
  const { kind, vni, key, geneveOption, local, remote, localMac, remoteMac, dstPort } = options;
  const { ttl, dscp, udpChecksum, outerVid, seed } = options;
  if (kind !== "gre" && vni === undefined) throw new UsageError("required option '--vni <N>' not specified");
  const stage = {
    stage: "encapsulate",
    kind,
    ...(vni !== undefined && { vni }),
    ...(key !== undefined && { key }),
    ...(options.greChecksum && { checksum: true }),
    ...(geneveOption !== undefined && { options: geneveOption }),
    local,
    remote,
    ...(localMac !== undefined && { localMac }),
    ...(remoteMac !== undefined && { remoteMac }),
    ...(dstPort !== undefined && { port: dstPort }),
    ...(ttl !== undefined && { ttl }),
    ...(dscp !== undefined && { dscp }),
    ...(udpChecksum !== undefined && { udpChecksum }),
    ...(outerVid !== undefined && { outerVid }),
    ...(options.stripTag && { innerTag: "strip" }),
    ...(seed !== undefined && { seed }),
  };
  // Whether the options belong to the kind is checked where all stages are.
  return stage as EncapsulateStage;
}
