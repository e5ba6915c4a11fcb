// What a TAP is told that the configuration does not say: how long its frames may be, so that the network under the tunnels takes
// them whole, and a MAC, which is the same after a restart, so that neighbours which know it need not find out.

import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { formatIp, parseIp } from "../core/addresses.ts";
import type { VtepConfig } from "./vtep-config.ts";

/** Outer IPv4, UDP, the tunnel's header, and the passenger's Ethernet header. */
const AROUND_IPV4 = 50;
const AROUND_IPV6 = 70;
const DEFAULT = 1500;
/** The loopback would have 65,536. */
const MAXIMUM = 9000;

/** The MTU of the interface that has the VTEP's address, less what tunnels put around a frame. */
export function fittingMtu({ vtep, tunnels = [] }: VtepConfig): number {
  const address = parseIp("vtep.address", vtep.address);
  const options = tunnels.map((tunnel) =>
    (tunnel.options ?? []).reduce((sum, { data = "" }) => sum + 4 + data.length / 2, 0),
  );
  const around = (address.length === 4 ? AROUND_IPV4 : AROUND_IPV6) + Math.max(0, ...options);
  return Math.min(underlayMtu(formatIp(address)) - around, MAXIMUM);
}

function underlayMtu(address: string): number {
  const found = Object.entries(networkInterfaces()).find(([, addresses = []]) =>
    addresses.some((each) => formatIp(parseIp("address", each.address)) === address),
  );
  if (found === undefined) return DEFAULT;
  try {
    return Number(readFileSync(`/sys/class/net/${found[0]}/mtu`, "utf8"));
  } catch {
    return DEFAULT;
  }
}

/** Locally administered, made of the VTEP's address and the port's name by FNV-1a. */
export function steadyMac({ vtep }: VtepConfig, name: string): Uint8Array {
  let hash = 0xcbf29ce484222325n;
  for (const byte of [...parseIp("vtep.address", vtep.address), ...new TextEncoder().encode(name)])
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  const mac = new Uint8Array(8);
  new DataView(mac.buffer).setBigUint64(0, hash);
  mac[0] = ((mac[0] as number) & 0xfc) | 2;
  return mac.slice(0, 6);
}
