// Columns of text.

import { oneLine } from "./printable.ts";

/** Columns as wide as they must be, two blanks between them; those whose number is in `right` are set to the right. */
export function textTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => {
    return Math.max(...rows.map((row) => oneLine(row[column] ?? "").length));
  });
  const lines = rows.map((row) => {
    const cells = row.map((text, column) => {
      const cell = oneLine(text);
      const width = widths[column] ?? 0;
      return right.includes(column) ? cell.padStart(width) : cell.padEnd(width);
    });
    return `  ${cells.join("  ").trimEnd()}\n`;
  });
  return lines.join("");
}
