// The tables: frames by VNI, before and after, dropped frames by reason, and what stages have counted.

import { element, grouped } from "./text.js";

const tables = document.querySelector("#tables");
const vnis = document.querySelector("#vnis tbody");
const drops = document.querySelector("#drops tbody");
const sampled = document.querySelector("#sampled");
const countAll = document.querySelector("#count-all");
const counts = document.querySelector("#counts");
const counted = document.querySelector("#counted");
const dropsNote = document.querySelector("#drops-note");

/** Shows counts as `inspector.js` makes them; either may be missing, and `counting` says that more will come. */
export function showVnis(before, after, counting) {
  tables.hidden = before === undefined;
  if (before === undefined) return;
  const frames = new Map();
  before.rows.forEach(([key, count]) => void frames.set(key, [count, 0]));
  after?.rows.forEach(([key, count]) => void frames.set(key, [frames.get(key)?.[0] ?? 0, count]));
  const most = Math.max(1, ...[...frames.values()].flat());
  vnis.replaceChildren(
    ...[...frames]
      .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
      .map(([key, [first, second]]) =>
        element("tr", {}, [
          element("th", { scope: "row", className: key === "" ? "quiet" : "" }, [
            key === "" ? "no tunnel" : key,
          ]),
          bar(first, most),
          after === undefined ? element("td", { className: "quiet" }, ["–"]) : bar(second, most),
        ]),
      ),
  );
  const counts = [before, after].filter((one) => one !== undefined);
  const sample = counts.find((one) => !one.complete);
  if (counting) sampled.textContent = "Counting …";
  else if (sample === undefined) sampled.textContent = `All ${grouped(before.frames)} frames are counted.`;
  else sampled.textContent = `A sample: the first ${grouped(sample.frames)} frames are counted.`;
  countAll.hidden = counting || sample === undefined;
}

/** Shows a summary's drops; undefined before there is one. */
export function showDrops(summary, reasons) {
  const rows = Object.entries(summary?.drops ?? {}).sort(([, a], [, b]) => b - a);
  drops.replaceChildren(
    ...rows.map(([name, frames]) =>
      element("tr", {}, [
        element("th", { scope: "row" }, [
          element("code", {}, [name]),
          element("span", {}, [reasons.find((reason) => reason.name === name)?.sentence ?? ""]),
        ]),
        element("td", { className: "number" }, [grouped(frames)]),
      ]),
    ),
  );
  if (summary === undefined) dropsNote.textContent = "Run the pipeline to see.";
  else dropsNote.textContent = rows.length === 0 ? "Nothing was dropped." : "";
}

/** Shows what the stages that count have counted: a table for each; undefined before there is a summary. */
export function showCounts(summary) {
  counts.hidden = summary === undefined || summary.counts.length === 0;
  counted.replaceChildren(...(summary?.counts ?? []).map(countTable));
}

function countTable({ by, entries, others }) {
  const head = [...by, "frames", "bytes"].map((name) => element("th", { scope: "col" }, [name]));
  const rows = entries.map((entry) =>
    countRow(
      by.map((key) => String(entry[key] ?? "none")),
      entry,
    ),
  );
  if (others.frames > 0) rows.push(countRow(["others", ...by.slice(1).map(() => "")], others));
  return element("table", {}, [element("thead", {}, [element("tr", {}, head)]), element("tbody", {}, rows)]);
}

function countRow(texts, { frames, bytes }) {
  return element("tr", {}, [
    ...texts.map((text) => element("td", {}, [text])),
    ...[frames, bytes].map((count) => element("td", { className: "number" }, [grouped(count)])),
  ]);
}

function bar(frames, most) {
  const cell = element("td", { className: frames === 0 ? "number quiet" : "number bar" }, [
    element("span", {}, [grouped(frames)]),
  ]);
  cell.style.setProperty("--share", `${(100 * frames) / most}%`);
  return cell;
}
