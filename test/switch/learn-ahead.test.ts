// What a burst teaches is known to the frames behind the one that teaches it, and to no other.
import { FrameBatch, type Kernels, loadKernels } from "frameferry";
import { type BridgeDomain, SwitchCore, type SwitchPort, SwitchWorkspace } from "frameferry/switch";
import { compose } from "frameferry/wire";
import { beforeAll, expect, test } from "vitest";
import { FDB_LOCK } from "../../src/layout/fdb.layout.ts";

const BROADCAST = "ff:ff:ff:ff:ff:ff";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

function frameOf(source: string, destination: string): Uint8Array {
  return compose([{ name: "ethernet", source, destination, etherType: 0x88b5 }], new Uint8Array(50));
}

function station(number: number): string {
  return `02:00:00:00:${(number >> 8).toString(16).padStart(2, "0")}:${(number & 255).toString(16).padStart(2, "0")}`;
}

/** Sends one burst; returns by which ports each frame left. */
function forward(
  core: SwitchCore,
  frames: readonly (readonly [Uint8Array, SwitchPort])[],
): { port: number; source: string }[] {
  using batch = new FrameBatch(kernels, { frames: frames.length });
  for (const [frame, port] of frames) batch.add(frame, { mark: port.number });
  const out: { port: number; source: string }[] = [];
  core.forward(batch, 0, (frame, port) =>
    out.push({
      port,
      source: [...frame.subarray(6, 12)].map((byte) => byte.toString(16).padStart(2, "0")).join(":"),
    }),
  );
  return out;
}

function threePorts(core: SwitchCore, bridgeDomain: BridgeDomain): [SwitchPort, SwitchPort, SwitchPort] {
  const port = (): SwitchPort => core.addPort({ bridgeDomain });
  return [port(), port(), port()];
}

test("a frame that is routed to a station is flooded if the station is heard of only later in the burst", () => {
  for (const [first, known] of [
    [false, false],
    [true, false],
    [false, true],
  ]) {
    using core = new SwitchCore(kernels);
    const red = core.addBridgeDomain();
    const blue = core.addBridgeDomain();
    const anna = core.addPort({ bridgeDomain: red });
    const ports = threePorts(core, blue);
    const router = core.addRouter();
    router.addInterface({ bridgeDomain: red, mac: station(1), addresses: ["10.0.1.1/24"] });
    router.addInterface({ bridgeDomain: blue, mac: station(2), addresses: ["10.0.2.1/24"] });
    if (known) core.fdb.set({ bridgeDomain: red, mac: station(1), port: anna });
    core.addNeighbour({ bridgeDomain: blue, ip: "10.0.2.9", mac: station(9) });
    const packet = compose(
      [
        { name: "ethernet", source: station(8), destination: station(1) },
        { name: "ipv4", source: "10.0.1.8", destination: "10.0.2.9" },
        { name: "udp", sourcePort: 1, destinationPort: 2 },
      ],
      new Uint8Array(20),
    );
    const hello = [frameOf(station(9), BROADCAST), ports[1]] as const;
    const routed = [packet, anna] as const;
    const out = forward(core, first ? [hello, routed] : [routed, hello]);
    const leaves = out.filter(({ source }) => source === station(2)).map(({ port }) => port);
    expect(leaves).toEqual(first ? [ports[1].number] : ports.map(({ number }) => number));
  }
});

test("a frame to a station is flooded if the station is heard of only later in the burst", () => {
  for (const first of [false, true]) {
    using core = new SwitchCore(kernels);
    const [a, b, c] = threePorts(core, core.addBridgeDomain());
    const to = [frameOf(station(1), station(2)), a] as const;
    const from = [frameOf(station(2), BROADCAST), b] as const;
    const more = Array.from({ length: 100 }, (_, i) => [frameOf(station(100 + i), BROADCAST), c] as const);
    const out = forward(core, first ? [...more, from, to] : [...more, to, from]);
    const leaves = out.filter(({ source }) => source === station(1)).map(({ port }) => port);
    expect(leaves).toEqual(first ? [b.number] : [b.number, c.number]);
  }
});

test("sources that come twice in a burst stand once in a table whose buckets are full", () => {
  for (let seed = 0n; seed < 60n; seed++) {
    const capacity = 24;
    using core = new SwitchCore(kernels, { fdb: { capacity, seed } });
    const bridgeDomain = core.addBridgeDomain();
    const [a, b] = threePorts(core, bridgeDomain);
    const sources = Array.from({ length: capacity }, (_, i) => station(1 + i));
    forward(
      core,
      sources.flatMap((source) => [source, source]).map((source) => [frameOf(source, BROADCAST), a]),
    );
    expect(core.fdb.size).toBe(capacity);
    expect([...core.fdb].map(({ mac }) => mac).sort()).toEqual(sources);
    expect(core.fdb.takeEvents().map((event) => event.kind)).toEqual(sources.map(() => "learned"));
    // Moved, some of them, and then gone from where they were.
    forward(
      core,
      sources.map((source, i) => [frameOf(source, BROADCAST), i % 3 === 0 ? b : a]),
    );
    expect(core.fdb.flush({ port: a })).toBe(16);
    expect(core.fdb.flush({ port: b })).toBe(8);
    expect(core.fdb.size).toBe(0);
  }
});

test("a source that moves within the burst that brought it is where it was last, and events say so in order", () => {
  for (let seed = 0n; seed < 100n; seed++) {
    using core = new SwitchCore(kernels, { fdb: { capacity: 28, seed } });
    const [a, b] = threePorts(core, core.addBridgeDomain());
    forward(
      core,
      Array.from({ length: 20 }, (_, i) => [frameOf(station(100 + i), BROADCAST), a] as const),
    );
    core.fdb.takeEvents();
    forward(core, [
      [frameOf(station(1), BROADCAST), a],
      [frameOf(station(2), BROADCAST), a],
      [frameOf(station(2), BROADCAST), b],
      [frameOf(station(3), BROADCAST), a],
    ]);
    expect(core.fdb.takeEvents().map(({ kind, mac, port }) => [kind, mac, port])).toEqual([
      ["learned", station(1), a],
      ["learned", station(2), a],
      ["moved", station(2), b],
      ["learned", station(3), a],
    ]);
  }
});

test("with many threads nothing is learned while another has the lock", () => {
  const workspaces = [new SwitchWorkspace(kernels)];
  using core = new SwitchCore(kernels, {}, { workspaces, shared: true });
  const [a] = threePorts(core, core.addBridgeDomain());
  using batch = new FrameBatch(kernels, { frames: 20 });
  const lock = (core.fdb.address + FDB_LOCK) >>> 2;
  for (const [holder, learned] of [
    [2, 0],
    [0, 20],
  ] as const) {
    kernels.words[lock] = holder;
    batch.clear();
    for (let i = 0; i < 20; i++) batch.add(frameOf(station(i), BROADCAST), { mark: a.number });
    kernels.functions.runSwitch(core.contextAddress, batch.descriptors, 20);
    expect(kernels.words[lock]).toBe(holder);
    expect([core.fdb.size, core.fdb.refused]).toEqual([learned, 20]);
  }
});

test("who changes or lists the table waits for a worker that has it, and no longer than half a second", () => {
  const workspaces = [new SwitchWorkspace(kernels)];
  using core = new SwitchCore(kernels, {}, { workspaces, shared: true });
  const bridgeDomain = core.addBridgeDomain();
  const lock = (core.fdb.address + FDB_LOCK) >>> 2;
  const entry = { bridgeDomain, mac: station(1), blackhole: true } as const;
  const late = { name: "WorkerLateError", code: "worker-late", worker: 0 };
  const thrownBy = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (error) {
      return error;
    }
  };
  kernels.words[lock] = 1;
  expect(thrownBy(() => core.fdb.set(entry))).toMatchObject(late);
  expect(thrownBy(() => core.fdb.remove(bridgeDomain, station(1)))).toMatchObject(late);
  expect(thrownBy(() => core.fdb.flush())).toMatchObject(late);
  expect(thrownBy(() => core.fdb.sweep(0))).toMatchObject(late);
  expect(thrownBy(() => [...core.fdb.entries()])).toMatchObject(late);
  // As it is once the worker's death is known.
  core.fdb.repair(1);
  core.fdb.set(entry);
  expect([...core.fdb.entries()]).toHaveLength(1);
});

test("events tell what a burst has taught in the order of its frames, to the last place that is left", () => {
  for (let seed = 0n; seed < 40n; seed++) {
    const capacity = 20;
    using core = new SwitchCore(kernels, { fdb: { capacity, seed, whenFull: "forward" } });
    const bridgeDomain = core.addBridgeDomain();
    const [a, b, c] = threePorts(core, bridgeDomain);
    forward(core, [[frameOf(station(5), BROADCAST), c]]);
    core.fdb.takeEvents();
    const frames = Array.from({ length: 30 }, (_, i) => [
      frameOf(station(i), BROADCAST),
      [a, a, b][(i >> 2) % 3] as SwitchPort,
    ]) as [Uint8Array, SwitchPort][];
    frames[0] = [frameOf(station(200), BROADCAST), a];
    forward(core, frames);
    const told = core.fdb.takeEvents().map(({ kind, mac }) => `${kind} ${mac}`);
    const expected = Array.from(
      { length: capacity },
      (_, i) => `${i === 5 ? "moved" : "learned"} ${station(i)}`,
    );
    expected[0] = `learned ${station(200)}`;
    expect(told).toEqual(expected);
    expect(core.fdb.refused).toBe(10);
    expect(core.fdb.size).toBe(capacity);
  }
});
