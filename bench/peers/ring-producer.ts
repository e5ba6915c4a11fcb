// The other thread of a ring's contest: pushes 0, 1, 2 ... whenever it is asked to.

import { workerData } from "node:worker_threads";
import { BURST, openRing, type RingAddress, STREAM } from "./ring-ends.ts";

const { address, asked } = workerData as { address: RingAddress; asked: Int32Array };
const { sent, push } = await openRing(address);
for (let answered = 0; ; answered++) {
  Atomics.wait(asked, 0, answered);
  for (let next = 0; next < STREAM; next += BURST) {
    for (let i = 0; i < BURST; i++) sent[i] = next + i;
    for (let done = 0; done < BURST; ) done += push(done);
  }
}
