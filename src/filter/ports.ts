// By which UDP ports the walk knows tunnels.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { GENEVE_PORT } from "../layout/geneve.layout.ts";
import { TUNNEL_GENEVE, TUNNEL_VXLAN, TUNNEL_VXLAN_GPE } from "../layout/tunnel.layout.ts";
import { VXLAN_PORT, VXLAN_PORT_GPE, VXLAN_PORT_LINUX } from "../layout/vxlan.layout.ts";
import { WALK_PORT_KIND, WALK_PORTS_MOST } from "../layout/walk.layout.ts";

/** UDP destination ports, by kind of tunnel. */
export interface FilterPorts {
  readonly vxlan?: readonly number[] | undefined;
  readonly geneve?: readonly number[] | undefined;
  readonly "vxlan-gpe"?: readonly number[] | undefined;
}

/** The usual ports of each kind, in the order in which the walk looks for them. */
const USUAL: readonly (readonly [keyof FilterPorts, number, readonly number[]])[] = [
  ["vxlan", TUNNEL_VXLAN, [VXLAN_PORT, VXLAN_PORT_LINUX]],
  ["geneve", TUNNEL_GENEVE, [GENEVE_PORT]],
  ["vxlan-gpe", TUNNEL_VXLAN_GPE, [VXLAN_PORT_GPE]],
];

/** The words of the walk's table (walk.layout). A port that somebody names for one kind is no other's. */
export function portsOf(chosen: FilterPorts = {}): number[] {
  const kinds = new Map<number, number>();
  for (const [name, kind, usual] of USUAL)
    if (chosen[name] === undefined) for (const port of usual) kinds.set(port, kind);
  for (const [name, kind] of USUAL) for (const port of chosen[name] ?? []) kinds.set(port, kind);
  // Port 0 is nobody's, and of VXLAN it would be the zero that ends the table.
  kinds.delete(0);
  if (kinds.size > WALK_PORTS_MOST)
    throw new ArgumentRangeError(
      "out-of-range",
      "tunnelPorts",
      `expected at most ${WALK_PORTS_MOST} ports, got ${kinds.size}`,
    );
  return [...kinds].map(
    ([port, kind]) => (((port & 0xff) << 8) | (port >>> 8) | (kind << WALK_PORT_KIND)) >>> 0,
  );
}
