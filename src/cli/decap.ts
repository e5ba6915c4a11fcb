import type { Command } from "commander";
import type { DecapsulateStage } from "../pipeline/tunnel-stages.ts";
import { addTransformOptions, depth, kind, port, type TransformOptions, vni } from "./options.ts";
import { transform } from "./transform.ts";

interface DecapOptions extends TransformOptions {
  readonly kind: "vxlan";
  readonly vni?: number;
  readonly port?: number;
  readonly depth?: number | "all";
  readonly keepOthers?: true;
  readonly strict?: true;
  readonly verifyUdp?: true;
  readonly ignoreIpChecksum?: true;
  readonly refuseTagged?: true;
}

const EXAMPLES = `
Examples:
  frameferry decap overlay.pcap -o passengers.pcap
  frameferry decap overlay.pcap -o passengers.pcapng --vni 5001 --depth all
  frameferry decap flannel.pcap -o pods.pcap --port 8472 --keep-others
  tcpdump -U -w - udp port 4789 | frameferry decap - -o - | tcpdump -n -r -

What is dropped is counted by reason. Timestamps, interfaces and comments are kept.`;

export function defineDecap(command: Command): void {
  addTransformOptions(command)
    .option("--kind <KIND>", "kind of tunnel: vxlan", kind("--kind"), "vxlan")
    .option("--vni <N>", "only tunnels with this VNI (the outermost, where nested)", vni("--vni"))
    .option("--port <P>", "UDP destination port of the tunnel (default: 4789)", port("--port"))
    .option(
      "--depth <N>",
      "how many tunnels to take off, one in the other, or all (default: 1)",
      depth("--depth"),
    )
    .option("--keep-others", "keep frames that are no packets of this tunnel, unchanged")
    .option("--strict", "drop VXLAN headers with reserved bits set, as Linux and Open vSwitch do")
    .option("--verify-udp", "drop packets whose UDP checksum is wrong")
    .option("--ignore-ip-checksum", "take packets whose outer IPv4 header checksum is wrong, too")
    .option("--refuse-tagged", "drop passengers with a VLAN tag (RFC 7348 section 6.1)")
    .addHelpText("after", EXAMPLES)
    .action((input: string, options: DecapOptions) => transform("decap", input, options, stageOf(options)));
}

function stageOf(options: DecapOptions): DecapsulateStage {
  const { vni, port, depth } = options;
  return {
    stage: "decapsulate",
    kind: options.kind,
    ...(vni !== undefined && { vni }),
    ...(port !== undefined && { port }),
    ...(depth !== undefined && { depth }),
    ...(options.keepOthers && { others: "keep" }),
    ...(options.strict && { rule: "strict" }),
    ...(options.verifyUdp && { udpChecksum: "verify" }),
    ...(options.ignoreIpChecksum && { ipChecksum: "ignore" }),
    ...(options.refuseTagged && { innerTag: "drop" }),
  };
}
