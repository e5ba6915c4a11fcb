// Messages to workers in tests: overheard, and held back. Until a message has been passed on, its worker goes on as one
// whose thread has not come to read it.
import type { WorkerLike } from "frameferry";
import { spawner } from "../threads/death-support.ts";

export interface Message {
  /** The number of the worker it is for: the next one in a dead one's place has the next number. */
  readonly worker: number;
  /** What the worker is asked: "openLane", for example; and with what. */
  readonly call: string;
  readonly values: readonly unknown[];
  /** Passes it on, if it was held back. */
  pass(): void;
}

/** A spawnWorker whose messages `onMessage` hears first; those for which it returns true are held back. */
export function overhear(onMessage: (message: Message) => boolean | undefined): {
  spawnWorker: () => WorkerLike;
  workers: WorkerLike[];
} {
  const { spawnWorker, workers } = spawner([]);
  return {
    workers,
    spawnWorker: () => {
      const worker = spawnWorker();
      const number = workers.length - 1;
      const post = worker.postMessage.bind(worker);
      worker.postMessage = (message, transfer) => {
        const { path = [], argumentList = [] } = message as {
          path?: string[];
          argumentList?: { value: unknown }[];
        };
        const pass = (): void => post(message, transfer);
        const values = argumentList.map(({ value }) => value);
        if (onMessage({ worker: number, call: path[0] ?? "", values, pass }) !== true) pass();
      };
      return worker;
    },
  };
}
