// The version of the layout: a number made of its constants, so that nobody has to think of changing it.
import { createHash } from "node:crypto";

/** Modules of another version are refused: 31 bits, which are a positive integer in both languages. */
const BITS = 0x7fffffff;

/**
 * The version of a layout, given the text of each of its files by name. Names and values of the constants count, file by
 * file, since two files may have a constant of the same name; comments, blanks and order do not.
 */
export function layoutVersion(files) {
  const constants = Object.entries(files).flatMap(([file, text]) =>
    Array.from(
      text.matchAll(/^export const (\w+) = (\w+);/gm),
      ([, name, value]) => `${file} ${name} ${Number(value)}`,
    ),
  );
  return createHash("sha256").update(constants.sort().join("\n")).digest().readUInt32BE(0) & BITS;
}

/** The file by which both languages read it. */
export function layoutVersionFile(files) {
  return `// Written by scripts/build.mjs from src/layout/*.layout.ts.\nexport const LAYOUT_VERSION = ${layoutVersion(files)};\n`;
}
