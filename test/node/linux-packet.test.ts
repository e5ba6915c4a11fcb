// Ports on interfaces, in a namespace of their own: two ends of a cable, and a kernel that speaks there too.
import { type FrameBurst, isArgumentError } from "frameferry";
import { openPacketPort, type PacketPort, type PacketPortOptions, SystemError } from "frameferry/linux";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { Namespace, noNamespaces } from "../support/namespaces.ts";
import { portContract, takeFrames } from "../support/port-contract.ts";
import { sendingContract } from "../support/sending-contract.ts";

const missing = noNamespaces();
const title = missing === undefined ? "ports on interfaces" : `ports on interfaces: ${missing}`;

describe.skipIf(missing !== undefined)(title, () => {
  let here: Namespace;
  beforeAll(() => {
    here = new Namespace();
  });
  afterAll(() => here?.remove());

  let number = 0;

  /** The two ends of a cable. */
  function laid(mtu = 1504): [string, string] {
    const ends: [string, string] = [`a${++number}`, `b${number}`];
    here.ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1]);
    for (const end of ends) here.ip("link", "set", end, "mtu", String(mtu), "up");
    return ends;
  }

  async function opened(options: PacketPortOptions): Promise<PacketPort> {
    const port = await openPacketPort({ namespace: here.name, ...options });
    onTestFinished(() => port.close());
    return port;
  }

  /** A port at each end. The kernel takes no frame of 1,518 bytes without a tag over 1,500. */
  async function cabled(more: Partial<PacketPortOptions> = {}): Promise<[PacketPort, PacketPort]> {
    const [one, other] = laid();
    const options = { namespace: here.name, mtu: 1500 };
    return [
      await openPacketPort({ ...options, interface: one }),
      await openPacketPort({ ...options, interface: other, ...more }),
    ];
  }

  portContract("a port on an interface", async () => {
    const [from, to] = await cabled();
    return { from, to };
  });

  sendingContract("a port on an interface", async () => {
    const [from, to] = await cabled();
    const take = async (): Promise<FrameBurst> => {
      for await (const burst of to) return burst;
      throw new Error("nothing comes any more");
    };
    return { from, take, close: async () => void (await Promise.all([from.close(), to.close()])) };
  });

  test("hears what comes and not what it sends, over many blocks", async () => {
    const [a, b] = await cabled();
    onTestFinished(async () => void (await Promise.all([a.close(), b.close()])));
    const count = 6000;
    const frames = Array.from({ length: count }, (_, i) => frameOf(1, 2, i, 60 + ((i * 37) % 1400)));
    const taken = Promise.all([takeFrames(a, count), takeFrames(b, count)]);
    // No more on the way than the ring holds, however late its reader is.
    const come = (port: PacketPort): number => port.counters().received + port.counters().waiting;
    for (let first = 0; first < count; first += 200) {
      const some = frames.slice(first, first + 200);
      await Promise.all([a.sendAll(some), b.sendAll(some)]);
      while (Math.min(come(a), come(b)) < first + 200) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const got of await taken)
      expect(got.findIndex((frame, i) => Buffer.compare(frame, frames[i]!) !== 0)).toBe(-1);
    for (const port of [a, b])
      expect(port.counters()).toMatchObject({ sent: count, received: count, waiting: 0, dropped: 0 });
  });

  test("puts back tags that the kernel keeps beside a frame, of both kinds, and one within another", async () => {
    const [a, b] = await cabled();
    onTestFinished(async () => void (await Promise.all([a.close(), b.close()])));
    const tagged = (...tags: readonly number[]): Uint8Array => {
      const plain = frameOf(1, 2, 7, 100);
      return Uint8Array.from([...plain.subarray(0, 12), ...tags, ...plain.subarray(12)]);
    };
    const frames = [
      tagged(),
      tagged(0x81, 0x00, 0x60, 0x0a),
      tagged(0x88, 0xa8, 0x0f, 0xff),
      tagged(0x88, 0xa8, 0x00, 0x05, 0x81, 0x00, 0x00, 0x06),
      tagged(0x81, 0x00, 0x00, 0x00),
    ];
    const taking = takeFrames(b, frames.length);
    await a.sendAll(frames);
    expect(await taking).toEqual(frames);
  });

  test("finishes checksums that the kernel leaves to a card, and does not hear what it sends", async () => {
    const [one, other] = laid();
    const port = await opened({ interface: other });
    const beside = await opened({ interface: one });
    here.ip("addr", "add", "10.3.0.1/24", "dev", one);
    here.ip("neigh", "add", "10.3.0.2", "lladdr", "02:00:00:00:00:02", "dev", one);
    const taking = takeFrames(port, 2);
    const send = `
      const socket = require("node:dgram").createSocket("udp4");
      socket.bind(0, "10.3.0.1", () => socket.send(Buffer.alloc(101, 7), 5000, "10.3.0.2",
        () => socket.send(Buffer.alloc(100, 9), 5000, "10.3.0.2", () => socket.close())));`;
    here.run(process.execPath, "-e", send);
    for (const frame of await taking) {
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
      const length = view.getUint16(38);
      expect(frame.length).toBe(34 + length);
      let sum = 17 + length;
      for (let at = 26; at < 34 + length; at += 2)
        sum += at + 1 < frame.length ? view.getUint16(at) : frame[at]! << 8;
      expect(view.getUint16(40)).not.toBe(0);
      expect(sum % 0xffff).toBe(0);
    }
    // What this machine itself sends over an interface does not come in there.
    expect(beside.counters()).toMatchObject({ received: 0, waiting: 0, dropped: 0 });
  });

  test("what finds no room because nobody takes anything is counted, every frame", async () => {
    const [a, b] = await cabled({ queueFrames: 4 });
    onTestFinished(async () => void (await Promise.all([a.close(), b.close()])));
    const count = 20_000;
    for (let first = 0; first < count; first += 500)
      await a.sendAll(Array.from({ length: 500 }, (_, i) => frameOf(1, 2, first + i, 1400)));
    expect(a.counters()).toMatchObject({ sent: count, dropped: 0 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(b.counters().drops["queue-full"]).toBeGreaterThan(1000);
    let got = 0;
    let last = -1;
    for await (const burst of b) {
      for (const frame of burst) {
        const { sequence } = stampOf(frame);
        expect(sequence).toBeGreaterThan(last);
        last = sequence;
        got++;
      }
      if (got + b.counters().dropped >= count) break;
    }
    expect(b.counters()).toMatchObject({ received: got, dropped: count - got, waiting: 0 });
  });

  test("goes on when its interface was down, and ends when it is deleted", async () => {
    const [one, other] = laid();
    const [a, b] = [await opened({ interface: one }), await opened({ interface: other })];
    here.ip("link", "set", one, "down");
    await a.sendAll([frameOf(1, 2)]);
    expect(a.counters().drops).toEqual({ "link-down": 1 });
    here.ip("link", "set", one, "up");
    // The kernel takes a moment until it sends again.
    while (b.counters().waiting === 0) {
      await a.sendAll([frameOf(1, 2, 5)]);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(stampOf((await takeFrames(b, 1))[0]!).sequence).toBe(5);
    const next = b[Symbol.asyncIterator]().next();
    here.ip("link", "del", one);
    await expect(next).rejects.toBeInstanceOf(SystemError);
    await expect(next).rejects.toThrow(`the interface ${other} is gone`);
    expect(b.closed).toBe(true);
  });

  test.each<[string, string, object]>([
    ["not-found", "interface", { interface: "nowhere" }],
    ["not-found", "namespace", { interface: "lo", namespace: "ff-nowhere" }],
    ["malformed", "interface", { interface: "a b" }],
    ["missing", "interface", {}],
    ["out-of-range", "mtu", { interface: "lo", mtu: 45 }],
    ["unknown-option", "options", { interface: "lo", fanout: 1 }],
  ])("%s at %s: %j", async (code, path, options) => {
    const opening = openPacketPort({ namespace: here.name, ...options } as PacketPortOptions);
    await expect(opening).rejects.toMatchObject({ code, path });
    await expect(opening).rejects.toSatisfy(isArgumentError);
  });
});
