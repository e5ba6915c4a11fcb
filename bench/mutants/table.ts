// The table of planted faults in docs/testing.md: read, changed row by row, written again.

const BEGIN = "<!-- mutants: written by `npm run mutants -- --write` -->";
const END = "<!-- mutants: end -->";
const HEADS = ["fault", "what it breaks", "tests of its place", "fuzz", "soak", "stress"] as const;

/** A row's cells, the fault's name first. */
export type Row = readonly string[];

export function markedTable(rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const table = [line(HEADS), line(HEADS.map(() => "---")), ...rows.map(line)];
  return `${BEGIN}\n\n${table.join("\n")}\n\n${END}`;
}

export function tableRows(text: string): Row[] {
  const inside = text.slice(text.indexOf(BEGIN) + BEGIN.length, Math.max(0, text.indexOf(END)));
  return inside
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2)
    .map((line) => line.slice(2, -2).split(" | "));
}

/** `text` with these rows in its table, in the order of `names`; rows of other names go. */
export function withRows(text: string, rows: readonly Row[], names: readonly string[]): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error("docs/testing.md: the table of planted faults is not there");
  const all = new Map([...tableRows(text), ...rows].map((row) => [row[0] as string, row]));
  const sorted = names.map((name) => all.get(name)).filter((row) => row !== undefined);
  return text.slice(0, begin) + markedTable(sorted) + text.slice(end + END.length);
}
