// What a switch and its parts are told, a row for each option.

import { station, stationMac } from "../core/address-fields.ts";
import { bigint, choice, type Fields, flag, given, type Kind, text, whole } from "../core/fields.ts";
import {
  BATCH_FRAMES_MAXIMUM,
  FRAME_BYTES_DEFAULT,
  FRAME_BYTES_MAXIMUM,
  HEADROOM_DEFAULT,
  HEADROOM_MAXIMUM,
} from "../layout/batch.layout.ts";
import { AGE_SECONDS_MAXIMUM, BRIDGE_DOMAIN_MAXIMUM, FDB_CAPACITY_MAXIMUM } from "../layout/fdb.layout.ts";
import { SWITCH_PORTS_MAXIMUM } from "../layout/switch.layout.ts";
import { VLAN_VID_RESERVED } from "../layout/vlan.layout.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import type {
  AccessPortOptions,
  AnyPortOptions,
  BridgeDomain,
  BridgeDomainOptions,
  FdbEntryOptions,
  FlushOptions,
  NeighbourOptions,
  SweepOptions,
  SwitchFdbOptions,
  SwitchOptions,
  SwitchPort,
  SwitchWorkspaceOptions,
  TrunkPortOptions,
} from "./switch-types.ts";

export const SWITCH_FIELDS: Fields<
  SwitchOptions,
  "ports" | "bridgeDomains" | "neighbours" | "flowSeed" | "fdb"
> = {
  ports: { ...whole(1, SWITCH_PORTS_MAXIMUM), fallback: 64 },
  bridgeDomains: { ...whole(1, BRIDGE_DOMAIN_MAXIMUM), fallback: 64 },
  neighbours: { ...whole(1, 1 << 24), fallback: 256 },
  flowSeed: { ...whole(0, 0xffffffff), fallback: 0 },
  // The next two are checked by those who are made of them.
  fdb: { ...given("options of an FDB"), fallback: {} },
  vtep: given("options of a VTEP"),
  workspace: given("a SwitchWorkspace"),
};

export const SWITCH_FDB_FIELDS: Fields<SwitchFdbOptions, "capacity" | "ageSeconds" | "whenFull" | "events"> =
  {
    capacity: { ...whole(1, FDB_CAPACITY_MAXIMUM), fallback: 8192 },
    ageSeconds: { ...whole(0, AGE_SECONDS_MAXIMUM), fallback: 300 },
    whenFull: { ...choice("evict", "forward"), fallback: "evict" },
    seed: bigint(),
    events: { ...whole(0, 1 << 20), fallback: 1024 },
  };

export const WORKSPACE_FIELDS: Fields<SwitchWorkspaceOptions, "copies" | "frameBytes" | "headroom"> = {
  copies: { ...whole(1, BATCH_FRAMES_MAXIMUM), fallback: 256 },
  frameBytes: { ...whole(1, FRAME_BYTES_MAXIMUM), fallback: FRAME_BYTES_DEFAULT },
  headroom: { ...whole(0, HEADROOM_MAXIMUM), fallback: HEADROOM_DEFAULT },
};

const FDB_LIMIT: Kind<number> = whole(0, 0xfffffffe);

export const BRIDGE_DOMAIN_FIELDS: Fields<
  BridgeDomainOptions,
  "learning" | "unknownUnicast" | "arpSuppression"
> = {
  name: text(),
  vni: whole(0, VNI_MAXIMUM),
  learning: { ...flag(), fallback: true },
  unknownUnicast: { ...choice("flood", "drop"), fallback: "flood" },
  arpSuppression: { ...flag(), fallback: false },
  fdbLimit: FDB_LIMIT,
};

/** What ports and tunnels have in common; their groups by default differ. */
export const ANY_PORT_FIELDS: Fields<AnyPortOptions, "learning" | "flood"> = {
  name: text(),
  learning: { ...flag(), fallback: true },
  flood: { ...flag(), fallback: true },
  group: whole(0, 255),
  fdbLimit: FDB_LIMIT,
  mtu: whole(46, 65535),
};

/** Whether it is one of the switch, and there still, only the switch knows. */
const DOMAIN: Kind<BridgeDomain> & { readonly required: true } = {
  ...given<BridgeDomain>("a bridge domain"),
  required: true,
};

export const ACCESS_PORT_FIELDS: Fields<AccessPortOptions, "learning" | "flood" | "bridgeDomain"> = {
  ...ANY_PORT_FIELDS,
  bridgeDomain: DOMAIN,
};

export const TRUNK_PORT_FIELDS: Fields<TrunkPortOptions, "learning" | "flood" | "vlans"> = {
  ...ANY_PORT_FIELDS,
  vlans: { ...given("VLANs and their bridge domains"), required: true },
  native: whole(1, VLAN_VID_RESERVED - 1),
};

export const NEIGHBOUR_FIELDS: Fields<NeighbourOptions, "bridgeDomain" | "ip" | "mac"> = {
  bridgeDomain: DOMAIN,
  ip: { ...station(), required: true },
  mac: { ...stationMac(), required: true },
};

const { mac: _mac, ...NEIGHBOUR_ADDRESS } = NEIGHBOUR_FIELDS;
/** By what a neighbour is found. */
export const NEIGHBOUR_ADDRESS_FIELDS: Fields<
  Omit<NeighbourOptions, "mac">,
  "bridgeDomain" | "ip"
> = NEIGHBOUR_ADDRESS;

const PORT: Kind<SwitchPort> = given("a port or a tunnel");

/** Of the two kinds of entries at once: that there is a port or a hole is checked where they are made. */
interface AnyFdbEntryOptions extends Pick<FdbEntryOptions, "bridgeDomain" | "mac"> {
  readonly port?: SwitchPort | undefined;
  readonly blackhole?: true | undefined;
}

export const FDB_ENTRY_FIELDS: Fields<AnyFdbEntryOptions, "bridgeDomain" | "mac"> = {
  bridgeDomain: DOMAIN,
  mac: { ...stationMac(), required: true },
  port: PORT,
  blackhole: given<true>("true"),
};

export const FLUSH_FIELDS: Fields<FlushOptions, "kinds"> = {
  bridgeDomain: given("a bridge domain"),
  port: PORT,
  kinds: { ...choice("learned", "all"), fallback: "learned" },
};

export const SWEEP_FIELDS: Fields<SweepOptions> = { buckets: whole(1, 2 ** 31) };
