// TAPs and tunnels with offloads, against the kernel: streams of TCP and UDP that it leaves to be cut, and that it has to cut.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type Connection, connect, type FramePort, isArgumentError, mirror, portPair } from "frameferry";
import { openTap, openUdpCarrier, type TapOptions, type TapPort, whole } from "frameferry/linux";
import { createSwitch } from "frameferry/switch";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Namespace, noNamespaces } from "../support/namespaces.ts";
import { takeFrames, untilIdle } from "../support/port-contract.ts";

const missing = noNamespaces("python3");
const title = missing === undefined ? "offloads" : `offloads: ${missing}`;
const BYTES = 8 << 20;

/** Prints the hash of what comes. */
const RECEIVE = `
import socket, sys, hashlib
address, family = sys.argv[1], socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family); s.bind((address, 5201)); s.listen(1); print("listens", flush=True)
c, _ = s.accept(); h = hashlib.sha256(); n = 0
while True:
    data = c.recv(1 << 16)
    if not data: break
    h.update(data); n += len(data)
print(n, h.hexdigest(), flush=True)
`;
const SEND = `
import socket, sys, hashlib, random
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
data = random.Random(7).randbytes(${BYTES})
s = socket.socket(family); s.settimeout(20); s.connect((sys.argv[1], 5201)); s.sendall(data); s.close()
print(len(data), hashlib.sha256(data).hexdigest())
`;
/** One message that the kernel cuts into datagrams of 1,000 bytes. */
const SEND_UDP = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(17, 103, 1000)
s.sendto(bytes(i // 1000 for i in range(20500)), (sys.argv[1], 5202))
`;
const RECEIVE_UDP = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 5202)); s.settimeout(10)
print("listens", flush=True)
print([(len(d), d[0], d[-1]) for d in (s.recv(65535) for _ in range(21))], flush=True)
`;

describe.skipIf(missing !== undefined)(title, () => {
  let here: Namespace;
  let there: Namespace;
  beforeAll(() => {
    here = new Namespace({ ipv6: true });
    there = new Namespace({ ipv6: true });
  });
  afterAll(() => {
    here?.remove();
    there?.remove();
  });

  async function tapIn(namespace: Namespace, last: number, options: Partial<TapOptions>): Promise<TapPort> {
    const tap = await openTap({ name: "tap", namespace: namespace.name, ...options });
    onTestFinished(() => tap.close());
    namespace.ip("addr", "add", `192.168.77.${last}/24`, "dev", "tap");
    namespace.ip("addr", "add", `fd00:77::${last}/64`, "dev", "tap", "nodad");
    return tap;
  }

  function python(namespace: Namespace, script: string, address: string): [ChildProcess, () => string] {
    const child = spawn(...namespace.command("python3", "-c", script, address));
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    child.stderr.on("data", (text) => (output += text));
    return [child, () => output];
  }

  /** What the receiver says, and what the sender does. */
  async function transfer(from: Namespace, to: Namespace, address: string, scripts = [RECEIVE, SEND]) {
    const [receiver, heard] = python(to, scripts[0] as string, address);
    const ended = once(receiver, "close");
    while (!heard().includes("listens")) await new Promise((resolve) => setTimeout(resolve, 5));
    const [sender, sent] = python(from, scripts[1] as string, address);
    await once(sender, "close");
    await ended;
    return [heard().replace("listens\n", ""), sent()];
  }

  /** The longest frame that has passed, and how many. */
  function seen(port: FramePort): { longest: number; frames: number } {
    const told = { longest: 0, frames: 0 };
    port.watch({
      received: (burst) => {
        for (const frame of burst) told.longest = Math.max(told.longest, frame.length);
        told.frames += burst.length;
      },
    });
    return told;
  }

  test.each([
    ["as super-frames", { superFrames: true }, 20_000, 65_600],
    ["cut where nobody takes super-frames", {}, 1514, 1514],
    ["without offloads", { offloads: false }, 1514, 1514],
  ])("8 MB of TCP between two TAPs, both ways, %s", async (_how, options, least, most) => {
    const [a, b] = [await tapIn(here, 1, options), await tapIn(there, 2, options)];
    const [atA, atB] = [seen(a), seen(b)];
    const cable = connect(a, b);
    for (const [from, to, address] of [
      [here, there, "192.168.77.2"],
      [there, here, "fd00:77::1"],
    ] as const) {
      const [heard, sent] = await transfer(from, to, address);
      expect(heard).toBe(sent);
      expect(heard).toContain(String(BYTES));
    }
    await cable.stop();
    for (const { longest } of [atA, atB]) {
      expect(longest).toBeGreaterThanOrEqual(least);
      expect(longest).toBeLessThanOrEqual(most);
    }
    for (const tap of [a, b]) expect(tap.counters().drops).toEqual({});
    const isOff = "offloads" in options;
    expect(a.systemOffloads.includes("tcp-segmentation")).toBe(!isOff);
    expect(a.offloads).toEqual({ checksum: false, segmentation: "superFrames" in options });
  });

  test("UDP that the kernel leaves to be cut, where it does", async () => {
    for (const superFrames of [false, true]) {
      const [a, b] = [await tapIn(here, 1, { superFrames }), await tapIn(there, 2, { superFrames })];
      const at = seen(a);
      const cable = connect(a, b);
      const [heard] = await transfer(here, there, "192.168.77.2", [RECEIVE_UDP, SEND_UDP]);
      const datagrams = Array.from({ length: 21 }, (_, i) => `(${i < 20 ? 1000 : 500}, ${i}, ${i})`);
      expect(heard).toBe(`[${datagrams.join(", ")}]\n`);
      if (a.systemOffloads.includes("udp-segmentation") && superFrames)
        expect(at.longest).toBeGreaterThan(20_000);
      await cable.stop();
      await Promise.all([a.close(), b.close()]);
    }
  });

  test("through a switch with super-frames, past a port and a reader that take none", async () => {
    const sw = await createSwitch({ workers: 0, superFrames: true });
    onTestFinished(() => sw.close());
    const bridgeDomain = await sw.addBridgeDomain();
    const [a, b] = [
      await tapIn(here, 1, { superFrames: true }),
      await tapIn(there, 2, { superFrames: false }),
    ];
    // Limits are those of segments.
    const port = { bridgeDomain, mtu: 1500 };
    const [one, other] = [await sw.addPort(port), await sw.addPort(port)];
    const at = { one: seen(one), a: seen(a) };
    let fault: unknown;
    try {
      connect(other, b);
    } catch (error) {
      fault = error;
    }
    expect(isArgumentError(fault) && fault.code).toBe("contradiction");
    const cut = await whole(other);
    const cables: Connection[] = [connect(one, a), connect(cut, b)];
    const [heard, sent] = await transfer(here, there, "192.168.77.2");
    expect(heard).toBe(sent);
    expect(at.a.longest).toBeGreaterThan(20_000);
    const { received, copies, sent: left, dropped } = sw.counters();
    expect(received + copies).toBe(left + dropped);
    // Of a super-frame all bytes count.
    const bytes = sw.counters().ports.map((port) => port.sentBytes);
    expect(Math.max(...bytes)).toBeGreaterThan(BYTES);
    for (const cable of cables) await cable.stop();
  });

  test("through a router, whose interfaces have an MTU, on a worker", async () => {
    const sw = await createSwitch({ workers: 1, superFrames: true, copies: { frameBytes: 65_535 } });
    onTestFinished(() => sw.close());
    const router = await sw.addRouter();
    const taps = [await tapIn(here, 1, { superFrames: true }), await tapIn(there, 2, { superFrames: true })];
    const told = seen(taps[0] as TapPort);
    const cables: Connection[] = [];
    for (const [index, namespace] of [here, there].entries()) {
      const bridgeDomain = await sw.addBridgeDomain();
      cables.push(connect(await sw.addPort({ bridgeDomain }), taps[index] as TapPort));
      const [ipv4, ipv6] = [`10.77.${index}`, `fd00:770${index}:`];
      const station = JSON.parse(namespace.run("ip", "-json", "link", "show", "tap"))[0].address;
      const mac = `02:00:00:00:0${index}:fe`;
      await router.addInterface({
        bridgeDomain,
        mac,
        addresses: [`${ipv4}.254/24`, `${ipv6}:fe/64`],
        mtu: 1500,
      });
      for (const ip of [`${ipv4}.1`, `${ipv6}:1`]) await sw.addNeighbour({ bridgeDomain, ip, mac: station });
      namespace.ip("addr", "add", `${ipv4}.1/24`, "dev", "tap");
      namespace.ip("addr", "add", `${ipv6}:1/64`, "dev", "tap", "nodad");
      namespace.ip("route", "add", "10.77.0.0/16", "via", `${ipv4}.254`);
      namespace.ip("route", "add", "fd00:7700::/24", "via", `${ipv6}:fe`);
    }
    for (const address of ["10.77.1.1", "fd00:7701::1"]) {
      const [heard, sent] = await transfer(here, there, address);
      expect(heard).toBe(sent);
      expect(heard).toContain(String(BYTES));
    }
    expect(told.longest).toBeGreaterThan(20_000);
    await sw.idle();
    const { received, copies, sent, dropped, drops } = sw.counters();
    expect(received + copies).toBe(sent + dropped);
    expect(drops["exceeds-mtu"] ?? 0).toBe(0);
    for (const cable of cables) await cable.stop();
  });

  test("what gives super-frames is refused by what takes none, and by send", async () => {
    const a = await tapIn(here, 1, { superFrames: true });
    const [inside, outside] = portPair();
    expect(() => connect(a, inside)).toThrow("segmentation");
    const tapped = mirror(a, outside);
    there.ip("link", "set", "lo", "up");
    await tapped.stop();
    expect(await whole(inside)).toBe(inside);
  });

  test("frames of one length to one end leave in one message, and come as they were", async () => {
    const options = { ports: 4789, superFrames: false };
    const one = await openUdpCarrier({ local: "127.0.9.1", remotes: ["127.0.9.2"], ...options });
    const other = await openUdpCarrier({ local: "127.0.9.2", remotes: ["127.0.9.1"], ...options });
    onTestFinished(async () => void (await Promise.all([one.close(), other.close()])));
    expect(one.systemOffloads).toEqual(["segmentation", "receive"]);
    const packet = (length: number, index: number): Uint8Array => {
      const frame = new Uint8Array(42 + length).fill(index);
      const view = new DataView(frame.buffer);
      frame.set([8, 0, 0x45], 12);
      view.setUint16(16, 28 + length);
      frame.set([64, 17, 0, 0, 127, 0, 9, 1, 127, 0, 9, 2], 22);
      view.setUint16(20, 0);
      view.setUint16(36, 4789);
      view.setUint16(38, 8 + length);
      return frame;
    };
    // Runs of one length, with shorter and longer ones between them, and more than one message holds.
    const lengths = [
      ...Array(70).fill(1000),
      999,
      1000,
      1001,
      1001,
      30,
      30,
      30,
      1,
      2,
      3,
      ...Array(10).fill(9000),
      8,
      0,
      8,
    ];
    const taking = takeFrames(other, lengths.length);
    for (let i = 0; i < lengths.length; i += 30)
      await one.sendAll(lengths.slice(i, i + 30).map((length, j) => packet(length, i + j)));
    const frames = await taking;
    expect(frames.map((frame) => frame.length - 42)).toEqual(lengths);
    for (const [i, frame] of frames.entries())
      expect(frame.subarray(42).every((byte) => byte === i)).toBe(true);
    await untilIdle(one);
    expect([one.counters().drops, other.counters().drops]).toEqual([{}, {}]);
  });
});
