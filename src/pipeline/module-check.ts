// Whether a WebAssembly module can run as a stage: what it imports and exports, and that making an instance of it does
// nothing. It is tried with a memory of one page, and with functions of the types that ours have.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { MODULE_VERSION } from "../layout/stage.layout.ts";

const IMPORTS: Readonly<Record<string, WebAssembly.ImportExportKind>> = {
  "env.memory": "memory",
  "frameferry.drop": "function",
  "frameferry.time": "function",
  "frameferry.port": "function",
};
const PARAMETERS = 5;

/** Sections that do something as soon as an instance is made: a function that is called, bytes that are written. */
const SECTION_START = 8;
const SECTION_DATA = 11;

/** A module that exports `drop`, `time` and `port`, which do nothing. */
const SERVICES: Uint8Array<ArrayBuffer> = Uint8Array.from(
  atob(
    "AGFzbQEAAAABEQNgA39/fwBgAX8BfmABfwF/AwQDAAECBxYDBGRyb3AAAAR0aW1lAAEEcG9ydAACCg4DAgALBABCAAsEAEEACw==",
  ),
  (letter) => letter.charCodeAt(0),
);

/** @throws RangeError that says what is wrong with it. */
export function checkModule(path: string, code: Uint8Array<ArrayBuffer>): void {
  const wrong = (sentence: string, options?: ErrorOptions): ArgumentRangeError =>
    new ArgumentRangeError("malformed", path, sentence, options);
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(code);
  } catch (cause) {
    throw wrong(`cannot be compiled: ${(cause as Error).message}`, { cause });
  }
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
    if (IMPORTS[`${from}.${name}`] !== kind)
      throw wrong(
        `it imports ${from}.${name} (${kind}): there are only env.memory and the functions drop, time and port of frameferry`,
      );
  const sections = sectionsOf(code);
  if (sections.has(SECTION_START)) throw wrong("it has a start function, which would run in every thread");
  if (sections.has(SECTION_DATA))
    throw wrong("it has data segments, which would be written over what lies in the memory");
  const { run, version } = instanceOf(module, wrong).exports as {
    readonly run?: { readonly length: number };
    readonly version?: WebAssembly.ExportValue;
  };
  if (typeof run !== "function") throw wrong("it exports no function run");
  if (run.length !== PARAMETERS)
    throw wrong(`its function run has ${run.length} parameters, expected ${PARAMETERS}`);
  if (version instanceof WebAssembly.Global && version.value !== MODULE_VERSION)
    throw wrong(`it was made for version ${version.value} of descriptors, and this is ${MODULE_VERSION}`);
}

function instanceOf(
  module: WebAssembly.Module,
  wrong: (sentence: string, options: ErrorOptions) => ArgumentRangeError,
): WebAssembly.Instance {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(SERVICES));
  try {
    return new WebAssembly.Instance(module, {
      env: { memory },
      frameferry: exports,
    });
  } catch (cause) {
    // A memory that is not shared or wants to be larger, a function of another type.
    throw wrong(`no instance of it can be made: ${(cause as Error).message}`, { cause });
  }
}

/** The numbers of the sections of a module that is known to be sound. */
function sectionsOf(code: Uint8Array): ReadonlySet<number> {
  const sections = new Set<number>();
  for (let at = 8; at < code.length; ) {
    sections.add(code[at++] as number);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = code[at++] as number;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at += length;
  }
  return sections;
}
