// The view of captures: a capture in, a pipeline over it, a capture out. The kernels work in the dataplane's workers; what is
// drawn beside is found out by the page's own worker.

import { startWorker } from "./asking.js";
import { breathing } from "./breathing.js";
import { createDataplane, dropReasons } from "./frameferry/index.js";
import { showFrames } from "./frames-view.js";
import { longTasks } from "./long-tasks.js";
import { madeOf, openStagesForm, portsOf, showComplaint, stagesOfForm } from "./stages-form.js";
import { showCounts, showDrops, showVnis } from "./tables-view.js";
import { element, grouped, short, sizeText } from "./text.js";
import { onFile } from "./views.js";

const SAMPLE = 100_000;
const MADE_BYTES = 100_000_000;
const WORKERS_MAXIMUM = 8;
/** Below this a rate says more about starting than about working. */
const SHORTEST_RATE_MS = 50;

const TRANSPORTS = {
  shared: "Workers see the same memory as this page.",
  transfer: "Buffers are handed to the workers: this page is not cross-origin isolated.",
  inline: "There are no workers: this page's own thread does all.",
};

const at = (id) => document.getElementById(id);
const ask = startWorker("inspector");

/** What was picked: its bytes as a Blob, and what is known of it. */
let capture;
/** Counts by VNI, of the capture and of the result. */
let before;
let after;
let result;
let resultName;
let running;
let lastRun;
let surveying = new AbortController();

openStagesForm(() => preview(false));
offerWorkers();
let dataplane = openDataplane();
showDrops(undefined, dropReasons);
showCounts(undefined);

at("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (file !== undefined) take(file, file.name);
  target.value = "";
});
at("sample").addEventListener("click", async () => {
  const response = await fetch("sample.pcap").catch(() => undefined);
  if (response?.ok) await take(await response.blob(), "vxlan.pcap", "from the tests of tcpdump");
  else fail("The sample could not be loaded.");
});
at("made").addEventListener("click", async ({ target }) => {
  target.disabled = true;
  const earlier = capture;
  say("Making a capture …");
  const made = await ask("make", { bytes: MADE_BYTES });
  target.disabled = false;
  if (capture !== earlier) return; // another was picked meanwhile
  await take(made, "made.pcap", "three overlays, one in another");
});
at("pipeline").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
at("cancel").addEventListener("click", () => running?.abort());
at("workers").addEventListener("change", () => {
  dataplane = openDataplane(dataplane);
});
at("download").addEventListener("click", () => {
  const href = URL.createObjectURL(result);
  element("a", { href, download: resultName }).click();
  // The download has begun by then and holds the blob.
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
});
at("count-all").addEventListener("click", () => surveyAll(Number.POSITIVE_INFINITY));

onFile("captures", (file) => take(file, file.name));

/** For measurements: `frameferryPage.longTasks()`, and what the last run said. */
globalThis.frameferryPage = { longTasks, lastRun: () => lastRun };

async function take(blob, name, origin) {
  running?.abort();
  forgetResult();
  capture = { blob, name };
  const mine = capture;
  before = undefined;
  at("capture-name").textContent = name;
  at("capture-facts").textContent = sizeText(blob.size);
  at("run").disabled = true;
  fail(undefined);
  say("");
  showVnis(undefined);
  try {
    const { format } = await ask("first", { capture: blob });
    if (capture !== mine) return;
    at("capture-facts").textContent = [sizeText(blob.size), format, origin].filter(Boolean).join(" · ");
    at("run").disabled = false;
    await preview(true);
    await surveyAll(SAMPLE);
  } catch (error) {
    if (capture !== mine) return;
    showFrames([], true);
    fail(`${name} cannot be read as a capture: ${error.message}.`);
  }
}

/** What the stages make of the first frames. Of two calls under way the later one counts. */
let previews = 0;
async function preview(fresh) {
  const turn = ++previews;
  const stages = stagesOfForm();
  try {
    const frames = await ask("preview", { stages: madeOf(stages), ports: portsOf(stages) });
    if (turn !== previews) return;
    showComplaint(undefined);
    showFrames(frames, fresh);
    if (!fresh && before !== undefined && JSON.stringify(before.ports) !== JSON.stringify(portsOf(stages)))
      recount();
  } catch (error) {
    if (turn === previews && !showComplaint(error)) fail(`${error.message}.`);
  }
}

/** Another port may make tunnels of what was none before. */
function recount() {
  before = undefined;
  surveyAll(SAMPLE);
}

/** Counts by VNI in the first `limit` frames of the capture and of its result. */
async function surveyAll(limit) {
  surveying.abort();
  surveying = new AbortController();
  const { signal } = surveying;
  const ports = portsOf(stagesOfForm());
  const count = async (blob, keep) => {
    const hear = (counts) => {
      if (signal.aborted) return;
      keep({ ...counts, ports });
      showVnis(before, after, true);
    };
    hear(await ask("survey", { capture: blob, limit, ports }, { hear, signal }));
  };
  try {
    if (before === undefined || before.unfinished || limit > SAMPLE) {
      await count(capture.blob, (counts) => void (before = counts));
    }
    if (signal.aborted) return;
    if (before.damage !== undefined) failDamaged(before.damage);
    if (result !== undefined) await count(result, (counts) => void (after = counts));
    if (!signal.aborted) showVnis(before, after, false);
  } catch (error) {
    if (!signal.aborted) fail(`The frames could not be counted: ${error.message}.`);
  }
}

async function run() {
  if (running !== undefined || capture === undefined) return;
  running = new AbortController();
  const { signal } = running;
  const { blob, name } = capture;
  const stages = stagesOfForm();
  forgetResult();
  fail(undefined);
  showRunning(true);
  const parts = [];
  const { readable, writable: sink } = breathing();
  // Each part becomes a Blob at once: the browser may keep those on the disk.
  const kept = readable.pipeTo(new WritableStream({ write: (chunk) => void parts.push(new Blob([chunk])) }));
  kept.catch(() => {}); // what aborts the sink is told below
  try {
    const plane = await dataplane;
    const made = madeOf(stages);
    const start = performance.now();
    const onProgress = progressFrom(start, blob.size);
    const source = blob.stream().pipeThrough(breathing());
    const summary = await plane.processCapture(source, made, sink, { signal, onProgress });
    await kept;
    const milliseconds = performance.now() - start;
    signal.throwIfAborted();
    result = new Blob(parts, { type: "application/octet-stream" });
    lastRun = {
      summary,
      milliseconds,
      longTasks: longTasks(start),
      transport: plane.transport,
      workers: plane.workers,
    };
    showResult(name, stages, lastRun);
    if (summary.damage !== undefined) failDamaged(summary.damage.message);
    surveyAll(SAMPLE);
  } catch (error) {
    if (capture.blob !== blob)
      say(""); // another was picked meanwhile
    else if (signal.aborted) say("Cancelled. Nothing was kept.");
    else if (showComplaint(error)) say("The pipeline cannot run like this: see the field that is marked.");
    else fail(`${name}: ${error.message}.`);
  } finally {
    running = undefined;
    showRunning(false);
  }
}

/** A listener for progress that draws at most once a frame of the screen. */
function progressFrom(start, size) {
  let newest;
  let drawing = false;
  const draw = () => {
    drawing = false;
    if (running === undefined) return;
    const seconds = (performance.now() - start) / 1000;
    at("progress").value = size === 0 ? 1 : newest.bytesRead / size;
    showRates(newest.records, newest.bytesRead, seconds);
    at("frames-in").textContent = grouped(newest.records);
    at("figures").hidden = false;
    say(`${sizeText(newest.bytesRead)} of ${sizeText(size)}`);
  };
  return (progress) => {
    newest = progress;
    if (!drawing) requestAnimationFrame(draw);
    drawing = true;
  };
}

function showRunning(busy) {
  at("cancel").hidden = !busy;
  at("run").hidden = busy;
  at("workers").disabled = busy;
  at("progress").hidden = !busy;
  at("progress").value = 0;
}

function showResult(name, stages, { summary, milliseconds, longTasks: tasks }) {
  at("figures").hidden = false;
  at("frames-in").textContent = grouped(summary.received);
  at("frames-joined").textContent = grouped(summary.joined);
  at("frames-joined").parentElement.hidden = summary.joined === 0;
  at("frames-out").textContent = grouped(summary.forwarded);
  at("frames-dropped").textContent = grouped(summary.dropped);
  showRates(summary.received, summary.fileBytesIn, milliseconds / 1000);
  at("long-tasks").textContent = tasks === undefined ? "not known" : grouped(tasks.count);
  at("long-tasks").title = tasks?.count > 0 ? `the longest took ${tasks.longestMs.toFixed(0)} ms` : "";
  showDrops(summary, dropReasons);
  showCounts(summary);
  const stem = name.replace(/\.(pcap|pcapng|cap)$/i, "");
  resultName = [stem, ...stages.map(({ stage }) => stage), summary.format].join(".");
  at("download").hidden = false;
  say(
    `${sizeText(summary.fileBytesIn)} in, ${sizeText(summary.fileBytesOut)} out, in ${milliseconds.toFixed(0)} ms.`,
  );
}

function showRates(frames, bytes, seconds) {
  const tooShort = seconds * 1000 < SHORTEST_RATE_MS;
  at("frame-rate").textContent = tooShort ? "–" : short(frames / seconds);
  at("byte-rate").textContent = tooShort ? "–" : short(bytes / 1e6 / seconds);
  at("frame-rate").title = at("byte-rate").title = tooShort ? "too short to tell" : "";
}

function forgetResult() {
  surveying.abort();
  result = undefined;
  after = undefined;
  at("download").hidden = true;
  at("figures").hidden = true;
  for (const figure of at("figures").querySelectorAll("dd")) figure.textContent = "–";
  showDrops(undefined, dropReasons);
  showCounts(undefined);
  showVnis(before, undefined, before?.unfinished);
}

function offerWorkers() {
  const most = Math.min(WORKERS_MAXIMUM, Math.max(2, navigator.hardwareConcurrency));
  for (let count = 0; count <= most; count++) {
    at("workers").add(new Option(count === 0 ? "0, this thread" : String(count), String(count)));
  }
  at("workers").value = String(Math.min(most, Math.max(1, navigator.hardwareConcurrency - 1)));
}

/** Another dataplane in place of `old`, whose workers are ended first. */
function openDataplane(old) {
  const opening = replaceDataplane(old);
  opening.catch((error) => {
    at("transport").textContent = "none";
    fail(`The workers did not start: ${error.message}.`);
  });
  return opening;
}

async function replaceDataplane(old) {
  at("transport").textContent = "starting";
  await old?.then((plane) => plane.close()).catch(() => {});
  const plane = await createDataplane({ workers: Number(at("workers").value) });
  at("transport").textContent = plane.transport;
  at("transport").title = TRANSPORTS[plane.transport];
  return plane;
}

function failDamaged(message) {
  fail(`The capture is damaged or cut short at ${message}. Everything before is worked on as usual.`);
}

/** The one line for what went wrong; undefined takes it away. */
function fail(text) {
  at("error").hidden = text === undefined;
  at("error").textContent = text?.replace(/\.\.$/, ".") ?? "";
}

function say(text) {
  at("status").textContent = text;
}
