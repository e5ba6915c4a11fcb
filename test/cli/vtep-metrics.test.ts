// Counters of a running VTEP, as Prometheus reads them: told to the loopback alone.
import { createServer, request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { RunningVtep, startedVtep } from "../support/vtep.ts";
import { cable, domain, freePort, HERE, ride } from "../support/vtep-pair.ts";
import { temporaryFolder } from "./program.ts";

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

function asked(port: number, options: object = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: HERE, port, path: "/metrics", ...options }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (more: string) => (text += more));
      const { statusCode: status = 0, headers } = response;
      response.on("end", () => resolve({ status, type: headers["content-type"], text }));
    });
    asking.on("error", reject);
    asking.end();
  });
}

/** Of each sample its name with labels, and its value; the form of the text is looked at on the way. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n");
  expect(lines.slice(-2)).toEqual(["# EOF", ""]);
  const samples = new Map<string, number>();
  let [family, type] = ["", ""];
  for (const line of lines.slice(0, -2)) {
    const about = /^# (TYPE|UNIT|HELP) ([a-z_]+) (.+)$/.exec(line);
    if (about?.[1] === "TYPE") [family, type] = [about[2]!, about[3]!];
    if (about !== null) {
      expect(about[2]).toBe(family);
      if (about[1] === "UNIT") expect(family.endsWith(`_${about[3]}`)).toBe(true);
      continue;
    }
    const sample = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\d+)$/.exec(line);
    expect(sample, line).not.toBeNull();
    expect(sample![1]).toBe(type === "counter" ? `${family}_total` : family);
    const name = `${sample![1]}${sample![2] ?? ""}`;
    expect(samples.has(name), name).toBe(false);
    samples.set(name, Number(sample![3]));
  }
  return samples;
}

async function one(more: object = {}) {
  const vxlan = await freePort(HERE);
  const port = await freePort(HERE);
  const [a, b] = [await cable(), await cable()];
  const config = {
    vtep: { address: HERE, ports: { vxlan } },
    bridgeDomains: [domain],
    ports: [
      { name: 'left "\\wing"', bridgeDomain: "blue", ...a.plug },
      { name: "right", bridgeDomain: "blue", ...b.plug },
    ],
    metrics: { port },
    ...more,
  };
  return { config, port, machines: [a.machine, b.machine] as const };
}

test("all that is counted, by port, domain and reason", async () => {
  const { config, port, machines } = await one();
  const vtep = await startedVtep(temporaryFolder(), config);
  await ride(machines[0], machines[1], 40);
  const { status, type, text } = await asked(port);
  expect([status, type]).toEqual([200, "application/openmetrics-text; version=1.0.0; charset=utf-8"]);
  const samples = samplesOf(text);
  const left = 'left \\"\\\\wing\\"';
  expect(samples.get('frameferry_frames_total{event="received"}')).toBe(40);
  expect(samples.get(`frameferry_port_frames_total{port="${left}",kind="access",event="received"}`)).toBe(40);
  expect(samples.get('frameferry_port_frames_total{port="right",kind="access",event="sent"}')).toBe(40);
  expect(samples.get('frameferry_port_up{port="right",kind="access"}')).toBe(1);
  expect(
    samples.get('frameferry_bridge_domain_frames_total{bridge_domain="blue",vni="42",event="sent"}'),
  ).toBe(40);
  expect(samples.get("frameferry_fdb_entries")).toBe(1);
  const bytes = samples.get('frameferry_port_bytes_total{port="right",kind="access",event="sent"}')!;
  expect(bytes).toBe(vtep.ask("ports").find(({ name }) => name === "right")!.sentBytes);

  expect((await asked(port, { path: "/" })).status).toBe(404);
  expect((await asked(port, { method: "POST" })).status).toBe(405);
  expect(await asked(port, { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
  expect((await asked(port, { headers: { host: "evil.example" } })).status).toBe(403);
  expect((await asked(port, { headers: { host: `localhost:${port}` } })).status).toBe(200);

  expect(await vtep.reload({ ...config, metrics: { port: port + 1 } })).toContain(
    "metrics: it stays as it is",
  );
  expect((await vtep.stop()).code).toBe(0);
  await expect(asked(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test.each([
  [
    "an address of others",
    { address: "0.0.0.0", port: 9470 },
    "metrics.address: expected an address of the loopback",
  ],
  ["no port", { address: HERE }, "metrics.port: it is missing"],
  ["a port that is none", { port: 70_000 }, "metrics.port: expected a TCP port from 1 to 65535"],
])("refuses %s in a line, and leaves nothing running", async (_, metrics, sentence) => {
  const { config } = await one({ metrics });
  const vtep = new RunningVtep(temporaryFolder(), config);
  const { code, stderr } = await vtep.ended();
  expect(code).not.toBe(0);
  expect(stderr).toContain(sentence);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

test("refuses a port that another program has, and leaves nothing running", async () => {
  const { config, port } = await one();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, HERE, resolve));
  onTestFinished(() => void other.close());
  const { code, stderr } = await new RunningVtep(temporaryFolder(), config).ended();
  expect(code).not.toBe(0);
  expect(stderr).toContain(`metrics: ${HERE} port ${port} cannot be listened at: EADDRINUSE`);
});
