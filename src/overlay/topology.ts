// From a topology to a laboratory.

import { isArgumentError, isOutOfMemory } from "../core/argument-error.ts";
import { callback, checkFields, type Fields } from "../core/fields.ts";
import { PAGE_LENGTH, PAGES_MAXIMUM } from "../layout/memory.layout.ts";
import { Lab } from "./lab.ts";
import { Network } from "./network.ts";
import { TopologyBuilder } from "./topology-builder.ts";
import { TopologyError } from "./topology-error.ts";
import { memoryFor } from "./topology-memory.ts";
import { checkTraffic } from "./topology-traffic.ts";
import type { Topology } from "./topology-types.ts";

/** Frames without an MTU to go by, and what headers and tags come on top of one. */
const FRAME_BYTES_LEAST = 1984;
const FRAME_BYTES_MORE = 64;

export interface BuildOptions {
  /** Called with the network while nothing is in it yet: to watch from the beginning. With more memory it is called anew. */
  readonly onNetwork?: ((network: Network) => void) | undefined;
}

const BUILD_FIELDS: Fields<BuildOptions> = { onNetwork: callback() };

/**
 * Builds what a topology describes, and lets hosts and pods announce themselves. Its traffic is not sent yet.
 * The topology is one that its JSON schema lets through, or one that TypeScript does.
 * @throws TopologyError that names the place; nothing is left then.
 */
export async function buildTopology(topology: Topology, options: BuildOptions = {}): Promise<Lab> {
  const { onNetwork } = checkFields("options", BUILD_FIELDS, options);
  const { seed = 1, underlay, dataCentre } = topology;
  const mtu = Math.max(underlay?.mtu ?? 0, dataCentre?.linkMtu ?? 0);
  const frameBytes = Math.max(FRAME_BYTES_LEAST, mtu + FRAME_BYTES_MORE);
  const most = PAGE_LENGTH * PAGES_MAXIMUM;
  const first = Math.ceil(memoryFor(topology) / PAGE_LENGTH) * PAGE_LENGTH;
  // Tables may not fit all the same.
  for (let memoryBytes = Math.min(first, most); ; memoryBytes = Math.min(2 * memoryBytes, most)) {
    const network = await Network.create({ seed, memoryBytes, frameBytes });
    try {
      onNetwork?.(network);
      return build(network, topology);
    } catch (error) {
      network.close();
      if (!isOutOfMemory(error) || memoryBytes === most) throw error;
    }
  }
}

function build(network: Network, topology: Topology): Lab {
  try {
    const builder = new TopologyBuilder(network, topology);
    builder.build();
    network.run();
    const lab = new Lab(builder);
    checkTraffic(lab, topology.traffic ?? []);
    return lab;
  } catch (error) {
    throw isArgumentError(error) && !isOutOfMemory(error) ? new TopologyError(error) : error;
  }
}
