// Frames in byte streams, each behind its length, over TCP and unix sockets: between ports, with plain sockets, with peers
// that are slow, hostile, or not there.
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import net, { type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, dropReasons, type FrameBurst, isArgumentError, portPair } from "frameferry";
import {
  listenStreamPorts,
  openStreamPort,
  type StreamEnd,
  type StreamListener,
  type StreamListenerOptions,
  type StreamPort,
  type StreamPortOptions,
} from "frameferry/node";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { portContract, takeFrames, untilIdle } from "../support/port-contract.ts";
import { run } from "../support/run-program.ts";
import { sendingContract } from "../support/sending-contract.ts";
import { streamOf } from "../support/streams.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "frameferry-stream-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let paths = 0;
const WAYS: readonly [string, () => StreamEnd][] = [
  ["TCP over IPv4", () => ({ address: "127.0.0.1", port: 0 })],
  ["TCP over IPv6", () => ({ address: "::1", port: 0 })],
  ["a unix socket", () => ({ path: join(folder, `s${paths++}`) })],
];
const here = { address: "127.0.0.1", port: 0 };

type More = Partial<StreamPortOptions & StreamListenerOptions>;

async function listener(
  local: StreamEnd,
  more: Partial<StreamListenerOptions> = {},
): Promise<StreamListener> {
  const made = await listenStreamPorts({ local, ...more });
  onTestFinished(() => made.close());
  return made;
}

async function nextOf(from: StreamListener): Promise<StreamPort> {
  for await (const port of from) {
    onTestFinished(() => port.close());
    return port;
  }
  throw new Error("the listener has been closed");
}

async function opened(options: StreamPortOptions): Promise<StreamPort> {
  const port = await openStreamPort(options);
  onTestFinished(() => port.close());
  return port;
}

/** Two ports, each the other's peer; the second is a listener's. */
async function portsOf(
  local: StreamEnd,
  one: More = {},
  other: More = {},
): Promise<[StreamPort, StreamPort]> {
  const from = await listener(local, other);
  const a = await opened({ remote: from.local, ...one });
  return [a, await nextOf(from)];
}

/** A port, and its peer as a plain socket. */
async function portToSocket(
  more: Partial<StreamListenerOptions> = {},
): Promise<{ port: StreamPort; peer: Socket }> {
  const from = await listener(here, more);
  const peer = net.connect((from.local as { port: number }).port, "127.0.0.1");
  peer.on("error", () => {});
  onTestFinished(() => void peer.destroy());
  await once(peer, "connect");
  return { port: await nextOf(from), peer };
}

async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Resolves when the peer has taken some frames, and takes no more. */
async function untilStuck(port: StreamPort): Promise<void> {
  for (let before = -1; ; ) {
    const { sent, waiting } = port.counters();
    if (sent === before && waiting > 0) return;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const stamps = (frames: readonly Uint8Array[]): number[] => frames.map((frame) => stampOf(frame).sequence);

/** Both ends of one stream. */
async function ends(end: () => StreamEnd): Promise<{ from: StreamPort; to: StreamPort }> {
  const listening = await listenStreamPorts({ local: end() });
  const from = await openStreamPort({ remote: listening.local });
  for await (const to of listening) {
    void listening.close();
    return { from, to };
  }
  throw new Error("the listener has been closed");
}

for (const [way, end] of WAYS) {
  portContract(`a stream port over ${way}`, () => ends(end));

  sendingContract(`a stream port over ${way}`, async () => {
    const { from, to } = await ends(end);
    const take = async (): Promise<FrameBurst> => {
      for await (const burst of to) return burst;
      throw new Error("nothing comes any more");
    };
    return { from, take, close: async () => void (await Promise.all([from.close(), to.close()])) };
  });
}

describe.each(WAYS)("over %s", (_, end) => {
  test("both ways at once nothing is lost, whatever the lengths", async () => {
    const [a, b] = await portsOf(end(), { mtu: 9000, lengthBytes: 2 }, { mtu: 9000, lengthBytes: 2 });
    const frames = Array.from({ length: 3000 }, (_, i) => frameOf(1, 2, i, 60 + ((i * 131) % 8900)));
    const taken = Promise.all([takeFrames(a, 3000), takeFrames(b, 3000)]);
    await Promise.all([a.sendAll(frames), b.sendAll(frames)]);
    for (const got of await taken)
      expect(got.findIndex((frame, i) => Buffer.compare(frame, frames[i]!) !== 0)).toBe(-1);
    for (const port of [a, b]) {
      await untilIdle(port);
      expect(port.counters()).toMatchObject({ sent: 3000, received: 3000, waiting: 0, dropped: 0 });
    }
  });

  test("who reads slowly is waited for: queues stay bounded, and nothing is lost", async () => {
    const [a, b] = await portsOf(end(), {}, { queueFrames: 8 });
    const sending = a.sendAll(Array.from({ length: 20_000 }, (_, i) => frameOf(1, 2, i, 1000)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    // What of it waits at this end is what its queue and one chunk of the socket hold.
    expect(b.counters().waiting).toBeLessThan(200);
    expect(a.counters().sent).toBeLessThan(20_000);
    const got: number[] = [];
    while (got.length < 20_000) {
      const burst = b.receive();
      if (burst === undefined) await new Promise((resolve) => setImmediate(resolve));
      else for (const frame of burst) got.push(stampOf(frame).sequence);
    }
    await sending;
    expect(got).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    for (const port of [a, b]) expect(port.counters().dropped).toBe(0);
  });

  test("by way of connect, through two pairs of ports", async () => {
    const [a, b] = await portsOf(end());
    const [near, nearSwitch] = portPair();
    const [far, farSwitch] = portPair();
    const cables = [connect(a, nearSwitch), connect(b, farSwitch)];
    const frames = Array.from({ length: 5000 }, (_, i) => frameOf(1, 2, i));
    const taking = takeFrames(far, 5000);
    await near.sendAll(frames);
    expect(stamps(await taking)).toEqual(frames.map((_, i) => i));
    for (const cable of cables) await cable.stop();
  });

  test("a peer that ends in good order: what it sent is there, then iterating is over", async () => {
    const [a, b] = await portsOf(end());
    await a.sendAll([frameOf(1, 2, 0), frameOf(1, 2, 1)]);
    await a.close();
    const got: Uint8Array[] = [];
    for await (const burst of b) for (const frame of burst) got.push(frame.slice());
    expect(stamps(got)).toEqual([0, 1]);
    await expect(b.sendAll([frameOf(1, 2)])).rejects.toMatchObject({
      code: "closed",
      message: "port: its peer has ended the stream",
    });
    expect(b.counters().dropped).toBe(0);
  });
});

describe("hostile and broken peers", () => {
  test("a length that cannot be: the frames before it are there, then the port fails", async () => {
    const { port, peer } = await portToSocket();
    const sound = streamOf([frameOf(1, 2, 7)], 4);
    peer.write(Buffer.concat([sound, Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])]));
    const got: number[] = [];
    const reading = (async () => {
      for await (const burst of port) for (const frame of burst) got.push(stampOf(frame).sequence);
    })();
    await expect(reading).rejects.toMatchObject({
      name: "FramingError",
      code: "malformed",
      message: "the stream says that a frame has 4294967295 bytes, where 1 to 69632 can be",
    });
    expect(got).toEqual([7]);
    expect(port.closed).toBe(true);
    await port.close();
  });

  test("an empty frame is not sent, since a length of zero would end the stream", async () => {
    const { port, peer } = await portToSocket();
    const empty = new Uint8Array(0);
    await port.sendAll([empty, frameOf(1, 2, 7), empty, empty, frameOf(1, 2, 8)]);
    await untilIdle(port);
    await port.close();
    const chunks: Buffer[] = [];
    for await (const chunk of peer) chunks.push(chunk as Buffer);
    expect(Uint8Array.from(Buffer.concat(chunks))).toEqual(streamOf([frameOf(1, 2, 7), frameOf(1, 2, 8)], 4));
    expect(port.counters()).toMatchObject({ sent: 5, dropped: 3, drops: { "frame-too-short": 3 } });
  });

  test("a stream that ends within a frame: it is counted", async () => {
    const { port, peer } = await portToSocket();
    peer.end(streamOf([frameOf(1, 2, 7), frameOf(1, 2, 8)], 4).subarray(0, 100));
    expect(stamps(await takeFrames(port, 1))).toEqual([7]);
    await until(() => port.closed);
    expect(port.counters()).toMatchObject({ received: 1, dropped: 1, drops: { "link-down": 1 } });
  });

  test("what a peer that goes away had not taken is counted, none twice", async () => {
    const { port, peer } = await portToSocket();
    peer.pause();
    const progress = { sent: 0 };
    const sending = port.sendAll(
      Array.from({ length: 200_000 }, (_, i) => frameOf(1, 2, i, 1000)),
      { progress },
    );
    const told = sending.then(
      () => "sent",
      () => "rejected",
    );
    await untilStuck(port);
    peer.resetAndDestroy();
    expect(await told).toBe("rejected");
    await until(() => port.counters().waiting === 0);
    const after = port.counters();
    expect(after.drops).toEqual({ "link-down": after.dropped });
    expect(after.dropped).toBeGreaterThan(0);
    expect(after.dropped).toBeLessThanOrEqual(after.sent);
    for (const name of Object.keys(after.drops)) expect(dropReasons.map((row) => row.name)).toContain(name);
  });

  test("a peer that never reads does not keep close() for longer than a second", async () => {
    const { port, peer } = await portToSocket();
    peer.pause();
    const sending = port.sendAll(Array.from({ length: 200_000 }, () => frameOf(1, 2, 0, 1000)));
    sending.catch(() => {});
    await untilStuck(port);
    const start = performance.now();
    await port.close();
    expect(performance.now() - start).toBeLessThan(2000);
    const { waiting, drops, dropped } = port.counters();
    expect({ waiting, drops }).toEqual({ waiting: 0, drops: { closed: dropped } });
  });

  test("more peers than may come are turned away, and room that is given back is used", async () => {
    const from = await listener(here, { most: 2 });
    const ports = [await opened({ remote: from.local }), await opened({ remote: from.local })];
    const inside = [await nextOf(from), await nextOf(from)];
    const third = await opened({ remote: from.local });
    await until(() => third.closed);
    expect(from.counters()).toEqual({ accepted: 2, open: 2, refused: 1 });
    await ports[0]?.close();
    await until(() => from.counters().open === 1);
    await opened({ remote: from.local });
    inside.push(await nextOf(from));
    expect(from.counters()).toEqual({ accepted: 3, open: 2, refused: 1 });
  });

  test("a closed listener lets nobody in; what nobody has taken is closed, what was taken stays", async () => {
    const from = await listener({ path: join(folder, "closing") });
    const one = await opened({ remote: from.local });
    const taken = await nextOf(from);
    const two = await opened({ remote: from.local });
    await until(() => from.counters().open === 2);
    const iterating = nextOf(from);
    await iterating;
    const three = await opened({ remote: from.local });
    await until(() => from.counters().open === 3);
    await from.close();
    await until(() => three.closed);
    expect([one.closed, two.closed]).toEqual([false, false]);
    await one.sendAll([frameOf(1, 2, 4)]);
    expect(stamps(await takeFrames(taken, 1))).toEqual([4]);
    for await (const _ of from) throw new Error("unreachable");
    expect(existsSync(join(folder, "closing"))).toBe(false);
    await expect(openStreamPort({ remote: from.local })).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("a peer that comes and goes", () => {
  async function listenAt(path: string): Promise<{ server: Server; next: () => Promise<Socket> }> {
    const server = net.createServer();
    const sockets: Socket[] = [];
    server.on("connection", (socket) => void sockets.push(socket));
    server.listen(path);
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    let taken = 0;
    const next = async (): Promise<Socket> => {
      await until(() => sockets.length > taken);
      return sockets[taken++] as Socket;
    };
    return { server, next };
  }

  test("with retryMs the port waits for it, and for the next; what is sent meanwhile waits, too", async () => {
    const path = join(folder, "again");
    const port = await opened({ remote: { path }, retryMs: 10, name: "vm" });
    expect([port.connected, port.name]).toEqual([false, "vm"]);
    expect(port.send([frameOf(1, 2)])).toBe(0);
    const sending = port.sendAll([frameOf(1, 2, 1)]);
    const first = await listenAt(path);
    const socket = await first.next();
    await sending;
    const [chunk] = (await once(socket, "data")) as [Buffer];
    expect(stampOf(chunk.subarray(4)).sequence).toBe(1);
    // The second half of a frame never comes: the next stream begins with a whole one.
    socket.write(streamOf([frameOf(1, 2, 2), frameOf(1, 2, 3)], 4).subarray(0, 80));
    expect(stamps(await takeFrames(port, 1))).toEqual([2]);
    first.server.close();
    socket.destroy();
    await until(() => !port.connected);
    expect(port.closed).toBe(false);
    const later = port.sendAll([frameOf(1, 2, 4)]);
    const second = await listenAt(path);
    const again = await second.next();
    await later;
    again.write(streamOf([frameOf(1, 2, 5)], 4));
    expect(stamps(await takeFrames(port, 1))).toEqual([5]);
    expect(port.counters()).toMatchObject({ sent: 2, received: 2, drops: { "link-down": 1 } });
  });

  test("what is left of an old stream is taken before what the next one brings", async () => {
    const path = join(folder, "order");
    const { next } = await listenAt(path);
    const port = await opened({ remote: { path }, retryMs: 10, queueFrames: 2 });
    const old = await next();
    old.end(
      streamOf(
        Array.from({ length: 6 }, (_, i) => frameOf(1, 2, i)),
        4,
      ),
    );
    const taking = takeFrames(port, 8);
    const fresh = await next();
    fresh.write(streamOf([frameOf(1, 2, 6), frameOf(1, 2, 7)], 4));
    expect(stamps(await taking)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(port.counters().dropped).toBe(0);
  });

  test("it can be closed while it looks for its peer", async () => {
    const port = await openStreamPort({ remote: { path: join(folder, "nobody") }, retryMs: 10 });
    const sending = port.sendAll([frameOf(1, 2)]);
    const told = expect(sending).rejects.toThrow("port: it has been closed");
    await new Promise((resolve) => setTimeout(resolve, 25));
    await port.close();
    await told;
  });
});

describe("opening", () => {
  const there = { address: "127.0.0.1", port: 9 };

  test.each<[string, string, unknown]>([
    ["missing", "remote", {}],
    ["missing", "options", undefined],
    ["wrong-type", "remote", { remote: 5 }],
    ["missing", "remote.port", { remote: { address: "127.0.0.1" } }],
    ["out-of-range", "remote.port", { remote: { ...there, port: 0 } }],
    ["malformed", "remote.address", { remote: { ...there, address: "0.0.0.0" } }],
    ["malformed", "remote.address", { remote: { ...there, address: "localhost" } }],
    ["out-of-range", "remote.path", { remote: { path: "" } }],
    ["out-of-range", "remote.path", { remote: { path: "ü".repeat(60) } }],
    ["malformed", "remote.path", { remote: { path: "\0abstract" } }],
    ["unknown-option", "remote", { remote: { path: "/x", port: 5 } }],
    ["not-one-of", "lengthBytes", { remote: there, lengthBytes: 3 }],
    ["contradiction", "mtu", { remote: there, lengthBytes: 2, mtu: 65535 }],
    ["out-of-range", "mtu", { remote: there, mtu: 45 }],
    ["out-of-range", "retryMs", { remote: there, retryMs: 9 }],
    ["unknown-option", "options", { remote: there, local: there }],
  ])("%s at %s: %j", async (code, path, options) => {
    const opening = openStreamPort(options as StreamPortOptions);
    await expect(opening).rejects.toMatchObject({ code, path });
    await expect(opening).rejects.toSatisfy(isArgumentError);
  });

  test.each<[string, string, unknown]>([
    ["missing", "local", {}],
    ["out-of-range", "most", { local: here, most: 0 }],
    ["malformed", "local.address", { local: { ...here, address: "224.0.0.1" } }],
    ["not-found", "local", { local: { ...here, address: "192.0.2.1" } }],
    ["unsupported", "local", { local: { path: join(folder, "no/such/folder") } }],
  ])("listening: %s at %s: %j", async (code, path, options) => {
    const opening = listenStreamPorts(options as StreamListenerOptions);
    await expect(opening).rejects.toMatchObject({ code, path });
    await expect(opening).rejects.toSatisfy(isArgumentError);
  });

  test("an end that somebody has, and one where nobody is", async () => {
    const from = await listener({ path: join(folder, "one") });
    await expect(listenStreamPorts({ local: from.local })).rejects.toMatchObject({
      code: "taken",
      message: `local: something is at ${join(folder, "one")} already`,
    });
    await expect(openStreamPort({ remote: { path: join(folder, "none") } })).rejects.toMatchObject({
      code: "not-found",
      message: `remote: there is no socket at ${join(folder, "none")}`,
    });
    const tcp = await listener(here);
    await tcp.close();
    await expect(openStreamPort({ remote: tcp.local })).rejects.toMatchObject({
      code: "not-found",
      path: "remote",
    });
  });

  test("names say the kind and the peer", async () => {
    const [a, b] = await portsOf(here);
    const { port } = a.remote as { port: number };
    expect(a.name).toBe(`tcp-127.0.0.1:${port}`);
    expect(b.name).toBe(`tcp-127.0.0.1:${(b.remote as { port: number }).port}`);
    const path = join(folder, "named");
    const [c] = await portsOf({ path });
    expect(c.name).toBe(`unix-${path}`);
  });

  const opens = `
    import { listenStreamPorts, openStreamPort } from "frameferry/node";
    const listener = await listenStreamPorts({ local: { address: "127.0.0.1", port: 0 } });
    const port = await openStreamPort({ remote: listener.local });
    await port.sendAll([new Uint8Array(60)]);
  `;
  test.each([
    ["closed", "await port.close(); await listener.close();"],
    [
      "with unref",
      "for await (const peer of listener) { peer.unref(); break; } port.unref(); listener.unref();",
    ],
  ])("a port and a listener, %s, let the process end", (_, last) => {
    const { status, output } = run(process.execPath, ["--input-type=module", "-e", opens + last], root);
    expect({ status, output }).toEqual({ status: 0, output: "" });
  });
});
