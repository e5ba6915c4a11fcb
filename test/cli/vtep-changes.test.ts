// What is done when a configuration is read again: nothing about what is the same, and all that hangs on what is not.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Changes, changesBetween, fixedDifference } from "../../build/js/src/cli/vtep-changes.js";
import type { VtepConfig } from "../../build/js/src/cli/vtep-config.js";

const EMPTY: VtepConfig = { vtep: { address: "10.0.0.1" }, bridgeDomains: [], ports: [] };

const BASE: VtepConfig = {
  ...EMPTY,
  bridgeDomains: [
    { name: "blue", vni: 1 },
    { name: "red", vni: 2 },
  ],
  ports: [
    { name: "a", bridgeDomain: "blue", tap: {} },
    { name: "b", vlans: { "10": "blue", "20": "red" }, tap: {} },
    { name: "c", bridgeDomain: "red", tap: { mtu: 1400 } },
  ],
  tunnels: [{ name: "t", remote: "10.0.0.2", bridgeDomains: ["blue", "red"] }],
  neighbours: [{ bridgeDomain: "red", ip: "192.168.0.1", mac: "02:00:00:00:00:01" }],
  routers: [
    { interfaces: [{ bridgeDomain: "blue", mac: "02:00:00:00:00:02", addresses: ["192.168.1.1/24"] }] },
  ],
  fdb: {
    entries: [
      { bridgeDomain: "blue", mac: "02:00:00:00:00:03", port: "a" },
      { bridgeDomain: "red", mac: "02:00:00:00:00:04", port: "t" },
      { bridgeDomain: "red", mac: "02:00:00:00:00:05", blackhole: true },
    ],
  },
};

/** By kind, the names or addresses of what goes and what comes. */
function told(changes: Changes): Record<string, [string[], string[]]> {
  const nameOf = (part: object): string => {
    const { name, mac, ip } = part as { name?: string; mac?: string; ip?: string };
    return name ?? ip ?? mac ?? "router";
  };
  const { memberships, ...kinds } = changes;
  const all: [string, [string[], string[]]][] = Object.entries(kinds).map(([kind, { gone, come }]) => [
    kind,
    [gone.map(nameOf), come.map(nameOf)],
  ]);
  for (const { tunnel, left, joined } of memberships) all.push([`in ${tunnel}`, [[...left], [...joined]]]);
  return Object.fromEntries(all.filter(([, [gone, come]]) => gone.length + come.length > 0));
}

test("nothing is done for the same, in whatever order its properties stand", () => {
  expect(told(changesBetween(BASE, structuredClone(BASE)))).toEqual({});
  const turned = {
    ...BASE,
    ports: [...BASE.ports].reverse().map((port) => Object.fromEntries(Object.entries(port).reverse())),
  } as unknown as VtepConfig;
  expect(told(changesBetween(BASE, turned))).toEqual({});
});

test.each<[string, Partial<VtepConfig>, ReturnType<typeof told>]>([
  [
    "a port that is gone",
    { ports: BASE.ports.slice(1) },
    { ports: [["a"], []], entries: [["02:00:00:00:00:03"], ["02:00:00:00:00:03"]] },
  ],
  [
    "a port that is new",
    { ports: [...BASE.ports, { name: "d", bridgeDomain: "red", tap: {} }] },
    { ports: [[], ["d"]] },
  ],
  [
    "a port that is plugged into something else",
    { ports: [BASE.ports[0]!, BASE.ports[1]!, { name: "c", bridgeDomain: "red", tap: { mtu: 1300 } }] },
    { ports: [["c"], ["c"]] },
  ],
  [
    "a tunnel that leaves a bridge domain",
    { tunnels: [{ name: "t", remote: "10.0.0.2", bridgeDomains: ["blue"] }] },
    { "in t": [["red"], []] },
  ],
  [
    "a tunnel to somebody else",
    { tunnels: [{ name: "t", remote: "10.0.0.3", bridgeDomains: ["blue", "red"] }] },
    { tunnels: [["t"], ["t"]], entries: [["02:00:00:00:00:04"], ["02:00:00:00:00:04"]] },
  ],
  [
    "a bridge domain with another VNI",
    { bridgeDomains: [BASE.bridgeDomains[0]!, { name: "red", vni: 3 }] },
    {
      domains: [["red"], ["red"]],
      ports: [
        ["b", "c"],
        ["b", "c"],
      ],
      "in t": [["red"], ["red"]],
      neighbours: [["192.168.0.1"], ["192.168.0.1"]],
      entries: [
        ["02:00:00:00:00:04", "02:00:00:00:00:05"],
        ["02:00:00:00:00:04", "02:00:00:00:00:05"],
      ],
    },
  ],
  [
    "no neighbours and routers",
    { neighbours: [], routers: [] },
    { neighbours: [["192.168.0.1"], []], routers: [["router"], []] },
  ],
])("%s", (_, part, expected) => {
  expect(told(changesBetween(BASE, { ...BASE, ...part }))).toEqual(expected);
});

test("what is done makes of the one configuration the other, whatever they are", () => {
  const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 });
  const configuration = names.chain((domains) =>
    fc.record({
      bridgeDomains: fc.constant(domains.map((name) => ({ name }))),
      ports: fc
        .uniqueArray(
          fc.record({
            name: fc.constantFrom("p", "q", "r"),
            bridgeDomain: fc.constantFrom(...domains),
            mtu: fc.constantFrom(1, 2),
          }),
          { selector: ({ name }) => name },
        )
        .map((ports) => ports.map(({ mtu, ...port }) => ({ ...port, tap: { mtu } }))),
      tunnels: fc.uniqueArray(
        fc.record({
          name: fc.constantFrom("t", "u"),
          remote: fc.constantFrom("10.0.0.2", "10.0.0.3"),
          bridgeDomains: fc.uniqueArray(fc.constantFrom(...domains), { minLength: 1 }),
        }),
        { selector: ({ name }) => name },
      ),
    }),
  );
  fc.assert(
    fc.property(configuration, configuration, (one, other) => {
      const before: VtepConfig = { ...EMPTY, ...one } as unknown as VtepConfig;
      const after: VtepConfig = { ...EMPTY, ...other } as unknown as VtepConfig;
      const { domains, ports, tunnels, memberships } = changesBetween(before, after);
      const there = new Map(before.tunnels!.map((tunnel) => [tunnel.name, tunnel]));
      const replaced = <T extends { name: string }>(
        all: readonly T[],
        { gone, come }: { gone: readonly T[]; come: readonly T[] },
      ): T[] => {
        const left = all.filter((part) => !gone.includes(part));
        expect(left.length).toBe(all.length - gone.length);
        return [...left, ...come].sort((a, b) => (a.name < b.name ? -1 : 1));
      };
      const byName = <T extends { name: string }>(all: readonly T[]): T[] =>
        [...all].sort((a, b) => (a.name < b.name ? -1 : 1));
      expect(replaced(before.bridgeDomains, domains)).toEqual(byName(after.bridgeDomains));
      expect(replaced(before.ports, ports)).toEqual(byName(after.ports));
      const joined = replaced(before.tunnels!, tunnels).map((tunnel) => {
        const { left = [], joined = [] } = memberships.find((each) => each.tunnel === tunnel.name) ?? {};
        if (there.get(tunnel.name) === tunnel)
          for (const name of left) expect(tunnel.bridgeDomains).toContain(name);
        return {
          ...tunnel,
          bridgeDomains: [...tunnel.bridgeDomains.filter((name) => !left.includes(name)), ...joined].sort(),
        };
      });
      expect(joined).toEqual(
        byName(after.tunnels!).map((tunnel) => ({
          ...tunnel,
          bridgeDomains: [...tunnel.bridgeDomains].sort(),
        })),
      );
      // A bridge domain that goes is in nothing any more.
      for (const { name } of domains.gone) {
        for (const port of before.ports)
          if (!ports.gone.includes(port)) expect(port).not.toMatchObject({ bridgeDomain: name });
      }
    }),
    { seed: 1601, numRuns: 500 },
  );
});

describe("what cannot change while it runs", () => {
  test.each<[string | undefined, Partial<VtepConfig>]>([
    [undefined, { fdb: { entries: [] }, ports: [] }],
    ["vtep", { vtep: { address: "10.0.0.9" } }],
    ["fdb", { fdb: { capacity: 9 } }],
    ["control", { control: "/run/other.sock" }],
  ])("%s", (name, part) => {
    expect(fixedDifference(BASE, { ...BASE, ...part })).toBe(name);
  });
});
