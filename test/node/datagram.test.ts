// Frames in UDP datagrams over the loopback: between two ports, another program, and peers that are not there.
import dgram, { type Socket } from "node:dgram";
import { once } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { connect, dropReasons, FrameBurst, isArgumentError, portPair } from "frameferry";
import { type DatagramPort, type DatagramPortOptions, openDatagramPort } from "frameferry/node";
import { describe, expect, onTestFinished, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { portContract, takeFrames, untilIdle } from "../support/port-contract.ts";
import { run } from "../support/run-program.ts";
import { sendingContract } from "../support/sending-contract.ts";

const root = join(import.meta.dirname, "../..");
const FAMILIES = [
  ["IPv4", "127.0.0.1"],
  ["IPv6", "::1"],
] as const;

type More = Partial<DatagramPortOptions>;

/** A plain socket, which knows nothing of ports. */
async function plainSocket(address = "127.0.0.1"): Promise<Socket> {
  const socket = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.bind(0, address);
  await once(socket, "listening");
  onTestFinished(() => {
    try {
      socket.close();
    } catch {
      // It has been closed.
    }
  });
  return socket;
}

/** A port number that nobody has at this moment. */
async function freePort(address: string): Promise<number> {
  const socket = await plainSocket(address);
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

async function opened(options: DatagramPortOptions): Promise<DatagramPort> {
  const port = await openDatagramPort(options);
  onTestFinished(() => port.close());
  return port;
}

/** Two ports, each the other's peer. */
async function portsOf(
  address: string,
  one: More = {},
  other: More = {},
): Promise<[DatagramPort, DatagramPort]> {
  const remote = { address, port: await freePort(address) };
  const a = await opened({ local: { address, port: 0 }, remote, ...one });
  const b = await opened({ local: remote, remote: a.local, ...other });
  return [a, b];
}

/** A port, and its peer as a plain socket. */
async function portToSocket(more: More = {}): Promise<{ port: DatagramPort; peer: Socket }> {
  const address = "127.0.0.1";
  const peer = await plainSocket();
  const port = await opened({
    local: { address, port: 0 },
    remote: { address, port: peer.address().port },
    ...more,
  });
  return { port, peer };
}

/** Resolves when `look` gives true. */
async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 2));
}

for (const [family, address] of FAMILIES) {
  portContract(`a datagram port over ${family}`, async () => {
    const [from, to] = await portsOf(address, { mtu: 1500 }, { mtu: 1500 });
    return { from, to };
  });

  sendingContract(`a datagram port over ${family}`, async () => {
    const [from, to] = await portsOf(address, { mtu: 1500 }, { mtu: 1500 });
    const take = async (): Promise<FrameBurst> => {
      for await (const burst of to) return burst;
      throw new Error("nothing comes any more");
    };
    return { from, take, close: async () => void (await Promise.all([from.close(), to.close()])) };
  });
}

describe("what travels", () => {
  test.each(FAMILIES)("both ways at once over %s, nothing is lost within a process", async (_, address) => {
    const [a, b] = await portsOf(address);
    const frames = Array.from({ length: 3000 }, (_, i) => frameOf(1, 2, i, 1514));
    const taken = Promise.all([takeFrames(a, 3000), takeFrames(b, 3000)]);
    await Promise.all([a.sendAll(frames), b.sendAll(frames)]);
    for (const got of await taken)
      expect(got.map((frame) => stampOf(frame).sequence)).toEqual(frames.map((_, i) => i));
    for (const port of [a, b]) {
      await untilIdle(port);
      expect(port.counters()).toMatchObject({ sent: 3000, received: 3000, waiting: 0, dropped: 0 });
    }
  });

  test("a datagram is a frame and nothing else, up to the longest, and none at all", async () => {
    const { port, peer } = await portToSocket();
    const datagrams: Buffer[] = [];
    peer.on("message", (bytes) => datagrams.push(bytes));
    const frames = [0, 1, 13, 60, 1514, 9018, 65507].map((length, i) => new Uint8Array(length).fill(i + 1));
    expect(port.longest).toBe(65507);
    await port.sendAll([...frames, new Uint8Array(65508)]);
    await until(() => datagrams.length === frames.length);
    expect(datagrams.map((bytes) => Buffer.compare(bytes, frames[datagrams.indexOf(bytes)]!))).toEqual(
      frames.map(() => 0),
    );
    expect(port.counters()).toMatchObject({ sent: 7, drops: { "frame-too-long": 1 } });
    for (const frame of frames) peer.send(frame, port.local.port, port.local.address);
    const got = await takeFrames(port, frames.length);
    expect(got.map((frame) => Buffer.compare(frame, frames[got.indexOf(frame)]!))).toEqual(
      frames.map(() => 0),
    );
  });

  test("between two processes, by way of connect", async () => {
    const address = "127.0.0.1";
    const remote = { address, port: await freePort(address) };
    const port = await opened({ local: { address, port: 0 }, remote });
    // Whatever comes goes through a pair and back.
    const source = `
      import { connect, portPair } from "frameferry";
      import { openDatagramPort } from "frameferry/node";
      const port = await openDatagramPort(${JSON.stringify({ local: remote, remote: port.local })});
      const [inside, outside] = portPair();
      const connection = connect(port, inside);
      let sent = 0;
      for await (const burst of outside) {
        await outside.sendAll(burst);
        sent += burst.length;
        if (sent === 640) break;
      }
      await port.bell.until(() => port.counters().sent === 640 && port.counters().waiting === 0 ? true : undefined);
      console.log(JSON.stringify(port.counters()));
      await port.close();
      await connection.ended;
    `;
    const { spawn } = await import("node:child_process");
    const child = spawn(process.execPath, ["--input-type=module", "-e", source], { cwd: root });
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    child.stderr.on("data", (text) => (output += text));
    const ended = once(child, "exit");
    // Until it is there, what is sent is lost, and that is said.
    let lost = 0;
    while (port.counters().received === 0) {
      await port.sendAll([frameOf(1, 2, 0)]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      port.receive();
      await until(() => port.counters().waiting === 0);
    }
    ({ unreachable: lost = 0 } = port.counters().drops);
    const early = port.counters();
    expect(early.sent).toBeGreaterThanOrEqual(early.received + lost);
    let back = early.received;
    // No more under way than a socket's buffer takes.
    for (let first = early.sent - lost; first < 640; first += 40) {
      const frames = Array.from({ length: Math.min(40, 640 - first) }, (_, i) => frameOf(1, 2, first + i));
      await port.sendAll(frames);
      back += (await takeFrames(port, frames.length)).length;
    }
    expect(await ended, output).toEqual([0, null]);
    expect(JSON.parse(output)).toMatchObject({ sent: 640, received: 640, dropped: 0, waiting: 0 });
    const { sent, received, dropped } = port.counters();
    expect({ sent, back }).toEqual({ sent: received + dropped, back: received });
  });

  test("what has come waits in a bounded queue, and the rest is counted", async () => {
    const [a, b] = await portsOf("127.0.0.1", {}, { queueFrames: 4 });
    await a.sendAll(Array.from({ length: 10 }, (_, i) => frameOf(1, 2, i)));
    await until(() => b.counters().dropped + b.counters().waiting === 10);
    expect(b.counters()).toMatchObject({ waiting: 4, dropped: 6, drops: { "queue-full": 6 } });
    expect((await takeFrames(b, 4)).map((frame) => stampOf(frame).sequence)).toEqual([0, 1, 2, 3]);
  });

  test("what comes in one turn is one burst", async () => {
    const { port, peer } = await portToSocket();
    for (let i = 0; i < 20; i++) peer.send(frameOf(1, 2, i), port.local.port, port.local.address);
    const burst = await port.bell.until(() => port.receive());
    expect(burst).toBeInstanceOf(FrameBurst);
    expect(burst.length).toBeGreaterThan(1);
  });
});

describe("others and nobody", () => {
  test("what others send never arrives, even while the port is opened", async () => {
    const address = "127.0.0.1";
    const [peer, stranger] = [await plainSocket(), await plainSocket()];
    const local = { address, port: await freePort(address) };
    const remote = { address, port: peer.address().port };
    let opening = true;
    let sent = 0;
    const pester = (): void => {
      stranger.send(frameOf(66, 66, sent++), local.port, local.address);
      // In each step that opening takes: neither ticks nor microtasks may starve the other.
      if (opening) queueMicrotask(() => process.nextTick(pester));
    };
    process.nextTick(pester);
    const port = await opened({ local, remote });
    opening = false;
    for (let i = 0; i < 10; i++) stranger.send(frameOf(66, 66, i), local.port, local.address);
    peer.send(frameOf(1, 2, 7), local.port, local.address);
    const frames = await takeFrames(port, 1);
    expect(sent).toBeGreaterThan(0);
    expect(frames.map(stampOf)).toEqual([{ from: 1, sequence: 7 }]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(port.counters()).toMatchObject({ received: 1, waiting: 0, dropped: 0 });
  });

  test.each(FAMILIES)(
    "over %s a peer that is not there yet costs frames, all counted, and no port",
    async (_, address) => {
      const remote = { address, port: await freePort(address) };
      const port = await opened({ local: { address, port: 0 }, remote });
      const frames = Array.from({ length: 101 }, (_, i) => frameOf(1, 2, i));
      await port.sendAll(frames);
      for (const frame of frames.slice(0, 5)) {
        await port.sendAll([frame]);
        await untilIdle(port);
      }
      await until(() => port.counters().dropped >= 106);
      expect(port.counters()).toMatchObject({ sent: 106, dropped: 106, drops: { unreachable: 106 } });
      expect(port.closed).toBe(false);
      const peer = await opened({ local: remote, remote: port.local });
      const taking = takeFrames(peer, 101);
      await port.sendAll(frames);
      expect((await taking).map((frame) => stampOf(frame).sequence)).toEqual(frames.map((_, i) => i));
      // And back again.
      await peer.close();
      await port.sendAll(frames.slice(0, 1));
      await until(() => port.counters().dropped === 107);
      expect(port.counters().drops).toEqual({ unreachable: 107 });
    },
  );
});

describe("opening", () => {
  const here = { address: "127.0.0.1", port: 0 };
  const there = { address: "127.0.0.1", port: 9 };

  test.each<[string, string, unknown]>([
    ["missing", "local", { remote: there }],
    ["missing", "remote", { local: here }],
    ["missing", "remote.port", { local: here, remote: { address: "127.0.0.1" } }],
    ["missing", "options", undefined],
    ["out-of-range", "remote.port", { local: here, remote: { ...there, port: 0 } }],
    ["out-of-range", "local.port", { local: { ...here, port: 65536 }, remote: there }],
    ["malformed", "local.address", { local: { ...here, address: "localhost" }, remote: there }],
    ["malformed", "local.address", { local: { ...here, address: "224.0.0.1" }, remote: there }],
    ["malformed", "remote.address", { local: here, remote: { ...there, address: "0.0.0.0" } }],
    ["malformed", "remote.address", { local: here, remote: { ...there, address: "239.1.1.1" } }],
    ["contradiction", "remote.address", { local: here, remote: { ...there, address: "::1" } }],
    ["out-of-range", "mtu", { local: here, remote: there, mtu: 65490 }],
    ["out-of-range", "mtu", { local: here, remote: there, mtu: 45 }],
    ["wrong-type", "name", { local: here, remote: there, name: 5 }],
    ["out-of-range", "queueFrames", { local: here, remote: there, queueFrames: 0 }],
    ["unknown-option", "options", { local: here, remote: there, peer: there }],
    ["unknown-option", "local", { local: { ...here, host: "::1" }, remote: there }],
  ])("%s at %s: %j", async (code, path, options) => {
    const opening = openDatagramPort(options as DatagramPortOptions);
    await expect(opening).rejects.toMatchObject({ code, path });
    await expect(opening).rejects.toSatisfy(isArgumentError);
  });

  test("an address that another socket has, that nobody has, and that no way leads to", async () => {
    const socket = await plainSocket();
    const { port } = socket.address();
    await expect(openDatagramPort({ local: { ...here, port }, remote: there })).rejects.toMatchObject({
      code: "taken",
      message: `local: another socket has 127.0.0.1:${port} already`,
      cause: { code: "EADDRINUSE" },
    });
    const nowhere = "192.0.2.1";
    await expect(
      openDatagramPort({ local: { ...here, address: nowhere }, remote: there }),
    ).rejects.toMatchObject({
      code: "not-found",
      message: `local.address: this machine does not have the address ${nowhere}`,
    });
    await expect(
      openDatagramPort({ local: here, remote: { ...there, address: nowhere } }),
    ).rejects.toMatchObject({
      code: "unsupported",
      message: `remote.address: the system knows no way from 127.0.0.1 to ${nowhere}`,
    });
  });

  test("addresses may be bytes, and all of this machine's; the name says both ends", async () => {
    const peer = await plainSocket();
    const { port } = peer.address();
    const one = await opened({
      local: { address: Uint8Array.of(0, 0, 0, 0), port: 0 },
      remote: { address: Uint8Array.of(127, 0, 0, 1), port },
    });
    expect(one.remote).toEqual({ address: "127.0.0.1", port });
    expect(one.local.port).toBeGreaterThan(0);
    expect(one.name).toBe(`udp-${one.local.address}:${one.local.port}-127.0.0.1:${port}`);
    peer.send(frameOf(1, 2, 3), one.local.port, "127.0.0.1");
    expect((await takeFrames(one, 1)).map(stampOf)).toEqual([{ from: 1, sequence: 3 }]);
    const [six] = await portsOf("::1");
    expect(six.name).toBe(`udp-[::1]:${six.local.port}-[::1]:${six.remote.port}`);
    const named = await opened({ local: here, remote: there, name: "vm" });
    expect(named.name).toBe("vm");
  });
});

/** The next socket that a port opens keeps what it is to send, and says so when the test wants. */
async function heldPort(more: More = {}): Promise<{
  port: DatagramPort;
  socket: Socket;
  held: { bytes: Uint8Array; done: (error: Error | null) => void }[];
}> {
  const { createSocket } = dgram;
  let socket: Socket | undefined;
  const held: { bytes: Uint8Array; done: (error: Error | null) => void }[] = [];
  const holding = (...args: Parameters<typeof createSocket>): Socket => {
    socket = createSocket(...args);
    // What libuv has still when it closes a socket, it gives back a little later.
    socket.once("close", () =>
      setImmediate(() => {
        for (const { done } of held.splice(0)) done(systemError("ECANCELED"));
      }),
    );
    socket.send = ((bytes: Uint8Array, done: (error: Error | null) => void) =>
      held.push({ bytes, done })) as never;
    return socket;
  };
  dgram.createSocket = holding as typeof createSocket;
  syncBuiltinESMExports();
  try {
    const remote = { address: "127.0.0.1", port: 9 };
    const port = await opened({ local: { address: "127.0.0.1", port: 0 }, remote, ...more });
    return { port, socket: socket!, held };
  } finally {
    dgram.createSocket = createSocket;
    syncBuiltinESMExports();
  }
}

const systemError = (code: string): Error => Object.assign(new Error(code), { code });

describe("while the system takes its time", () => {
  test("frames under way are bounded in number and bytes, and are copies", async () => {
    const { port, held } = await heldPort();
    const frames = Array.from({ length: 40 }, (_, i) => frameOf(1, 2, i));
    expect(port.send(frames)).toBe(32);
    expect(port.send(frames)).toBe(0);
    for (const frame of frames) frame.fill(0xff);
    expect(held.map(({ bytes }) => stampOf(bytes).sequence)).toEqual(Array.from({ length: 32 }, (_, i) => i));
    expect(port.counters()).toMatchObject({ sent: 32, waiting: 32 });
    const sending = port.sendAll([frameOf(1, 2, 32)]);
    for (const { done } of held.splice(0, 31)) done(null);
    await new Promise((resolve) => setTimeout(resolve, 10));
    // The last may still be read.
    expect(held).toHaveLength(1);
    held.splice(0, 1)[0]!.done(null);
    await sending;
    expect(held.map(({ bytes }) => stampOf(bytes).sequence)).toEqual([32]);
    held.splice(0, 1)[0]!.done(null);
    await untilIdle(port);
    const long = Array.from({ length: 3 }, () => new Uint8Array(30_000));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(port.send(long)).toBe(2);
  });

  test("a copy stays what it is as long as the system may read it", async () => {
    const { port, held } = await heldPort();
    port.send([frameOf(1, 2, 0)]);
    held.shift()!.done(null);
    // In the turn that is not over yet.
    port.send([frameOf(1, 2, 1)]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    port.send([frameOf(1, 2, 2), frameOf(1, 2, 3)]);
    expect(held.map(({ bytes }) => stampOf(bytes).sequence)).toEqual([1, 2, 3]);
  });

  test("what the system has not sent when the port is closed is counted by then", async () => {
    const { port, held } = await heldPort();
    port.send(Array.from({ length: 5 }, () => frameOf(1, 2)));
    held.shift()!.done(null);
    await port.close();
    expect(port.counters()).toMatchObject({ sent: 5, waiting: 0, dropped: 4, drops: { closed: 4 } });
  });

  test("what is not sent is counted by reason, and the port goes on", async () => {
    const { port, held } = await heldPort();
    port.send(Array.from({ length: 6 }, (_, i) => frameOf(1, 2, i)));
    const ends = ["", "EMSGSIZE", "EPERM", "ENETUNREACH", "ECANCELED", "ENOBUFS"];
    for (const code of ends) held.shift()!.done(code === "" ? null : systemError(code));
    await untilIdle(port);
    const drops = { "frame-too-long": 1, closed: 1, unreachable: 1, "not-sent": 2 };
    expect(port.counters()).toMatchObject({ sent: 6, dropped: 5, drops });
    for (const name of Object.keys(drops)) expect(dropReasons.map((reason) => reason.name)).toContain(name);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(port.send([frameOf(1, 2)])).toBe(1);
  });

  test("a call that waits for room ends with its signal", async () => {
    const { port } = await heldPort();
    const stop = new AbortController();
    const progress = { sent: 0 };
    const sending = port.sendAll(
      Array.from({ length: 40 }, () => frameOf(1, 2)),
      { signal: stop.signal, progress },
    );
    stop.abort(new Error("enough"));
    await expect(sending).rejects.toThrow("enough");
    expect(progress).toEqual({ sent: 32 });
  });

  test("a socket that fails ends the port: whoever sends, iterates or has joined it is told", async () => {
    const { port, socket } = await heldPort();
    const [inside] = portPair();
    const connection = connect(port, inside);
    const sending = port.sendAll(Array.from({ length: 40 }, () => frameOf(1, 2)));
    const reading = takeFrames(port, 1);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const told = Promise.allSettled([sending, reading, connection.ended]);
    socket.emit("error", systemError("ENOMEM"));
    for (const each of await told)
      expect(each).toMatchObject({ status: "rejected", reason: { code: "ENOMEM" } });
    expect(port.closed).toBe(true);
    await closed;
    await port.close();
  });
});

describe("closing", () => {
  test("what has come in the same turn can still be taken", async () => {
    const { port, peer } = await portToSocket();
    peer.send(frameOf(1, 2, 5), port.local.port, port.local.address);
    // Immediates of the turn before come first: it has not been handed over yet.
    while (port.counters().waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    await port.close();
    expect((await takeFrames(port, 1)).map(stampOf)).toEqual([{ from: 1, sequence: 5 }]);
    expect(port.receive()).toBeUndefined();
    // The address is free again.
    const again = await opened({ local: port.local, remote: port.remote });
    expect(again.local).toEqual(port.local);
  });

  const opens = `
    import { openDatagramPort } from "frameferry/node";
    const end = { address: "127.0.0.1", port: 0 };
    const port = await openDatagramPort({ local: end, remote: { address: "127.0.0.1", port: 9 } });
    await port.sendAll([new Uint8Array(60)]);
  `;
  test.each([
    ["a closed port", "await port.close();"],
    ["a port with unref", "port.unref();"],
    [
      "one whose unref was taken back, when it is closed",
      "port.unref().ref(); setTimeout(() => port.close(), 20);",
    ],
  ])("%s lets the process end", (_, last) => {
    const { status, output } = run(process.execPath, ["--input-type=module", "-e", opens + last], root);
    expect({ status, output }).toEqual({ status: 0, output: "" });
  });

  test("an open port keeps the process alive", () => {
    const source = `${opens} setTimeout(() => { console.log("alive"); process.exit(0); }, 100).unref();`;
    const { status, output } = run(process.execPath, ["--input-type=module", "-e", source], root);
    expect({ status, output }).toEqual({ status: 0, output: "alive\n" });
  });
});
