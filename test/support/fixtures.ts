// Captures of test/fixtures, in Node from the disk and in a browser from the test server.

export async function loadFixture(name: string): Promise<Uint8Array> {
  // Held in a variable: a bundler would turn `new URL(…, import.meta.url)` into an asset of its own.
  const here = import.meta.url;
  const url = new URL(`../fixtures/${name}`, here);
  if (url.protocol === "file:") {
    const { readFile } = globalThis.process.getBuiltinModule("node:fs/promises");
    return new Uint8Array(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`fixture ${name}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
