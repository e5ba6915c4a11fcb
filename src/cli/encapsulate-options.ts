// Encapsulations of all kinds as one table of options, with what a command line calls them. It stands apart from the rows of the
// kinds, because who makes no command line has no use for it.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { alternatives } from "../core/arguments.ts";
import { type Field, whole } from "../core/fields.ts";
import { checkedKind, ENCAPSULATE_FIELDS, encapsulateKinds } from "../tunnel/encapsulations.ts";
import { bytesOf } from "../tunnel/geneve.ts";
import { mergedFields } from "../tunnel/merged-fields.ts";
import type { FieldRows } from "../tunnel/tunnel-kind.ts";
import { wrappingKinds } from "../tunnel/wrappings.ts";

/** What a row lacks to be an option of a command. */
type Flag = Pick<Field<unknown>, "flag" | "help" | "parse" | "says">;

const named = (flag: string, help: string, parse?: Field<unknown>["parse"]): Flag => ({
  flag,
  help,
  ...(parse && { parse }),
});

const FLAGS: Readonly<Record<string, Flag>> = {
  local: named("--local <IP>", "outer source address, IPv4 or IPv6; MPLS and NSH without are on Ethernet"),
  remote: named("--remote <IP>", "outer destination address, of the same family"),
  localMac: named(
    "--local-mac <MAC>",
    "outer source MAC (default: made of the address; without one the frame's)",
  ),
  remoteMac: named(
    "--remote-mac <MAC>",
    "outer destination MAC (default: made of the address; without one the frame's)",
  ),
  port: named("--dst-port <P>", "UDP destination port (default: that of the kind)"),
  vni: named("--vni <N>", "VNI, 0 to 16777215; of NVGRE the VSID, 4096 to 16777214; of 802.1ah the I-SID"),
  carries: named("--carries <WHAT>", "ethernet or ip: the whole frame (default), or the IP packet in it"),
  policy: named(
    "--policy <GROUP[:FLAGS]>",
    "of VXLAN: group policy, 0 to 65535, and behind it :dont-learn, :applied or both",
    groupPolicy,
  ),
  type: named("--erspan-type <N>", "1, 2 or 3 (default: 2)"),
  session: named(
    "--session <N>",
    "of PPPoE, L2TP and L2TPv3, which need one; of ERSPAN 0 to 1023 (default: 0)",
  ),
  vlan: named("--vlan <N>", "of ERSPAN: VLAN of the mirrored frame"),
  cos: named("--cos <N>", "of ERSPAN: class of service, 0 to 7"),
  index: named(
    "--index <N>",
    "of ERSPAN type 2: port and direction; of NSH: place in the path (default: 255)",
  ),
  securityGroup: named("--security-group <N>", "of ERSPAN type 3: security group tag"),
  hardware: named("--hardware <N>", "of ERSPAN type 3: 0 to 63"),
  egress: named("--egress", "of ERSPAN type 3: mirrored on the way out"),
  over: named("--over <WHAT>", "of L2TPv3: ip (default) or udp"),
  cookie: named("--cookie <HEX>", "of L2TPv3: 4 or 8 bytes in hex", hex),
  sublayer: named("--sublayer", "of L2TPv3: with the default sublayer"),
  teid: named("--teid <N>", "of GTP-U: tunnel endpoint identifier"),
  qfi: named("--qfi <N>", "of GTP-U: QoS flow of 5G, 0 to 63, in a PDU session container"),
  uplink: named("--uplink", "of GTP-U: the container says that the packet comes from the user"),
  tunnel: named("--tunnel <N>", "of L2TP: 1 to 65535"),
  radio: named("--radio <N>", "of CAPWAP: 1 to 31"),
  label: named(
    "--label <N>",
    "of MPLS: 0 to 1048575; may be given several times, from the top to the bottom",
  ),
  trafficClass: named("--traffic-class <N>", "of MPLS: 0 to 7"),
  controlWord: named("--control-word", "of MPLS: put a control word in front of the frame"),
  path: named("--path <N>", "of NSH: service path, 0 to 16777215"),
  pcp: named("--pcp <N>", "of 802.1BR and 802.1ah: priority code point, 0 to 7"),
  dei: named("--dei", "of 802.1BR and 802.1ah: drop eligible indicator"),
  destinationVif: named("--destination-vif <N>", "of a VN-tag: destination interface or list, 0 to 16383"),
  sourceVif: named("--source-vif <N>", "of a VN-tag: source interface, 0 to 4095"),
  toInterface: named("--to-interface", "of a VN-tag: from the bridge to the interface"),
  pointer: named("--pointer", "of a VN-tag: the destination is a list"),
  looped: named("--looped", "of a VN-tag: the frame returns to where it came from"),
  ecid: named("--ecid <N>", "of 802.1BR: E-channel the frame is for, 0 to 4095"),
  ingressEcid: named("--ingress-ecid <N>", "of 802.1BR: E-channel of the port that the frame came in by"),
  group: named("--group <N>", "of 802.1BR: 1 to 3 for a group's E-channel"),
};

/** The options that any kind has. */
export function encapsulateOptions(): FieldRows {
  const expected = alternatives(encapsulateKinds);
  const help = `what to put around frames: ${expected}`;
  const kind = { expected, check: checkedKind, parse: checkedKind, flag: "--kind <KIND>", help };
  const titles = new Map(wrappingKinds.map(({ kind: name, title }) => [name, title]));
  const kinds = encapsulateKinds.map(
    (name, index) => [titles.get(name) ?? name, ENCAPSULATE_FIELDS[index] as FieldRows] as const,
  );
  const merged = mergedFields(kinds, ["kind"]);
  const rows = Object.entries(merged).map(([name, row]): [string, Field<unknown>] => {
    const flag = FLAGS[name];
    if (flag === undefined) return [name, row];
    // Several kinds have several defaults: the help tells them.
    const { fallback: _, help: __, ...option } = row;
    return [name, { ...option, ...flag }];
  });
  return { kind, ...Object.fromEntries(rows) };
}

function groupPolicy(path: string, text: string): object {
  const [group = "", ...flags] = text.split(":");
  if (flags.every((each) => each === "dont-learn" || each === "applied")) {
    const [dontLearn, applied] = [flags.includes("dont-learn"), flags.includes("applied")];
    return { group: whole(0, 0xffff).parse?.(`${path} group`, group), dontLearn, applied };
  }
  const expected = "GROUP, GROUP:dont-learn, GROUP:applied or GROUP:dont-learn:applied";
  throw new ArgumentRangeError("malformed", path, `expected ${expected}, got ${JSON.stringify(text)}`);
}

function hex(path: string, text: string): Uint8Array {
  const bytes = bytesOf(text);
  if (bytes.length * 2 === text.length) return bytes;
  throw new ArgumentRangeError("malformed", path, `expected bytes in hex, got ${JSON.stringify(text)}`);
}
