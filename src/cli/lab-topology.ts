// From the file of a topology to a laboratory, with the captures that its traffic names.

import { dirname, isAbsolute, join } from "node:path";
import { chunksOf } from "../capture/chunks.ts";
import { openCaptureFile } from "../files/capture-files.ts";
import { buildTopology, type Lab, type Network, type Topology, TopologyError } from "../overlay.ts";
import { frameOf, LINK_TYPE_ETHERNET, readCapture } from "../pcap.ts";
import { BadConfiguration, readingError } from "./failures.ts";
import { readJson } from "./json-file.ts";
import { explainSchemaErrors } from "./schema-errors.ts";
import { validateTopology } from "./topology-schema.generated.ts";

export interface OpenLab {
  readonly topology: Topology;
  readonly lab: Lab;
  /** The frames of captures, by the names that stand in steps. */
  readonly captures: ReadonlyMap<string, readonly Uint8Array[]>;
  /** The files that all that stands in. */
  readonly read: readonly string[];
}

/**
 * `onNetwork` is called while nothing is in the network yet.
 * @throws FileError, DamagedInput or BadConfiguration, before any traffic has been sent.
 */
export async function openLab(file: string, onNetwork: (network: Network) => void): Promise<OpenLab> {
  const topology = await readTopology(file);
  const captures = new Map<string, readonly Uint8Array[]>();
  for (const step of topology.traffic ?? []) {
    if (!("capture" in step) || captures.has(step.capture)) continue;
    captures.set(step.capture, await framesOf(found(file, step.capture)));
  }
  const read = [...(file === "-" ? [] : [file]), ...[...captures.keys()].map((name) => found(file, name))];
  return { topology, lab: await build(file, topology, onNetwork), captures, read };
}

async function readTopology(file: string): Promise<Topology> {
  const topology = await readJson(file);
  if (!validateTopology(topology))
    throw new BadConfiguration(file, explainSchemaErrors(topology, validateTopology.errors ?? []));
  return topology as Topology;
}

async function build(file: string, topology: Topology, onNetwork: (network: Network) => void): Promise<Lab> {
  try {
    return await buildTopology(topology, { onNetwork });
  } catch (error) {
    if (!(error instanceof TopologyError)) throw error;
    throw new BadConfiguration(file, error.message);
  }
}

/** Relative names are taken from the folder of the topology. */
function found(file: string, name: string): string {
  return isAbsolute(name) || file === "-" ? name : join(dirname(file), name);
}

/** All whole Ethernet frames of a capture. */
async function framesOf(path: string): Promise<Uint8Array[]> {
  const input = await openCaptureFile(path);
  const frames: Uint8Array[] = [];
  try {
    for await (const record of readCapture(chunksOf(input))) {
      const { data, originalLength } = frameOf(record);
      const { interface: from } = record;
      if (from.linkType === LINK_TYPE_ETHERNET && data.length === originalLength) frames.push(data);
    }
  } catch (error) {
    throw readingError(path, error);
  } finally {
    await input.close();
  }
  return frames;
}
