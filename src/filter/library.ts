// Functions that are not generated but built with the kernels, and that filters call: what lies behind a link header, and
// the walk through layers (assembly/filter-index.ts). A filter that needs them has them in front of its own function, so
// that its module is all that anybody has to be given.

import { bytesOfHex } from "../core/hex.ts";
import { WALK } from "./walk.generated.ts";
import { I32, named, unsigned } from "./wasm-bytes.ts";

const TYPES = 1;
const FUNCTIONS = 3;
const EXPORTS = 7;
const CODE = 10;
const PREAMBLE = 8;

export interface Library {
  /** Its sections by number, in the order in which they stand. */
  readonly sections: ReadonlyMap<number, Uint8Array>;
  /** The indices of its functions, by name. */
  readonly functions: ReadonlyMap<string, number>;
}

let known: Library | undefined;

export function library(): Library {
  if (known !== undefined) return known;
  const bytes = bytesOfHex(WALK);
  const sections = new Map<number, Uint8Array>();
  for (let at = PREAMBLE; at < bytes.length; ) {
    const id = bytes[at] as number;
    const [length, start] = read(bytes, at + 1);
    sections.set(id, bytes.subarray(start, start + length));
    at = start + length;
  }
  return (known = { sections, functions: functionsOf(sections.get(EXPORTS) as Uint8Array) });
}

/** A module of the library and one function more, which alone is exported, as `run`; see moduleOf() for the others. */
export function moduleWithLibrary(
  parameters: number,
  locals: readonly number[],
  body: readonly number[],
): Uint8Array<ArrayBuffer> {
  const { sections } = library();
  const type = [0x60, parameters, ...new Array<number>(parameters).fill(I32), 1, I32];
  const [types] = read(sections.get(TYPES) as Uint8Array, 0);
  const [functions] = read(sections.get(FUNCTIONS) as Uint8Array, 0);
  const added: Readonly<Record<number, readonly number[]>> = {
    [TYPES]: type,
    [FUNCTIONS]: unsigned(types),
    [CODE]: [...unsigned(locals.length + body.length), ...locals],
  };
  const parts: (readonly number[] | Uint8Array)[] = [[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]];
  for (const [id, content] of sections) {
    // Names and the like are for people.
    if (id === 0) continue;
    if (id === EXPORTS) {
      const exported = [1, ...named("run"), 0, ...unsigned(functions)];
      parts.push([id, ...unsigned(exported.length), ...exported]);
      continue;
    }
    const more = added[id];
    if (more === undefined) {
      parts.push([id, ...unsigned(content.length)], content);
      continue;
    }
    const [count, behind] = read(content, 0);
    const counted = unsigned(count + 1);
    const last = id === CODE ? body : [];
    const length = counted.length + (content.length - behind) + more.length + last.length;
    parts.push([id, ...unsigned(length), ...counted], content.subarray(behind), more, last);
  }
  return joined(parts);
}

function joined(parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function functionsOf(section: Uint8Array): Map<string, number> {
  const functions = new Map<string, number>();
  let [count, at] = read(section, 0);
  for (; count > 0; count--) {
    const [length, name] = read(section, at);
    // A byte that says that it is a function stands in between.
    const [index, behind] = read(section, name + length + 1);
    functions.set(String.fromCharCode(...section.subarray(name, name + length)), index);
    at = behind;
  }
  return functions;
}

/** A number as LEB128, and where it ends. */
function read(bytes: Uint8Array, from: number): [value: number, behind: number] {
  let value = 0;
  for (let at = from, shift = 0; ; at++, shift += 7) {
    const byte = bytes[at] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at + 1];
  }
}
