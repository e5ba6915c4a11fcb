// `frameferry vtep` and `frameferry ctl` over the loopback, where nobody needs rights: machines are datagram and stream ports.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listenStreamPorts, openStreamPort, openWebSocketPort } from "frameferry/node";
import { compose } from "frameferry/wire";
import { describe, expect, onTestFinished, test } from "vitest";
import { frameOf, mac } from "../live/support.ts";
import { run } from "../support/run-program.ts";
import { RunningVtep, startedVtep } from "../support/vtep.ts";
import {
  cable,
  counted,
  domain,
  freePort,
  HERE,
  pair,
  ride,
  THERE,
  tunnelTo,
  VNI,
} from "../support/vtep-pair.ts";
import { CLI, frameferry, temporaryFolder } from "./program.ts";

test("carries frames between two machines, and tells of all of them", async () => {
  const { vteps, machines } = await pair();
  const [a, b] = vteps;
  expect(await ride(machines[0], machines[1], 200, 1, 2)).toEqual(counted(200));
  expect(await ride(machines[1], machines[0], 200, 2, 1)).toEqual(counted(200));

  expect(statSync(a.control).mode & 0o777).toBe(0o600);
  expect(a.port("machine")).toMatchObject({
    kind: "access",
    state: "up",
    received: 200,
    sent: 200,
    dropped: 0,
  });
  expect(a.port(`to-${THERE}`)).toMatchObject({ kind: "tunnel", to: `vxlan ${THERE}`, received: 200 });
  expect(a.port("uplink")).toMatchObject({ kind: "uplink", state: "up", sent: 200 });
  expect(b.ask("fdb")).toMatchObject([
    {
      bridgeDomain: "blue",
      mac: mac(1),
      kind: "learned",
      port: `to-${HERE}`,
      idleSeconds: expect.any(Number),
    },
    { bridgeDomain: "blue", mac: mac(2), kind: "learned", port: "machine", idleSeconds: expect.any(Number) },
  ]);
  expect(a.ask("drops")).toEqual([]);
  expect(a.ctl("drops").stdout).toBe("  nothing was dropped\n");
  expect(a.ctl("fdb").stdout).toMatch(/^ {2}bridge domain {2}MAC .*\n {2}blue .* learned {2}machine /);
  expect(a.ctl("ports").stdout).toMatch(/^ {2}machine +access +udp .* up +200 +200 +0$/m);
  expect(a.ctl("counters").stdout).toMatch(/^ {2}frames received +400$/m);

  const { code, told } = await a.stop();
  expect(code).toBe(0);
  expect(told.counters).toMatchObject({ received: 400, copies: 0, sent: 400, dropped: 0 });
  expect(a.stderr).toBe("ready\n");
  expect(existsSync(a.control)).toBe(false);
  expect((await b.stop("SIGINT")).code).toBe(0);
});

test("drops what comes from strangers, or of another VNI, and says why", async () => {
  const { configs, vteps, machines } = await pair();
  await ride(machines[0], machines[1], 1);
  const stranger = createSocket("udp4");
  onTestFinished(() => void stranger.close());
  stranger.bind(0, "127.0.0.3");
  await once(stranger, "listening");
  const header = (vni: number): Uint8Array => Uint8Array.of(8, 0, 0, 0, 0, 0, vni, 0);
  const { vxlan } = configs[0].vtep.ports;
  stranger.send(Buffer.concat([header(VNI), frameOf(7, 1)]), vxlan, HERE);
  const known = createSocket("udp4");
  onTestFinished(() => void known.close());
  known.bind(0, THERE);
  await once(known, "listening");
  known.send(Buffer.concat([header(43), frameOf(7, 1)]), vxlan, HERE);
  const [a] = vteps;
  while (a.ask("drops").reduce((sum, { frames }) => sum + frames, 0) < 2)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const drops = a.ask("drops").map(({ where, reason, frames }) => [where, reason, frames]);
  expect(drops.sort()).toEqual([
    ["switch", "other-vni", 1],
    ["uplink", expect.stringMatching(/^(unknown-remote|other-address)$/), 1],
  ]);
  expect(a.ctl("drops").stdout).toContain("a VNI that was not asked for");
});

test("trace tells what would become of a frame, decision by decision, and sends nothing", async () => {
  const { configs, vteps, machines } = await pair();
  const [a] = vteps;
  await ride(machines[0], machines[1], 5, 1, 2);
  await ride(machines[1], machines[0], 5, 2, 1);
  const sent = a.ask("counters").sent;
  const hex = (frame: Uint8Array): string => Buffer.from(frame).toString("hex");
  const trace = (port: string, frame: Uint8Array) =>
    a.ctl("trace", port, "--frame", hex(frame)).stdout.split("\n");
  expect(trace("machine", frameOf(1, 2))).toEqual([
    expect.stringMatching(/^ {2}comes in by machine \(access\): ethernet/),
    "  belongs to the bridge domain blue",
    `  its source ${mac(1)} is known at machine`,
    `  its destination ${mac(2)} is known at to-${THERE}`,
    expect.stringMatching(/^ {2}leaves by uplink: ethernet\/ipv4\/udp/),
    "",
  ]);
  expect(trace("machine", frameOf(9, 7))).toEqual(
    expect.arrayContaining([
      `  its source ${mac(9)} is not known: it would be learned at machine, if that learns`,
      `  its destination ${mac(7)} is not known`,
    ]),
  );
  // A packet of the tunnel, and one of a stranger's.
  const packet = (source: string): Uint8Array =>
    compose(
      [
        { name: "ethernet", source: "02:00:00:00:00:01", destination: "02:00:00:00:00:02" },
        { name: "ipv4", source, destination: HERE },
        { name: "udp", sourcePort: 5, destinationPort: configs[0].vtep.ports.vxlan, checksum: 0 },
        { name: "vxlan", vni: VNI },
      ],
      frameOf(2, 1),
    );
  expect(trace("uplink", packet(THERE))).toEqual(
    expect.arrayContaining([
      `  is a packet of the tunnel to-${THERE}, VNI ${VNI}`,
      `  its source ${mac(2)} is known at to-${THERE}`,
      `  its destination ${mac(1)} is known at machine`,
      expect.stringMatching(/^ {2}leaves by machine: /),
    ]),
  );
  expect(trace("uplink", packet("127.0.0.77"))).toEqual(
    expect.arrayContaining([expect.stringMatching(/^ {2}is dropped: unknown-remote \(/)]),
  );
  const told = JSON.parse(a.ctl("trace", "machine", "--frame", hex(frameOf(1, 2)), "--json").stdout);
  expect(told.trace).toMatchObject({ sent: [{ port: "uplink" }], drops: {} });
  expect(a.ask("counters").sent).toBe(sent);
  expect(a.ask("fdb").map(({ mac: known }) => known)).not.toContain(mac(9));
  for (const [args, sentence] of [
    [["trace"], "PORT: say by which port the frame comes in, or uplink"],
    [["trace", "machine"], "--frame: say which frame, in hex"],
    [["trace", "machine", "--frame", "0g"], "--frame: expected 1 to"],
    [["trace", "nowhere", "--frame", "00"], 'PORT: there is no port "nowhere"'],
    [["trace", "machine", "--frame", "00", "-o", "x"], "--output: it goes with capture"],
    [["ports", "--frame", "00"], "--frame: it goes with trace"],
  ] as const) {
    const { status, output } = a.ctl(...args);
    expect([status === 0, output]).toEqual([false, expect.stringContaining(sentence)]);
  }
});

describe("SIGHUP", () => {
  test("brings what is new, takes what is gone, and leaves alone what stays", async () => {
    const { configs, vteps, machines } = await pair();
    const [a, b] = vteps;
    const more = await cable();
    const grown = {
      ...configs[0],
      bridgeDomains: [domain, { name: "red", vni: 43 }],
      ports: [
        ...configs[0].ports,
        { name: "second", bridgeDomain: "blue", ...more.plug },
        { name: "odd", bridgeDomain: "red", ...(await cable()).plug },
      ],
    };
    // Frames flow all the time.
    const riding = ride(machines[0], machines[1], 800);
    for (let round = 0; round < 3; round++) {
      expect(await a.reload(grown)).toBe("frameferry vtep: reloaded");
      expect(a.ask("ports").map(({ name }) => name)).toEqual(
        expect.arrayContaining(["machine", "second", "odd"]),
      );
      if (round === 0) expect(await ride(more.machine, machines[0], 50, 3, 1)).toEqual(counted(50));
      expect(await a.reload(configs[0])).toBe("frameferry vtep: reloaded");
      expect(a.ask("ports").map(({ name }) => name)).not.toContain("second");
    }
    expect(await riding).toEqual(counted(800));
    expect(a.port("machine")).toMatchObject({ received: 800, dropped: 0 });

    // A remote that goes, and comes again.
    expect(await a.reload({ ...configs[0], tunnels: [] })).toBe("frameferry vtep: reloaded");
    const sent = a.port("machine").received;
    await machines[0].sendAll([frameOf(1, 2, 0)]);
    while (a.port("machine").received === sent) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(a.ask("ports").map(({ kind }) => kind)).not.toContain("tunnel");
    expect(await a.reload(configs[0])).toBe("frameferry vtep: reloaded");
    expect(await ride(machines[0], machines[1], 50)).toHaveLength(50);
    await b.stop();
  });

  test("a file that cannot be changes nothing, and is told of", async () => {
    const { configs, vteps, machines } = await pair();
    const [a] = vteps;
    const before = a.ask("ports").map(({ name }) => name);
    const good = configs[0];
    const taken = (await cable()).plug;
    for (const [bad, sentence] of [
      [
        { ...good, ports: [{ name: "x", bridgeDomain: "green", ...taken }] },
        'ports[0].bridgeDomain: there is no bridge domain "green"',
      ],
      [{ ...good, tunnels: [tunnelTo(HERE)] }, "tunnels[0].remote: it is the VTEP's own address"],
      [{ ...good, vtep: { ...good.vtep, rule: "strict" } }, "vtep: it stays as it is while the program runs"],
      [{ ...good, fdb: { capacity: 5 } }, "fdb: it stays as it is"],
      [
        { ...good, tunnels: [{ ...tunnelTo(THERE), kind: "geneve" }] },
        "tunnels: the program was started without UDP port 6081",
      ],
      [
        { ...good, ports: [...good.ports, { ...good.ports[0]!, name: "second" }] },
        "ports[1].udp.local: another socket has",
      ],
      [{ ...good, ports: 5 }, "ports: expected a list of ports, got 5"],
    ] as const) {
      const said = await a.reload(bad);
      expect(said).toContain(`frameferry vtep: not reloaded: ${a.file}: ${sentence}`);
      expect(said).not.toContain("\n");
    }
    writeFileSync(a.file, "{");
    expect(await a.hangUp()).toContain("not JSON");
    expect(a.ask("ports").map(({ name }) => name)).toEqual(before);
    expect(await ride(machines[0], machines[1], 50)).toEqual(counted(50));
  });
});

test("plugs machines in by streams, as QEMU listens and connects", async () => {
  const folder = temporaryFolder();
  const listener = await listenStreamPorts({ local: { path: join(folder, "machine.sock") } });
  onTestFinished(() => listener.close());
  const path = join(folder, "vtep-port.sock");
  const vtep = await startedVtep(folder, {
    vtep: { address: HERE, ports: { vxlan: await freePort(HERE) } },
    bridgeDomains: [domain],
    ports: [
      { name: "dials", bridgeDomain: "blue", qemu: { connect: { path: join(folder, "machine.sock") } } },
      { name: "waits", bridgeDomain: "blue", qemu: { listen: { path } } },
    ],
  });
  const [dialled] = await takeOne(listener);
  expect(vtep.port("waits").state).toBe("waiting");
  for (let round = 0; round < 2; round++) {
    const machine = await openStreamPort({ remote: { path } });
    expect(await ride(machine, dialled, 50, 2, 1)).toEqual(counted(50));
    expect(await ride(dialled, machine, 50, 1, 2)).toEqual(counted(50));
    expect([vtep.port("waits").state, vtep.port("dials").state]).toEqual(["up", "up"]);
    await machine.close();
    while (vtep.port("waits").state !== "waiting") await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Nobody is there to dial any more.
  await listener.close();
  await dialled.close();
  while (vtep.port("dials").state !== "waiting") await new Promise((resolve) => setTimeout(resolve, 5));
  expect((await vtep.stop()).code).toBe(0);
});

test("lets machines in over WebSockets that know the token, one at a time", async () => {
  const token = "a token of the test";
  const listen = { address: HERE, port: await freePort(HERE) };
  const other = await cable();
  const vtep = await startedVtep(temporaryFolder(), {
    vtep: { address: HERE, ports: { vxlan: await freePort(HERE) } },
    bridgeDomains: [domain],
    ports: [
      { name: "page", bridgeDomain: "blue", websocket: { listen, token, paths: ["/blue"] } },
      { name: "machine", bridgeDomain: "blue", ...other.plug },
    ],
  });
  expect(vtep.port("page")).toMatchObject({
    state: "waiting",
    to: `WebSockets at ${HERE}:${listen.port}`,
  });
  const url = `ws://${HERE}:${listen.port}/blue`;
  for (let round = 0; round < 2; round++) {
    const stranger = await openWebSocketPort(url, { token: "another" });
    await stranger.bell.until(() => (stranger.closed ? true : undefined));
    const page = await openWebSocketPort(url, { token });
    expect(await ride(page, other.machine, 50, 1, 2)).toEqual(counted(50));
    expect(await ride(other.machine, page, 50, 2, 1)).toEqual(counted(50));
    expect(vtep.port("page").state).toBe("up");
    await page.close();
    while (vtep.port("page").state !== "waiting") await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect((await vtep.stop()).code).toBe(0);
});

async function takeOne<T>(items: AsyncIterable<T>): Promise<[T]> {
  for await (const item of items) return [item];
  throw new Error("nobody came");
}

describe("what cannot be is one line", () => {
  const vtep = { address: HERE };
  const port = { name: "a", bridgeDomain: "blue", tap: {} };
  const base = { vtep, bridgeDomains: [domain], ports: [] };
  const end = { address: HERE, port: 1 };

  test.each<[string, object]>([
    ["vtep: it is missing", { bridgeDomains: [domain], ports: [] }],
    [
      "ports[0]: expected one of tap, packet, udp, qemu and websocket",
      { ...base, ports: [{ name: "a", bridgeDomain: "blue" }] },
    ],
    [
      "ports[0]: expected one of tap, packet, udp, qemu and websocket",
      { ...base, ports: [{ ...port, udp: { local: end, remote: end } }] },
    ],
    ["ports[0].in: unknown", { ...base, ports: [{ ...port, in: "a.pcap" }] }],
    [
      "ports[0].tap.mtu: expected a whole number from 68 to 65521, got 5",
      { ...base, ports: [{ ...port, tap: { mtu: 5 } }] },
    ],
    [
      "ports[0].qemu: expected one of listen, connect and dgram",
      { ...base, ports: [{ ...port, tap: undefined, qemu: {} }] },
    ],
    [
      "ports[0].websocket.token: it is missing",
      { ...base, ports: [{ ...port, tap: undefined, websocket: { listen: end } }] },
    ],
    [
      "ports[0].tap.name: expected the name of an interface",
      { ...base, ports: [{ ...port, tap: { name: "%s" } }] },
    ],
    [
      'tunnels[0].kind: expected "vxlan", "geneve" or "vxlan-gpe"',
      { ...base, tunnels: [{ ...tunnelTo(THERE), kind: "gre" }] },
    ],
    [
      "vtep.address: this machine does not have the address 192.0.2.1",
      { ...base, vtep: { address: "192.0.2.1" } },
    ],
  ])("%s", async (sentence, config) => {
    const running = new RunningVtep(temporaryFolder(), config);
    const { code, stderr } = await running.ended();
    expect(stderr).toContain(`frameferry vtep: ${running.file}: ${sentence}`);
    expect(stderr.trim()).not.toContain("\n");
    expect(code).toBe(1);
  });

  test("a socket that another one has, and a file that is left from a program that was killed", async () => {
    const folder = temporaryFolder();
    const config = { ...base, vtep: { address: HERE, ports: { vxlan: await freePort(HERE) } } };
    const first = await startedVtep(folder, config);
    const second = new RunningVtep(folder, { ...config, vtep: { address: THERE } });
    expect((await second.ended()).stderr).toContain(`control: another program has ${first.control} already`);
    first.child.kill("SIGKILL");
    await first.ended();
    expect(existsSync(first.control)).toBe(true);
    const third = await startedVtep(folder, config);
    expect(third.ask("ports")).toHaveLength(1);
    await third.stop();
    const nowhere = run(process.execPath, [CLI, "ctl", "--control", third.control, "ports"], "/");
    expect([nowhere.status, nowhere.output.trim()]).toEqual([
      1,
      `frameferry ctl: cannot read ${third.control}: no such file or directory`,
    ]);
  });

  test.each([
    [["vtep"], "--config: name a configuration"],
    [["vtep", "--example"], "--local: the example needs it"],
    [["vtep", "--example", "--config", "x"], "--example: it goes without --config"],
    [["vtep", "--config", "x", "--tap", "ff0"], "--tap: it goes with --example"],
    [["vtep", "--example", "--local", "here"], "--local: expected"],
    [["ctl", "fans"], "WHAT: expected ports, fdb, counters, drops"],
    [["ctl"], "missing required argument"],
  ])("%j", async (args, sentence) => {
    const { status, stderr } = await frameferry(args);
    expect(stderr).toContain(sentence);
    expect(stderr.trim()).not.toContain("\n");
    expect(status).toBe(2);
  });
});

test("--example prints a configuration that can be", async () => {
  const args = [
    "--example",
    "--local",
    "10.1.5.8",
    "--remote",
    "10.1.5.7",
    "--remote",
    "10.1.5.6",
    "--vni",
    "42",
    "--tap",
    "ff0",
  ];
  const { status, stdout } = await frameferry(["vtep", ...args]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout.toString())).toEqual({
    vtep: { address: "10.1.5.8" },
    bridgeDomains: [{ name: "vni-42", vni: 42 }],
    ports: [{ name: "ff0", bridgeDomain: "vni-42", tap: {} }],
    tunnels: [
      { name: "to-10.1.5.7", remote: "10.1.5.7", bridgeDomains: ["vni-42"] },
      { name: "to-10.1.5.6", remote: "10.1.5.6", bridgeDomains: ["vni-42"] },
    ],
    control: "/run/frameferry-ff0-10.1.5.8.sock",
  });
});
