// Engines that cannot share memory though the page is isolated (WebKitGTK): frames travel by transfer, by itself.
import { createDataplane, type WorkerLike } from "frameferry";
import { createSwitch } from "frameferry/switch";
import { afterEach, expect, test, vi } from "vitest";
import { startScript, workerScript } from "../support/frameferry-worker.ts";
import { collect, count, flowFrame } from "./support.ts";

// Node shares memory with workers for ends of its own, and takes it as soon as this module is there.
globalThis.process?.getBuiltinModule("node:worker_threads");
const shared = Object.getOwnPropertyDescriptor(globalThis, "SharedArrayBuffer");

afterEach(() => {
  if (shared !== undefined) Object.defineProperty(globalThis, "SharedArrayBuffer", shared);
});

/** Whether memory stands anywhere in a message. */
function holdsMemory(value: unknown): boolean {
  if (value instanceof WebAssembly.Memory) return true;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  return Object.values(value).some(holdsMemory);
}

/** Throws as engines do that cannot clone what is posted. */
function refuseMemory<T extends { postMessage: (...values: never[]) => unknown }>(port: T): T {
  const post = port.postMessage;
  port.postMessage = function (this: unknown, ...values: never[]): unknown {
    if (holdsMemory(values[0])) throw new DOMException("it could not be cloned", "DataCloneError");
    return post.apply(this, values);
  };
  return port;
}

const ENGINES: Readonly<Record<string, () => () => void>> = {
  "without SharedArrayBuffer": () => {
    Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
    return () => {};
  },
  "that post no shared memory": () => {
    const { postMessage } = MessagePort.prototype;
    refuseMemory(MessagePort.prototype as never);
    return () => {
      MessagePort.prototype.postMessage = postMessage;
    };
  },
};

test.each(Object.keys(ENGINES))("engines %s: the dataplane transfers frames", async (name) => {
  const script = await workerScript();
  const spawnWorker = (): WorkerLike => refuseMemory(startScript(script) as never);
  const restore = ENGINES[name]!();
  try {
    await using dataplane = await createDataplane({ workers: 1, spawnWorker });
    expect(dataplane.transport).toBe("transfer");
    await using channel = await dataplane.open([{ stage: "vlan-push", vid: 7 }]);
    await channel.sendAll(Array.from({ length: 50 }, (_, i) => flowFrame(i, i)));
    channel.end();
    expect(count(await collect(channel))).toBe(50);
    await expect(createDataplane({ workers: 1, transport: "shared" })).rejects.toThrow(
      /^transport: "shared" needs .* an engine that shares memory$/,
    );
  } finally {
    restore();
  }
});

test.each(Object.keys(ENGINES))(
  "engines %s: a switch runs on the caller's thread, and starts no worker",
  async (name) => {
    const spawnWorker = vi.fn(() => {
      throw new Error("it would be of no use");
    });
    const restore = ENGINES[name]!();
    try {
      await using sw = await createSwitch({ workers: 2, spawnWorker });
      const bridgeDomain = await sw.addBridgeDomain();
      const a = await sw.addPort({ bridgeDomain });
      const b = await sw.addPort({ bridgeDomain });
      await a.sendAll([flowFrame(1, 1)]);
      for await (const burst of b) {
        expect(burst.length).toBe(1);
        break;
      }
      expect(spawnWorker).not.toHaveBeenCalled();
    } finally {
      restore();
    }
  },
);

test("a switch that is told to transfer starts no worker either, and takes no memory for any", async () => {
  const spawnWorker = vi.fn();
  await using sw = await createSwitch({ workers: 8, transport: "transfer", spawnWorker });
  expect(spawnWorker).not.toHaveBeenCalled();
  expect(sw.counters().received).toBe(0);
});
