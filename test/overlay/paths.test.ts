import fc from "fast-check";
import { PathGraph, type PathLink } from "frameferry/overlay";
import { describe, expect, it } from "vitest";

const link = (name: string, a: string, b: string): PathLink => ({ name, ends: [a, b] });

describe("shortest paths", () => {
  const square = [link("ab", "a", "b"), link("bd", "b", "d"), link("ac", "a", "c"), link("cd", "c", "d")];

  it("knows every link that begins one, in the order of the links", () => {
    const paths = new PathGraph(square).pathsTo("d");
    expect(paths.get("a")?.distance).toBe(2);
    expect(paths.get("a")?.steps.map(({ link: { name }, to }) => [name, to])).toEqual([
      ["ab", "b"],
      ["ac", "c"],
    ]);
    expect(paths.get("d")).toEqual({ distance: 0, steps: [] });
  });

  it("takes parallel links, one by one", () => {
    const paths = new PathGraph([link("one", "a", "b"), link("two", "b", "a")]).pathsTo("b");
    expect(paths.get("a")?.steps.map(({ link: { name } }) => name)).toEqual(["one", "two"]);
  });

  it("has nothing of nodes that cannot reach the target", () => {
    const paths = new PathGraph([...square, link("yz", "y", "z")]).pathsTo("d");
    expect([...paths.keys()].sort()).toEqual(["a", "b", "c", "d"]);
    expect([...new PathGraph([]).pathsTo("d").keys()]).toEqual(["d"]);
  });

  it("leads to and from a leaf, and not through it", () => {
    const graph = new PathGraph(square, ["b"]);
    expect(
      graph
        .pathsTo("d")
        .get("a")
        ?.steps.map(({ to }) => to),
    ).toEqual(["c"]);
    expect(graph.pathsTo("d").get("b")?.distance).toBe(1);
    expect(
      graph
        .pathsTo("b")
        .get("a")
        ?.steps.map(({ to }) => to),
    ).toEqual(["b"]);
    expect(new PathGraph(square.slice(0, 2), ["b"]).pathsTo("d").has("a")).toBe(false);
  });

  it("agrees with Floyd and Warshall on random networks", () => {
    const nodes = fc.integer({ min: 0, max: 7 });
    const links = fc
      .array(fc.tuple(nodes, nodes), { maxLength: 20 })
      .map((pairs) => pairs.map(([a, b], i) => link(`l${i}`, `n${a}`, `n${b}`)));
    const leaves = fc.uniqueArray(nodes, { maxLength: 2 }).map((list) => list.map((i) => `n${i}`));
    fc.assert(
      fc.property(links, leaves, (all, some) => {
        const graph = new PathGraph(all, some);
        for (let i = 0; i < 8; i++) expectPaths(all, some, `n${i}`, graph.pathsTo(`n${i}`));
      }),
      { seed: 20260105, numRuns: 300 },
    );
  });
});

function expectPaths(
  links: readonly PathLink[],
  leaves: readonly string[],
  target: string,
  found: ReturnType<PathGraph["pathsTo"]>,
): void {
  const names = Array.from({ length: 8 }, (_, i) => `n${i}`);
  const distance = new Map<string, number>();
  const get = (a: string, b: string): number => distance.get(`${a} ${b}`) ?? Number.POSITIVE_INFINITY;
  for (const name of names) distance.set(`${name} ${name}`, 0);
  for (const { ends } of links) {
    const [a, b] = ends;
    if (a === b) continue;
    distance.set(`${a} ${b}`, 1);
    distance.set(`${b} ${a}`, 1);
  }
  for (const through of names) {
    if (leaves.includes(through)) continue;
    for (const a of names)
      for (const b of names)
        distance.set(`${a} ${b}`, Math.min(get(a, b), get(a, through) + get(through, b)));
  }
  for (const name of names) {
    const expected = get(name, target);
    expect(found.get(name)?.distance ?? Number.POSITIVE_INFINITY).toBe(expected);
    if (expected === Number.POSITIVE_INFINITY || expected === 0) continue;
    const steps = links.flatMap((one) => {
      const { ends } = one;
      const to = ends[0] === name ? ends[1] : ends[0];
      if (!ends.includes(name) || to === name) return [];
      const good = to === target || (!leaves.includes(to) && get(to, target) === expected - 1);
      return good ? [{ link: one, to }] : [];
    });
    expect(found.get(name)?.steps).toEqual(steps);
  }
}
