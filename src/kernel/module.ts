// Where the module comes from, and what it must be.

import { KERNELS_BASE64 } from "./kernels.generated.ts";

/**
 * A compiled module, its bytes, a URL to fetch it from, or a response that holds it.
 * Without it the module that is part of the JavaScript is used.
 */
export type WasmSource = WebAssembly.Module | BufferSource | URL | Response | PromiseLike<Response>;

/** Compiles off the main thread where the platform does so. */
export async function compileModule(source: WasmSource | undefined): Promise<WebAssembly.Module> {
  if (source === undefined) return await WebAssembly.compile(inlineBytes());
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return await WebAssembly.compile(source);
  if (source instanceof URL) return await compileResponse(await fetch(source));
  if (typeof source === "object" && source !== null && "then" in source) {
    return await compileResponse(await source);
  }
  if (typeof Response === "function" && source instanceof Response) return await compileResponse(source);
  throw new TypeError("wasm: expected a WebAssembly.Module, its bytes, a URL or a Response");
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok)
    throw new RangeError(`wasm: ${response.url || "the response"} answered ${response.status}`);
  // Not compileStreaming: it refuses servers that do not know the type application/wasm.
  return await WebAssembly.compile(await response.arrayBuffer());
}

function inlineBytes(): Uint8Array<ArrayBuffer> {
  const text = atob(KERNELS_BASE64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
