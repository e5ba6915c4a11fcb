// Workers for tests: dist/worker.js with a few lines in front, started by hand so that they can be ended by hand.
import type { WorkerLike } from "frameferry";

let script: Promise<string> | undefined;

/** The text of dist/worker.js. */
export function workerScript(): Promise<string> {
  script ??= load();
  return script;
}

async function load(): Promise<string> {
  const here = import.meta.url;
  const url = new URL("../../dist/worker.js", here);
  if (url.protocol === "file:") {
    const { readFile } = globalThis.process.getBuiltinModule("node:fs/promises");
    return await readFile(url, "utf8");
  }
  // Vite would transform the script itself.
  const raw = (await import(/* @vite-ignore */ `${url.pathname}?raw`)) as { default: string };
  return raw.default;
}

/** Starts a worker with this script, in Node or in a browser. */
export function startScript(source: string): WorkerLike {
  if ("document" in globalThis) {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    return new Worker(url) as unknown as WorkerLike;
  }
  const { Worker: NodeWorker } = globalThis.process.getBuiltinModule("node:worker_threads");
  return new NodeWorker(source, {
    eval: true,
    execArgv: [],
    stdout: true,
    stderr: true,
  }) as unknown as WorkerLike;
}
