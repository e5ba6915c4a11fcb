// How much memory the switches of a topology take, before they are built: what was built in vain takes its time. The
// answer is rather too much, for pages that are never used cost nothing.

import { FDB_PORT_LENGTH } from "../layout/fdb.layout.ts";
import { PORT_COUNTERS_LENGTH, PORT_LENGTH } from "../layout/switch.layout.ts";
import type { Topology, TopologyVpc } from "./topology-types.ts";

/** What everything else takes: routers, the workspace, the switch underneath. */
const MEMORY_LEAST = 268435456;
/** Tables of a host or of a router; what depends on the number of its ports comes on top. */
const SWITCH = 262144;
const PORTS_MORE = 256;
const PORT: number = PORT_LENGTH + PORT_COUNTERS_LENGTH + FDB_PORT_LENGTH;
const TUNNEL = 256;
/** That a VPC goes through a tunnel: in the table of remotes, which may be half empty, and in a flood list. */
const PASSAGE = 80;

/** In bytes. The topology is one that its JSON schema lets through. */
export function memoryFor({ hosts, dataCentre, vpcs = [], clouds = [], clusters = [] }: Topology): number {
  const places = (dataCentre?.zones ?? [])
    .flatMap(({ racks }) => racks)
    .map((rack) => (typeof rack.hosts === "number" ? rack.hosts : rack.hosts.length));
  const placeCount = places.reduce((sum, count) => sum + count, 0);
  // What stands in a VPC beside its machines.
  const guests = new Map<string, number>();
  const settle = (vpc: string | undefined, count: number): void => {
    if (vpc !== undefined) guests.set(vpc, (guests.get(vpc) ?? 0) + count);
  };
  for (const { vpc, hosts: inside } of clouds) settle(vpc, inside.length);
  for (const { vpc } of clusters.flatMap(({ nodes }) => nodes)) settle(vpc, 1);
  const sizes = (those: readonly TopologyVpc[]): number[] =>
    those.map(({ name, machines = [] }) => machines.length + (guests.get(name) ?? 0));
  let bytes = MEMORY_LEAST + places.length * SWITCH;
  bytes += cloudBytes(hosts?.length ?? placeCount, sizes(vpcs));
  for (const cloud of clouds) bytes += cloudBytes(cloud.hosts.length, sizes(cloud.vpcs));
  for (const { nodes } of clusters) bytes += cloudBytes(nodes.length, [nodes.length]);
  return bytes;
}

/** If each of these many machines of a VPC stands on a host of its own, as far as there are hosts. */
function cloudBytes(hosts: number, vpcs: readonly number[]): number {
  const passages = vpcs.reduce((sum, machines) => sum + Math.min(hosts, machines) ** 2, 0);
  const tunnels = Math.min(hosts ** 2, passages);
  return hosts * (SWITCH + (hosts + PORTS_MORE) * PORT) + tunnels * TUNNEL + passages * PASSAGE;
}
