import type { Command } from "commander";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { choice, flag, ip, type Kind, list, mac, whole } from "../core/fields.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import { TUNNEL_KINDS } from "../pipeline/tunnel-kinds.ts";
import type { EncapsulateStage } from "../pipeline/tunnel-stages.ts";
import type { GeneveOption } from "../wire/geneve.ts";
import { UsageError } from "./failures.ts";
import { addTransformOptions, bytesOf, optionsOf, type Parsed, type Rows } from "./options.ts";
import { transform } from "./transform.ts";

const EXAMPLES = `
Examples:
  frameferry encap lan.pcap -o overlay.pcap --kind vxlan --vni 5001 --local 10.1.5.7 --remote 10.1.5.8
  frameferry encap lan.pcap -o overlay.pcap --vni 1 --local 10.0.0.1 --remote 10.0.0.2 --dst-port 8472 --ttl 255
  frameferry encap lan.pcap -o overlay.pcap --vni 7 --local fd00::1 --remote fd00::2
  frameferry encap lan.pcap -o gre.pcap --kind gre --key 77 --local 10.0.0.1 --remote 10.0.0.2
  frameferry encap lan.pcap -o geneve.pcap --kind geneve --vni 7 --geneve-option 0x0102:0x80:00010002 --local fd00::1 --remote fd00::2
  frameferry encap a.pcap -o - --vni 1 --local 10.0.0.1 --remote 10.0.0.2 | frameferry inspect -

The UDP source port, or the FlowID of NVGRE, is a hash of the passenger's flow. Timestamps, interfaces and comments are kept.`;

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
    help: "VNI, 0 to 16777215; of NVGRE the VSID, 4096 to 16777214 (required but for GRE)",
  },
  key: { ...whole(0, 0xffffffff), flag: "--key <N>", help: "GRE key, 0 to 4294967295 (default: none)" },
  checksum: { ...flag(), flag: "--gre-checksum", help: "compute the GRE checksum" },
  options: {
    ...list(geneveOption()),
    flag: "--geneve-option <CLASS:TYPE:DATA>",
    help: "option of every Geneve header, data in hex; may be given several times",
  },
  local: { ...ip(), required: true, flag: "--local <IP>", help: "outer source address, IPv4 or IPv6" },
  remote: {
    ...ip(),
    required: true,
    flag: "--remote <IP>",
    help: "outer destination address, of the same family",
  },
  localMac: {
    ...mac(),
    flag: "--local-mac <MAC>",
    help: "outer source MAC (default: made of the address)",
  },
  remoteMac: {
    ...mac(),
    flag: "--remote-mac <MAC>",
    help: "outer destination MAC (default: made of the address)",
  },
  port: {
    ...whole(1, 65535),
    flag: "--dst-port <P>",
    help: "UDP destination port (default: 4789, of Geneve 6081)",
  },
  ttl: { ...whole(1, 255), fallback: 64, flag: "--ttl <N>", help: "time to live or hop limit" },
  dscp: { ...whole(0, 63), fallback: 0, flag: "--dscp <N>", help: "differentiated services code point" },
  udpChecksum: {
    ...flag(),
    flag: "--udp-checksum",
    help: "compute the outer UDP checksum (default over IPv6)",
    off: { flag: "--no-udp-checksum", help: "leave the outer UDP checksum zero (default over IPv4)" },
  },
  outerVid: { ...whole(1, 4094), flag: "--outer-vid <N>", help: "VLAN of the outer frame" },
  innerTag: {
    ...choice("keep", "strip"),
    flag: "--strip-tag",
    says: "strip",
    help: "take the passenger's outermost VLAN tag off (RFC 7348 section 6.1)",
  },
  seed: { ...whole(0, 0xffffffff), fallback: 0, flag: "--seed <N>", help: "seed of the flow hash" },
};

export function defineEncap(command: Command): void {
  addTransformOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(encap);
}

async function encap(input: string, parsed: Parsed): Promise<void> {
  const stage = { stage: "encapsulate", kind: "vxlan", ...optionsOf(OPTIONS, parsed) } as EncapsulateStage;
  if (stage.kind !== "gre" && stage.vni === undefined)
    throw new UsageError("required option '--vni <N>' not specified");
  // Whether the options belong to the kind is checked where all stages are.
  await transform("encap", input, parsed, [stage], OPTIONS);
}

/** CLASS:TYPE:DATA, of which the data may be left out. */
function geneveOption(): Kind<GeneveOption> {
  const expected = "CLASS:TYPE:DATA with data in hex, a multiple of 4 bytes";
  const word = whole(0, 0xffff);
  const byte = whole(0, 0xff);
  return {
    expected,
    check: (_path, value) => value as GeneveOption,
    parse: (path, text) => {
      const [first = "", second = "", hex = "", ...more] = text.split(":");
      const option = {
        class: word.parse?.(`${path} class`, first) as number,
        type: byte.parse?.(`${path} type`, second) as number,
        data: bytesOf(hex),
      };
      if (more.length === 0 && option.data.length * 2 === hex.length && hex.length % 8 === 0) return option;
      throw new ArgumentRangeError("malformed", path, `expected ${expected}, got ${JSON.stringify(text)}`);
    },
  };
}
