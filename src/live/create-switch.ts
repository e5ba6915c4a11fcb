// A switch with a dataplane of its own: the short way.

import { wrongType } from "../core/arguments.ts";
import { createDataplane, type DataplaneOptions } from "../dataplane/create-dataplane.ts";
import type { Switch } from "./live-switch.ts";
import type { LiveSwitchOptions } from "./live-switch-options.ts";
import { openOn } from "./open-switch.ts";

export interface CreateSwitchOptions extends DataplaneOptions, LiveSwitchOptions {}

/**
 * Starts workers and opens a switch on them; closing it ends them. `workers: 0` runs on the caller's thread, as does
 * any switch where memory cannot be shared.
 * @throws TypeError or RangeError for options that cannot be; WorkerDiedError if a worker does not start.
 */
export async function createSwitch(options: CreateSwitchOptions = {}): Promise<Switch> {
  if (typeof options !== "object" || options === null) throw wrongType("options", "an object", options);
  const { workers, memoryBytes, wasm, spawnWorker, transport, onWorkerDied, signal, ...own } = options;
  const given = { workers, memoryBytes, wasm, spawnWorker, transport, onWorkerDied, signal };
  const dataplane = await createDataplane(
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  );
  try {
    const host = dataplane.hostFor(() => dataplane.close());
    return await openOn(host, own);
  } catch (error) {
    await dataplane.close();
    throw error;
  }
}
