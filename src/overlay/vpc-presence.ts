// On which hosts a VPC is present, and what they know of its machines.

import type { Vpc, VpcMachine } from "./vpc.ts";
import type { VpcHost } from "./vpc-host.ts";

/** One machine more of the VPC on that host: the first brings the bridge domain and the tunnels, or nothing at all. */
export function enter(vpc: Vpc, host: VpcHost): void {
  const count = vpc.hosts.get(host);
  if (count !== undefined) {
    vpc.hosts.set(host, count + 1);
    return;
  }
  const there: VpcHost[] = [];
  const back: VpcHost[] = [];
  try {
    host.enter(vpc);
    for (const remote of vpc.hosts.keys()) {
      host.reach(remote, vpc);
      there.push(remote);
      remote.reach(host, vpc);
      back.push(remote);
    }
    if (vpc.arpSuppression) for (const { address, mac } of vpc.machines()) host.know(vpc, address, mac);
  } catch (error) {
    for (const remote of back) remote.part(host, vpc);
    for (const remote of there) host.part(remote, vpc);
    host.exit(vpc);
    throw error;
  }
  vpc.hosts.set(host, 1);
}

/** One machine less: the last takes them away. */
export function leave(vpc: Vpc, host: VpcHost): void {
  const count = vpc.hosts.get(host) as number;
  if (count > 1) {
    vpc.hosts.set(host, count - 1);
    return;
  }
  vpc.hosts.delete(host);
  for (const remote of vpc.hosts.keys()) {
    remote.part(host, vpc);
    host.part(remote, vpc);
  }
  host.exit(vpc);
}

/** All hosts forget what they have learned of a machine's MAC. */
export function forget({ vpc, mac }: VpcMachine): void {
  for (const host of vpc.hosts.keys()) host.forget(vpc, mac);
}

/** No host answers ARP requests for a machine any more. */
export function unknow({ vpc, address }: VpcMachine): void {
  for (const host of vpc.hosts.keys()) host.unknow(vpc, address);
}
