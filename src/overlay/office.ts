// An office: departments mixed over the ports of some switches, kept apart by VLANs, with trunks between the switches.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wholeNumber } from "../core/arguments.ts";
import { checkFields, type Fields, flag, given, list, object, text, whole } from "../core/fields.ts";
import type { BridgeDomain } from "../switch/switch-types.ts";
import type { Link } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { SwitchNode } from "./switch-node.ts";

/** Where somebody sits. */
export interface Desk {
  readonly department: string;
  /** Number of the switch, from 0. */
  readonly switch: number;
}

export interface OfficeOptions {
  /** Each department's VLAN, 1 to 4,094. Default Sales 10, Accounting 20, Research 30. */
  readonly departments?: Readonly<Record<string, number>> | undefined;
  /** How many switches there are, 1 to 64, in a row. Default 2. */
  readonly switches?: number | undefined;
  /** Who sits where. Default: two of each department at each switch, departments mixed. */
  readonly placement?: readonly Desk[] | undefined;
  /** Whether all links keep what goes over them. Default false. */
  readonly capture?: boolean | undefined;
}

export interface Office {
  readonly switches: readonly SwitchNode[];
  /** The links between switches, which alone carry tags. */
  readonly trunks: readonly Link[];
  /** The machines of each department; the order is that of `placement`. Their links are named like they are. */
  readonly departments: ReadonlyMap<string, readonly Machine[]>;
}

const SWITCHES_MAXIMUM = 64;

type Defaults = "departments" | "switches" | "capture";

const DESK_FIELDS: Fields<Desk, "department" | "switch"> = {
  department: { ...text(), required: true },
  switch: { ...whole(0, SWITCHES_MAXIMUM - 1), required: true },
};

const OFFICE_FIELDS: Fields<OfficeOptions, Defaults> = {
  departments: { ...given("VLANs by department"), fallback: { Sales: 10, Accounting: 20, Research: 30 } },
  switches: { ...whole(1, SWITCHES_MAXIMUM), fallback: 2 },
  placement: list(object<Desk, "department" | "switch">(DESK_FIELDS)),
  capture: { ...flag(), fallback: false },
};

/**
 * Builds an office. Switches are called `office-1`, ..., machines like `sales-1`; department number n has the network
 * 192.168.n.0/24.
 */
export function office(network: Network, options: OfficeOptions = {}): Office {
  const checked = checkFields<OfficeOptions, Defaults>("options", OFFICE_FIELDS, options);
  const { departments: vlans, switches: count, capture } = checked;
  const names = Object.keys(vlans);
  if (names.length === 0)
    throw new ArgumentRangeError("out-of-range", "departments", "expected at least one, got none");
  for (const name of names) wholeNumber(`departments.${name}`, vlans[name], 1, 4094);
  if (new Set(Object.values(vlans)).size < names.length)
    throw new ArgumentRangeError("taken", "departments", "two of them have the same VLAN");
  const placement = checked.placement ?? mixed(names, count);
  placement.forEach((desk, i) => {
    if (!Object.hasOwn(vlans, desk.department))
      throw new ArgumentRangeError(
        "not-found",
        `placement[${i}].department`,
        `there is no ${JSON.stringify(desk.department)}`,
      );
    wholeNumber(`placement[${i}].switch`, desk.switch, 0, count - 1);
  });
  const nodes: SwitchNode[] = [];
  const domains: Map<string, BridgeDomain>[] = [];
  for (let i = 0; i < count; i++) {
    const seats = placement.filter((desk) => desk.switch === i).length;
    const node = network.addSwitch(`office-${i + 1}`, { ports: seats + 2, bridgeDomains: names.length });
    nodes.push(node);
    domains.push(new Map(names.map((name) => [name, node.core.addBridgeDomain({ name })])));
  }
  const tagged = (i: number): [number, BridgeDomain][] =>
    names.map((name) => [vlans[name] as number, domains[i]?.get(name) as BridgeDomain]);
  const trunks: Link[] = [];
  for (let i = 0; i + 1 < count; i++) {
    const [left, right] = [nodes[i] as SwitchNode, nodes[i + 1] as SwitchNode];
    const up = left.core.addPort({ name: "trunk-right", vlans: tagged(i) });
    const down = right.core.addPort({ name: "trunk-left", vlans: tagged(i + 1) });
    trunks.push(network.connect(left.at(up), right.at(down), { name: `trunk-${i + 1}`, capture }));
  }
  const departments = new Map<string, Machine[]>(names.map((name) => [name, []]));
  for (const desk of placement) {
    const colleagues = departments.get(desk.department) as Machine[];
    const department = names.indexOf(desk.department) + 1;
    const number = wholeNumber(`placement: the people of ${desk.department}`, colleagues.length + 1, 1, 254);
    const name = `${desk.department.toLowerCase()}-${number}`;
    const mac = Uint8Array.of(2, 0, 0, 0, department, number);
    const machine = network.addMachine(name, { mac, ip: `192.168.${department}.${number}/24` });
    const node = nodes[desk.switch] as SwitchNode;
    const bridgeDomain = domains[desk.switch]?.get(desk.department) as BridgeDomain;
    network.connect(machine.nic, node.at(node.core.addPort({ name, bridgeDomain })), { name, capture });
    colleagues.push(machine);
  }
  return { switches: nodes, trunks, departments };
}

/** At each switch one of each department, and then one of each again. */
function mixed(names: readonly string[], switches: number): Desk[] {
  const seats: Desk[] = [];
  for (let i = 0; i < switches; i++)
    for (let round = 0; round < 2; round++)
      for (const department of names) seats.push({ department, switch: i });
  return seats;
}
