// Where the module comes from, and what it must be.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";

/**
 * A compiled module, its bytes, a URL to fetch it from, or a response that holds it.
 * Without it the module that is part of the JavaScript is used.
 */
export type WasmSource = WebAssembly.Module | BufferSource | URL | Response | PromiseLike<Response>;

/** A module as it stands in the JavaScript: deflated, as text; and how many bytes it has. */
export interface EmbeddedModule {
  readonly base64: string;
  readonly length: number;
}

/** Compiles off the main thread where the platform does so; what is embedded, if nothing is given. */
export async function compileModule(
  source: WasmSource | undefined,
  embedded: EmbeddedModule,
): Promise<WebAssembly.Module> {
  if (source === undefined) return await WebAssembly.compile(await inflate(embedded));
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer) return await compileBytes(source);
  if (ArrayBuffer.isView(source)) {
    // A copy, because compilers refuse what the type allows: V8 a DataView, all of them shared memory.
    return await compileBytes(new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice());
  }
  if (source instanceof URL) return await compileResponse(await fetch(source));
  if (typeof source === "object" && source !== null && "then" in source) {
    return await compileResponse(await source);
  }
  if (source instanceof Response) return await compileResponse(source);
  throw new ArgumentTypeError(
    "wrong-type",
    "wasm",
    "expected a WebAssembly.Module, its bytes, a URL or a Response",
  );
}

async function compileBytes(bytes: BufferSource): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    // Damaged bytes, or a content policy without 'wasm-unsafe-eval': the engine's sentence tells which.
    throw new ArgumentRangeError("malformed", "wasm", `cannot be compiled: ${(cause as Error).message}`, {
      cause,
    });
  }
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!(response instanceof Response))
    throw new ArgumentTypeError("wrong-type", "wasm", "expected a promise of a Response");
  if (!response.ok)
    throw new ArgumentRangeError(
      "not-found",
      "wasm",
      `${response.url || "the response"} answered ${response.status}`,
    );
  // Not compileStreaming: it refuses servers that do not know the type application/wasm.
  return await compileBytes(await response.arrayBuffer());
}

/** Deflated: gzip makes little of base64, so that a page loads a quarter less. */
async function inflate(embedded: EmbeddedModule): Promise<Uint8Array<ArrayBuffer>> {
  // In Node by zlib: its web streams have to be loaded first, which takes longer than inflating.
  const node = globalThis.process?.getBuiltinModule?.("node:zlib");
  if (node !== undefined) return node.inflateRawSync(Buffer.from(embedded.base64, "base64"));
  const text = atob(embedded.base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  // Not by way of a Response: making Node's first one takes longer than all the rest of this.
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  void writer.write(bytes);
  void writer.close();
  const module = new Uint8Array(embedded.length);
  let length = 0;
  const reader = readable.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    module.set(next.value, length);
    length += next.value.length;
  }
  return module;
}
