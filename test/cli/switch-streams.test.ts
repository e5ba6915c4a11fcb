// frameferry switch as a filter, and on captures larger than it may have memory.
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { CaptureWriter } from "frameferry/pcap";
import { expect, test } from "vitest";
import { frameAndTime, frameferry, recordsOf, start } from "./program.ts";
import { A, at, B, EVERYBODY, frame, Laboratory, SECOND, START } from "./switch-support.ts";

const filter = {
  bridgeDomains: [{ name: "lan" }],
  ports: [
    { name: "in", bridgeDomain: "lan", in: "-" },
    { name: "out", vlans: { 7: "lan" }, out: "-" },
  ],
};

test("standard input to standard output, as frames come, with the summary on standard error", async () => {
  const laboratory = new Laboratory();
  const config = laboratory.writeConfig("switch.json", filter);
  laboratory.writeCapture("in.pcap", [
    at(1, frame({ to: EVERYBODY, from: A })),
    at(2, frame({ to: A, from: B })),
    at(3, frame({ to: B, from: "02:00:00:00:00:0c" })),
  ]);
  const capture = readFileSync(laboratory.path("in.pcap"));
  const { child, ended, output } = start(["switch", "--config", config, "--json"]);
  child.stdin.write(capture.subarray(0, 24 + 76));
  // A section, an interface named "out", and a frame of 64 bytes.
  expect((await output(28 + 32 + 96)).length).toBeGreaterThanOrEqual(28 + 32 + 96);
  expect(child.exitCode).toBe(null);
  child.stdin.end(capture.subarray(24 + 76));
  const { status, stdout, stderr } = await ended;
  expect(status).toBe(0);
  expect(JSON.parse(stderr).drops).toEqual({ "same-port": 2 });
  const records = await recordsOf(stdout);
  expect(records.map(({ data, timestamp }) => [data[15], timestamp])).toEqual([[7, START + SECOND]]);
});

test("a configuration on standard input; its names are relative to the current folder", async () => {
  const laboratory = new Laboratory();
  const out = laboratory.path("out.pcap");
  laboratory.writeCapture("in.pcapng", [at(1, frame({ to: EVERYBODY, from: A }))]);
  const config = {
    bridgeDomains: [{ name: "lan" }],
    ports: [
      { name: "in", bridgeDomain: "lan", in: laboratory.path("in.pcapng") },
      { name: "out", bridgeDomain: "lan", out },
    ],
  };
  const { status } = await frameferry(["switch", "--config", "-"], Buffer.from(JSON.stringify(config)));
  expect(status).toBe(0);
  expect((await recordsOf(out)).map(frameAndTime)).toEqual(
    (await recordsOf(laboratory.path("in.pcapng"))).map(frameAndTime),
  );
});

test("a signal leaves nothing behind", async () => {
  const laboratory = new Laboratory();
  const ports = [filter.ports[0], { name: "out", bridgeDomain: "lan", out: "out.pcap" }];
  const config = laboratory.writeConfig("switch.json", { ...filter, ports });
  const { child, ended } = start(["switch", "--config", config]);
  const parts = (): number => readdirSync(laboratory.folder).length;
  for (let tries = 0; parts() < 2 && tries < 1000; tries++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGTERM");
  expect((await ended).signal).toBe("SIGTERM");
  expect(readdirSync(laboratory.folder)).toEqual(["switch.json"]);
});

test("captures of 400 MB with a heap of 48 MB", async () => {
  const laboratory = new Laboratory();
  const frames = 150_000;
  const write = (name: string, to: string, from: string): void => {
    const file = openSync(laboratory.path(name), "w");
    const writer = new CaptureWriter({ format: "pcap" });
    const data = frame({ to, from, length: 1400 });
    for (let start = 0; start < frames; start += 1000) {
      const records = Array.from({ length: 1000 }, (_, i) => at((start + i) / 1000, data));
      writeSync(file, writer.write(records));
    }
    closeSync(file);
  };
  write("a.pcap", B, A);
  write("b.pcap", A, B);
  const config = laboratory.writeConfig("switch.json", {
    vtep: { address: "10.0.0.1" },
    bridgeDomains: [{ name: "lan", vni: 1 }],
    ports: [
      { name: "a", bridgeDomain: "lan", in: "a.pcap", out: "to-a.pcapng" },
      { name: "b", bridgeDomain: "lan", in: "b.pcap", out: "to-b.pcap" },
    ],
    tunnels: [{ name: "peer", remote: "10.0.0.2", bridgeDomains: ["lan"] }],
    uplink: { out: "uplink.pcapng" },
  });
  const { ended } = start(["switch", "--json", "--config", config], ["--max-old-space-size=48"]);
  const { status, stdout, stderr } = await ended;
  expect([status, stderr]).toEqual([0, ""]);
  // The first frame is flooded: nobody is known yet.
  expect(JSON.parse(stdout.toString())).toMatchObject({
    received: 2 * frames,
    copies: 1,
    sent: 2 * frames + 1,
    dropped: 0,
    aged: 0,
  });
}, 120_000);
