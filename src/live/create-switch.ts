// A switch with a dataplane of its own: the short way.

import { wrongType } from "../core/arguments.ts";
import { type DataplaneOptions, startEngine } from "../dataplane/create-dataplane.ts";
import { loadFrom } from "../kernel/load-kernels.ts";
import type { Switch } from "./live-switch.ts";
import type { LiveSwitchOptions } from "./live-switch-options.ts";
import { openOn } from "./open-switch.ts";
import { SWITCH_KERNELS } from "./switch-kernels.generated.ts";

export interface CreateSwitchOptions extends DataplaneOptions, LiveSwitchOptions {}

/**
 * Starts workers and opens a switch on them; closing it ends them. `workers: 0` runs on the caller's thread, as does
 * any switch where memory cannot be shared: there no worker is started.
 * @throws TypeError or RangeError for options that cannot be; WorkerDiedError if a worker does not start.
 */
export async function createSwitch(options: CreateSwitchOptions = {}): Promise<Switch> {
  if (typeof options !== "object" || options === null) throw wrongType("options", "an object", options);
  const { workers, memoryBytes, wasm, spawnWorker, transport, onWorkerDied, stuckMs, signal, ...own } =
    options;
  const engine = await startEngine(
    { workers, memoryBytes, wasm, spawnWorker, transport, onWorkerDied, stuckMs, signal },
    // All workers of a switch need the same tables.
    ["shared"],
    (from = {}) => loadFrom(SWITCH_KERNELS, from),
  );
  try {
    return await openOn(
      engine.hostFor(() => engine.close()),
      own,
    );
  } catch (error) {
    await engine.close();
    throw error;
  }
}
