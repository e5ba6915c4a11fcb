// VPCs, machines, moves and removals at random: frames come where the rules say, and the tables are what they must be.

import fc from "fast-check";
import { Cloud, Network, type Vpc, type VpcMachine } from "frameferry/overlay";
import { describe, expect, it } from "vitest";
import { expectConserved, sayHello, vnisSeen } from "./vpc-support.ts";

describe("random VPCs, machines, moves and removals", () => {
  type Step =
    | { readonly kind: "add"; readonly vpc: number; readonly host: number }
    | { readonly kind: "move"; readonly machine: number; readonly host: number }
    | { readonly kind: "remove"; readonly machine: number };
  const step: fc.Arbitrary<readonly [Step, number, number, boolean]> = fc.tuple(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant("add" as const), vpc: fc.nat(2), host: fc.nat(3) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant("move" as const), machine: fc.nat(), host: fc.nat(3) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), machine: fc.nat() }) },
    ),
    fc.nat(),
    fc.nat(),
    fc.boolean(),
  );

  it("delivers exactly where the rules say, and nowhere else", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 25 }),
        fc.boolean(),
        async (steps, quiet) => {
          const world = await Network.create({ seed: 3, memoryBytes: 48 << 20 });
          const cloud = new Cloud(world, { hosts: [1, 2, 3, 4].map((i) => ({ name: `host-${i}` })) });
          // The same network in all, so that MACs and addresses are the same, too.
          const vpcs = ["red", "green", "blue"].map((name) =>
            cloud.createVpc({ name, cidr: "172.20.0.0/24", arpSuppression: quiet }),
          );
          const machines: VpcMachine[] = [];
          for (const [action, one, other, atOnce] of steps) {
            act(cloud, vpcs, machines, action);
            const from = machines[one % Math.max(1, machines.length)];
            // Often the one that has just moved.
            const moved = action.kind === "move" && other % 2 === 0 ? action.machine : other;
            const to = machines[moved % Math.max(1, machines.length)];
            if (from === undefined || to === undefined || from === to) continue;
            // At once: while the announcement of a machine that has moved is still under way.
            if (!atOnce) world.run();
            const hello = sayHello(world, from.machine, to.address);
            const target = from.vpc.machines().find(({ address }) => address === to.address);
            const reachable = target !== undefined && target !== from;
            if (from.vpc === to.vpc) expect(target).toBe(to);
            expect(hello.at).toEqual(reachable ? [target.name] : []);
            if (target !== from) expect(hello.replies).toBe(reachable ? 1 : 0);
            expectConserved(world);
            expectTables(cloud);
            if (atOnce) continue;
            const tenants = new Set(from.vpc.machines().map(({ name }) => name));
            for (const name of hello.touched) expect(tenants).toContain(name);
            for (const vnis of vnisSeen(hello.hops, "underlay")) expect(vnis).toBe(String(from.vpc.vni));
            expectConserved(world);
            expectTables(cloud);
          }
          world.close();
        },
      ),
      { numRuns: 60, seed: 20_260_501 },
    );
  });

  function act(cloud: Cloud, vpcs: readonly Vpc[], machines: VpcMachine[], action: Step): void {
    if (action.kind === "add") {
      machines.push(cloud.addMachine({ vpc: vpcs[action.vpc] as Vpc, host: `host-${action.host + 1}` }));
      return;
    }
    if (machines.length === 0) return;
    const index = action.machine % machines.length;
    const machine = machines[index] as VpcMachine;
    if (action.kind === "move") cloud.moveMachine(machine, `host-${action.host + 1}`);
    else {
      cloud.removeMachine(machine);
      machines.splice(index, 1);
    }
  }

  /** Hosts have the VPCs of their machines, tunnels to those who share one, and know of no MAC what is not so. */
  function expectTables(cloud: Cloud): void {
    for (const { name, node } of cloud.hosts()) {
      const here = cloud.vpcs().filter((vpc) => vpc.machines().some(({ host }) => host === name));
      const names = (things: readonly { name: string }[]): string[] =>
        things.map((thing) => thing.name).sort();
      expect(names(node.core.bridgeDomains())).toEqual(names(here));
      const remotes = new Set(here.flatMap((vpc) => vpc.machines().map(({ host }) => host)));
      remotes.delete(name);
      const ports = node.core.ports().filter(({ kind }) => kind === "tunnel");
      expect(names(ports)).toEqual([...remotes].map((remote) => `to-${remote}`).sort());
      for (const { bridgeDomain, mac, port } of node.core.fdb.entries()) {
        const machine = cloud
          .vpcs()
          .find((vpc) => vpc.name === bridgeDomain.name)
          ?.machine(mac);
        expect(machine, `${mac} on ${name}`).toBeDefined();
        expect(port?.name).toBe(machine?.host === name ? machine.name : `to-${machine?.host}`);
      }
    }
  }
});
