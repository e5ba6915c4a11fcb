// One suite, three projects: Node, headless Chromium on a cross-origin isolated page, and on one that is not.
// Tests import the package by its own name, so what runs is dist/ as it will be published.
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

// Only for what hangs: two slow cores may be shared with others, and no test measures time.
const timeouts = { testTimeout: 300_000, hookTimeout: 300_000, teardownTimeout: 60_000 };

// A new one each time: vitest writes the project's name into it.
const chromium = (): NonNullable<NonNullable<TestProjectInlineConfiguration["test"]>["browser"]> => ({
  enabled: true,
  headless: true,
  screenshotFailures: false,
  connectTimeout: 180_000,
  provider: playwright({
    launchOptions: {
      // A getter: the setup above has found the browser by the time one is launched.
      get executablePath(): string {
        return process.env.FRAMEFERRY_CHROMIUM ?? "";
      },
      // Chromium refuses to sandbox root.
      chromiumSandbox: process.getuid?.() !== 0,
      timeout: 120_000,
      args: [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  }),
  instances: [{ browser: "chromium" }],
});

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/count-reporter.ts"],
    projects: [
      {
        test: {
          name: "node",
          environment: "node",
          include: ["test/**/*.test.ts"],
          // Node itself loads the package, without vitest's transformation.
          server: { deps: { external: [/\/dist\//] } },
          ...timeouts,
        },
      },
      {
        server: {
          headers: {
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Embedder-Policy": "require-corp",
          },
        },
        // Named here because a dependency that is found while tests run reloads the page.
        optimizeDeps: { include: ["fast-check", "ipaddr.js"] },
        test: {
          name: "chromium",
          include: ["test/**/*.test.ts"],
          exclude: ["test/node/**", "test/cli/**"],
          globalSetup: ["./test/support/chromium-setup.ts"],
          browser: chromium(),
          ...timeouts,
        },
      },
      {
        // A page without those headers, where memory cannot be shared: the dataplane does without.
        optimizeDeps: { include: ["fast-check", "ipaddr.js"] },
        test: {
          name: "chromium, not isolated",
          include: [
            "test/{lane,threads,dataplane,live}/*.test.ts",
            "test/capture/{piece-board,shared-piece}.test.ts",
          ],
          globalSetup: ["./test/support/chromium-setup.ts"],
          browser: chromium(),
          ...timeouts,
        },
      },
    ],
  },
});
