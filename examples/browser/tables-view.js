// The two tables: frames by VNI, before and after, and dropped frames by reason.

import { element, grouped } from "./text.js";

const tables = document.querySelector("#tables");
const vnis = document.querySelector("#vnis tbody");
const drops = document.querySelector("#drops tbody");
const sampled = document.querySelector("#sampled");
const countAll = document.querySelector("#count-all");
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

function bar(frames, most) {
  const cell = element("td", { className: frames === 0 ? "number quiet" : "number bar" }, [
    element("span", {}, [grouped(frames)]),
  ]);
  cell.style.setProperty("--share", `${(100 * frames) / most}%`);
  return cell;
}
