// What stands in a laboratory: nodes with what they are in it, and the links between them.

/** Nodes as { name, kind, role, group, address }, links as { name, ends } with the lower end first, groups by name. */
export function describe(topology, lab) {
  const known = rolesOf(topology, lab);
  const nodes = lab.network.nodes().map(({ name, kind, ip }) => {
    const { role = kind, group, address } = known.get(name) ?? {};
    return { name, kind, role, group, address: ip ?? address };
  });
  const links = lab.network
    .links()
    .map(({ name, ends }) => ({ name, ends: ends.map(({ node }) => node.name) }));
  return { nodes, links, groups: [...new Set(nodes.flatMap(({ group }) => group ?? []))] };
}

function rolesOf({ hosts = [], vpcs = [], clouds = [], clusters = [], office }, lab) {
  const roles = new Map();
  const addAll = (list, role, group) => {
    for (const { name, address } of list) roles.set(name, { role, group, address });
  };
  const addVpcs = (list) => {
    for (const { name, machines = [] } of list) addAll(machines, "machine", name);
  };
  const plan = lab.dataCentre?.plan;
  for (const { name, role } of plan?.switches ?? []) roles.set(name, { role });
  for (const rack of plan?.racks ?? []) addAll(rack.hosts, "host");
  addAll(hosts, "host");
  addVpcs(vpcs);
  for (const cloud of clouds) {
    addAll(cloud.hosts, "host", cloud.vpc);
    addVpcs(cloud.vpcs);
  }
  for (const { name, nodes, pods = [] } of clusters) {
    // A tenant is a VPC; a cluster that stands in none is one itself.
    const group = nodes[0]?.vpc ?? name;
    addAll(nodes, "node", group);
    addAll(pods, "pod", group);
  }
  if (office !== undefined)
    for (const { name } of lab.machines())
      if (!roles.has(name)) roles.set(name, { role: "machine", group: name.replace(/-\d+$/, "") });
  return roles;
}
