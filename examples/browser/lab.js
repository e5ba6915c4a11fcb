// The view of the laboratory: a topology, two that say hello, and the journey of the frame between them.

import { startWorker } from "./asking.js";
import { showJourney } from "./lab-journey.js";
import { drawPicture, markPair } from "./lab-picture.js";
import { element, grouped } from "./text.js";
import { onFile, onFirst } from "./views.js";

/** More is no topology that somebody wrote. */
const FILE_MAXIMUM = 64 * 1024 * 1024;
const HUES = 6;
/** Widest picture that the frame of a step stands beside, not below. */
const BESIDE_WIDTH = 740;

const at = (id) => document.getElementById(id);

/** Its worker starts with the first topology. */
let ask;
/** Of two topologies or hellos under way the later one counts. */
let topologies = 0;
let hellos = 0;
/** While a topology is built there is nobody to say hello. */
let ready = false;
/** Which of the two the next click in the picture is. */
let next = "lab-from";

onFirst("laboratory", takeExample);
onFile("laboratory", takeFile);

at("lab-example").addEventListener("change", takeExample);
at("lab-file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (file !== undefined) takeFile(file);
  target.value = "";
});
at("lab-pair").addEventListener("submit", (event) => {
  event.preventDefault();
  sayHello();
});
for (const id of ["lab-from", "lab-to"]) at(id).addEventListener("change", pairChanged);

async function takeExample() {
  const { value, selectedOptions } = at("lab-example");
  if (value === "") return;
  const { from, to } = selectedOptions[0].dataset;
  const load = async () => {
    const response = await fetch(`topologies/${value}.json`);
    if (!response.ok) throw new Error("it could not be loaded");
    return await response.text();
  };
  await take(load(), `${value}.json`, from === undefined ? undefined : [from, to]);
}

async function takeFile(file) {
  if (file.size > FILE_MAXIMUM) return fail(`${file.name} is too long for a topology.`);
  await take(file.text(), file.name);
}

/** Takes a topology whose text is on its way. */
async function take(coming, name, pair) {
  const mine = ++topologies;
  // What is being built is not wanted any more, and may take long.
  if (!ready) {
    ask?.end();
    ask = startWorker("lab-worker");
    at("lab-body").hidden = true;
    for (const id of ["lab-title-text", "lab-facts", "lab-from", "lab-to"]) at(id).replaceChildren();
    pairChanged();
  }
  ready = false;
  at("lab-hello").disabled = true;
  try {
    const text = await coming;
    if (mine !== topologies) return;
    const parts = await ask("build", { text });
    if (mine !== topologies) return;
    fail(undefined);
    if (pair === undefined) nameFile(name);
    else at("lab-own").hidden = true;
    show(parts, pair ?? parts.hello);
  } catch (error) {
    if (mine === topologies) fail(`${name}: ${error.message.replace(/\.$/, "")}.`);
  }
  if (mine !== topologies) return;
  ready = true;
  offerHello();
}

/** A file of one's own stands in the list of examples as long as it is the one that is shown. */
function nameFile(name) {
  const own = at("lab-own");
  own.textContent = name;
  own.hidden = false;
  own.selected = true;
}

function show(parts, [from, to]) {
  const { title, nodes, links, groups } = parts;
  const machines = nodes.filter(({ kind }) => kind === "machine");
  at("lab-title-text").textContent = title ?? "";
  at("lab-facts").textContent =
    `${grouped(nodes.length - machines.length)} switches, ${grouped(machines.length)} machines and pods, ` +
    `${grouped(links.length)} links`;
  at("lab-groups").replaceChildren(
    ...groups.map((group, i) => {
      const item = element("li", {}, [group]);
      item.dataset.hue = i % HUES;
      return item;
    }),
  );
  for (const [id, chosen] of [
    ["lab-from", from],
    ["lab-to", to],
  ]) {
    at(id).replaceChildren(
      ...machines.map(({ name }) => new Option(name, name, name === chosen, name === chosen)),
    );
  }
  next = "lab-from";
  at("lab-body").hidden = false;
  at("lab-body").classList.toggle("wide", parts.width > BESIDE_WIDTH);
  drawPicture(parts, pick);
  pairChanged();
}

/** In the picture the first click is who says hello, the second to whom. */
function pick(name) {
  at(next).value = name;
  next = next === "lab-from" ? "lab-to" : "lab-from";
  pairChanged();
}

function pairChanged() {
  hellos++;
  markPair(at("lab-from").value, at("lab-to").value);
  showJourney(undefined);
  offerHello();
}

function offerHello() {
  at("lab-hello").disabled = !ready || at("lab-from").value === at("lab-to").value;
}

async function sayHello() {
  if (at("lab-hello").disabled) return;
  const mine = ++hellos;
  try {
    const told = await ask("hello", { from: at("lab-from").value, to: at("lab-to").value });
    if (mine === hellos) showJourney(told);
  } catch (error) {
    if (mine === hellos) fail(`${error.message.replace(/\.$/, "")}.`);
  }
}

function fail(text) {
  at("lab-error").hidden = text === undefined;
  at("lab-error").textContent = text ?? "";
}
