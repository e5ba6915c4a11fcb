// The laboratory's own worker: builds topologies with all their switches, and lets machines say hello. What the page
// shows of it are the frames that went over the links.

import { answer } from "./answering.js";
import { explainSchemaErrors } from "./check/cli/schema-errors.js";
import { validateTopology } from "./check/cli/topology-schema.js";
import { buildTopology } from "./frameferry/overlay.js";
import { layOut } from "./lab-layout.js";
import { describe } from "./lab-parts.js";
import { sayHello } from "./lab-story.js";

/** Beyond it nobody could read the picture, and laying it out would take long. */
const NODES_DRAWN = 400;

let lab;

answer({ build, hello: ({ from, to }) => sayHello(lab, from, to) });

/** Rejects with an error that says what is wrong and where; the laboratory before stays then. */
async function build({ text }) {
  const topology = parse(text);
  if (!validateTopology(topology))
    throw new Error(explainSchemaErrors(topology, validateTopology.errors ?? []));
  const built = await buildTopology(topology);
  lab?.close();
  lab = built;
  const parts = describe(topology, lab);
  const drawn = parts.nodes.length <= NODES_DRAWN;
  return { title: topology.title, hello: firstHello(topology), ...parts, ...(drawn && layOut(parts)) };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`it is no JSON: ${error.message}`);
  }
}

/** Who says hello in the traffic first; else the first two that can. */
function firstHello({ traffic = [] }) {
  const step = traffic.find(({ ping }) => ping !== undefined);
  return (
    step?.ping ??
    lab
      .machines()
      .slice(0, 2)
      .map(({ name }) => name)
  );
}
