// What is measured between two machines: a TCP stream, round trips, and the processor's time of a program that has nothing to do.

import { readFileSync } from "node:fs";
import type { Machine } from "./namespaces.ts";

/** It prints what it has received until the sender is done: bytes, and seconds. */
const RECEIVER = `
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 5201)); s.listen(1); print("listens", flush=True)
c, _ = s.accept(); view = memoryview(bytearray(1 << 20)); total = 0
n = c.recv_into(view); start = time.time()
while n:
    n = c.recv_into(view); total += n
print("received", total, time.time() - start, flush=True)
`;
const SENDER = `
import socket, sys, time
s = socket.create_connection((sys.argv[1], 5201), timeout=10); data = bytes(1 << 20)
end = time.time() + float(sys.argv[2])
while time.time() < end: s.sendall(data)
s.close()
`;

/** Mbit/s of one stream. */
export async function tcp(from: Machine, to: Machine, address: string, seconds: number): Promise<number> {
  const receiver = await to.start(/listens/, "python3", "-c", RECEIVER, address);
  let text = "";
  receiver.stdout?.on("data", (more) => (text += more));
  const done = new Promise((resolve) => receiver.on("exit", resolve));
  try {
    from.run("python3", "-c", SENDER, address, String(seconds));
    await done;
  } finally {
    await to.stop(receiver);
  }
  const [, bytes, taken] = /received (\d+) ([\d.]+)/.exec(text) ?? [];
  return (Number(bytes) * 8) / Number(taken) / 1e6;
}

/** Milliseconds of the median and the slowest of `count` round trips. */
export function ping(from: Machine, address: string, count: number): { median: number; most: number } {
  const output = from.run("ping", "-i", "0.02", "-c", String(count), address);
  const times = [...output.matchAll(/time=([\d.]+)/g)].map(([, time]) => Number(time)).sort((a, b) => a - b);
  return { median: times[times.length >> 1] ?? Number.NaN, most: times.at(-1) ?? Number.NaN };
}

/** Seconds of a processor that a process has taken. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  // User and system, in hundredths: the kernel's ticks for programs.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
