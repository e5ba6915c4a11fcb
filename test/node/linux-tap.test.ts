// TAPs as ports, in namespaces of their own: what the kernel says to them, and what it hears from them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { connect, type FrameBurst, isArgumentError } from "frameferry";
import { openTap, SystemError, type TapOptions, type TapPort } from "frameferry/linux";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { Namespace, noNamespaces } from "../support/namespaces.ts";
import { portContract, takeFrames, untilIdle } from "../support/port-contract.ts";
import { sendingContract } from "../support/sending-contract.ts";

const root = join(import.meta.dirname, "../..");
const missing = noNamespaces("tc", "ping");
const title = missing === undefined ? "TAPs" : `TAPs: ${missing}`;

describe.skipIf(missing !== undefined)(title, () => {
  let here: Namespace;
  let there: Namespace;
  beforeAll(() => {
    here = new Namespace();
    there = new Namespace();
  });
  afterAll(() => {
    here?.remove();
    there?.remove();
  });

  async function opened(options: TapOptions): Promise<TapPort> {
    const tap = await openTap(options);
    onTestFinished(() => tap.close());
    return tap;
  }

  let number = 0;

  /** Two TAPs: the kernel sends by the one whatever it receives from the other, as a cable would. */
  async function crossed(options: Partial<TapOptions> = {}): Promise<[TapPort, TapPort]> {
    const namespace = here.name;
    const names = [`a${++number}`, `b${number}`] as const;
    const a = await openTap({ namespace, name: names[0], ...options });
    const b = await openTap({ namespace, name: names[1], ...options });
    for (const [from, to] of [names, [names[1], names[0]] as const]) {
      here.run("tc", "qdisc", "add", "dev", from, "clsact");
      const everything = ["bpf", "bytecode", "1,6 0 0 4294967295,"];
      const action = ["action", "mirred", "egress", "redirect", "dev", to];
      here.run("tc", "filter", "add", "dev", from, "ingress", ...everything, ...action);
    }
    return [a, b];
  }

  portContract("a TAP", async () => {
    const [from, to] = await crossed();
    return { from, to };
  });

  sendingContract("a TAP", async () => {
    const [from, to] = await crossed();
    const take = async (): Promise<FrameBurst> => {
      for await (const burst of to) return burst;
      throw new Error("nothing comes any more");
    };
    return { from, take, close: async () => void (await Promise.all([from.close(), to.close()])) };
  });

  test("has the name, the MTU and the state that were asked for, in its namespace", async () => {
    const one = await opened({ name: "tap%d", namespace: here.name });
    const other = await opened({
      name: "tap%d",
      namespace: here.name,
      mtu: 9000,
      up: false,
      mac: "02:00:00:00:00:99",
    });
    expect([one.device, one.name, one.mtu]).toEqual(["tap0", "tap0", 1500]);
    expect([other.device, other.mtu]).toEqual(["tap1", 9000]);
    const links = JSON.parse(here.run("ip", "-json", "link", "show")) as {
      ifname: string;
      mtu: number;
      flags: string[];
      address: string;
    }[];
    const told = links.map(({ ifname, mtu, flags }) => [ifname, mtu, flags.includes("UP")]);
    expect(told).toContainEqual(["tap0", 1500, true]);
    expect(told).toContainEqual(["tap1", 9000, false]);
    expect(links.find(({ ifname }) => ifname === "tap1")?.address).toBe("02:00:00:00:00:99");
  });

  test("joins two namespaces: pings of every size arrive whole", async () => {
    const a = await opened({ name: "left", namespace: here.name, mtu: 9000 });
    const b = await opened({ name: "right", namespace: `/var/run/netns/${there.name}`, mtu: 9000 });
    here.ip("addr", "add", "192.168.77.1/24", "dev", "left");
    there.ip("addr", "add", "192.168.77.2/24", "dev", "right");
    const wire = connect(a, b);
    for (const size of [0, 1, 17, 18, 56, 1472, 1473, 8972]) {
      const ping = ["-c", "2", "-i", "0.1", "-W", "5", "-M", "do", "-s", String(size), "192.168.77.2"];
      const child = spawn(...here.command("ping", ...ping));
      let output = "";
      child.stdout.on("data", (text) => (output += text));
      expect([size, ...(await once(child, "exit"))], output).toEqual([size, 0, null]);
      expect(output).toContain(" 0% packet loss");
    }
    await wire.stop();
    for (const tap of [a, b]) expect(tap.counters().dropped).toBe(0);
  });

  test("nothing is lost while others have their turn: 20,000 frames each way", async () => {
    const [a, b] = await crossed();
    onTestFinished(async () => void (await Promise.all([a.close(), b.close()])));
    const count = 20_000;
    const taken = Promise.all([takeFrames(a, count), takeFrames(b, count)]);
    // No more on the way than the kernel's queue holds.
    for (let first = 0; first < count; first += 200) {
      const frames = Array.from({ length: 200 }, (_, i) => frameOf(1, 2, first + i, 60 + (i % 1000)));
      await Promise.all([a.sendAll(frames), b.sendAll(frames)]);
      const come = (port: TapPort): number => port.counters().received + port.counters().waiting;
      while (Math.min(come(a), come(b)) < first + 200) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const frames of await taken)
      expect(frames.every((frame, i) => stampOf(frame).sequence === i)).toBe(true);
  });

  test("a queue that is full lets the rest wait in the kernel", async () => {
    const [a, b] = await crossed({ queueFrames: 4 });
    onTestFinished(async () => void (await Promise.all([a.close(), b.close()])));
    for (let i = 0; i < 200; i++) await a.sendAll([frameOf(1, 2, i)]);
    await untilIdle(a);
    const frames = await takeFrames(b, 200);
    expect(frames.map((frame) => stampOf(frame).sequence)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(b.counters()).toMatchObject({ received: 200, dropped: 0 });
  });

  test("what the system does not take is counted", async () => {
    const tap = await opened({ name: "flaps", namespace: here.name });
    await tap.sendAll([new Uint8Array(13), new Uint8Array(0), frameOf(1, 2)]);
    expect(tap.counters()).toMatchObject({ sent: 3, dropped: 2, drops: { "frame-too-short": 2 } });
    here.ip("link", "set", "flaps", "down");
    await tap.sendAll([frameOf(1, 2), frameOf(1, 2)]);
    expect(tap.counters().drops).toEqual({ "frame-too-short": 2, "link-down": 2 });
    here.ip("link", "set", "flaps", "up");
    await tap.sendAll([frameOf(1, 2)]);
    expect(tap.counters()).toMatchObject({ sent: 6, dropped: 4 });
    expect(JSON.parse(here.run("ip", "-json", "-s", "link", "show", "flaps"))[0].stats64.rx.packets).toBe(2);
  });

  test.each(["reading", "writing"])("its interface is deleted: whoever is %s is told so", async (what) => {
    const tap = await opened({ name: "gone", namespace: here.name });
    if (what === "reading") {
      const bursts = tap[Symbol.asyncIterator]();
      const next = bursts.next();
      here.ip("link", "del", "gone");
      await expect(next).rejects.toThrow(/^the interface gone is gone: read: EBADFD$/);
    } else {
      here.ip("link", "del", "gone");
      await tap.sendAll([frameOf(1, 2)]).catch(() => {});
      await expect(tap.sendAll([frameOf(1, 2)])).rejects.toBeInstanceOf(SystemError);
    }
    expect(tap.closed).toBe(true);
    expect(() => tap.send([frameOf(1, 2)])).toThrow(/^the interface gone is gone/);
    await tap.close();
  });

  test("goes with its port, and comes again", async () => {
    for (let i = 0; i < 5; i++) {
      const tap = await openTap({ name: "again", namespace: here.name });
      await tap.close();
      expect(here.run("ip", "-json", "link", "show")).not.toContain('"again"');
    }
  });

  test.each([
    ["which it does by itself once nothing holds it", "tap.unref();"],
    ["which it is told to", "process.exit(0);"],
    ["with a port that has been closed", "await tap.close();"],
  ])("lets its process end, %s", async (_, last) => {
    const source = `
      import { openTap } from "frameferry/linux";
      const tap = await openTap({ name: "ends", namespace: ${JSON.stringify(here.name)} });
      ${last}`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", source], { cwd: root });
    let output = "";
    child.stderr.on("data", (text) => (output += text));
    expect(await once(child, "exit"), output).toEqual([0, null]);
    expect(here.run("ip", "-json", "link", "show")).not.toContain('"ends"');
  });

  test("a name, a namespace or an MTU that cannot be had is an error about that option", async () => {
    const namespace = here.name;
    await opened({ name: "mine", namespace });
    here.ip("link", "add", "cable0", "type", "veth", "peer", "name", "cable1");
    const cases: [string, string, TapOptions][] = [
      ["taken", "name", { name: "mine", namespace }],
      ["taken", "name", { name: "cable0", namespace }],
      ["not-found", "namespace", { name: "other", namespace: "ff-nowhere" }],
      ["not-found", "namespace", { name: "other", namespace: "/dev/null" }],
    ];
    for (const [code, path, options] of cases) {
      const opening = openTap(options);
      await expect(opening).rejects.toMatchObject({ code, path });
      await expect(opening).rejects.toSatisfy(isArgumentError);
    }
    // The thread is back where it was, and nothing is left behind.
    await expect(openTap({ name: "other", namespace: "ff-nowhere" })).rejects.toThrow("ff-nowhere");
    expect(here.run("ip", "-json", "link", "show")).not.toContain('"other"');
  });
});

describe.skipIf(process.platform !== "linux")("what a TAP is told", () => {
  test.each<[string, string, unknown]>([
    ["missing", "options", undefined],
    ["missing", "name", {}],
    ["wrong-type", "name", { name: 5 }],
    ["malformed", "name", { name: "" }],
    ["malformed", "name", { name: "." }],
    ["malformed", "name", { name: "a/b" }],
    ["malformed", "name", { name: "a b" }],
    ["malformed", "name", { name: "a\0b" }],
    ["malformed", "name", { name: "%s" }],
    ["malformed", "name", { name: "%d%d" }],
    ["malformed", "name", { name: "ü234567890123456" }],
    ["malformed", "namespace", { name: "a", namespace: "../a" }],
    ["out-of-range", "mtu", { name: "a", mtu: 67 }],
    ["out-of-range", "mtu", { name: "a", mtu: 65522 }],
    ["malformed", "mac", { name: "a", mac: "03:00:00:00:00:01" }],
    ["wrong-type", "up", { name: "a", up: 1 }],
    ["out-of-range", "queueFrames", { name: "a", queueFrames: 0 }],
    ["unknown-option", "options", { name: "a", persist: true }],
  ])("%s at %s: %j", async (code, path, options) => {
    const opening = openTap(options as TapOptions);
    await expect(opening).rejects.toMatchObject({ code, path });
    await expect(opening).rejects.toSatisfy(isArgumentError);
  });
});
