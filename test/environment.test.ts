// What every other test relies on: the package comes by its own name, and browser pages are isolated.
import * as frameferry from "frameferry";
import * as pcap from "frameferry/pcap";
import * as wire from "frameferry/wire";
import { expect, test } from "vitest";

test("the package is imported by its own name, with explicit exports", () => {
  for (const entry of [frameferry, wire, pcap]) {
    expect(Object.keys(entry).length).toBeGreaterThan(0);
    expect(entry).not.toHaveProperty("default");
  }
});

test("a browser page is cross-origin isolated, so that memory can be shared with workers", () => {
  if ("document" in globalThis) expect(globalThis.crossOriginIsolated).toBe(true);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
  const channel = new MessageChannel();
  channel.port1.postMessage(memory); // throws a DataCloneError on a page that is not isolated
  channel.port1.close();
});
