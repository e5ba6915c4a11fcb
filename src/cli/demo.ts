// The demo: two tenants on shared hosts, Kubernetes in both; or, asked for, the main job on a real capture.

import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { flag } from "../core/fields.ts";
import { fileError } from "../platform/file-error.ts";
import { mainJob } from "./demo-main-job.ts";
import { tenants } from "./demo-tenants.ts";
import { addFieldOptions, fileName, optionsOf, type Parsed, type Rows } from "./options.ts";

interface DemoOptions {
  readonly output?: string;
  readonly capture?: boolean;
  readonly json?: boolean;
}

const OPTIONS: Rows = {
  output: {
    ...fileName(),
    flag: "-o, --output <DIR>",
    help: "folder for the captures (default: a new temporary folder)",
  },
  capture: {
    ...flag(),
    flag: "--capture",
    help: "show the main job on a real capture instead: tunnels off, two on, and off again",
  },
  json: { ...flag(), flag: "--json", help: "print one JSON object instead" },
};

const EXAMPLES = `
Examples:
  frameferry demo
  frameferry demo -o captures
  frameferry demo --capture
  frameferry demo --json`;

export function defineDemo(command: Command): void {
  addFieldOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(demo);
}

async function demo(parsed: Parsed): Promise<void> {
  const { output, capture = false, json = false }: DemoOptions = optionsOf(OPTIONS, parsed);
  const folder = makeFolder(output);
  await (capture ? mainJob(folder, json) : tenants(folder, json));
}

function makeFolder(output: string | undefined): string {
  if (output === undefined) return mkdtempSync(join(tmpdir(), "frameferry-demo-"));
  try {
    mkdirSync(output, { recursive: true });
  } catch (cause) {
    throw fileError("write", output, cause);
  }
  return output;
}
