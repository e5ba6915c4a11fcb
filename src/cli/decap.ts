import type { Command } from "commander";
import { choice, type Kind, whole } from "../core/fields.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import { TUNNEL_KINDS } from "../pipeline/tunnel-kinds.ts";
import type { DecapsulateStage } from "../pipeline/tunnel-stages.ts";
import { addTransformOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry decap overlay.pcap -o passengers.pcap
  frameferry decap overlay.pcap -o passengers.pcapng --vni 5001 --depth all
  frameferry decap flannel.pcap -o pods.pcap --port 8472 --keep-others
  frameferry decap gre.pcap -o passengers.pcap --kind gre --key 77
  frameferry decap ovn.pcap -o passengers.pcap --kind geneve --take-critical
  tcpdump -U -w - udp port 4789 | frameferry decap - -o - | tcpdump -n -r -

What is dropped is counted by reason, and what is written by VNI. Timestamps, interfaces and comments are kept.`;

const OPTIONS: Rows = {
  kind: {
    ...choice(...TUNNEL_KINDS),
    fallback: "vxlan",
    flag: "--kind <KIND>",
    help: "kind of tunnel: vxlan, geneve, gre or nvgre",
  },
  vni: {
    ...whole(0, VNI_MAXIMUM),
    flag: "--vni <N>",
    help: "only tunnels with this VNI or VSID (the outermost, where nested)",
  },
  key: {
    ...whole(0, 0xffffffff),
    flag: "--key <N>",
    help: "only GRE tunnels with this key (the outermost, where nested)",
  },
  port: {
    ...whole(1, 65535),
    flag: "--port <P>",
    help: "UDP destination port of the tunnel (default: 4789, of Geneve 6081)",
  },
  depth: {
    ...depth(),
    fallback: 1,
    flag: "--depth <N>",
    help: "how many tunnels to take off, one in the other, or all",
  },
  others: {
    ...choice("drop", "keep"),
    flag: "--keep-others",
    says: "keep",
    help: "keep frames that are no packets of this tunnel, unchanged",
  },
  rule: {
    ...choice("rfc", "strict"),
    flag: "--strict",
    says: "strict",
    help: "drop VXLAN and GRE headers with reserved bits set, as Open vSwitch does",
  },
  udpChecksum: {
    ...choice("ignore", "verify"),
    flag: "--verify-udp",
    says: "verify",
    help: "drop packets whose UDP checksum is wrong",
  },
  ipChecksum: {
    ...choice("verify", "ignore"),
    flag: "--ignore-ip-checksum",
    says: "ignore",
    help: "take packets whose outer IPv4 header checksum is wrong, too",
  },
  checksum: {
    ...choice("verify", "ignore"),
    flag: "--ignore-gre-checksum",
    says: "ignore",
    help: "take packets whose GRE checksum is wrong, too",
  },
  criticalOptions: {
    ...choice("drop", "take"),
    flag: "--take-critical",
    says: "take",
    help: "take Geneve packets with critical options, too, and pass over them",
  },
  innerTag: {
    ...choice("keep", "drop"),
    flag: "--refuse-tagged",
    says: "drop",
    help: "drop passengers with a VLAN tag (RFC 7348 section 6.1)",
  },
};

export function defineDecap(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(decap);
}

async function decap(input: string, parsed: Parsed): Promise<void> {
  // Whether the options belong to the kind is checked where all stages are.
  const stage = { stage: "decapsulate", kind: "vxlan", ...optionsOf(OPTIONS, parsed) } as DecapsulateStage;
  await transform("decap", input, parsed, [stage, { stage: "count", by: "vni" }], OPTIONS);
}

function depth(): Kind<number | "all"> {
  const number = whole(1, 64);
  return {
    expected: `${number.expected} or all`,
    check: (path, value) => (value === "all" ? value : number.check(path, value)),
    parse: (path, text) => (text === "all" ? text : (number.parse?.(path, text) as number)),
  };
}
