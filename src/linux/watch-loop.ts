// What the thread runs that waits for devices. It is made a script of by its text, so that no bundler has to find a file:
// nothing outside of the function may be used in it.

export interface WatchData {
  readonly koffiPath: string;
  /** The descriptor of the epoll. */
  readonly epoll: number;
  /** Bytes of an event, and where its number lies. */
  readonly eventLength: number;
  readonly eventNumber: number;
}

interface Threads {
  readonly workerData: WatchData;
  readonly parentPort: { postMessage(numbers: number[]): void };
}

interface Koffi {
  load(path: null): {
    func(
      declaration: string,
    ): (epoll: number, events: Uint8Array, most: number, milliseconds: number) => number;
  };
}

/** Tells of devices that have something, each by its number, until the number 0 is told. */
function watch({ workerData, parentPort }: Threads, load: (path: string) => unknown): void {
  const { koffiPath, epoll, eventLength, eventNumber } = workerData;
  const wait = (load(koffiPath) as Koffi)
    .load(null)
    .func("int epoll_wait(int epoll, void *events, int most, int milliseconds)");
  const most = 64;
  // A thread in a call cannot be ended: so none takes longer, even if nobody is left who would say 0.
  const milliseconds = 1000;
  const events = new Uint8Array(new ArrayBuffer(most * eventLength));
  const view = new DataView(events.buffer);
  for (;;) {
    const count = wait(epoll, events, most, milliseconds);
    if (count <= 0) continue;
    const numbers: number[] = [];
    for (let i = 0; i < count; i++) numbers.push(view.getUint32(i * eventLength + eventNumber, true));
    if (numbers.includes(0)) return;
    parentPort.postMessage(numbers);
  }
}

/** The script, for a worker of Node's that evaluates it. */
export const WATCH_SCRIPT: string = `(${watch.toString()})(require("node:worker_threads"), require);`;
