// What the suites of frameferry lab share: topologies.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./program.ts";

export const EXAMPLES: string = join(import.meta.dirname, "../../examples/topologies");
export const example = (name: string): string => join(EXAMPLES, `${name}.json`);

export function topologyFile(topology: unknown, folder: string = temporaryFolder()): string {
  const file = join(folder, "topology.json");
  writeFileSync(file, typeof topology === "string" ? topology : JSON.stringify(topology));
  return file;
}
