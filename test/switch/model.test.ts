// Random switches and random histories: the core does what the model does, and everything that can be seen
// of the two is equal after every step.
import fc from "fast-check";
import { type Kernels, loadKernels } from "frameferry";
import { beforeAll, describe, it } from "vitest";
import { SwitchModel } from "../support/switch-model.ts";
import { type SwitchRecipe, stepRecipe, switchRecipe } from "../support/switch-recipes.ts";
import { SwitchRun, settingsOf } from "../support/switch-run.ts";
import { coreSubject } from "../support/switch-subject.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

function check(
  seed: number,
  numRuns: number,
  maxLength: number,
  narrow: (recipe: SwitchRecipe) => SwitchRecipe,
) {
  fc.assert(
    fc.property(
      switchRecipe,
      fc.array(stepRecipe, { minLength: 1, maxLength, size: "max" }),
      (recipe, steps) => {
        const narrowed = narrow(recipe);
        const settings = settingsOf(narrowed);
        const subject = coreSubject(kernels, settings, { frames: 40 });
        try {
          const run = new SwitchRun(narrowed, new SwitchModel(settings), subject);
          for (const step of steps) run.do(step);
        } finally {
          subject.close();
        }
      },
    ),
    { seed, numRuns },
  );
}

describe("the core does what the model does", () => {
  it("with any switch", () => check(4001, 150, 30, (recipe) => recipe));

  it("with a full FDB that evicts", () =>
    check(4002, 60, 25, (recipe) => ({
      ...recipe,
      capacity: 4 + (recipe.capacity % 9),
      whenFull: "evict",
      hosts: 80,
      domains: recipe.domains.map((domain) => ({ ...domain, learning: true, fdbLimit: undefined })),
    })));

  it("with a full FDB that refuses", () =>
    check(4003, 40, 25, (recipe) => ({
      ...recipe,
      capacity: 4 + (recipe.capacity % 9),
      whenFull: "forward",
      hosts: 80,
    })));

  it("as a VTEP over IPv4 with tunnels and access ports", () => check(4004, 60, 20, vtep("ipv4")));

  it("as a VTEP over IPv6 with tunnels and access ports", () => check(4006, 60, 20, vtep("ipv6")));

  it("with trunks between them", () =>
    check(4005, 60, 20, (recipe) => ({
      ...recipe,
      domains: recipe.domains.map((domain) => ({ ...domain, dropUnknown: false })),
      ports: recipe.ports.map((port) => ({ ...port, kind: "trunk", domains: 15, group: undefined })),
    })));

  it("with frames that come by no port", () =>
    check(4008, 40, 10, (recipe) => ({ ...recipe, strays: true })));

  it("over long histories of few ports and hosts", () =>
    check(4007, 12, 200, (recipe) => ({ ...recipe, hosts: 8, ports: recipe.ports.slice(0, 3) })));
});

function vtep(underlay: "ipv4" | "ipv6"): (recipe: SwitchRecipe) => SwitchRecipe {
  return (recipe) => ({
    ...recipe,
    underlay,
    domains: recipe.domains.map((domain) => ({ ...domain, vni: true })),
    ports: recipe.ports.map((port, i) => ({
      ...port,
      kind: i % 2 === 0 ? "tunnel" : "access",
      group: i % 3 === 0 ? undefined : 0,
    })),
  });
}
