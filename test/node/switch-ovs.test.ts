// The switch and Open vSwitch side by side: the same ports, the same frames, the same clock. What leaves which port must
// be the same to the byte, and so must be what both know.
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { type Kernels, loadKernels } from "frameferry";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type AddressTable,
  type BridgePort,
  type BridgeUnderTest,
  type LeavingFrame,
  missingOvsProgram,
  OpenVSwitch,
} from "../support/ovs.ts";
import {
  type FramePlan,
  fewestSteps,
  makeFrame,
  type Step,
  scenario,
  showFrame,
  showScenario,
} from "../support/ovs-traffic.ts";
import { SwitchTwin } from "../support/ovs-twin.ts";

const TABLE = { ageSeconds: 20, capacity: 1024 };
const BROADCAST = "ff:ff:ff:ff:ff:ff";
/** For slow machines: when nothing more is begun. */
const MILLISECONDS = 20_000;
const missing = missingOvsProgram();
const title =
  missing === undefined ? "beside Open vSwitch" : `beside Open vSwitch: there is no ${missing} here`;

describe.skipIf(missing !== undefined)(title, () => {
  let kernels: Kernels;
  let ovs: OpenVSwitch;
  beforeAll(async () => {
    kernels = await loadKernels();
    ovs = await OpenVSwitch.start();
  });
  afterAll(() => ovs?.stop());

  /** Lets both do the same, side by side, until they differ. */
  async function play(
    ports: readonly BridgePort[],
    steps: readonly Step[],
    table: AddressTable = TABLE,
  ): Promise<Played> {
    await ovs.replaceBridge(ports, table);
    const twin = new SwitchTwin(kernels, ports, table);
    const played: Played = { steps: 0, arrived: 0, left: 0, last: [NOTHING, NOTHING] };
    try {
      for (const step of steps) {
        played.last = [await takeStep(twin, step), await takeStep(ovs, step)];
        const [ours, theirs] = played.last;
        played.steps += 1;
        played.arrived += step.kind === "burst" ? step.arrivals.length : 0;
        played.left += theirs.left.length;
        if (!isDeepStrictEqual(ours, theirs)) break;
      }
    } finally {
      twin.close();
    }
    return played;
  }

  const differ = ({ last: [ours, theirs] }: Played): boolean => !isDeepStrictEqual(ours, theirs);

  test("random bridges, frames, moves, ageing", async () => {
    const end = Date.now() + MILLISECONDS;
    let arrived = 0;
    let left = 0;
    for (const { ports, steps } of fc.sample(scenario, { seed: 4001, numRuns: 40 })) {
      const played = await play(ports, steps);
      arrived += played.arrived;
      left += played.left;
      if (differ(played)) {
        const fails = async (some: readonly Step[]): Promise<boolean> => differ(await play(ports, some));
        const fewest = await fewestSteps(steps.slice(0, played.steps), fails, MILLISECONDS / 2);
        const [ours, theirs] = (await play(ports, fewest)).last;
        expect(ours, showScenario({ ports, steps: fewest })).toEqual(theirs);
      }
      if (Date.now() > end) break;
    }
    expect(arrived).toBeGreaterThan(2000);
    expect(left).toBeGreaterThan(arrived / 3);
  });

  test("a full table: the port that has most gives up what it learned first", async () => {
    const table = { ...TABLE, capacity: 16 };
    const ports = [{ untagged: 10 }, { untagged: 10 }, { untagged: 10 }];
    // Ports 2 and 3 stay below port 1, so that there is no draw, and nobody is seen twice: which one then goes, of
    // those that are as old or as often seen, is not the same question to both.
    const sources = [2, 2, 2, 2, 3, 3, ...Array<number>(40).fill(1), 2, 3, 3, 1, 1, 1];
    const steps = sources.map((port, index): Step => {
      const source = `02:00:00:00:00:${(16 + index).toString(16)}`;
      const frame = makeFrame({ destination: BROADCAST, source, etherType: 0x0800, length: 60 });
      return { kind: "burst", arrivals: [{ port, frame }] };
    });
    const played = await play(ports, steps, table);
    const [ours, theirs] = played.last;
    expect(ours, `step ${played.steps} of ${steps.length}`).toEqual(theirs);
    expect(theirs.addresses).toHaveLength(16);
    expect(theirs.addresses.filter((line) => line.includes("at port 1"))).toHaveLength(7);
  });

  const TRUNKS = [{ trunk: [10] }, { trunk: [10] }];
  const ACCESS = [{ untagged: 10 }, { untagged: 10 }];

  test.each<Difference>([
    {
      name: "a source that is a group: they forward it without learning",
      ports: ACCESS,
      frame: { source: "03:00:00:00:00:01" },
      ours: [],
      theirs: ["2: 0800 00000000"],
    },
    {
      name: "a source of zero: they forward and learn it",
      ports: ACCESS,
      frame: { source: "00:00:00:00:00:00" },
      ours: [],
      theirs: ["2: 0800 00000000"],
    },
    ...[
      "01:00:0c:cc:cc:cc",
      "01:00:0c:cc:cc:cd",
      "01:00:0c:cd:cd:cd",
      "01:00:0c:00:00:00",
      "00:e0:2b:00:00:00",
    ].map((destination) => ({
      name: `the protocols of other makers, ${destination}: they drop them`,
      ports: ACCESS,
      frame: { destination },
      ours: ["2: 0800 00000000"],
      theirs: [],
    })),
    {
      name: "TPID 0x9100 on an access port: not a tag to them",
      ports: ACCESS,
      frame: { tag: { tpid: 0x9100, vid: 10, priority: 0 } },
      ours: [],
      theirs: ["2: 9100 000a0800"],
    },
    {
      name: "TPID 0x9100 on a trunk: an untagged frame to them",
      ports: TRUNKS,
      frame: { tag: { tpid: 0x9100, vid: 10, priority: 0 } },
      ours: ["2: 9100 000a0800"],
      theirs: [],
    },
    {
      name: "DEI: they clear it in tags they write",
      ports: [ACCESS[0]!, TRUNKS[1]!],
      frame: { tag: { tpid: 0x8100, vid: 0x1000, priority: 5 } },
      ours: ["2: 8100 b00a0800"],
      theirs: ["2: 8100 a00a0800"],
    },
    {
      name: "MTU: they allow for a tag of 0x8100 only",
      ports: [TRUNKS[0]!, { ...TRUNKS[1]!, mtu: 300 }],
      frame: { tag: { tpid: 0x88a8, vid: 10, priority: 0 }, length: 318 },
      ours: ["2: 88a8 000a0800"],
      theirs: [],
    },
    {
      name: "MTU: they allow for a tag that came as the second",
      ports: [TRUNKS[0]!, { ...ACCESS[1]!, mtu: 300 }],
      frame: { tag: { tpid: 0x8100, vid: 10, priority: 0 }, etherType: 0x8100, length: 322 },
      ours: [],
      theirs: ["2: 8100 00000000"],
    },
    {
      name: "the source of a static entry on another port: they forward it",
      ports: ACCESS,
      before: [{ kind: "static", port: 2, vlan: 10, mac: "02:00:00:00:00:01" }],
      frame: {},
      ours: [],
      theirs: ["2: 0800 00000000"],
    },
  ])("differs on purpose: $name", async ({ ports, before = [], frame, ours, theirs }) => {
    const plan = { destination: BROADCAST, source: "02:00:00:00:00:01", etherType: 0x0800, length: 60 };
    const bytes = makeFrame({ ...plan, ...frame });
    const steps: Step[] = [...before, { kind: "burst", arrivals: [{ port: 1, frame: bytes }] }];
    const { last } = await play(ports, steps);
    expect(last.map(({ left }) => left.map(typeAndTag))).toEqual([ours, theirs]);
  });
});

interface Difference {
  readonly name: string;
  readonly ports: readonly BridgePort[];
  readonly before?: readonly Step[];
  readonly frame: Partial<FramePlan>;
  /** What leaves: the port, and six bytes from the place of the tag. */
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

/** What came of a step, as text that shows well in a failure. */
interface Outcome {
  /** By port, and in order on each. */
  readonly left: readonly string[];
  readonly addresses: readonly string[];
}
const NOTHING: Outcome = { left: [], addresses: [] };

interface Played {
  /** How many steps both did; they were the same in all but maybe the last. */
  steps: number;
  arrived: number;
  left: number;
  /** Ours and theirs. */
  last: readonly [Outcome, Outcome];
}

async function takeStep(bridge: BridgeUnderTest, step: Step): Promise<Outcome> {
  let left: LeavingFrame[] = [];
  if (step.kind === "burst") left = await bridge.receive(step.arrivals);
  else if (step.kind === "pass") await bridge.passSeconds(step.seconds);
  else if (step.kind === "static") await bridge.addStatic(step.port, step.vlan, step.mac);
  else await bridge.flush();
  const addresses = (await bridge.addresses()).map(
    ({ port, vlan, mac, age }) => `${mac} in VLAN ${vlan} at port ${port}, ${age ?? "static"}`,
  );
  return { left: left.sort((a, b) => a.port - b.port).map(showFrame), addresses: addresses.sort() };
}

/** Six bytes behind the addresses, of what showFrame() gives. */
function typeAndTag(shown: string): string {
  const [port, hex] = shown.split(": ");
  return `${port}: ${hex!.slice(24, 28)} ${hex!.slice(28, 36)}`;
}
