// The names of all groups that npm run bench knows, in the order in which they run. What is not here is not run: main.ts
// looks here first, because a group is known to its contests only when much has been prepared for it.

import { CAPTURE_64, CAPTURE_MIXED } from "./capture-contests.ts";
import { BATCH, CHANNEL, WAKE } from "./dataplane-contests.ts";
import { FILTERS } from "./filter-contests.ts";
import { KINDS_INTO, KINDS_OUT } from "./kind-contests.ts";
import { PAGE } from "./page.ts";
import { RING_ONE_THREAD, RING_TWO_THREADS } from "./ring-contests.ts";
import { RULES } from "./rule-contests.ts";
import { OWN_STAGES } from "./stage-contests.ts";
import { SWITCH_BACK, SWITCH_LEARN, SWITCH_LOOKUP, SWITCH_OUT } from "./switch-contests.ts";
import { SWITCH_AGEING, SWITCH_NEW, SWITCH_UNUSED } from "./switch-costs.ts";
import { SWITCH_KINDS_BACK, SWITCH_KINDS_OUT } from "./switch-kinds.ts";

export const GROUPS: readonly string[] = [
  "encapsulate",
  "decapsulate",
  "there and back",
  "vlan push",
  "vlan pop",
  "flow hash",
  "checksum",
  KINDS_INTO,
  KINDS_OUT,
  FILTERS,
  OWN_STAGES,
  RULES,
  "fdb lookup, all hit",
  "fdb lookup, half hit",
  "fdb insert",
  "capture, decapsulated in memory",
  SWITCH_OUT,
  SWITCH_BACK,
  SWITCH_LEARN,
  SWITCH_LOOKUP,
  SWITCH_KINDS_OUT,
  SWITCH_KINDS_BACK,
  SWITCH_NEW,
  SWITCH_AGEING,
  SWITCH_UNUSED,
  "read pcap",
  "read pcapng",
  RING_ONE_THREAD,
  RING_TWO_THREADS,
  CHANNEL,
  WAKE,
  BATCH,
  CAPTURE_64,
  CAPTURE_MIXED,
  "lab, each VPC on 10 hosts",
  "lab, machines anywhere",
  PAGE,
];
