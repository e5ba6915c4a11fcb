// A copy of the repository in which faults are planted: built as the original is, and then only as far as one file changes.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import ts from "typescript";
import type { Mutant } from "./list.ts";

/** A module of kernels: what is compiled to which file, and where it stands in the JavaScript. */
interface Module {
  readonly entry: string;
  readonly built: string;
  readonly embedded: string;
  /** Whether it stands there as it is, and not deflated. */
  readonly plain?: boolean;
}
/** What is copied: all that building and testing needs. */
const PARTS = ["assembly", "bench", "build", "dist", "docs", "schema", "scripts", "src", "test"] as const;
const BUILT = ["build", "dist"] as const;

export class Workshop {
  readonly folder: string;
  readonly #root: string;

  /** `root` has been built. */
  constructor(root: string) {
    this.#root = root;
    this.folder = mkdtempSync(join(tmpdir(), "frameferry-mutants-"));
    for (const part of PARTS) cpSync(join(root, part), join(this.folder, part), { recursive: true });
    for (const name of readdirSync(root))
      if (/\.(json|mjs|ts|md)$/.test(name)) cpSync(join(root, name), join(this.folder, name));
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
  }

  /** Plants the fault and builds what depends on its file. */
  plant({ name, file, search, replacement }: Mutant): void {
    const path = join(this.folder, file);
    const text = readFileSync(path, "utf8");
    if (text.split(search).length !== 2)
      throw new Error(`${name}: its text does not stand once in ${file}: adapt bench/mutants/list.ts`);
    // Not as a pattern: "$" means itself.
    writeFileSync(
      path,
      text.replace(search, () => replacement),
    );
    if (file.startsWith("assembly/")) this.#buildKernels();
    else this.#buildScript(file);
  }

  /** Takes the fault back, and all that was built of it. */
  restore({ file }: Mutant): void {
    cpSync(join(this.#root, file), join(this.folder, file));
    for (const part of BUILT) {
      rmSync(join(this.folder, part), { recursive: true, force: true });
      cpSync(join(this.#root, part), join(this.folder, part), { recursive: true });
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #buildKernels(): void {
    const modules = JSON.parse(readFileSync(join(this.folder, "assembly/modules.json"), "utf8")) as Module[];
    for (const module of modules) this.#buildModule(module);
    cpSync(join(this.folder, "build/frameferry.wasm"), join(this.folder, "dist/frameferry.wasm"));
  }

  #buildModule({ entry, built, embedded, plain }: Module): void {
    const outputs = ["--outFile", `${built}.wasm`, "--textFile", `${built}.wat`];
    this.#run(
      "assemblyscript/bin/asc.js",
      ...[entry, "--config", "asconfig.json", "--target", "release", ...outputs],
    );
    const wasm = readFileSync(join(this.folder, `${built}.wasm`));
    const script = join("build/js", embedded.replace(/\.ts$/, ".js"));
    const [, before] =
      /"([A-Za-z0-9+/=]{1000,})"/.exec(readFileSync(join(this.folder, script), "utf8")) ?? [];
    if (before === undefined) throw new Error(`${script}: the kernels are not there`);
    const after = plain ? wasm.toString("hex") : deflateRawSync(wasm, { level: 9 }).toString("base64");
    const bundles = readdirSync(join(this.folder, "dist"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".js"))
      .map((path) => join("dist", path));
    let found = 0;
    for (const path of [script, ...bundles]) {
      const text = readFileSync(join(this.folder, path), "utf8");
      const at = text.indexOf(before);
      if (at < 0) continue;
      found++;
      const rest = text.slice(at + before.length);
      // Where they are deflated the length stands behind the bytes, minified or not.
      const behind = plain ? rest : rest.replace(/length:\s*\d+/, `length: ${wasm.length}`);
      writeFileSync(join(this.folder, path), text.slice(0, at) + after + behind);
    }
    if (found < 2) throw new Error(`dist/: no bundle has the kernels of ${entry} in it`);
  }

  #buildScript(file: string): void {
    const config = ts.readConfigFile(join(this.folder, "tsconfig.json"), (path) =>
      readFileSync(path, "utf8"),
    );
    const { options } = ts.convertCompilerOptionsFromJson(
      (config.config as { compilerOptions: object }).compilerOptions,
      this.folder,
    );
    const source = readFileSync(join(this.folder, file), "utf8");
    const fileName = join(this.folder, file);
    // Which modules these are stands in package.json, which is not looked at here.
    const compilerOptions = { ...options, module: ts.ModuleKind.ESNext };
    const { outputText } = ts.transpileModule(source, { compilerOptions, fileName });
    writeFileSync(join(this.folder, "build/js", file.replace(/\.ts$/, ".js")), outputText);
    // Declarations stay as they are: they take longest.
    writeFileSync(
      join(this.folder, "rollup.scripts.mjs"),
      'import all from "./rollup.config.mjs";\nexport default all.slice(0, 3);\n',
    );
    this.#run("rollup/dist/bin/rollup", "-c", "rollup.scripts.mjs", "--silent");
  }

  #run(script: string, ...args: string[]): void {
    const { status, stderr } = spawnSync(process.execPath, [join("node_modules", script), ...args], {
      cwd: this.folder,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${script} failed: ${stderr.slice(0, 500)}`);
  }
}
