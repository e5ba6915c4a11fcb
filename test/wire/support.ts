import type { ComposeLayer, Layer, Parsed } from "frameferry/wire";
import { expect } from "vitest";
import scapy from "../fixtures/scapy.json" with { type: "json" };

export function fromHex(hex: string): Uint8Array {
  const digits = hex.replace(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Frames made by scapy: see test/fixtures/make-scapy.py. */
export const fixtures = scapy.map((fixture) => ({ ...fixture, frame: fromHex(fixture.hex) }));

export function fixture(name: string): Uint8Array {
  const found = fixtures.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`no fixture ${name}`);
  return found.frame;
}

export function names(layers: readonly Layer[]): string[] {
  return layers.map(({ name }) => name);
}

/** The headers of a dissection in the form that compose takes, and the payload's bytes. */
export function recompose(frame: Uint8Array, layers: readonly Layer[]): [ComposeLayer[], Uint8Array] {
  const headers: ComposeLayer[] = [];
  let end = 0;
  for (const layer of layers) {
    if (layer.name === "payload") return [headers, frame.subarray(layer.offset, layer.offset + layer.length)];
    headers.push({ name: layer.name, ...layer.header } as ComposeLayer);
    end = layer.offset + layer.length;
  }
  return [headers, frame.subarray(end, end)];
}

/** Emits into a poisoned buffer with bytes around: nothing outside may change, nothing inside may be left. */
export function emitted(length: number, emit: (into: Uint8Array, offset: number) => number): Uint8Array {
  const results = [0xa5, 0x5a].map((poison) => {
    const into = new Uint8Array(length + 8).fill(poison);
    expect(emit(into, 5)).toBe(5 + length);
    expect(into.subarray(0, 5).every((byte) => byte === poison)).toBe(true);
    expect(into.subarray(5 + length).every((byte) => byte === poison)).toBe(true);
    return into.slice(5, 5 + length);
  });
  // A byte that nobody wrote would still hold the poison, and so differ.
  expect(toHex(results[0]!)).toBe(toHex(results[1]!));
  return results[0]!;
}

export function headerOf<Header>(result: Parsed<Header>): Header {
  if (!result.ok) throw new Error(`${result.stop} at ${result.offset}`);
  return result.header;
}
