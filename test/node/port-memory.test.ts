// What a long life costs: memory stays what it is over a million frames by each way there is to send them.
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../support/run-program.ts";

const root = join(import.meta.dirname, "../..");

const SETUP = `
  import { connect, portPair } from "frameferry";
  import { createSwitch } from "frameferry/switch";
  const sw = await createSwitch({ workers: 0, sweepSeconds: 0 });
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  const frame = Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, ...new Uint8Array(50));
  let got = 0;
  const reading = (async () => { for await (const burst of b) got += burst.length; })();
  const { signal } = new AbortController();
  const writer = a.writable.getWriter();
  const [left, right] = portPair({ queueFrames: 4 });
  const ways = {
    "sendAll with a signal": () => a.sendAll([frame], { signal }),
    writable: () => writer.write(frame),
    // It has to wait each time: the queue at the other end is full.
    "sendAll that waits": async () => {
      const sending = left.sendAll([frame, frame, frame, frame, frame], { signal });
      while (right.receive() !== undefined);
      await sending;
      right.receive();
      got += 1;
    },
  };
  const measure = async () => {
    for (let turn = 0; turn < 5; turn++) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
`;

test.each([
  ["sendAll with a signal", 1_000_000],
  ["writable", 1_000_000],
  ["sendAll that waits", 200_000],
])("%s: %i frames keep nothing", { timeout: 240_000 }, (way, count) => {
  const source = `${SETUP}
    const send = ways[${JSON.stringify(way)}];
    for (let i = 0; i < 20_000; i++) await send();
    const before = await measure();
    for (let i = 0; i < ${count}; i++) await send();
    const after = await measure();
    while (got < ${count} + 20_000) await new Promise((resolve) => setTimeout(resolve, 1));
    console.log(JSON.stringify({ grown: after - before }));
    process.exit(0);
  `;
  const { status, output } = run(
    process.execPath,
    ["--expose-gc", "--input-type=module", "-e", source],
    root,
  );
  expect({ status, output }).toEqual({ status: 0, output: expect.stringMatching(/^\{"grown":-?\d+\}\n$/) });
  const { grown } = JSON.parse(output) as { grown: number };
  console.log(`${way}: ${grown} bytes more after ${count} frames`);
  // 76 bytes a frame would be 76 MB, or 15.
  expect(grown).toBeLessThan(1_000_000);
});
