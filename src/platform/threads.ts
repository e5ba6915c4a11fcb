// Threads: Node's worker_threads and the browser's Web Workers, as one.

import { ArgumentTypeError } from "../core/argument-error.ts";

/** What both kinds of worker have in common; a `spawnWorker` option may return either. */
export interface WorkerLike {
  postMessage(message: unknown, transfer?: readonly unknown[]): void;
  terminate(): unknown;
}

/** A thread's messages, as Comlink wants them. */
export interface MessageEndpoint {
  postMessage(message: unknown, transfer?: readonly unknown[]): void;
  addEventListener(type: string, listener: (event: { data: unknown }) => void): void;
  removeEventListener(type: string, listener: (event: { data: unknown }) => void): void;
}

/** A started thread, seen from the one that started it. */
export interface Thread {
  readonly endpoint: MessageEndpoint;
  /** Calls back, with what is known, whenever the thread has failed or ended. */
  onEnd(listener: (reason: string) => void): void;
  /** Resolves when the thread has ended, in Node; a browser does not tell: there it resolves at once. */
  terminate(): Promise<void>;
}

type Listener = (...values: never[]) => void;

/** Browsers say no more than that there was an error. */
const NOT_LOADED =
  "its script could not be loaded: a content policy may forbid workers from blob: addresses (the option spawnWorker " +
  "takes them from a file), or the file is missing or served without the page's COEP header";

interface NodeEmitter extends WorkerLike {
  on(event: string, listener: Listener): void;
  off(event: string, listener: Listener): void;
}

interface WebTarget extends WorkerLike {
  addEventListener(event: string, listener: Listener): void;
}

interface NodeThreads {
  readonly Worker: new (source: string, options: object) => NodeEmitter;
  readonly parentPort: NodeEmitter | null;
}

interface NodeProcess {
  getBuiltinModule?(name: string): unknown;
  cpuUsage?(): { readonly user: number; readonly system: number };
}

interface NodePerformance {
  eventLoopUtilization?(): { readonly active: number };
}

/** A module of Node's without an import, over which bundlers for browsers would trip (Node 20.16 and later). */
function nodeModule(name: string): unknown {
  const { process } = globalThis as { process?: NodeProcess };
  return process?.getBuiltinModule?.(name);
}

function nodeThreads(): NodeThreads | undefined {
  return nodeModule("node:worker_threads") as NodeThreads | undefined;
}

/** How many threads can run at once, as the platform says it. */
export function hardwareThreads(): number {
  const os = nodeModule("node:os") as { availableParallelism(): number } | undefined;
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** About how many milliseconds all threads of this process but this one have used so far; undefined in browsers. */
export function othersMilliseconds(): number | undefined {
  if (nodeThreads() === undefined) return undefined;
  const { process } = globalThis as { process?: NodeProcess };
  const all = process?.cpuUsage?.();
  const own = (performance as NodePerformance).eventLoopUtilization?.();
  if (all === undefined || own === undefined) return undefined;
  return (all.user + all.system) / 1000 - own.active;
}

interface NodeFiles {
  readlinkSync(path: string): string;
  readFileSync(path: string, encoding: "latin1"): string;
}

/** The number that the system has given this thread: on Linux, in Node. */
export function ownThreadNumber(): number | undefined {
  const files = nodeModule("node:fs") as NodeFiles | undefined;
  try {
    return Number(files?.readlinkSync("/proc/thread-self").split("/")[2]) || undefined;
  } catch {
    return undefined;
  }
}

/** How many milliseconds a thread of this process has run; undefined if it has ended, or nobody tells. */
export function threadMilliseconds(thread: number): number | undefined {
  const files = nodeModule("node:fs") as NodeFiles | undefined;
  try {
    // The first number are nanoseconds (proc_schedstat in Linux's Documentation/scheduler/sched-stats.rst).
    return (
      Number(files?.readFileSync(`/proc/self/task/${thread}/schedstat`, "latin1").split(" ")[0]) / 1e6 ||
      undefined
    );
  } catch {
    return undefined;
  }
}

/**
 * Whether memory can be shared with other threads: in Node, and on cross-origin isolated pages in browsers. There are
 * engines where such a page is isolated and yet has no SharedArrayBuffer, or posts no shared memory (WebKitGTK): so one
 * page of it is posted, to nobody.
 */
export function memoryCanBeShared(): boolean {
  if (nodeThreads() === undefined && globalThis.crossOriginIsolated !== true) return false;
  if (typeof SharedArrayBuffer !== "function") return false;
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }));
    return true;
  } catch {
    return false;
  } finally {
    port1.close();
    port2.close();
  }
}

/** Starts a thread that runs `source`, a classic script. */
export function startThread(source: string): WorkerLike {
  const threads = nodeThreads();
  // Without the program's own options: loaders and hooks of its are none of this script's.
  if (threads !== undefined)
    return new threads.Worker(source, { eval: true, execArgv: [], name: "frameferry" });
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { name: "frameferry" }) as WorkerLike;
  // Fetching has begun and holds the blob.
  URL.revokeObjectURL(url);
  return worker;
}

/** Wraps a worker of either kind. */
export function threadOf(worker: WorkerLike): Thread {
  if (typeof worker?.postMessage !== "function" || typeof worker.terminate !== "function")
    throw new ArgumentTypeError("wrong-type", "spawnWorker", "expected it to return a Worker");
  return "on" in worker ? nodeThread(worker as NodeEmitter) : webThread(worker as WebTarget);
}

/** This thread's own messages, for code that runs in a worker. */
export function ownEndpoint(): MessageEndpoint {
  const port = nodeThreads()?.parentPort;
  return port ? nodeEndpoint(port) : (globalThis as unknown as MessageEndpoint);
}

function nodeThread(worker: NodeEmitter): Thread {
  return {
    endpoint: nodeEndpoint(worker),
    onEnd(listener) {
      const failed = (error: Error): void => listener(String(error?.message ?? error));
      const exited = (code: number): void => listener(`it exited with code ${code}`);
      worker.on("error", failed as Listener);
      worker.on("messageerror", failed as Listener);
      worker.on("exit", exited as Listener);
    },
    terminate: async () => void (await worker.terminate()),
  };
}

function nodeEndpoint(emitter: NodeEmitter): MessageEndpoint {
  const wrappers = new Map<unknown, Listener>();
  return {
    postMessage: (message, transfer) => emitter.postMessage(message, transfer),
    addEventListener(_type, listener) {
      const wrapper = ((data: unknown) => listener({ data })) as Listener;
      wrappers.set(listener, wrapper);
      emitter.on("message", wrapper);
    },
    removeEventListener(_type, listener) {
      const wrapper = wrappers.get(listener);
      if (wrapper !== undefined) emitter.off("message", wrapper);
      wrappers.delete(listener);
    },
  };
}

function webThread(worker: WebTarget): Thread {
  const terminate = worker.terminate.bind(worker);
  const listeners: ((reason: string) => void)[] = [];
  // A browser tells nobody that a worker was terminated, least of all of one that has not begun yet: so whoever
  // does it is overheard.
  worker.terminate = () => {
    terminate();
    for (const listener of listeners) listener("it was terminated");
  };
  return {
    endpoint: worker as unknown as MessageEndpoint,
    onEnd(listener) {
      const failed = (event: Event & { message?: string }): void => {
        event.preventDefault();
        listener(event.message || NOT_LOADED);
      };
      worker.addEventListener("error", failed as Listener);
      worker.addEventListener("messageerror", () => listener("a message could not be read"));
      listeners.push(listener);
    },
    terminate: async () => void terminate(),
  };
}

function webLocks(): LockManager | undefined {
  return nodeThreads() === undefined ? globalThis.navigator?.locks : undefined;
}

/**
 * Resolves when no thread holds the lock `name` any more: the one that did has ended. A browser tells nobody when a
 * worker closes itself, nor when one that was terminated has really stopped, but its locks get free then.
 * Node tells; where there are no locks it resolves with false at once.
 */
export async function lockFree(name: string): Promise<boolean> {
  const locks = webLocks();
  if (locks === undefined) return false;
  // A page that is being left refuses; nothing needs to be known there.
  return await locks.request(name, () => true).catch(() => false);
}

/** Holds the lock `name` for as long as this thread lives; resolves once it is held. */
export function holdLock(name: string): Promise<void> {
  const locks = webLocks();
  if (locks === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const forEver = (): Promise<never> => {
      resolve();
      return new Promise(() => {});
    };
    locks.request(name, forEver).catch(() => resolve());
  });
}

/** Lets this thread's messages and timers run once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => void };
    if (setImmediate !== undefined) {
      setImmediate(resolve);
      return;
    }
    // Not a timer: browsers hold nested ones back for 4 ms.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
