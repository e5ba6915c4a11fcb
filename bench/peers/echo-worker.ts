// A worker that sends back what it gets: by structured clone, or with all buffers transferred.

import { parentPort } from "node:worker_threads";

type Message = Uint8Array<ArrayBuffer> | readonly Uint8Array<ArrayBuffer>[];

parentPort!.on("message", ({ message, transfer }: { message: Message; transfer: boolean }) => {
  const buffers = message instanceof Uint8Array ? [message.buffer] : message.map(({ buffer }) => buffer);
  parentPort!.postMessage(message, transfer ? buffers : []);
});
