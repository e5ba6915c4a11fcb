// tshark, where it is installed: what it says of the frames of a capture.
import { execFileSync, spawnSync } from "node:child_process";

/** Whether it is there; says so if not. */
export function hasTshark(): boolean {
  const there = spawnSync("tshark", ["--version"]).status === 0;
  if (!there) console.warn("skipped: tshark is not installed");
  return there;
}

/** The first value of each of these fields, for each frame. Checksums are looked at, and no fragments put together. */
export function tsharkFields(path: string, names: readonly string[]): string[][] {
  const checks = ["ip", "tcp", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);
  const args = ["-n", "-r", path, ...checks, "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"];
  const out = execFileSync(
    "tshark",
    [...args, "-T", "fields", "-E", "occurrence=f", ...names.flatMap((name) => ["-e", name])],
    { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] },
  );
  return out
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split("\t"));
}
