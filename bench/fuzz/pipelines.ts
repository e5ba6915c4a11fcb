// The pipelines that broken frames are sent through: one of each kind and rule, and some in a row.

import { compileFilter } from "../../src/filter/filter.ts";
import type { Stage } from "../../src/pipeline/stages.ts";
import { anonymise } from "../../src/ready/anonymise.ts";
import { dedup } from "../../src/ready/dedup.ts";
import { mark } from "../../src/ready/mark.ts";
import { rate } from "../../src/ready/rate.ts";
import { rewrite } from "../../src/ready/rewrite.ts";
import { truncate } from "../../src/ready/truncate.ts";
import { ruleTable } from "../../src/rules/rule-table.ts";

const ENDS = { local: "10.1.5.7", remote: "10.1.5.8" };
const ENDS6 = { local: "fd00:1::7", remote: "fd00:1::8" };
const KEY = "000102030405060708090a0b0c0d0e0f";

/** The part of a mark that a stage sets here; the rest says which frame it is. */
export const MARK_SET = 0xff000000;

const filterOf = (text: string): Stage => compileFilter(text).stage;

/** Made when they are asked for: modules of ready stages are compiled then. */
export function fuzzPipelines(): readonly (readonly Stage[])[] {
  return [
    [{ stage: "decapsulate", kind: "vxlan" }],
    [{ stage: "decapsulate", kind: "vxlan", depth: "all", rule: "strict", udpChecksum: "verify" }],
    [{ stage: "decapsulate", kind: "vxlan", header: "bare" }],
    [{ stage: "decapsulate", kind: "vxlan", others: "keep" }, { stage: "vlan-pop" }],
    [{ stage: "decapsulate", kind: "vxlan", depth: "all", ecn: "rfc6040", dscp: "uniform", ttl: "uniform" }],
    [{ stage: "decapsulate", kind: "any", depth: "all", ecn: "rfc6040", dscp: "uniform", ttl: "uniform" }],
    [
      {
        stage: "encapsulate",
        kind: "vxlan",
        vni: 1,
        ...ENDS,
        ecn: "rfc6040",
        dscp: "uniform",
        ttl: "uniform",
      },
    ],
    [{ stage: "encapsulate", kind: "gre", key: 1, carries: "ip", ...ENDS6, ecn: "rfc6040", ttl: "uniform" }],
    [{ stage: "decapsulate", kind: "geneve", depth: "all" }],
    [
      {
        stage: "decapsulate",
        kind: "geneve",
        criticalOptions: "take",
        udpChecksum: "verify",
        others: "keep",
      },
    ],
    [{ stage: "decapsulate", kind: "gre" }],
    [{ stage: "decapsulate", kind: "gre", rule: "strict", others: "keep" }],
    [{ stage: "decapsulate", kind: "nvgre" }],
    [{ stage: "decapsulate", kind: "vxlan-gpe", depth: "all" }],
    [{ stage: "decapsulate", kind: "vxlan-gpe", rule: "strict", udpChecksum: "verify", others: "keep" }],
    [{ stage: "decapsulate", kind: "any" }],
    [{ stage: "decapsulate", kind: "any", depth: "all", others: "keep", criticalOptions: "take" }],
    [{ stage: "decapsulate", kind: "any", depth: "all", link: "raw", lengths: "strict", rule: "strict" }],
    [
      {
        stage: "decapsulate",
        kind: "any",
        kinds: ["vxlan", "nvgre", "gtp-u", "mpls-in-udp"],
        vni: [1, 5001],
        udpChecksum: "verify",
        innerTag: "drop",
      },
    ],
    [
      { stage: "decapsulate", kind: "any", depth: 2, others: "keep", link: "raw" },
      { stage: "encapsulate", kind: "gtp-u", teid: 7, qfi: 5, ...ENDS6 },
      { stage: "decapsulate", kind: "gtp-u", link: "raw" },
    ],
    [{ stage: "encapsulate", kind: "ipip", ...ENDS }],
    [{ stage: "encapsulate", kind: "mpls", label: [16, 17], carries: "ip" }],
    [
      { stage: "encapsulate", kind: "pppoe", session: 9 },
      { stage: "decapsulate", kind: "pppoe" },
    ],
    [{ stage: "encapsulate", kind: "802.1br", ecid: 5 }],
    [{ stage: "encapsulate", kind: "erspan", type: 3, session: 4, ...ENDS }],
    [{ stage: "vlan-pop" }, { stage: "vlan-push", vid: 7, pcp: 3 }],
    [{ stage: "vlan-rewrite", vid: 9 }],
    [{ stage: "encapsulate", kind: "vxlan", vni: 5, innerTag: "strip", ...ENDS }],
    [{ stage: "encapsulate", kind: "geneve", vni: 5, udpChecksum: true, ...ENDS6 }],
    [{ stage: "encapsulate", kind: "gre", key: 8, checksum: true, ...ENDS6 }],
    [{ stage: "encapsulate", kind: "vxlan-gpe", vni: 5, ...ENDS6 }],
    [
      { stage: "encapsulate", kind: "nvgre", vni: 5000, ...ENDS },
      { stage: "decapsulate", kind: "nvgre" },
    ],
    [
      { stage: "decapsulate", kind: "geneve", others: "keep" },
      { stage: "encapsulate", kind: "vxlan", vni: 3, udpChecksum: true, ...ENDS6 },
      { stage: "decapsulate", kind: "vxlan", udpChecksum: "verify" },
    ],
    [filterOf("vxlan and tcp port 80 or ip6 protochain 17 or inner host 10.0.0.1")],
    [filterOf("not (vlan and ip[6:2] & 0x1fff = 0) or icmp6 or geneve or len > 200")],
    [
      filterOf("depth 1 or vni 5001 or layer 1 udp or inner net fd00::/16"),
      { stage: "decapsulate", kind: "vxlan", others: "keep" },
      { stage: "filter-vni", vni: 5001 },
    ],
    [
      ruleTable([
        { source: "10.0.0.0/16", protocol: "udp", verdict: "drop", priority: 3 },
        { destinationPort: [4000, 7000], protocol: "tcp", mark: MARK_SET },
        { source: "fd00::/64", verdict: "drop" },
      ]),
    ],
    [mark({ mark: 0x05000000, mask: MARK_SET }), truncate({ bytes: 60 })],
    [
      rewrite({
        addresses: [
          { from: "10.0.0.0/8", to: "172.0.0.0/8" },
          { from: "fd00::/16", to: "fd11::/16" },
        ],
        ports: { from: [0, 40_000], to: [10_000, 50_000] },
        macs: { from: "02:00:00:00:00:01", to: "06:00:00:00:00:09" },
        vid: { from: 10, to: 12 },
        dscp: { to: 46 },
        ttlLess: 1,
      }),
    ],
    // Limits that nobody reaches: what they are for is told by keys of broken frames.
    [
      rate({ framesPerSecond: 1e9, burstFrames: 1e9, by: "flow" }),
      rate({ bitsPerSecond: 1e12, burstBytes: 2 ** 28, by: "source" }),
    ],
    [anonymise({ key: KEY })],
    [anonymise({ key: KEY, macs: "keep-vendor", payload: "cut", unknown: "keep", keep: ["10.0.0.0/16"] })],
    [anonymise({ key: KEY, payload: "keep" }), dedup({ window: 16 })],
    [
      { stage: "sample", oneIn: 3 },
      { stage: "count", by: ["vni", "source", "destinationPort"], capacity: 16 },
    ],
    [
      { stage: "sample", oneIn: 2, by: "flow" },
      { stage: "vlan-pop", tpid: 0x8100 },
    ],
  ];
}
