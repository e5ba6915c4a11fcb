// Memory that does not suffice, whichever region it is that cannot be had: nothing of what was being opened is kept.

import { createDataplane, type Dataplane, loadKernels, type WorkerLike } from "frameferry";
import { openSwitch } from "frameferry/switch";
import { expect, test } from "vitest";
import { loadWorkerScript } from "../threads/death-support.ts";
import { Sink, WRAP } from "./capture-support.ts";
import { overhear } from "./message-support.ts";
import { pcapOf, shared } from "./shared-captures-support.ts";
import { isolated, until } from "./support.ts";

loadWorkerScript();

/** Lets all memories refuse the region with number `missing`, from 0, and all behind it, as if they were full. */
async function refuse(missing: number): Promise<{ refused(): boolean; end(): void }> {
  const { plan } = await loadKernels({ memoryBytes: 1 << 20 });
  const prototype = Object.getPrototypeOf(plan) as Pick<typeof plan, "reserve">;
  const { reserve } = prototype;
  let count = 0;
  prototype.reserve = function (this: typeof plan, ...values): number {
    if (count++ >= missing) throw new RangeError(`memoryBytes: no room for ${values[0]}`);
    return reserve.apply(this, values);
  };
  return {
    refused: () => count > missing,
    end: () => {
      prototype.reserve = reserve;
    },
  };
}

const capture = pcapOf({ seed: 53, most: 100, length: 5000 });
const uses: readonly [string, (dataplane: Dataplane) => Promise<unknown>][] = [
  ["channel", async (dataplane) => await (await dataplane.open(WRAP)).close()],
  [
    "switch",
    async (dataplane) => await (await openSwitch(dataplane, { vtep: { address: "10.0.0.1" } })).close(),
  ],
  ["capture that is read", (dataplane) => dataplane.processCapture(capture, WRAP, new Sink())],
  ["capture that is shared", (dataplane) => dataplane.processCapture(shared(capture), WRAP, new Sink())],
];
const transports = isolated ? (["inline", "shared", "transfer"] as const) : (["inline", "transfer"] as const);
const everyUse = transports.flatMap((transport) =>
  uses
    .filter(([name]) => isolated || name !== "capture that is shared")
    .map(([name, use]) => ({ transport, name, use })),
);

test.each(everyUse)(
  "$transport: whichever region of a $name cannot be had, none is kept",
  async ({ transport, use }) => {
    await using dataplane = await createDataplane(
      transport === "inline" ? { workers: 0 } : { workers: 2, transport },
    );
    const free = dataplane.freeBytes;
    for (let missing = 0; ; missing++) {
      const { refused, end } = await refuse(missing);
      const error = await use(dataplane)
        .then(
          () => undefined,
          (reason: Error) => reason,
        )
        .finally(end);
      await until(() => dataplane.freeBytes === free, `all is given back without region ${missing}`);
      if (!refused()) {
        expect(error).toBe(undefined);
        return;
      }
      expect(error?.message).toMatch(/^memoryBytes: no room for /);
    }
  },
);

test.skipIf(!isolated)("a dataplane that has no room leaves no worker behind", async () => {
  for (let missing = 0; ; missing++) {
    const { spawnWorker, workers } = overhear(() => false);
    let ended = 0;
    const spawn = (): WorkerLike => {
      const worker = spawnWorker();
      const terminate = worker.terminate.bind(worker);
      worker.terminate = () => {
        ended++;
        return terminate();
      };
      return worker;
    };
    const { refused, end } = await refuse(missing);
    const error = await createDataplane({ workers: 2, spawnWorker: spawn })
      .then(
        (dataplane) => dataplane.close(),
        (reason: Error) => reason,
      )
      .finally(end);
    expect(ended).toBe(workers.length);
    if (!refused()) return;
    expect(error?.message).toMatch(/^memoryBytes: no room for /);
  }
});
