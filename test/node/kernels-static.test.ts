// The kernels share one memory that the host plans: they may not allocate, import anything but that memory, what runs generated
// code, the clock and, in a module of a stage, what drops frames and tells their times and ports, or keep static data where the
// plan's regions lie.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import asc from "assemblyscript/asc";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";
import { KERNEL_STATIC_END } from "../../src/layout/memory.layout.ts";

const root = join(import.meta.dirname, "../..");
const modules = JSON.parse(readFileSync(join(root, "assembly/modules.json"), "utf8")) as readonly {
  readonly entry: string;
  readonly built: string;
}[];
const IMPORTS = [
  "env.memory",
  ...["generated.runGenerated", "generated.clock"],
  ...["frameferry.drop", "frameferry.time", "frameferry.port"],
];
const SHADOW_STACK = 16; // a runtime of one's own brings one; 0 would ask for the usual 32 KiB

// A runtime that cannot be compiled as soon as one of its functions is called. Their names are those that the
// compiler looks for; @global makes them known to it without making them exports, which are always compiled.
const REFUSING_RUNTIME = [
  "__alloc(size: usize): usize",
  "__realloc(block: usize, size: usize): usize",
  "__free(block: usize): void",
  "__new(size: usize, id: u32): usize",
  "__renew(block: usize, size: usize): usize",
  "__link(parent: usize, child: usize, multiple: bool): void",
  "__pin(block: usize): usize",
  "__unpin(block: usize): void",
  "__collect(): void",
].map((signature) => {
  const result = signature.endsWith("usize") ? "return 0;" : "";
  return `@global function ${signature} { ERROR("a kernel allocates"); ${result} }\n`;
});

/** Compiles `entry` beside a function that tells where static data ends. */
async function compile(entry: string, added: Record<string, string> = {}) {
  const files: Record<string, string> = {
    ...added,
    "check/heap-base.ts": "export function heapBase(): usize { return __heap_base; }\n",
    "check/runtime.ts": REFUSING_RUNTIME.join(""),
  };
  const written: Record<string, string | Uint8Array> = {};
  const readFile = (name: string) => {
    if (name in files) return files[name]!;
    try {
      return readFileSync(join(root, name), "utf8");
    } catch {
      return null; // the compiler tries several names for one import
    }
  };
  const { options, targets } = JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8"));
  // All as in the real build, but for the runtime.
  Object.assign(options, { runtime: "check/runtime", stackSize: SHADOW_STACK });
  Object.assign(targets.release, { outFile: "check.wasm", textFile: "check.wat" });
  files["asconfig.json"] = JSON.stringify({ options, targets });
  const { error, stderr } = await asc.main(
    [entry, "check/heap-base.ts", "--config", "asconfig.json", "--target", "release"],
    {
      readFile,
      writeFile: (name, contents) => void (written[basename(name)] = contents),
      listFiles: () => [],
    },
  );
  if (error !== null) return { error: `${error.message}\n${stderr}` };
  const module = await WebAssembly.compile(written["check.wasm"] as BufferSource);
  const env: WebAssembly.ModuleImports = {
    memory: new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true }),
  };
  const imports: WebAssembly.Imports = { env };
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
    if (kind === "function") (imports[from] ??= {})[name] = () => {};
  const { exports } = await WebAssembly.instantiate(module, imports);
  return {
    error: "",
    module,
    wat: String(written["check.wat"]),
    end: (exports.heapBase as () => number)() - SHADOW_STACK,
  };
}

/** What is wrong with a compiled module, apart from its exports. */
function breaches({ module, wat, end }: Awaited<ReturnType<typeof compile>>): string[] {
  const found = WebAssembly.Module.imports(module!)
    .map(({ module: from, name }) => `${from}.${name}`)
    .filter((name) => !IMPORTS.includes(name))
    .map((name) => `imports ${name}`);
  if (wat!.includes("~lib/rt/")) found.push("contains a runtime");
  if (wat!.includes("memory.grow")) found.push("grows its memory");
  if (end! > KERNEL_STATIC_END) found.push(`static data ends at ${end}, above ${KERNEL_STATIC_END}`);
  return found;
}

function exportedNames(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(join(root, path), "utf8"), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    const clause = ts.isExportDeclaration(statement) ? statement.exportClause : undefined;
    return clause !== undefined && ts.isNamedExports(clause)
      ? clause.elements.map(({ name }) => name.text)
      : [];
  });
}

describe.each(modules)(
  "the kernels of $entry, compiled with a runtime that refuses to allocate",
  ({ entry }) => {
    let built: Awaited<ReturnType<typeof compile>>;
    beforeAll(async () => {
      built = await compile(entry);
    });

    test("do not allocate, import only the memory and what runs generated code, and keep static data below the plan's regions", () => {
      expect(built.error).toBe("");
      expect(breaches(built)).toEqual([]);
      expect(built.end).toBeGreaterThanOrEqual(1024); // memoryBase of asconfig.json
    });

    test("export the functions that are named there, and nothing else", () => {
      const names = WebAssembly.Module.exports(built.module!).map(({ name, kind }) => `${kind} ${name}`);
      const expected = [...exportedNames(entry), "heapBase"].map((name) => `function ${name}`);
      expect(names.sort()).toEqual(expected.sort());
    });
  },
);

test.each(modules)(
  "$built is as checked: the same imports and exports, no runtime",
  async ({ entry, built }) => {
    const module = await WebAssembly.compile(readFileSync(join(root, `${built}.wasm`)));
    const wat = readFileSync(join(root, `${built}.wat`), "utf8");
    expect(breaches({ error: "", module, wat, end: 0 })).toEqual([]);
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(names.sort()).toEqual(exportedNames(entry).sort());
  },
);

test("the module in dist/ is the one with all kernels", () => {
  const [first] = modules;
  expect(readFileSync(join(root, "dist/frameferry.wasm"))).toEqual(
    readFileSync(join(root, `${first!.built}.wasm`)),
  );
});

describe("the check fails for", () => {
  test.each([
    [
      "an object",
      "class A { x: i32 = 3; }\nexport function f(): usize { return changetype<usize>(new A()); }",
    ],
    ["an array", "export function f(n: i32): i32 { const a: StaticArray<i32> = [n, 2]; return a[n]; }"],
    ["the heap", "export function f(n: i32): usize { return heap.alloc(n); }"],
    ["a joined string", 'export function f(n: i32): i32 { return ("a" + n.toString()).length; }'],
  ])("%s", async (_, text) => {
    const { error } = await compile("check/bad.ts", { "check/bad.ts": text });
    expect(error).toContain("a kernel allocates");
  });

  test.each([
    ["static data", "static data ends at", "export function f(): usize { return memory.data(4096); }"],
    ["growth", "grows its memory", "export function f(n: i32): i32 { return memory.grow(n); }"],
    ["an import", "imports bad.g", "declare function g(): void;\nexport function f(): void { g(); }"],
  ])("%s", async (_, breach, text) => {
    const bad = await compile("check/bad.ts", { "check/bad.ts": text });
    expect(breaches(bad).join()).toContain(breach);
  });
});

test("the public type of the kernels names those that src/ calls, and no others", () => {
  const path = join(root, "src/kernel/kernel-functions.ts");
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest);
  const [called = [], others = []] = source.statements
    .filter(ts.isInterfaceDeclaration)
    .map(({ members }) => members.map((member) => member.name!.getText(source)));
  const texts = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith("kernel-functions.ts"))
    .map((name) => readFileSync(join(root, "src", name), "utf8"));
  const used = (name: string): boolean =>
    texts.some((text) => new RegExp(`functions\\??\\.${name}\\b`).test(text));
  expect(called.filter((name) => !used(name))).toEqual([]);
  expect(others.filter(used)).toEqual([]);
  expect(others).toContain("checksum");
});
