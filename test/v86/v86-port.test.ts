// A machine of v86 as a port, over a bus that behaves as the emulator's does.
import { dropReasons, type FrameBurst } from "frameferry";
import { type V86Like, type V86PortOptions, v86Port } from "frameferry/v86";
import { describe, expect, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { portContract, takeFrames } from "../support/port-contract.ts";
import { sendingContract } from "../support/sending-contract.ts";

type Listener = (value: unknown) => void;

/** What of an emulator a port sees: listeners of its bus, and the bus itself, which hands on at once. */
class Emulator implements V86Like {
  readonly listeners: Map<string, Set<Listener>> = new Map();
  readonly bus = { send: (event: string, value: Uint8Array): void => this.toGuest(event, value) };
  toGuest: (event: string, value: Uint8Array) => void = () => {};

  add_listener(event: string, listener: Listener): void {
    const all = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, all.add(listener));
  }

  remove_listener(event: string, listener: Listener): void {
    this.listeners.get(event)?.delete(listener);
  }

  /** The guest's card sends a frame. */
  send(frame: Uint8Array, event = "net0-send"): void {
    for (const listener of this.listeners.get(event) ?? []) listener(frame);
  }
}

/** Two machines whose guests hand on all they get: what goes into the one port comes out of the other. */
function backToBack() {
  const [one, other] = [new Emulator(), new Emulator()];
  one.toGuest = (_, frame) => other.send(frame);
  other.toGuest = (_, frame) => one.send(frame);
  return { from: v86Port(one, { running: true }), to: v86Port(other, { running: true }) };
}

portContract("a machine of v86", backToBack);

sendingContract("a machine of v86", async () => {
  const { from, to } = backToBack();
  const take = async (): Promise<FrameBurst> => {
    for await (const burst of to) return burst;
    throw new Error("nothing comes any more");
  };
  return { from, take, close: async () => void (await Promise.all([from.close(), to.close()])) };
});

function machine(options: V86PortOptions = {}) {
  const emulator = new Emulator();
  const got: { event: string; frame: Uint8Array }[] = [];
  emulator.toGuest = (event, frame) => got.push({ event, frame });
  return { emulator, got, port: v86Port(emulator, options) };
}

test("a guest gets nothing before it has sent its first frame, nor after a restart", async () => {
  const { emulator, got, port } = machine();
  expect(port.up).toBe(false);
  await port.sendAll([frameOf(1, 2, 0), frameOf(1, 2, 1)]);
  expect(got).toEqual([]);
  expect(port.counters()).toMatchObject({ sent: 2, dropped: 2, drops: { "link-down": 2 } });
  emulator.send(frameOf(2, -1, 5));
  expect(port.up).toBe(true);
  await port.sendAll([frameOf(1, 2, 2)]);
  port.restarted();
  await port.sendAll([frameOf(1, 2, 3)]);
  expect(got.map(({ frame }) => stampOf(frame).sequence)).toEqual([2]);
  emulator.send(frameOf(2, -1, 6));
  await port.sendAll([frameOf(1, 2, 4)]);
  expect(got.map(({ frame }) => stampOf(frame).sequence)).toEqual([2, 4]);
  expect(port.counters().drops).toEqual({ "link-down": 3 });
  for (const name of ["link-down", "not-sent"])
    expect(dropReasons.map((reason) => reason.name)).toContain(name);
  expect((await takeFrames(port, 2)).map((frame) => stampOf(frame).sequence)).toEqual([5, 6]);
});

test("frames of the guest are copied: its card uses the memory again", async () => {
  const { emulator, port } = machine();
  const memory = new Uint8Array(32_768);
  for (let i = 0; i < 3; i++) {
    memory.set(frameOf(2, 1, i), 16_384);
    emulator.send(memory.subarray(16_384, 16_448));
  }
  expect((await takeFrames(port, 3)).map((frame) => stampOf(frame).sequence)).toEqual([0, 1, 2]);
});

test("what the guest gets is its own", async () => {
  const { got, port } = machine({ running: true });
  const frame = frameOf(1, 2, 8);
  await port.sendAll([frame]);
  frame.fill(0);
  expect(stampOf(got[0]!.frame)).toEqual({ from: 1, sequence: 8 });
});

test("each card has events of its own", async () => {
  const { emulator, got, port } = machine({ id: 3, running: true });
  expect(port.name).toBe("v86-3");
  await port.sendAll([frameOf(1, 2)]);
  expect(got[0]!.event).toBe("net3-receive");
  emulator.send(frameOf(2, 1, 1));
  emulator.send(frameOf(2, 1, 2), "net3-send");
  expect((await takeFrames(port, 1)).map((frame) => stampOf(frame).sequence)).toEqual([2]);
});

test("a card that throws loses that frame, and the port goes on", async () => {
  const { emulator, got, port } = machine({ running: true });
  const { toGuest } = emulator;
  emulator.toGuest = (event, frame) => {
    if (stampOf(frame).sequence === 1) throw new RangeError("offset is out of bounds");
    toGuest(event, frame);
  };
  await port.sendAll([0, 1, 2].map((i) => frameOf(1, 2, i)));
  expect(got.map(({ frame }) => stampOf(frame).sequence)).toEqual([0, 2]);
  expect(port.counters()).toMatchObject({ sent: 3, dropped: 1, drops: { "not-sent": 1 } });
});

test("a port that is closed listens no longer", async () => {
  const { emulator, port } = machine();
  await port.close();
  expect(emulator.listeners.get("net0-send")?.size).toBe(0);
});

describe("refused", () => {
  test.each<[string, string, unknown, unknown]>([
    ["wrong-type", "vm", {}, {}],
    ["missing", "vm", undefined, {}],
    ["unsupported", "vm", { add_listener: () => {}, remove_listener: () => {} }, {}],
    ["out-of-range", "id", new Emulator(), { id: 256 }],
    ["wrong-type", "running", new Emulator(), { running: 1 }],
    ["unknown-option", "options", new Emulator(), { relay: "x" }],
  ])("%s at %s", (code, path, vm, options) => {
    let error: unknown;
    try {
      v86Port(vm as V86Like, options as V86PortOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code, path });
  });
});
