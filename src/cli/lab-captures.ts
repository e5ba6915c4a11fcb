// What goes over the links of a laboratory, and a pcapng for each of them.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type CapturedFrame, captureFile } from "../overlay/link-capture.ts";
import type { Hop, Link, Network } from "../overlay.ts";
import { fileError } from "../platform/file-error.ts";
import { identityOf } from "../platform/file-identity.ts";
import { closeTogether, createOutputFile, finishOutput, type NodeOutput } from "../platform/node-output.ts";
import { UsageError } from "./failures.ts";

interface Recorded {
  readonly ab: string;
  readonly ba: string;
  readonly frames: CapturedFrame[];
}

/** Records whatever goes over links: one that goes meanwhile keeps its record, and one that comes back goes on. */
export class LinkRecorder {
  readonly #links = new Map<string, Recorded>();
  #network: Network | undefined;

  /** Begins anew, with a network in which nothing has moved yet. */
  watch(network: Network): void {
    this.#links.clear();
    this.#network = network;
    network.onHop = (hop) => this.#take(hop);
  }

  /**
   * Writes a file for every link, all of them or none; the folder is made if it is not there. None may be one of the
   * files that were `read`. Returns the files' names.
   */
  async write(folder: string, read: readonly string[]): Promise<string[]> {
    for (const link of this.#network?.links() ?? []) this.#of(link);
    const wanted = [...this.#links.keys()].map((name, index) => join(folder, fileName(name, index)));
    expectOthers(wanted, read);
    try {
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw fileError("write", folder, cause);
    }
    const outputs: NodeOutput[] = [];
    const paths: string[] = [];
    try {
      for (const { frames, ...ends } of this.#links.values()) {
        const path = wanted[paths.length] as string;
        const output = await createOutputFile(path);
        outputs.push(output);
        paths.push(path);
        await output.write(captureFile(frames, ends));
        // There may be ten thousand links.
        await finishOutput(output);
      }
    } catch (error) {
      for (const output of outputs) await output.abort(error);
      throw error;
    }
    await closeTogether(outputs);
    return paths;
  }

  #take({ timeMs, link, direction, frame }: Hop): void {
    this.#of(link).frames.push({ timeUs: Math.round(timeMs * 1000), direction, frame });
  }

  #of(link: Link): Recorded {
    let recorded = this.#links.get(link.name);
    if (recorded === undefined) {
      const [a, b] = link.ends.map(({ node }) => node.name);
      recorded = { ab: `${a} -> ${b}`, ba: `${b} -> ${a}`, frames: [] };
      this.#links.set(link.name, recorded);
    }
    return recorded;
  }
}

function expectOthers(wanted: readonly string[], read: readonly string[]): void {
  const inputs = new Map(read.map((path) => [identityOf(path), path]));
  for (const path of wanted) {
    const identity = identityOf(path);
    const input = identity === undefined ? undefined : inputs.get(identity);
    if (input !== undefined) throw new UsageError(`--pcap: ${path} is what is read as ${input}`);
  }
}

/** Names of links are made of names of nodes and ports, which a file system takes; others get a number. */
function fileName(link: string, index: number): string {
  return /^[\w.-]{1,200}$/.test(link) ? `${link}.pcapng` : `link-${index}.pcapng`;
}
