// Random bridges and what happens to them, for switches that are compared with Open vSwitch.
//
// Left out is what Open vSwitch does otherwise on purpose; the test of the differences shows each of these:
// - Sources that are groups or zero: it forwards such frames (and learns zero); we drop them.
// - Group addresses of other makers, such as 01:00:0c:cc:cc:cc: it drops them as it does 01:80:c2:00:00:00 to :0f.
// - TPID 0x9100: no tag to it.
// - DEI: it keeps its own mark in that bit, and clears it in every tag it writes.
// - Static entries: others may go on sending from such an address. Here they are destinations only.
// - MTU: it allows four bytes for the outermost tag that a frame leaves with, if its TPID is 0x8100; we allow them for
//   the outermost one that it came with, or gets. So frames with 0x88a8 or two tags are short here.
import fc from "fast-check";
import type { ArrivingFrame, BridgePort } from "./ovs.ts";

export type Step =
  | { readonly kind: "burst"; readonly arrivals: readonly ArrivingFrame[] }
  | { readonly kind: "pass"; readonly seconds: number }
  | { readonly kind: "flush" }
  | { readonly kind: "static"; readonly port: number; readonly vlan: number; readonly mac: string };

export interface Scenario {
  readonly ports: readonly BridgePort[];
  readonly steps: readonly Step[];
}

/** The most bytes a frame has before a tag is put on. */
const FRAME_MAXIMUM = 1530;
const TPID_C = 0x8100;
const TPID_S = 0x88a8;
const MTUS = [300, 576, 1500];
/** Frames with tags that Open vSwitch counts otherwise stay below all of these. */
const SHORT_MAXIMUM = 300;

/** Few, so that they are met again and move often. */
const STATIONS = [
  "02:00:00:00:00:01",
  "02:00:00:00:00:02",
  "02:00:00:00:01:01",
  "06:11:22:33:44:55",
  "00:1b:21:aa:bb:cc",
  "00:00:00:00:00:01",
  "fe:ff:ff:ff:ff:ff",
  "52:54:00:12:34:56",
];
/** They never send; some are told to the switch. */
const SILENT = ["02:00:00:00:00:f1", "02:00:00:00:00:f2", "00:1b:21:aa:bb:cd"];
const GROUPS = [
  "01:00:5e:00:00:fb",
  "33:33:00:00:00:01",
  "03:00:00:00:00:01",
  "01:80:c2:00:00:10",
  "01:80:c2:00:00:21",
  "09:00:2b:00:00:05",
];
const ETHER_TYPES = [0x0800, 0x0806, 0x86dd, 0x88cc, 0x8809, 0x0600, 0x002e, 0xffff];

const of = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const seldom = of([false, false, false, true]);

/** A port by numbers, which are taken modulo what there is. */
const portRecipe = fc.record({
  trunk: fc.boolean(),
  vlans: fc.integer({ min: 0, max: 31 }),
  native: fc.option(fc.nat(4), { freq: 2 }),
  vlan: fc.nat(4),
  protected: seldom,
  noFlood: seldom,
  mtu: of([1500, 1500, 1500, ...MTUS]),
});
type PortRecipe = typeof portRecipe extends fc.Arbitrary<infer T> ? T : never;

function makePort(recipe: PortRecipe, vlans: readonly number[]): BridgePort {
  const common = { protected: recipe.protected, flood: !recipe.noFlood, mtu: recipe.mtu };
  if (!recipe.trunk) return { ...common, untagged: pick(vlans, recipe.vlan) };
  const chosen = vlans.filter((_, index) => (recipe.vlans >> index) & 1 || index === recipe.vlan);
  const trunk = chosen.length > 0 ? chosen : vlans;
  const port: BridgePort = { ...common, trunk };
  return recipe.native === null ? port : { ...port, untagged: pick(trunk, recipe.native) };
}

const tagRecipe = fc.record({
  // What the port expects, mostly.
  choice: fc.oneof(
    { weight: 14, arbitrary: fc.constant("fits" as const) },
    { weight: 2, arbitrary: fc.constant("priority" as const) },
    { weight: 3, arbitrary: of(["untagged", "bridge", "any"] as const) },
  ),
  vlan: fc.nat(4),
  any: fc.nat(4095),
  priority: fc.nat(7),
  tpid: of([TPID_C, TPID_C, TPID_C, TPID_C, TPID_S]),
});
type TagRecipe = typeof tagRecipe extends fc.Arbitrary<infer T> ? T : never;

/** The tag of a frame for this port, or nothing. */
function makeTag(recipe: TagRecipe, port: BridgePort, vlans: readonly number[]): Tag | undefined {
  const tag = (vid: number): Tag => ({ tpid: recipe.tpid, vid, priority: recipe.priority });
  switch (recipe.choice) {
    case "untagged":
      return undefined;
    case "priority":
      return tag(0);
    case "bridge":
      return tag(pick(vlans, recipe.vlan));
    case "any":
      return tag(recipe.any);
    case "fits": {
      if (port.trunk === undefined) return undefined;
      const vid = pick(port.trunk, recipe.vlan);
      // Half of a native VLAN's frames come with its tag.
      return vid === port.untagged && recipe.priority < 4 ? undefined : tag(vid);
    }
  }
}

interface Tag {
  readonly tpid: number;
  readonly vid: number;
  readonly priority: number;
}

const destination = fc.oneof(
  { weight: 12, arbitrary: of(STATIONS) },
  { weight: 2, arbitrary: of(SILENT) },
  { weight: 2, arbitrary: fc.constant("ff:ff:ff:ff:ff:ff") },
  { weight: 2, arbitrary: of(GROUPS) },
  { weight: 1, arbitrary: fc.nat(15).map((last) => `01:80:c2:00:00:0${last.toString(16)}`) },
);
const frameLength = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 60, max: 128 }) },
  { weight: 1, arbitrary: fc.integer({ min: 14, max: 22 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60, max: FRAME_MAXIMUM }) },
  // Around the limits, with a tag and without.
  {
    weight: 2,
    arbitrary: fc.tuple(of(MTUS), fc.integer({ min: 12, max: 20 })).map(([mtu, more]) => mtu + more),
  },
);
const arrivalRecipe = fc.record({
  port: fc.nat(7),
  destination,
  source: of(STATIONS),
  tag: tagRecipe,
  // Another tag behind the tag, or one of any VID where there should be none.
  etherType: fc.oneof(
    { weight: 15, arbitrary: of(ETHER_TYPES) },
    { weight: 1, arbitrary: of([TPID_C, TPID_S]) },
  ),
  length: frameLength,
});
type ArrivalRecipe = typeof arrivalRecipe extends fc.Arbitrary<infer T> ? T : never;

function makeArrival(
  recipe: ArrivalRecipe,
  ports: readonly BridgePort[],
  vlans: readonly number[],
  fill: number,
): ArrivingFrame {
  const number = 1 + (recipe.port % ports.length);
  const tag = makeTag(recipe.tag, ports[number - 1]!, vlans);
  const { destination, source, etherType } = recipe;
  const tags = [tag?.tpid, etherType].filter((type) => type === TPID_C || type === TPID_S);
  const counted = tags.length === 0 || (tags.length === 1 && tags[0] === TPID_C);
  const length = counted ? recipe.length : Math.min(recipe.length, SHORT_MAXIMUM);
  return { port: number, frame: makeFrame({ destination, source, tag, etherType, length, fill }) };
}

export interface FramePlan {
  readonly destination: string;
  readonly source: string;
  readonly tag?: Tag | undefined;
  readonly etherType: number;
  /** In bytes, the tag among them; what does not fit is cut off. */
  readonly length: number;
  /** What stands behind the EtherType, so that no two frames are the same; without it, zero. */
  readonly fill?: number;
}

export function makeFrame({ destination, source, tag, etherType, length, fill }: FramePlan): Uint8Array {
  const octets = [destination, source].flatMap((mac) =>
    mac.split(":").map((octet) => Number.parseInt(octet, 16)),
  );
  if (tag !== undefined) octets.push(...word(tag.tpid), ...word((tag.priority << 13) | tag.vid));
  octets.push(...word(etherType));
  const frame = new Uint8Array(length);
  frame.set(octets.slice(0, length));
  for (let at = octets.length; at < length; at += 1) frame[at] = fill === undefined ? 0 : fill + at;
  return frame;
}

const stepRecipe = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("burst" as const),
      arrivals: fc.array(arrivalRecipe, { minLength: 1, maxLength: 24, size: "max" }),
    }),
  },
  // Entries live for 20 seconds.
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 22 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("static" as const),
      port: fc.nat(7),
      vlan: fc.nat(4),
      mac: of(SILENT),
    }),
  },
);
type StepRecipe = typeof stepRecipe extends fc.Arbitrary<infer T> ? T : never;

/** A bridge of 2 to 8 ports in 1 to 5 VLANs, and what comes in, is told and forgotten. */
export const scenario: fc.Arbitrary<Scenario> = fc
  .record({
    vlans: fc.uniqueArray(fc.integer({ min: 1, max: 4094 }), { minLength: 1, maxLength: 5, size: "max" }),
    ports: fc.array(portRecipe, { minLength: 2, maxLength: 8, size: "max" }),
    steps: fc.array(stepRecipe, { maxLength: 60, size: "max" }),
  })
  .map(({ vlans, ports: recipes, steps }) => {
    const ports = recipes.map((recipe) => makePort(recipe, vlans));
    let fill = 0;
    const makeStep = (step: StepRecipe): Step => {
      if (step.kind === "burst") {
        const arrivals = step.arrivals.map((recipe) => makeArrival(recipe, ports, vlans, fill++));
        return { kind: "burst", arrivals };
      }
      if (step.kind !== "static") return step;
      const number = 1 + (step.port % ports.length);
      const { trunk, untagged } = ports[number - 1]!;
      const vlan = trunk === undefined ? untagged! : pick(trunk, step.vlan);
      return { kind: "static", port: number, vlan, mac: step.mac };
    };
    return { ports, steps: steps.map(makeStep) };
  });

/** Leaves steps out as long as the rest still fails, and gives what is left after at most `milliseconds`. */
export async function fewestSteps(
  steps: readonly Step[],
  fail: (steps: readonly Step[]) => Promise<boolean>,
  milliseconds: number,
): Promise<readonly Step[]> {
  const end = Date.now() + milliseconds;
  const single = steps.flatMap((step): Step[] =>
    step.kind === "burst" ? step.arrivals.map((arrival) => ({ kind: "burst", arrivals: [arrival] })) : [step],
  );
  // What fails only within a burst stays in bursts.
  let fewest = (await fail(single)) ? single : steps;
  for (let size = fewest.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < fewest.length && Date.now() < end; ) {
      const fewer = fewest.toSpliced(at, size);
      if (await fail(fewer)) fewest = fewer;
      else at += size;
    }
  }
  return fewest;
}

export function showScenario({ ports, steps }: Scenario): string {
  const ofPorts = ports.map((port, index) => `port ${index + 1} ${JSON.stringify(port)}`);
  const ofSteps = steps.map((step) =>
    step.kind === "burst" ? step.arrivals.map(showFrame).join(", then\n  ") : JSON.stringify(step),
  );
  return [...ofPorts, ...ofSteps].join("\n");
}

export function showFrame({ port, frame }: ArrivingFrame): string {
  return `${port}: ${Array.from(frame, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function pick<T>(values: readonly T[], index: number): T {
  return values[index % values.length]!;
}

function word(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}
