// What the suites of the commands on captures share: a tunnel, a run that must go well, and a layer of a frame.
import type { CaptureRecord } from "frameferry/pcap";
import { dissect, type LayerName, type LayerOf } from "frameferry/wire";
import { expect } from "vitest";
import { frameferry } from "./program.ts";

export const LOCAL = "10.1.5.7";
export const REMOTE = "10.1.5.8";
export const ENCAP: readonly string[] = [
  "--kind",
  "vxlan",
  "--vni",
  "5001",
  "--local",
  LOCAL,
  "--remote",
  REMOTE,
];

export async function good(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { status, stdout, stderr } = await frameferry(args);
  expect(status, stderr).toBe(0);
  return { stdout: stdout.toString(), stderr };
}

export function layer<Name extends LayerName>({ data }: CaptureRecord, name: Name): LayerOf<Name> {
  const found = dissect(data, { checksums: true }).layers.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no ${name} layer`);
  return found as unknown as LayerOf<Name>;
}
