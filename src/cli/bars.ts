// Bars of text: of blocks, eight to a column, where a terminal shows them, and of plain signs everywhere else.

const BLOCKS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const FULL = "█";
const PLAIN = "#";

/** A bar as long as `value` is of `most`, `width` columns at most. What is more than nothing is seen. */
export function bar(value: number, most: number, width: number, fine: boolean): string {
  if (value <= 0 || most <= 0) return "";
  const columns = (value / most) * width;
  if (!fine) return PLAIN.repeat(Math.max(1, Math.round(columns)));
  const eighths = Math.max(1, Math.round(columns * 8));
  return FULL.repeat(eighths >> 3) + (BLOCKS[eighths & 7] as string);
}
