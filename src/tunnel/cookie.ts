// The cookie of an L2TPv3 session as an option.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { bytes, type Kind } from "../core/fields.ts";
import { bytesOf } from "./geneve.ts";

/** 4 or 8 bytes; on a command line in hex. */
export function cookie(): Kind<Uint8Array> {
  const any = bytes();
  const expected = "4 or 8 bytes";
  const check = (path: string, value: unknown): Uint8Array => {
    const checked = any.check(path, value);
    if (checked.length === 4 || checked.length === 8) return checked;
    throw new ArgumentRangeError("out-of-range", path, `expected ${expected}, got ${checked.length}`);
  };
  const parse = (path: string, text: string): Uint8Array => {
    const read = bytesOf(text);
    if (read.length * 2 === text.length) return check(path, read);
    throw new ArgumentRangeError(
      "malformed",
      path,
      `expected ${expected} in hex, got ${JSON.stringify(text)}`,
    );
  };
  return { expected, check, parse };
}
