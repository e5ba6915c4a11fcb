// `frameferry ctl capture`: what passes a port of a running VTEP, as a pcapng, until somebody has had enough.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dissect } from "frameferry/wire";
import { describe, expect, onTestFinished, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import type { RunningVtep } from "../support/vtep.ts";
import { domain, pair, ride, VNI } from "../support/vtep-pair.ts";
import { CLI, recordsOf } from "./program.ts";

/** Sequence numbers of frames that are only there so that something passes. */
const BEFORE = 1_000_000;
const [INBOUND, OUTBOUND] = [1, 2];

interface Running {
  readonly child: ChildProcess;
  /** What came on standard output. */
  readonly bytes: () => Uint8Array;
  readonly stderr: () => string;
  readonly ended: Promise<unknown[]>;
}

function capturing(vtep: RunningVtep, ...args: readonly string[]): Running {
  const child = spawn(process.execPath, [CLI, "ctl", "--control", vtep.control, "capture", ...args]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const chunks: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return {
    child,
    bytes: () => Buffer.concat(chunks),
    stderr: () => stderr,
    ended: once(child, "close"),
  };
}

/** Resolves when `seen` says that something has come: until then a frame goes every now and then. */
async function begun(machines: Awaited<ReturnType<typeof pair>>["machines"], seen: () => boolean) {
  for (let sequence = BEFORE; !seen(); sequence++) {
    if (sequence > BEFORE + 1000) throw new Error("nothing has come");
    await machines[0].sendAll([frameOf(1, 2, sequence)]);
    for await (const _ of machines[1]) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function stamps(bytes: Uint8Array) {
  const records = await recordsOf(bytes);
  return records
    .map((record) => ({ ...stampOf(record.data), record }))
    .filter(({ sequence }) => sequence < BEFORE);
}

const flagsOf = (options: readonly { code: number; value: Uint8Array }[] = []): number | undefined =>
  options.find(({ code }) => code === 2)?.value[0];

test("holds what goes in and what comes out, and is whole when it is stopped", async () => {
  const { vteps, machines, folder } = await pair();
  await ride(machines[1], machines[0], 1, 2, 1);
  const file = join(folder, "machine.pcapng");
  const running = capturing(vteps[0], "machine", "-o", file);
  await begun(machines, () => readdirSync(folder).some((name) => /part$|tmp$|machine/.test(name)));
  await ride(machines[0], machines[1], 100, 1, 2);
  await ride(machines[1], machines[0], 50, 2, 1);
  expect(existsSync(file)).toBe(false);
  running.child.kill("SIGINT");
  expect(await running.ended).toEqual([0, null]);
  expect(running.stderr()).toBe("");

  const seen = await stamps(readFileSync(file));
  const byFlag = (flag: number) =>
    seen.filter(({ record }) => flagsOf(record.options) === flag).map(({ sequence }) => sequence);
  expect(byFlag(OUTBOUND)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(byFlag(INBOUND)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  expect(seen.map(({ record }) => record.interface.name)).toEqual(Array(150).fill("machine"));
});

test("of the uplink: packets with their tunnels, those that match, the first bytes of them", async () => {
  const { vteps, machines } = await pair();
  const running = capturing(
    vteps[0],
    "uplink",
    "--filter",
    `outer dst host 127.0.0.2 and vni ${VNI}`,
    "--bytes",
    "60",
  );
  await begun(machines, () => running.bytes().length > 0);
  await ride(machines[0], machines[1], 20, 1, 2);
  await ride(machines[1], machines[0], 20, 2, 1);
  running.child.kill("SIGTERM");
  expect(await running.ended).toEqual([0, null]);
  const records = await recordsOf(running.bytes());
  expect(records.length).toBeGreaterThan(20);
  for (const { data, originalLength } of records) {
    expect(data).toHaveLength(60);
    expect(originalLength).toBe(frameOf(1, 2, 0).length + 50);
    const { layers } = dissect(data, { wireLength: originalLength, tunnelPorts: { vxlan: [portIn(data)] } });
    expect(layers.map(({ name }) => name).slice(0, 4)).toEqual(["ethernet", "ipv4", "udp", "vxlan"]);
  }
});

/** The destination port of an outer packet without options. */
function portIn(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint16(36);
}

test("ends whole when the VTEP stops, and when the port goes", async () => {
  const { vteps, configs, machines } = await pair();
  const [a, b] = vteps;
  const [ofA, ofB] = [capturing(a, "uplink"), capturing(b, "machine")];
  await begun(machines, () => ofA.bytes().length > 0 && ofB.bytes().length > 0);
  await ride(machines[0], machines[1], 10, 1, 2);
  await b.reload({ ...configs[1], bridgeDomains: [domain], ports: [] });
  expect(await ofB.ended).toEqual([0, null]);
  expect((await stamps(ofB.bytes())).map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 10 }, (_, i) => i),
  );
  await a.stop();
  expect(await ofA.ended).toEqual([0, null]);
  expect((await recordsOf(ofA.bytes())).length).toBeGreaterThan(10);
});

test("who goes away without a word is forgotten, and the port goes on", async () => {
  const { vteps, machines } = await pair();
  const running = capturing(vteps[0], "machine");
  await begun(machines, () => running.bytes().length > 0);
  running.child.kill("SIGKILL");
  await running.ended;
  const sequences = await ride(machines[0], machines[1], 200, 1, 2);
  expect(sequences).toHaveLength(200);
  expect(vteps[0].ask("drops")).toEqual([]);
});

describe("what cannot be is told in a line", () => {
  test.each<[readonly string[], string]>([
    [["capture"], "PORT: say which port"],
    [["capture", "fan"], 'there is none called "fan" (known: machine, uplink)'],
    [["capture", "to-127.0.0.2"], "there is none called"],
    [["capture", "machine", "--filter", "tcp prt 80"], "--filter: "],
    [["capture", "machine", "--bytes", "0"], "--bytes: "],
    [["capture", "machine", "--json"], "--json: a capture is none"],
    [["ports", "machine"], "PORT: it goes with capture"],
    [["ports", "--filter", "arp"], "--filter: it goes with capture"],
  ])("%j", async (args, sentence) => {
    const { vteps } = await pair();
    const { status, output } = vteps[0].ctl(...args);
    expect(status).not.toBe(0);
    expect(output).toContain(sentence);
    expect(output.trim().split("\n")).toHaveLength(1);
  });

  test("a folder that is none", async () => {
    const { vteps, machines, folder } = await pair();
    const nowhere = capturing(vteps[0], "machine", "-o", join(folder, "no", "x.pcapng"));
    await begun(machines, () => nowhere.child.exitCode !== null);
    expect(nowhere.child.exitCode).not.toBe(0);
    expect(nowhere.stderr()).toContain("no such file or directory");
    // It goes on for others.
    expect(vteps[0].port("machine")).toMatchObject({ state: "up" });
  });
});
