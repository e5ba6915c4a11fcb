// Prints `N passed, N failed` as the very last line of a run, for programs that read it.
// People read the default reporter, which stands beside it.
import type { Reporter, TestModule } from "vitest/node";

export default class CountReporter implements Reporter {
  #line = "0 passed, 1 failed"; // stands if the run never ends

  onInit(): void {
    // Printed on the way out, when no other reporter can add a line any more.
    process.once("exit", () => process.stdout.write(`${this.#line}\n`));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#line = countLine(modules, unhandledErrors.length);
  }
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
