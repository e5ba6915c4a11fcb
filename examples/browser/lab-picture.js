// The laboratory as a picture, and the frames that travel on it. Each frame is nested: a ring for every tunnel around it.

import { grouped } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const TRAVEL_MS = 800;
/** Half the width and height of the innermost frame, and how much every ring adds. */
const CORE = { x: 9, y: 7 };
const RING = 5;
/** Nearest to the edge of the pane that a frame may stand. */
const SIGHT = 70;
/** As many as page.css has. */
const HUES = 6;

const pane = document.querySelector("#lab-picture");
const still = matchMedia("(prefers-reduced-motion: reduce)");

let drawn;
let moving = [];

/** Draws a laboratory. `pick` is called with the name of a machine that is chosen in the picture. */
export function drawPicture(parts, pick) {
  stopMoving();
  drawn = undefined;
  const { nodes, links, groups, places, lines, width, height, lying } = parts;
  if (places === undefined) {
    pane.replaceChildren(
      textElement(
        "p",
        `${grouped(nodes.length)} switches and machines are too many for a picture. Hellos work.`,
      ),
    );
    return;
  }
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "group" });
  svg.setAttribute("aria-label", "The topology: choose who says hello, then to whom");
  svg.style.setProperty("--width", `${width}px`);
  const wires = new Map();
  for (const { name } of links) {
    const points = lines.get(name).map(({ x, y }) => `${x},${y}`);
    wires.set(name, svg.appendChild(make("polyline", { class: "wire", points: points.join(" ") })));
  }
  const boxes = new Map();
  for (const node of nodes)
    boxes.set(node.name, svg.appendChild(nodeOf(node, places.get(node.name), groups)));
  const travellers = svg.appendChild(make("g", { class: "travellers" }));
  svg.addEventListener("click", ({ target }) => {
    const name = target.closest("[data-machine]")?.dataset.machine;
    if (name !== undefined) pick(name);
  });
  svg.addEventListener("keydown", (event) => {
    const name = event.target.dataset.machine;
    if (name === undefined || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    pick(name);
  });
  drawn = { wires, boxes, travellers, places, lines, width, lying };
  pane.replaceChildren(svg);
}

/** Marks the two that say hello. */
export function markPair(from, to) {
  for (const [name, box] of drawn?.boxes ?? []) {
    box.classList.toggle("from", name === from);
    box.classList.toggle("to", name === to);
    if (box.dataset.machine !== undefined)
      box.setAttribute("aria-pressed", String(name === from || name === to));
  }
}

/** Shows a step of a hello; coming from the one before it, the frames travel. Undefined takes them away. */
export function showStep(hello, index, travel) {
  stopMoving();
  if (drawn === undefined) return;
  const { wires, boxes, travellers } = drawn;
  const steps = hello?.steps ?? [];
  const used = new Set(steps.slice(0, index + 1).flatMap(({ hops }) => hops.map(({ link }) => link)));
  const now = steps[index]?.hops ?? [];
  for (const [name, wire] of wires) {
    wire.classList.toggle("used", used.has(name));
    wire.classList.toggle(
      "now",
      now.some(({ link }) => link === name),
    );
  }
  const over = hello !== undefined && !hello.reached && index >= steps.length - 1;
  for (const [name, thing] of [...boxes, ...wires]) thing.classList.toggle("end", over && name === hello.end);
  const before = steps[index - 1]?.hops ?? [];
  travellers.replaceChildren(
    ...now.map((hop) => traveller(hop, before[hop.parent], travel && !still.matches)),
  );
  if (now.length > 0) bringIntoView(wayOf(now[0], before[now[0].parent]).middle);
}

/** Sideways, within the pane; the page stays where it is. */
function bringIntoView({ x }) {
  const at = (x / drawn.width) * pane.scrollWidth;
  const { scrollLeft, clientWidth } = pane;
  if (at < scrollLeft + SIGHT || at > scrollLeft + clientWidth - SIGHT)
    pane.scrollTo({ left: at - clientWidth / 2, behavior: still.matches ? "instant" : "smooth" });
}

function traveller(hop, earlier, travel) {
  const group = make("g", { class: "traveller" });
  const { middle, way } = wayOf(hop, earlier);
  group.style.transform = moved(middle);
  if (!travel) {
    group.append(...dollOf(hop, 0, middle));
    return group;
  }
  // On the way the node between opens or closes it: until there it looks as before.
  group.append(...dollOf(earlier ?? hop, 0, middle));
  const lengths = way.map((point, i) => (i === 0 ? 0 : distance(point, way[i - 1])));
  const whole = lengths.reduce((sum, length) => sum + length, 0) || 1;
  let gone = 0;
  const frames = way.map((point, i) => {
    gone += lengths[i];
    return { transform: moved(point), offset: Math.min(1, gone / whole) };
  });
  moving.push(group.animate(frames, { duration: TRAVEL_MS, easing: "ease-in-out" }));
  if (earlier !== undefined) {
    const change = setTimeout(
      () => group.replaceChildren(...dollOf(hop, hop.vnis.length - earlier.vnis.length, middle)),
      TRAVEL_MS / 2,
    );
    moving.push({ cancel: () => clearTimeout(change) });
  }
  return group;
}

function stopMoving() {
  for (const one of moving) one.cancel();
  moving = [];
}

/** From where the frame was, through the node, to the middle of its link. */
function wayOf({ link, direction, from }, earlier) {
  const { places } = drawn;
  const [first, rest] = halves(link, direction);
  const behind = earlier === undefined ? [] : halves(earlier.link, earlier.direction)[1];
  return { middle: rest[0], way: [...behind, places.get(from), ...first] };
}

/** The points of a link in a direction, up to its middle and from it on. */
function halves(link, direction) {
  const line = drawn.lines.get(link);
  const points = direction === "ab" ? line : line.toReversed();
  const whole = points.reduce((sum, point, i) => (i === 0 ? 0 : sum + distance(point, points[i - 1])), 0);
  let left = whole / 2;
  for (let i = 1; i < points.length; i++) {
    const length = distance(points[i], points[i - 1]);
    if (left <= length && length > 0) {
      const share = left / length;
      const middle = {
        x: points[i - 1].x + (points[i].x - points[i - 1].x) * share,
        y: points[i - 1].y + (points[i].y - points[i - 1].y) * share,
      };
      return [
        [...points.slice(0, i), middle],
        [middle, ...points.slice(i)],
      ];
    }
    left -= length;
  }
  return [points, points.slice(-1)];
}

/** A frame as nested rings with its VNIs and size; `more` rings have just come on (or, below 0, off). */
function dollOf({ vnis, vlan, bytes }, more, { x }) {
  const parts = vnis.map((_, i) => {
    const ring = ringOf(vnis.length - i, "ring");
    if (i < more) ring.classList.add("closing");
    return ring;
  });
  for (let i = 0; i < -more; i++) {
    const ring = ringOf(vnis.length + 1 + i, "ring opening");
    ring.addEventListener("animationend", () => ring.remove());
    parts.push(ring);
  }
  parts.push(ringOf(0, "core"));
  const size = `${grouped(bytes)} B`;
  const tag = vlan === undefined ? undefined : `VLAN ${vlan}`;
  const around = vnis.length === 0 ? tag : `VNI ${vnis.join(" › ")}`;
  // Links that lie are short.
  const text = around === undefined ? size : drawn.lying ? around : `${around} · ${size}`;
  const label = make("text", { class: "tag", ...besides(x, vnis.length) });
  label.textContent = text;
  return [...parts, label];
}

/** Where the label stands: above the frame if links lie, else at the side that has more room. */
function besides(x, rings) {
  if (drawn.lying) return { y: -(CORE.y + RING * rings + 7), "text-anchor": "middle" };
  const side = x < drawn.width / 2 ? 1 : -1;
  return { x: side * (CORE.x + RING * rings + 7), y: 4, "text-anchor": side > 0 ? "start" : "end" };
}

function ringOf(count, name) {
  const [x, y] = [CORE.x + RING * count, CORE.y + RING * count];
  return make("rect", { class: name, x: -x, y: -y, width: 2 * x, height: 2 * y, rx: 3 + 2 * count });
}

function nodeOf({ name, kind, role, group, address }, { x, y, width, height }, groups) {
  const box = make("g", { class: `node ${kind} ${role}`, transform: `translate(${x} ${y})` });
  box.dataset.node = name;
  if (group !== undefined) box.dataset.hue = groups.indexOf(group) % HUES;
  const [left, top] = [-width / 2, -height / 2];
  const rx = kind === "machine" ? height / 2 : 6;
  box.append(make("rect", { x: left, y: top, width, height, rx }));
  const title = make("text", { class: "name", y: -3 });
  title.textContent = name;
  const more = make("text", { class: "more", y: 12 });
  more.textContent = address ?? role;
  const cross = make("path", { class: "cross", d: "M-4 -4L4 4M4 -4L-4 4" });
  const stop = make("g", { class: "stop", transform: `translate(${-left - 3} ${top + 3})` });
  stop.append(make("circle", { r: 9 }), cross);
  box.append(title, more, stop);
  if (kind !== "machine") return box;
  box.dataset.machine = name;
  const about = [name, role, group, address].filter((part) => part !== undefined).join(", ");
  for (const [key, value] of Object.entries({ role: "button", tabindex: 0, "aria-label": about }))
    box.setAttribute(key, value);
  return box;
}

function moved({ x, y }) {
  return `translate(${x}px, ${y}px)`;
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function make(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function textElement(name, textContent) {
  return Object.assign(document.createElement(name), { className: "quiet", textContent });
}
