// The first frames: a list to choose from, and the chosen one as nested boxes, before and after the pipeline.

import { nested } from "./boxes-view.js";
import { element, grouped } from "./text.js";

const section = document.querySelector("#frames");
const list = document.querySelector("#frame-list");
const before = document.querySelector("#before");
const after = document.querySelector("#after");

let shown = [];
let chosen = 0;

list.addEventListener("change", ({ target }) => {
  chosen = Number(target.value);
  draw();
});

/** Shows these frames; `fresh` if they are another capture's. */
export function showFrames(frames, fresh) {
  shown = frames;
  if (fresh) chosen = 0;
  section.hidden = frames.length === 0;
  // The list stays in place when only the pipeline has changed: so does the keyboard's focus.
  if (list.querySelectorAll("label").length !== frames.length || fresh) drawList();
  list.querySelectorAll("label").forEach((label, index) => {
    label.classList.toggle("dropped", frames[index].dropped !== undefined);
  });
  draw();
}

function drawList() {
  for (const label of list.querySelectorAll("label")) label.remove();
  list.append(
    ...shown.map(({ before: { boxes, bytes, vnis } }, index) => {
      const radio = element("input", { type: "radio", name: "frame", value: index, className: "unseen" });
      radio.checked = index === chosen;
      const rows = boxes.at(-1)?.rows.filter(({ name }) => name !== "payload") ?? [];
      return element("label", {}, [
        radio,
        element("b", {}, [`${index + 1}`]),
        element("span", {}, [vnis === "" ? "no tunnel" : vnis]),
        element("span", { className: "quiet" }, [rows.at(-1)?.name ?? "unknown"]),
        element("span", { className: "number" }, [`${grouped(bytes)} B`]),
      ]);
    }),
  );
}

function draw() {
  const frame = shown[chosen];
  before.replaceChildren(...(frame === undefined ? [] : nested(frame.before)));
  after.replaceChildren(...(frame === undefined ? [] : outcome(frame)));
}

function outcome({ after: left, dropped }) {
  if (dropped === undefined) return nested(left);
  return [
    element("div", { className: "box gone" }, [
      element("p", { className: "title" }, [
        element("b", {}, ["dropped"]),
        element("code", {}, [dropped.name]),
      ]),
      element("p", {}, [dropped.sentence]),
    ]),
  ];
}
