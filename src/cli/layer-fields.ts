// What is told of the headers of wrappings and tags: a row for each kind of layer that has something to tell.

import type { Layer, LayerHeaders, LayerName } from "../wire.ts";

/** A field, as people and programs are told of it. */
export type Told = readonly [name: string, value: number | string];

type Rows = { readonly [Name in LayerName]?: (header: LayerHeaders[Name]) => readonly Told[] };

const ROWS: Rows = {
  vlan: ({ vid }) => [["vlan", vid]],
  "vn-tag": ({ sourceVif, destinationVif }) => [["vif", `${sourceVif}>${destinationVif}`]],
  "802.1br": ({ ecid, extension }) => [["ecid", extension * 4096 + ecid]],
  "802.1ah": ({ isid }) => [["isid", isid]],
  pppoe: ({ session }) => [["session", session]],
  mpls: ({ label }) => [["label", label]],
  vxlan({ vni, groupPolicy, gpe }) {
    const told: Told[] = [["vni", vni]];
    if (groupPolicy !== undefined) told.push(["group", groupPolicy.group]);
    if (gpe?.nextProtocol !== undefined) told.push(["next", gpe.nextProtocol]);
    return told;
  },
  geneve: ({ vni }) => [["vni", vni]],
  gre: ({ key }) => (key === undefined ? [] : [["key", key]]),
  pptp: ({ call }) => [["call", call]],
  erspan(header) {
    const type: Told = ["erspan", ["I", "II", "III"][header.type - 1] ?? ""];
    if (header.type === 1) return [type];
    const told: Told[] = [type, ["session", header.session], ["mirrored-vlan", header.vlan]];
    if (header.type === 3) told.push(["group", header.securityGroup]);
    return told;
  },
  l2tp: ({ tunnel, session }) => [
    ["tunnel", tunnel],
    ["session", session],
  ],
  l2tpv3: ({ session }) => [["session", session]],
  "gtp-u": ({ teid }) => [["teid", teid]],
  nsh: ({ path, index }) => [["path", `${path}/${index}`]],
  capwap: ({ radio }) => [["radio", radio]],
  ah: ({ spi }) => [["spi", spi]],
  sll2: ({ interfaceIndex }) => [["ifindex", interfaceIndex]],
  nflog: ({ group }) => [["nflog-group", group]],
};

/** The names of all fields, in the order of the table, for those who choose columns. */
export const FIELD_NAMES: readonly string[] = [
  ...["vlan", "vni", "key", "session", "call", "tunnel", "group", "next", "teid", "label", "isid", "ecid"],
  ...["vif", "path", "erspan", "mirrored-vlan", "radio", "spi", "ifindex", "nflog-group"],
];

const NOTHING: readonly Told[] = [];

/** What is told of a layer. */
export function fieldsOf(layer: Layer): readonly Told[] {
  const row = ROWS[layer.name] as ((header: Layer["header"]) => readonly Told[]) | undefined;
  return row === undefined ? NOTHING : row(layer.header);
}
