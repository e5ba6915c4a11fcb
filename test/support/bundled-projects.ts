// The projects of test/bundlers/ as their authors would have them: a folder each, with the package installed
// from its tarball, the bundler, and the recipe of docs/bundlers.md; built, where there is something to build.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type InstalledPackage, root } from "./installed-package.ts";

export const FIXTURES: string = join(root, "test/bundlers");

/** The blocks of code in docs/bundlers.md, in their order. */
export function readRecipes(): { language: string; text: string }[] {
  const document = readFileSync(join(root, "docs/bundlers.md"), "utf8");
  return Array.from(document.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, language, text]) => ({
    language: language!,
    text: text!,
  }));
}

/** The HTTP headers that docs/bundlers.md tells: those for shared memory, and the strict content policy. */
export function readHeaders(): { isolated: Record<string, string>; strict: Record<string, string> } {
  const [isolated, strict] = readRecipes()
    .filter(({ language }) => language === "http")
    .map(({ text }) =>
      Object.fromEntries(
        text
          .trim()
          .split("\n")
          .map((line) => line.split(": ")),
      ),
    );
  return { isolated, strict };
}

/** webpack's own command is a package of its own; this is what it does. */
const WEBPACK = `
  import webpack from "webpack";
  import config from "./webpack.config.js";
  webpack(config, (error, stats) => {
    if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString());
  });
`;

interface Bundler {
  /** The packages that the project has beside frameferry. */
  readonly packages: readonly string[];
  /** What Node is told to build it; nothing where the files are served as they are. */
  readonly build: readonly string[];
}

const BUNDLERS = {
  static: { packages: [], build: [] },
  vite: { packages: ["vite"], build: ["node_modules/vite/bin/vite.js", "build"] },
  webpack: { packages: ["webpack"], build: ["--input-type=module", "--eval", WEBPACK] },
  esbuild: { packages: ["esbuild"], build: ["build.js"] },
  rollup: {
    packages: ["rollup", "@rollup/plugin-node-resolve"],
    build: ["node_modules/rollup/dist/bin/rollup", "--config", "--silent", "--failAfterWarnings"],
  },
} as const satisfies Readonly<Record<string, Bundler>>;

export type BundlerName = keyof typeof BUNDLERS;

/** Copies a project of test/bundlers/ to `folder` and installs the package there; returns the folder. */
export function layOut(installed: InstalledPackage, name: string, packages: readonly string[] = []): string {
  const folder = join(installed.folder, name);
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  // Only the package itself, so that what a page needs beside it would be missed.
  cpSync(join(installed.project, "node_modules/frameferry"), join(folder, "node_modules/frameferry"), {
    recursive: true,
  });
  for (const path of packages) {
    const link = join(folder, "node_modules", path);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", path), link);
  }
  cpSync(join(FIXTURES, "ferry.js"), join(folder, "ferry.js"));
  cpSync(join(FIXTURES, "web"), folder, { recursive: true });
  cpSync(join(FIXTURES, name), folder, { recursive: true });
  return folder;
}

/** Lays the project out and builds it; resolves with the folder that a server would serve. */
export async function build(installed: InstalledPackage, name: BundlerName): Promise<string> {
  const { packages, build: args } = BUNDLERS[name];
  const folder = layOut(installed, name, packages);
  if (args.length === 0) return folder;
  // As in a shell of its own: the test runner's mode is none of the bundler's.
  const { NODE_ENV: _, ...env } = process.env;
  await promisify(execFile)(process.execPath, args, { cwd: folder, env, timeout: 120_000 });
  const output = join(folder, "dist");
  // Vite writes one itself, with the names of its files.
  if (name !== "vite") cpSync(join(folder, "index.html"), join(output, "index.html"));
  return output;
}
