// The package as its users get it: packed, and installed in a project with nothing else.
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run-program.ts";

export const root: string = join(import.meta.dirname, "../..");
export const packageJson = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

export interface InstalledPackage {
  /** A new folder that holds the two below. */
  readonly folder: string;
  readonly tarball: string;
  /** Where the package is installed, beside what it depends on. */
  readonly project: string;
  /** The paths in the tarball. */
  readonly packed: readonly string[];
  remove(): void;
}

export function installPackage(): InstalledPackage {
  // The real path, because bundlers compare it with those of the files that they find.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "frameferry-package-")));
  const project = join(folder, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }\n');
  // Without scripts: dist/ is built by now, and what a build prints is no JSON.
  const pack = run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], root);
  if (pack.status !== 0) throw new Error(pack.output);
  const [{ filename, files }] = JSON.parse(pack.stdout);
  const tarball = join(folder, filename);
  const install = run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], project);
  if (install.status !== 0) throw new Error(install.output);
  return {
    folder,
    tarball,
    project,
    packed: files.map(({ path }: { path: string }) => path),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
