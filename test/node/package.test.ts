// The package as its users get it: packed, checked, installed beside nothing else, imported, bundled.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import terser from "@rollup/plugin-terser";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { rollup } from "rollup";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type InstalledPackage, installPackage, packageJson, root } from "../support/installed-package.ts";
import { run } from "../support/run-program.ts";

const BUNDLE_LIMIT = 113_000; // bytes after gzip
/**
 * What `frameferry/filter` adds to a page that has the main entry: 2.5 kB are the walk through layers and link headers,
 * 4 kB words and sentences of errors, and the rest the compiler itself.
 */
const FILTER_LIMIT = 23_600;

const entries = Object.keys(packageJson.exports).map((path) => path.replace(/^\./, "frameferry"));
/** All but files: the worker's script is one, too, and is started and not imported. */
const modules = entries.filter((entry) => !/\.(json|wasm|js)$/.test(entry));

// Its declarations say what a CommonJS default would be.
const minify = terser as unknown as typeof terser.default;

let installed: InstalledPackage;
let folder = "";
let project = "";
let tarball = "";
let packed: readonly string[] = [];

beforeAll(() => {
  installed = installPackage();
  ({ folder, project, tarball, packed } = installed);
}, 600_000);
afterAll(() => installed?.remove());

function node(code: string) {
  return run(process.execPath, ["--input-type=module", "-e", code], project);
}

describe("the tarball", () => {
  test("holds dist/, documents and examples, and nothing else", () => {
    const documents = packed.filter((path) => !/^(dist|docs|examples)\//.test(path));
    expect(documents.sort()).toEqual([
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.md",
      "THIRD-PARTY.md",
      "package.json",
      "schema/switch.schema.json",
      "schema/topology.schema.json",
      "schema/vtep.schema.json",
    ]);
    const folders = new Set(packed.map((path) => /^examples\/[^/]+/.exec(path)?.[0]));
    expect([...folders].sort()).toEqual([
      "examples/own-stages",
      "examples/systemd",
      "examples/topologies",
      undefined,
    ]);
    expect(packed.filter((path) => path.startsWith("docs/") && !/\.(md|png)$/.test(path))).toEqual([]);
    const strange = packed.filter((path) => path.startsWith("dist/") && /\.(test|spec)\.|\.tsx?$/.test(path));
    expect(strange.filter((path) => !path.endsWith(".d.ts"))).toEqual([]);
  });

  test("holds all that its documents link to", () => {
    let links = 0;
    for (const path of packed.filter((path) => path.endsWith(".md"))) {
      const text = readFileSync(join(project, "node_modules/frameferry", path), "utf8");
      for (const [, to] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (to === undefined || /^https?:/.test(to)) continue;
        links++;
        expect(packed, `${path} links to ${to}`).toContain(join(path, "..", to));
      }
    }
    expect(links).toBeGreaterThan(50);
  });

  test("has examples that its own command runs", () => {
    const cli = join(project, "node_modules/.bin/frameferry");
    const topology = "node_modules/frameferry/examples/topologies/pods-in-vpcs.json";
    const { status, output } = run(cli, ["lab", "ping", topology, "shop-web", "shop-db"], project);
    expect([status, output]).toEqual([0, expect.stringContaining("shop-db")]);
  });

  test("names the software of others that dist/ holds, in the version that it holds", () => {
    const text = readFileSync(join(project, "node_modules/frameferry/THIRD-PARTY.md"), "utf8");
    for (const name of ["commander", "ajv"])
      expect(text).toContain(`${name} ${packageJson.devDependencies[name]}`);
  });

  test("names no source map that it does not hold", () => {
    for (const path of packed.filter((path) => /\.(js|d\.ts)$/.test(path))) {
      const text = readFileSync(join(project, "node_modules/frameferry", path), "utf8");
      const map = text.match(/^\/\/# sourceMappingURL=(.*)$/m)?.[1];
      if (map !== undefined) expect(packed).toContain(join(path, "..", map));
    }
  });

  test("passes publint", async () => {
    const bytes = readFileSync(tarball);
    const { messages, pkg } = await publint({
      pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
      level: "suggestion",
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, pkg ?? packageJson))).toEqual([]);
  });

  test("passes arethetypeswrong", () => {
    const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const options = [
      "--profile",
      "esm-only",
      "--exclude-entrypoints",
      "frameferry.wasm",
      "worker.js",
      "--no-color",
    ];
    const { status, output } = run(process.execPath, [attw, tarball, ...options], folder);
    expect(status, output).toBe(0);
  });
});

describe("installed in an empty project", () => {
  test.each(modules)("Node imports %s", (entry) => {
    const { status, output } = node(
      `const entry = await import("${entry}"); if (Object.keys(entry).length === 0) throw new Error("empty");`,
    );
    expect(status, output).toBe(0);
    expect(output).toBe(""); // nothing happens at import time
  });

  test("Node finds package.json and the kernels, which are a module", () => {
    const { status, output } = node(`
      import { readFileSync } from "node:fs";
      import packageJson from "frameferry/package.json" with { type: "json" };
      if (packageJson.name !== "frameferry") throw new Error(packageJson.name);
      await WebAssembly.compile(readFileSync(new URL(import.meta.resolve("frameferry/frameferry.wasm"))));
    `);
    expect(status, output).toBe(0);
  });

  test("Node starts workers from the file, on the kernels from the file", () => {
    const { status, output } = node(`
      import { readFileSync } from "node:fs";
      import { Worker } from "node:worker_threads";
      import { createDataplane } from "frameferry";
      const dataplane = await createDataplane({
        workers: 2,
        wasm: readFileSync(new URL(import.meta.resolve("frameferry/frameferry.wasm"))),
        spawnWorker: () => new Worker(new URL(import.meta.resolve("frameferry/worker.js")), { execArgv: [] }),
      });
      const channel = await dataplane.open([{ stage: "vlan-push", vid: 7 }]);
      await channel.sendAll([new Uint8Array(60)]);
      channel.end();
      for await (const burst of channel) if (burst.frame(0).length !== 64) throw new Error("no tag");
      await dataplane.close();
    `);
    expect(output).toBe("");
    expect(status).toBe(0);
  });

  test("a device of Linux without koffi is an error that names it", () => {
    const { status, stdout, output } = node(`
      import { openTap } from "frameferry/linux";
      await openTap({ name: "ff0" }).catch((error) => console.log(error.code, error.message));
    `);
    expect(status, output).toBe(0);
    const sentence = "frameferry/linux needs this package, which is not installed: npm install koffi\n";
    if (process.platform === "linux") expect(stdout).toBe(`unsupported koffi: ${sentence}`);
    else expect(stdout).toContain("unsupported platform: ");
  });

  test("who listens for WebSockets without the package ws is told its name", () => {
    const { status, output } = node(`
      import { listenWebSocketPorts } from "frameferry/node";
      await listenWebSocketPorts().catch(({ code, message }) => console.log(code, message));
    `);
    expect(output).toBe(
      "unsupported ws: listenWebSocketPorts needs the package ws, which cannot be loaded: npm install ws\n",
    );
    expect(status).toBe(0);
  });

  test("npx frameferry --help prints how to use it", () => {
    const { status, stdout, output } = run("npx", ["--no-install", "frameferry", "--help"], project);
    expect(status, output).toBe(0);
    expect(stdout).toMatch(/^Usage: frameferry /m);
  });

  test.each(["nodenext", "bundler"])(
    "TypeScript needs no @types/node, module resolution %s",
    (resolution) => {
      const uses = modules.map((entry, index) => `import * as entry${index} from "${entry}";\n`);
      const names = modules.map((_, index) => `entry${index}`);
      writeFileSync(join(project, "use.ts"), `${uses.join("")}console.log(${names.join(", ")});\n`);
      const compilerOptions = {
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        types: [],
        target: "es2022",
        lib: ["es2023", "esnext.disposable", "dom", "dom.iterable", "dom.asynciterable"],
        module: resolution === "bundler" ? "esnext" : "nodenext",
        moduleResolution: resolution,
      };
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      expect(run(process.execPath, [tsc, "-p", "."], project).output).toBe("");
    },
  );
});

async function bundledBytes(...entries: readonly string[]): Promise<number> {
  const warnings: string[] = [];
  const names = entries.map((entry) => JSON.stringify(join(root, "dist", `${entry}.js`)));
  const virtual = {
    name: "virtual",
    resolveId: (id: string) => (id === "all" ? id : null),
    load: (id: string) =>
      id === "all" ? names.map((name, i) => `export * as entry${i} from ${name};\n`).join("") : null,
  };
  const bundle = await rollup({
    input: "all",
    // Minified, as bundlers do it.
    plugins: [virtual, nodeResolve({ browser: true }), minify()],
    onwarn: ({ message }) => void warnings.push(message),
  });
  const { output } = await bundle.generate({ format: "es", inlineDynamicImports: true });
  await bundle.close();
  expect(warnings).toEqual([]);
  return output.reduce((sum, file) => sum + (file.type === "chunk" ? gzipSync(file.code).length : 0), 0);
}

test(`filters add at most ${FILTER_LIMIT} bytes of gzip to the main entry`, async () => {
  expect((await bundledBytes("index", "filter")) - (await bundledBytes("index"))).toBeLessThan(FILTER_LIMIT);
});

test(`the main entry, bundled for browsers with its dependencies, is below ${BUNDLE_LIMIT} bytes of gzip`, async () => {
  const warnings: string[] = [];
  const bundle = await rollup({
    input: join(root, "dist/index.js"),
    // Minified, as bundlers do it.
    plugins: [nodeResolve({ browser: true }), minify()],
    onwarn: ({ message }) => void warnings.push(message),
  });
  const { output } = await bundle.generate({ format: "es" });
  await bundle.close();
  expect(warnings).toEqual([]);
  const names = output.map(({ fileName }) => fileName);
  const imports = output.flatMap((file) =>
    file.type === "chunk" ? [...file.imports, ...file.dynamicImports] : [],
  );
  expect(imports.filter((name) => !names.includes(name))).toEqual([]); // `node:fs`, say
  const code = output.map((file) => (file.type === "chunk" ? file.code : file.source));
  const size = code.reduce((sum, part) => sum + gzipSync(part).length, 0);
  expect(size).toBeLessThan(BUNDLE_LIMIT);
});
