// Prints `N passed, N failed` as the very last line of a run, for programs that read it, and how long each folder of tests
// took before that. People read the default reporter, which stands beside it.
import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

export default class CountReporter implements Reporter {
  #line = "0 passed, 1 failed"; // stands if the run never ends
  #times = "";

  onInit(): void {
    // Printed on the way out, when no other reporter can add a line any more.
    process.once("exit", () => process.stdout.write(`${this.#times}${this.#line}\n`));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#line = countLine(modules, unhandledErrors.length);
    this.#times = folderTimes(modules);
  }
}

/** A line for each project with the seconds that the files of each folder took, added up; several run at a time. */
function folderTimes(modules: readonly TestModule[]): string {
  const times = new Map<string, Map<string, number>>();
  for (const module of modules) {
    const folder = relative("test", relative(process.cwd(), module.moduleId)).split("/")[0] as string;
    const project = times.get(module.project.name) ?? new Map<string, number>();
    times.set(module.project.name, project);
    project.set(folder, (project.get(folder) ?? 0) + module.diagnostic().duration);
  }
  return [...times]
    .map(([project, folders]) => {
      const longest = [...folders].sort(([, a], [, b]) => b - a);
      const told = longest.map(([folder, time]) => `${folder} ${Math.round(time / 1000)} s`);
      return `seconds by folder, ${project}: ${told.join(", ")}\n`;
    })
    .join("");
}

/** Tests count as they ended; a file that fails outside its tests, or an error outside all files, counts one. */
export function countLine(modules: readonly TestModule[], unhandledErrors: number): string {
  let passed = 0;
  let failed = unhandledErrors;
  let skipped = 0;
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed++;
      else if (state === "skipped") skipped++;
      else failedHere++; // failed, or never finished
    }
    if (failedHere === 0 && !module.ok()) failedHere = 1; // it could not be loaded, or a hook threw
    failed += failedHere;
  }
  if (modules.length === 0 && failed === 0) failed = 1;
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
