// Two racks whose switches (TORs) are the ends of a VXLAN tunnel, with an IP network between them: the machines of
// both racks believe that they share one switch.

import { formatMac } from "../core/addresses.ts";
import { checkFields, type Fields, flag, whole } from "../core/fields.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import type { Link } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { SwitchNode } from "./switch-node.ts";

export interface TwoTorsOptions {
  /** 0 to 16,777,215, default 1,000. */
  readonly vni?: number | undefined;
  /** Machines in each rack, 1 to 100. Default 2. */
  readonly machines?: number | undefined;
  /** Whether all links keep what goes over them. Default false. */
  readonly capture?: boolean | undefined;
}

type Defaults = "vni" | "machines" | "capture";

const TORS_FIELDS: Fields<TwoTorsOptions, Defaults> = {
  vni: { ...whole(0, VNI_MAXIMUM), fallback: 1000 },
  machines: { ...whole(1, 100), fallback: 2 },
  capture: { ...flag(), fallback: false },
};

export interface TwoTors {
  /** The rack of VTEP 1.1.1.1 and the rack of VTEP 2.2.2.2. */
  readonly tors: readonly [SwitchNode, SwitchNode];
  /** The IP network between them: a router. */
  readonly between: SwitchNode;
  /** From each TOR to the router. */
  readonly uplinks: readonly [Link, Link];
  readonly machines: readonly [readonly Machine[], readonly Machine[]];
}

const VTEPS = ["1.1.1.1", "2.2.2.2"] as const;
const GATEWAYS = ["1.1.1.254/24", "2.2.2.254/24"] as const;
const NAMES = ["left", "right"] as const;

/**
 * Builds two racks. Switches are called `tor-left`, `tor-right` and `between`, machines `left-1`, `right-1`, ..., and
 * links like the machine or TOR at their lower end; machines have addresses in 10.0.0.0/24.
 */
export function twoTors(network: Network, options: TwoTorsOptions = {}): TwoTors {
  const checked = checkFields<TwoTorsOptions, Defaults>("options", TORS_FIELDS, options);
  const { vni, machines: count, capture } = checked;
  const between = network.addSwitch("between", { ports: 2, bridgeDomains: 2 });
  const router = between.core.addRouter({ routes: 16 });
  const racks = [0, 1].map((side) => {
    const name = NAMES[side] as string;
    const address = VTEPS[side] as string;
    const mac = formatMac(Uint8Array.of(2, 1, 0, 0, 0, side + 1));
    const gatewayMac = formatMac(Uint8Array.of(2, 2, 0, 0, 0, side + 1));
    const bridgeDomain = between.core.addBridgeDomain({ name });
    // A carrier of 50 bytes around machines' packets of 1,500.
    router.addInterface({ bridgeDomain, mac: gatewayMac, addresses: [GATEWAYS[side] as string], mtu: 1600 });
    between.core.addNeighbour({ bridgeDomain, ip: address, mac });
    const port = between.core.addPort({ name, bridgeDomain });

    const tor = network.addSwitch(`tor-${name}`, {
      ports: count + 1,
      bridgeDomains: 1,
      vtep: { address, mac },
    });
    const rack = tor.core.addBridgeDomain({ name: "rack", vni });
    const remote = VTEPS[1 - side] as string;
    tor.core.addTunnel({
      name: "tunnel",
      kind: "vxlan",
      remote,
      remoteMac: gatewayMac,
      bridgeDomains: [rack],
    });
    const uplink = network.connect(tor.at(), between.at(port), { name: tor.name, capture });
    const machines = Array.from({ length: count }, (_, i) => {
      const number = 100 * side + i + 1;
      const machine = network.addMachine(`${name}-${i + 1}`, {
        mac: Uint8Array.of(2, 0, 0, 0, 0, number),
        ip: `10.0.0.${number}/24`,
      });
      const access = tor.core.addPort({ name: machine.name, bridgeDomain: rack });
      network.connect(machine.nic, tor.at(access), { name: machine.name, capture });
      return machine;
    });
    return { tor, uplink, machines };
  });
  const [left, right] = racks as [(typeof racks)[number], (typeof racks)[number]];
  return {
    tors: [left.tor, right.tor],
    between,
    uplinks: [left.uplink, right.uplink],
    machines: [left.machines, right.machines],
  };
}
