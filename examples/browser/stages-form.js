// The form of the pipeline: a list of stages, each a fieldset whose fields are the stage's own.

import { compileFilter } from "./frameferry/filter.js";
import { tunnelKinds } from "./frameferry/index.js";
import { anonymise, dedup, mark, rate, rewrite, ruleTable, truncate } from "./frameferry/stages.js";

/** Stages that functions of the package make of their options. */
const READY = {
  anonymise,
  dedup,
  filter: ({ expression = "" }) => compileFilter(expression).stage,
  mark,
  rate,
  rewrite,
  rules: ({ rules = [], ...options }) => ruleTable(rules, options),
  truncate,
};

const list = document.querySelector("#stages");

/** Fills the form and calls `changed` whenever it says something else. */
export function openStagesForm(changed) {
  for (const button of document.querySelectorAll("[data-add]")) {
    button.addEventListener("click", () => {
      add(button.dataset.add).querySelector("input, select, textarea").focus();
      changed();
    });
  }
  list.addEventListener("input", ({ target }) => {
    if (target.name === "kind") showFieldsOfKind(target.closest("li"));
    changed();
  });
  list.addEventListener("click", ({ target }) => {
    const remove = target.closest("[data-remove]");
    if (remove === null) return;
    remove.closest("li").remove();
    document.querySelector("[data-add]").focus();
    changed();
  });
  add("decapsulate");
}

/** The stages, with what was filled in as their options: what is left empty is left out. */
export function stagesOfForm() {
  return Array.from(list.children, (item) => {
    const stage = { stage: item.dataset.stage };
    for (const field of item.querySelectorAll("[name]:enabled")) {
      const text = field.value.trim();
      if (text === "") continue;
      stage[field.name] = fieldValue(field.dataset, text);
    }
    return stage;
  });
}

/** What the text of a field stands for: its template says of which kind it is. */
function fieldValue(data, text) {
  if ("rules" in data)
    return text
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map(ruleOf);
  if ("changes" in data) return text.split(/[\s,]+/).map((change) => changeOf(change, data.changes));
  if ("list" in data) return text.split(/[\s,]+/);
  return "words" in data || text === "all" ? text : Number(text);
}

/** `FROM=TO`, or `TO` of whatever it was. */
function changeOf(text, kind) {
  const [to, from] = text.split("=").reverse();
  const value = kind === "numbers" ? rangeOf : (word) => word;
  return from === undefined ? { to: value(to) } : { from: value(from), to: value(to) };
}

/** `80`, or `8000-8009`. */
function rangeOf(text) {
  const numbers = text.split("-").map(Number);
  return numbers.length === 1 ? numbers[0] : numbers;
}

/** `drop udp`, `mark 7 src net 10.0.0.0/8`, `forward`: what becomes of frames, and of which; without that of all. */
function ruleOf(line) {
  const [verb, ...words] = line.trim().split(/\s+/);
  const does = verb === "mark" ? { mark: Number(words.shift()) } : { verdict: verb };
  return words.length === 0 ? does : { match: words.join(" "), ...does };
}

/** What a pipeline takes of the form's stages: with those made that are ready ones. It throws as a pipeline does. */
export function madeOf(stages) {
  return stages.map((stage, index) => {
    const { stage: name, ...options } = stage;
    if (!Object.hasOwn(READY, name)) return stage;
    try {
      return READY[name](options);
    } catch (error) {
      throw new RangeError(`stages[${index}].${error.message}`, { cause: error });
    }
  });
}

/** The UDP ports by which pictures and tables should know tunnels: the stages' own beside the usual ones, by kind. */
export function portsOf(stages) {
  const ports = {};
  for (const { kind, port } of stages) {
    if (!Number.isInteger(port) || port < 0 || port > 65535) continue;
    ports[kind] ??= [...kindNamed(kind).ports];
    ports[kind].push(port);
  }
  return ports;
}

function kindNamed(name) {
  return tunnelKinds.find(({ kind }) => kind === name);
}

/** Puts the package's complaint beside the field that it names; false if it names none. Undefined: all is well. */
export function showComplaint(error) {
  for (const note of list.querySelectorAll(".complaint")) note.remove();
  for (const field of list.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
  const message = /^stages\[(\d+)\]\.(\w+)([^:]*): (.*)$/.exec(error?.message ?? "") ?? [];
  const [, index, name, place, sentence] = message;
  const field = list.children[index]?.querySelector(`[name="${name}"]`);
  if (field === null || field === undefined) return false;
  const note = document.createElement("p");
  note.className = "complaint";
  note.id = `complaint-${index}`;
  // Of several in one field: which.
  const [, item] = /^\[(\d+)\]/.exec(place) ?? [];
  note.textContent = item === undefined ? sentence : `no. ${Number(item) + 1}: ${sentence}`;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", note.id);
  field.closest("fieldset").append(note);
  return true;
}

function add(kind) {
  const item = document.querySelector(`#stage-${kind}`).content.firstElementChild.cloneNode(true);
  const remove = document.createElement("button");
  remove.type = "button";
  remove.dataset.remove = "";
  remove.textContent = "×";
  remove.setAttribute("aria-label", `Remove: ${item.querySelector("legend").textContent}`);
  item.querySelector("fieldset").append(remove);
  const kinds = item.querySelector("[name=kind]");
  if (kinds !== null) {
    kinds.append(...tunnelKinds.map(({ kind, title }) => new Option(title, kind)));
    showFieldsOfKind(item);
  }
  for (const field of item.querySelectorAll("[data-random]"))
    field.value = hexOf(crypto.getRandomValues(new Uint8Array(Number(field.dataset.random))));
  list.append(item);
  return item;
}

function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Shows the fields that a stage of this kind of tunnel has. */
function showFieldsOfKind(item) {
  const { port, number } = kindNamed(item.querySelector("[name=kind]").value);
  const has = { port: port !== undefined, vni: number === "vni", key: number === "key" };
  for (const [name, shown] of Object.entries(has)) {
    const field = item.querySelector(`[name=${name}]`);
    field.disabled = !shown;
    field.closest("label").hidden = !shown;
  }
  item.querySelector("[name=port]").placeholder = port ?? "";
}
