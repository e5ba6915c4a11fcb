// Arithmetic that needs a core and nothing else, for as long as it is asked to.

import { workerData } from "node:worker_threads";

const { words, units } = workerData as { words: Int32Array; units: number };
/** Turns of a unit: about 50 ns. */
const TURNS = 40;
let value = 1;
for (let answered = 0; ; ) {
  Atomics.wait(words, 0, answered);
  answered++;
  for (let i = 0; i < units * TURNS; i++) value = (Math.imul(value, 1664525) + i) | 0;
  // What nobody can see need not be computed.
  if (value === 0) console.error();
  Atomics.store(words, 1, answered);
  Atomics.notify(words, 1);
}
