import type { Command } from "commander";
import type { DecapsulateStage, TunnelKind } from "../tunnel/kinds.ts";
import { addTransformOptions, depth, key, kind, port, type TransformOptions, vni } from "./options.ts";
import { transform } from "./transform.ts";

interface DecapOptions extends TransformOptions {
  readonly kind: TunnelKind;
  readonly key?: number;
  readonly vni?: number;
  readonly port?: number;
  readonly depth?: number | "all";
  readonly keepOthers?: true;
  readonly strict?: true;
  readonly verifyUdp?: true;
  readonly ignoreIpChecksum?: true;
  readonly refuseTagged?: true;
  readonly ignoreGreChecksum?: true;
  readonly takeCritical?: true;
}

const EXAMPLES = `
Examples:
  frameferry decap overlay.pcap -o passengers.pcap
  frameferry decap overlay.pcap -o passengers.pcapng --vni 5001 --depth all
  frameferry decap flannel.pcap -o pods.pcap --port 8472 --keep-others
  frameferry decap gre.pcap -o passengers.pcap --kind gre --key 77
  frameferry decap ovn.pcap -o passengers.pcap --kind geneve --take-critical
  tcpdump -U -w - udp port 4789 | frameferry decap - -o - | tcpdump -n -r -

What is dropped is counted by reason. Timestamps, interfaces and comments are kept.`;

/** Options that are called otherwise than the stage's fields. */
const FLAGS = {
  rule: "strict",
  udpChecksum: "verify-udp",
  checksum: "ignore-gre-checksum",
  criticalOptions: "take-critical",
  innerTag: "refuse-tagged",
};

export function defineDecap(command: Command): void {
  addTransformOptions(command)
    .option("--kind <KIND>", "kind of tunnel: vxlan, geneve, gre or nvgre", kind("--kind"), "vxlan")
    .option("--vni <N>", "only tunnels with this VNI or VSID (the outermost, where nested)", vni("--vni"))
    .option("--key <N>", "only GRE tunnels with this key (the outermost, where nested)", key("--key"))
    .option(
      "--port <P>",
      "UDP destination port of the tunnel (default: 4789, of Geneve 6081)",
      port("--port"),
    )
    .option(
      "--depth <N>",
      "how many tunnels to take off, one in the other, or all (default: 1)",
      depth("--depth"),
    )
    .option("--keep-others", "keep frames that are no packets of this tunnel, unchanged")
    .option("--strict", "drop VXLAN and GRE headers with reserved bits set, as Open vSwitch does")
    .option("--verify-udp", "drop packets whose UDP checksum is wrong")
    .option("--ignore-ip-checksum", "take packets whose outer IPv4 header checksum is wrong, too")
    .option("--ignore-gre-checksum", "take packets whose GRE checksum is wrong, too")
    .option("--take-critical", "take Geneve packets with critical options, too, and pass over them")
    .option("--refuse-tagged", "drop passengers with a VLAN tag (RFC 7348 section 6.1)")
    .addHelpText("after", EXAMPLES)
    .action((input: string, options: DecapOptions) =>
      transform("decap", input, options, stageOf(options), FLAGS),
    );
}

function stageOf(options: DecapOptions): DecapsulateStage {
  const { vni, key, port, depth } = options;
  const stage = {
    stage: "decapsulate",
    kind: options.kind,
    ...(vni !== undefined && { vni }),
    ...(key !== undefined && { key }),
    ...(port !== undefined && { port }),
    ...(depth !== undefined && { depth }),
    ...(options.keepOthers && { others: "keep" }),
    ...(options.strict && { rule: "strict" }),
    ...(options.verifyUdp && { udpChecksum: "verify" }),
    ...(options.ignoreIpChecksum && { ipChecksum: "ignore" }),
    ...(options.ignoreGreChecksum && { checksum: "ignore" }),
    ...(options.takeCritical && { criticalOptions: "take" }),
    ...(options.refuseTagged && { innerTag: "drop" }),
  };
  // Whether the options belong to the kind is checked where all stages are.
  return stage as DecapsulateStage;
}
