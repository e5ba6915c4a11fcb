// Whole programs that use a dataplane: they end by themselves, and leave nothing behind.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

interface Ending {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a module; kills it after a minute. */
function run(source: string, ...flags: string[]): Promise<Ending> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...flags, "--input-type=module", "-e", source], {
      cwd: root,
      timeout: 60_000,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => void (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => void (errors += text));
    child.on("close", (code) => resolve({ code, output, errors }));
  });
}

const USE = `
  const frame = new Uint8Array(64);
  async function use(dataplane) {
    const channel = await dataplane.open([{ stage: "vlan-push", vid: 1 }], { ringBytes: 65536 });
    await channel.sendAll([frame, frame]);
    channel.end();
    let count = 0;
    for await (const burst of channel) count += burst.length;
    await channel.close();
    return count;
  }
`;

test.each(["shared", "transfer"])("a program ends by itself after close(), by %s", async (transport) => {
  const { code, output, errors } = await run(`
    import { createDataplane } from "frameferry";
    ${USE}
    const dataplane = await createDataplane({ workers: 2, transport: "${transport}" });
    console.log(await use(dataplane));
    const start = performance.now();
    await dataplane.close();
    // What would keep it alive, such as the limit for a start, takes 30 s.
    process.on("exit", () => console.log(performance.now() - start < 20_000 ? "soon" : "late"));
  `);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(output).toBe("2\nsoon\n");
});

test.each(["shared", "transfer"])(
  "await using closes it, also when something throws, by %s",
  async (transport) => {
    const { code, errors } = await run(`
    import { createDataplane } from "frameferry";
    const dataplane = await createDataplane({ workers: 1, transport: "${transport}" });
    try { throw new Error("as expected"); } finally { await dataplane[Symbol.asyncDispose](); }
  `);
    expect(code).toBe(1);
    expect(errors).toContain("as expected");
  },
);

test("two hundred dataplanes leave no handles, no listeners and no memory behind", async () => {
  const { code, output, errors } = await run(
    `
    import { createDataplane } from "frameferry";
    ${USE}
    async function round(transport) {
      const dataplane = await createDataplane({ workers: 1, transport, memoryBytes: 8 << 20 });
      await use(dataplane);
      await dataplane.close();
    }
    const measure = async () => {
      for (let turn = 0; turn < 5; turn++) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)); }
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return { heapUsed, arrayBuffers, handles: process.getActiveResourcesInfo().filter((name) => name !== "Timeout") };
    };
    for (let turn = 0; turn < 10; turn++) await round(turn % 2 ? "shared" : "transfer");
    const before = await measure();
    for (let turn = 0; turn < 200; turn++) await round(turn % 2 ? "shared" : "transfer");
    const after = await measure();
    console.log(JSON.stringify({ before, after }));
  `,
    "--expose-gc",
  );
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  const { before, after } = JSON.parse(output) as Record<
    "before" | "after",
    { heapUsed: number; arrayBuffers: number; handles: string[] }
  >;
  console.log(
    `heap ${before.heapUsed} -> ${after.heapUsed}, buffers ${before.arrayBuffers} -> ${after.arrayBuffers}`,
  );
  expect(after.handles).toEqual(before.handles);
  // A pool is some 10 MB: what grows by less than one was not leaked by two hundred.
  expect(after.heapUsed - before.heapUsed).toBeLessThan(4_000_000);
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(8_000_000);
});

test("a worker that dies with nobody listening ends nothing, and is replaced", async () => {
  const { code, output, errors } = await run(`
    import { createDataplane } from "frameferry";
    import { readFileSync } from "node:fs";
    import { Worker } from "node:worker_threads";
    ${USE}
    const workers = [];
    const spawnWorker = () => {
      const worker = new Worker(readFileSync("dist/worker.js", "utf8"), { eval: true });
      workers.push(worker);
      return worker;
    };
    const dataplane = await createDataplane({ workers: 1, spawnWorker });
    for (let turn = 0; turn < 3; turn++) {
      const ended = new Promise((resolve) => workers.at(-1).once("exit", resolve));
      workers.at(-1).terminate();
      await ended;
      console.log(await use(dataplane));
    }
    await dataplane.close();
  `);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(output).toBe("2\n2\n2\n");
});
