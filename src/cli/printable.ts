// Text that others have made, before a terminal gets it: names of files and machines, excerpts of what was read. What
// would move the cursor, change colours, begin another line or turn the order of letters round is shown, not done.

/** C0, DEL, C1, separators of lines, marks and overrides of direction. */
const ACTS = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
/** All but the line feed that ends our own lines. */
const ACTS_IN_LINE = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A text as it was meant, a name say, that stands within a line. */
export function oneLine(text: string): string {
  return text.replace(ACTS, shown);
}

/** Whole lines, in which names have become one line already. */
export function printable(text: string): string {
  return text.replace(ACTS_IN_LINE, shown);
}

/** `\x1b`, `\u202e`, `\n`. */
function shown(character: string): string {
  const code = character.charCodeAt(0);
  const hex = code.toString(16);
  return SHORT[character] ?? (code < 256 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`);
}
