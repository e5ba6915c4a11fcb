// Runs a program to its end, for tests in Node.
import { spawnSync } from "node:child_process";

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  /** Both streams, for messages. */
  readonly output: string;
}

export function run(program: string, args: readonly string[], cwd: string, timeoutMs = 300_000): Ended {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    timeout: timeoutMs,
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error !== undefined) throw error;
  return { status, stdout, output: `${stdout}${stderr}` };
}
