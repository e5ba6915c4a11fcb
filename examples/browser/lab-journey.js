// The journey of a hello: a list of its steps, buttons to go through them, and the frame of the step in nested boxes.

import { nested } from "./boxes-view.js";
import { showStep } from "./lab-picture.js";
import { element, grouped } from "./text.js";

const PLAY_MS = 1250;
const LEGS = { there: "there", back: "and back", error: "what comes back", asked: "who has this address?" };

const at = (id) => document.getElementById(id);
const list = at("lab-hops");

let hello;
let chosen = 0;
let playing;

at("lab-back").addEventListener("click", () => stepBy(-1));
at("lab-on").addEventListener("click", () => stepBy(1));
at("lab-play").addEventListener("click", () => (playing === undefined ? play() : pause()));
list.addEventListener("change", ({ target }) => {
  pause();
  choose(Number(target.value));
});

/** Shows the first step of a hello; undefined: nobody has said any. */
export function showJourney(told) {
  pause();
  hello = told;
  chosen = 0;
  const steps = hello?.steps ?? [];
  at("lab-step").hidden = steps.length === 0;
  list.hidden = steps.length === 0;
  at("lab-sentence").textContent = hello?.sentence ?? "";
  at("lab-sentence").classList.toggle("wrong", hello !== undefined && !hello.reached);
  for (const leg of list.querySelectorAll(".leg")) leg.remove();
  list.append(...legsOf(steps));
  draw(true);
}

/** Consecutive steps of a leg stand under its name. */
function legsOf(steps) {
  const legs = [];
  for (const [index, step] of steps.entries()) {
    if (index === 0 || steps[index - 1].leg !== step.leg)
      legs.push(
        element("div", { className: "leg" }, [element("p", { className: "quiet" }, [LEGS[step.leg]])]),
      );
    legs.at(-1).append(labelOf(step, index));
  }
  return legs;
}

function labelOf({ hops }, index) {
  const [{ from, to, vnis, vlan, bytes }] = hops;
  const radio = element("input", { type: "radio", name: "hop", value: index, className: "unseen" });
  radio.checked = index === 0;
  const copies = hops.length === 1 ? "" : ` and ${grouped(hops.length - 1)} more`;
  return element("label", {}, [
    radio,
    element("b", {}, [`${index + 1}`]),
    element("span", {}, [`${from} → ${to}${copies}`]),
    element("span", { className: "vnis" }, [
      vnis.length === 0 && vlan !== undefined ? `VLAN ${vlan}` : vnis.join(" › "),
    ]),
    element("span", { className: "number" }, [`${grouped(bytes)} B`]),
  ]);
}

function stepBy(count) {
  pause();
  choose(chosen + count);
}

function choose(index) {
  const travel = index === chosen + 1;
  chosen = index;
  draw(travel);
}

function play() {
  const { steps } = hello;
  if (chosen >= steps.length - 1) choose(0);
  at("lab-play").textContent = "Pause";
  playing = setInterval(() => {
    choose(chosen + 1);
    if (chosen >= steps.length - 1) pause();
  }, PLAY_MS);
}

function pause() {
  clearInterval(playing);
  playing = undefined;
  at("lab-play").textContent = "Play";
}

function draw(travel) {
  showStep(hello, chosen, travel);
  const steps = hello?.steps ?? [];
  const step = steps[chosen];
  if (step === undefined) return;
  const [hop] = step.hops;
  const radio = list.querySelector(`[value="${chosen}"]`);
  radio.checked = true;
  at("lab-back").disabled = chosen === 0;
  at("lab-on").disabled = chosen === steps.length - 1;
  at("lab-position").textContent = `${chosen + 1} of ${steps.length}`;
  at("lab-hop").textContent = `${hop.from} → ${hop.to}`;
  at("lab-change").textContent = hop.change;
  at("lab-frame").replaceChildren(...nested(hop));
}
