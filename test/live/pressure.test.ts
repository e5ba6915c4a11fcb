// Two switches joined by their uplinks, in every way there is to join them: nothing is lost, however it is sent, because
// senders wait for readers. And how long they do.
import { connect } from "frameferry";
import { createSwitch, type LivePort, type Switch } from "frameferry/switch";
import { expect, test } from "vitest";
import { isolated, pause, until } from "../dataplane/support.ts";
import { expectBalanced, frameOf, mac, stampOf, switchTest, takeNow, taking } from "./support.ts";

const FRAMES = 100_000;

const ways: Readonly<Record<string, (a: LivePort, b: LivePort) => unknown>> = {
  "a loop that spreads bursts": async (a, b) => {
    for await (const burst of a) await b.sendAll([...burst]);
  },
  "a loop that hands bursts over": async (a, b) => {
    for await (const burst of a) await b.sendAll(burst);
  },
  pipeTo: (a, b) => a.readable.pipeTo(b.writable),
  connect: (a, b) => connect(a, b),
};

interface End {
  readonly sw: Switch;
  readonly uplink: LivePort;
  readonly port: LivePort;
}

async function ends(workers: number): Promise<End[]> {
  const addresses = ["10.9.0.1", "10.9.0.2"];
  return Promise.all(
    addresses.map(async (address, here) => {
      const sw = await createSwitch({ workers, vtep: { address }, sweepSeconds: 0 });
      const bridgeDomain = await sw.addBridgeDomain({ vni: 7 });
      const port = await sw.addPort({ bridgeDomain });
      const remote = addresses[1 - here] as string;
      const tunnel = await sw.addTunnel({ kind: "vxlan", remote, bridgeDomains: [bridgeDomain] });
      sw.fdb.set({ bridgeDomain, mac: mac(2), port: here === 0 ? tunnel : port });
      return { sw, uplink: sw.uplink as LivePort, port };
    }),
  );
}

for (const workers of isolated ? [0, 2] : [0])
  for (const [name, join] of Object.entries(ways))
    test(`${workers} workers, ${name}: nothing is lost`, { timeout: 60_000 }, async () => {
      for (const burst of [1024, 37, FRAMES]) {
        const all = await ends(workers);
        const [a, b] = all as [End, End];
        const joined = Promise.resolve(join(a.uplink, b.uplink)).catch(() => {});
        const due = new Uint32Array(16);
        let received = 0;
        const reading = (async () => {
          for await (const got of b.port) {
            received += got.length;
            for (const frame of got) {
              const { from, sequence } = stampOf(frame);
              const flow = from - 100;
              if (sequence !== due[flow]) throw new Error(`${flow}: ${sequence}, due was ${due[flow]}`);
              due[flow] = sequence + 1;
            }
          }
        })();
        const frame = (i: number): Uint8Array => frameOf(100 + (i % 16), 2, i >> 4);
        for (let sent = 0; sent < FRAMES; sent += burst) {
          const length = Math.min(burst, FRAMES - sent);
          await a.port.sendAll(Array.from({ length }, (_, i) => frame(sent + i)));
        }
        await until(
          () => received === FRAMES || a.sw.counters().dropped + b.sw.counters().dropped > 0,
          "all",
        );
        expect([a.sw.counters().drops, b.sw.counters().drops, received]).toEqual([{}, {}, FRAMES]);
        await Promise.all(all.map(({ sw }) => sw.close()));
        await Promise.all([reading, joined]);
      }
    });

switchTest(
  "a flood of many packets by one uplink waits for its reader",
  async (sw) => {
    const bridgeDomain = await sw.addBridgeDomain({ vni: 7 });
    const port = await sw.addPort({ bridgeDomain });
    for (let i = 2; i < 42; i++)
      await sw.addTunnel({ kind: "vxlan", remote: `10.9.0.${i}`, bridgeDomains: [bridgeDomain] });
    const atUplink = taking(sw.uplink as LivePort);
    await port.sendAll(Array.from({ length: 1000 }, (_, i) => frameOf(1, -1, i)));
    await sw.idle();
    await until(() => atUplink.frames.length === 40_000, "all copies");
    expect(sw.counters()).toMatchObject({ sent: 40_000, dropped: 0 });
  },
  { vtep: { address: "10.9.0.1" }, queueFrames: 100, ringBytes: 1 << 16, copies: { copies: 50 } },
);

switchTest(
  "a reader that takes nothing is waited for only so long, and again when it goes on",
  async (sw) => {
    const bridgeDomain = await sw.addBridgeDomain();
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => sw.addPort({ bridgeDomain })));
    if (!a || !b || !c) throw new Error("unreachable");
    for (const [i, port] of [a, b, c].entries()) sw.fdb.set({ bridgeDomain, mac: mac(i), port });
    const bursts = b[Symbol.asyncIterator]();
    a.send([frameOf(0, 1, 0)]);
    await bursts.next();
    const atC = taking(c);
    // Some 1,000 find room at b and in the rings, and then the others have to wait.
    await a.sendAll(Array.from({ length: 20_000 }, (_, i) => frameOf(0, 1, 1 + i)));
    await a.sendAll(Array.from({ length: 500 }, (_, i) => frameOf(0, 2, i)));
    await sw.idle();
    await until(() => atC.frames.length === 500, "its neighbour gets what is its");
    const lost = b.counters().drops["queue-full"] as number;
    expect(lost).toBeGreaterThan(0);
    expectBalanced(sw.counters());
    // It goes on, and has lost nothing but that.
    let got = 1;
    for (let burst = b.receive(); burst !== undefined; burst = b.receive()) got += burst.length;
    expect(got + lost).toBe(20_001);
    const sending = a.sendAll(Array.from({ length: 20_000 }, (_, i) => frameOf(0, 1, i)));
    let more = 0;
    while (more < 20_000) more += (await bursts.next()).value?.length ?? 0;
    await sending;
    expect(b.counters().drops["queue-full"]).toBe(lost);
  },
  { queueFrames: 1000, ringBytes: 1 << 16, patienceMs: 200 },
  isolated ? [0, 2] : [0],
);

switchTest(
  "changes go on while a reader is waited for, and lose nothing",
  async (sw) => {
    const bridgeDomain = await sw.addBridgeDomain();
    const a = await sw.addPort({ bridgeDomain });
    const b = await sw.addPort({ bridgeDomain });
    sw.fdb.set({ bridgeDomain, mac: mac(1), port: b });
    let got = 0;
    let changes = 0;
    const reading = (async () => {
      for await (const burst of b) {
        got += burst.length;
        if (changes >= 5) continue;
        changes++;
        await sw.addPort({ bridgeDomain });
      }
    })();
    await a.sendAll(Array.from({ length: 5000 }, (_, i) => frameOf(0, 1, i)));
    await until(() => got === 5000, "all has come");
    expect(sw.counters()).toMatchObject({ sent: 5000, dropped: 0 });
    await sw.close();
    await reading;
  },
  { queueFrames: 10, ringBytes: 1 << 16, patienceMs: 60_000 },
);

switchTest(
  "a queue is bounded in bytes",
  async (sw) => {
    const bridgeDomain = await sw.addBridgeDomain();
    const a = await sw.addPort({ bridgeDomain });
    const b = await sw.addPort({ bridgeDomain });
    await a.sendAll(Array.from({ length: 200 }, (_, i) => frameOf(0, -1, i, 9000)));
    await sw.idle();
    const { waiting, drops } = b.counters();
    expect(waiting + (drops["queue-full"] as number)).toBe(200);
    expect(waiting * 9000).toBeLessThanOrEqual(1 << 18);
    expect(waiting).toBeGreaterThan(20);
    expect(takeNow(b).map((frame) => stampOf(frame).sequence)).toEqual([...Array(waiting).keys()]);
    expectBalanced(sw.counters());
  },
  { queueBytes: 1 << 18 },
);

switchTest(
  "a port closes itself, and an uplink does not",
  async (sw) => {
    const bridgeDomain = await sw.addBridgeDomain();
    const a = await sw.addPort({ bridgeDomain });
    await a.close();
    await a.close();
    expect(sw.ports().length).toBe(1);
    expect(() => a.send([frameOf(1, 2)])).toThrow(/^port: it has been closed/);
    await expect((sw.uplink as LivePort).close()).rejects.toThrow(
      /^port: an uplink is closed with its switch/,
    );
    await pause(0);
  },
  { vtep: { address: "10.9.0.1" } },
);
