import type { Command } from "commander";
import type { EncapsulateStage } from "../pipeline/tunnel-stages.ts";
import {
  addTransformOptions,
  ip,
  kind,
  mac,
  port,
  type TransformOptions,
  vni,
  wholeNumber,
} from "./options.ts";
import { transform } from "./transform.ts";

interface EncapOptions extends TransformOptions {
  readonly kind: "vxlan";
  readonly vni: number;
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
  frameferry encap a.pcap -o - --vni 1 --local 10.0.0.1 --remote 10.0.0.2 | frameferry inspect -

The UDP source port is a hash of the passenger's flow. Timestamps, interfaces and comments are kept.`;

export function defineEncap(command: Command): void {
  addTransformOptions(command)
    .option("--kind <KIND>", "kind of tunnel: vxlan", kind("--kind"), "vxlan")
    .requiredOption("--vni <N>", "VNI, 0 to 16777215", vni("--vni"))
    .requiredOption("--local <IP>", "outer source address, IPv4 or IPv6", ip("--local"))
    .requiredOption("--remote <IP>", "outer destination address, of the same family", ip("--remote"))
    .option("--local-mac <MAC>", "outer source MAC (default: made of the address)", mac("--local-mac"))
    .option("--remote-mac <MAC>", "outer destination MAC (default: made of the address)", mac("--remote-mac"))
    .option("--dst-port <P>", "UDP destination port (default: 4789)", port("--dst-port"))
    .option("--ttl <N>", "time to live or hop limit (default: 64)", wholeNumber("--ttl", 1, 255))
    .option("--dscp <N>", "differentiated services code point (default: 0)", wholeNumber("--dscp", 0, 63))
    .option("--udp-checksum", "compute the outer UDP checksum (default over IPv6)")
    .option("--no-udp-checksum", "leave the outer UDP checksum zero (default over IPv4)")
    .option("--outer-vid <N>", "VLAN of the outer frame", wholeNumber("--outer-vid", 1, 4094))
    .option("--strip-tag", "take the passenger's outermost VLAN tag off (RFC 7348 section 6.1)")
    .option("--seed <N>", "seed of the flow hash (default: 0)", wholeNumber("--seed", 0, 0xffffffff))
    .addHelpText("after", EXAMPLES)
    .action((input: string, options: EncapOptions) =>
      transform("encap", input, options, stageOf(options), { port: "dst-port" }),
    );
}

function stageOf(options: EncapOptions): EncapsulateStage {
  const { kind, vni, local, remote, localMac, remoteMac, dstPort, ttl, dscp, udpChecksum, outerVid, seed } =
    options;
  return {
    stage: "encapsulate",
    kind,
    vni,
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
}
