// Where everything stands in the picture: found by dagre.

import { Graph, layout } from "./dagre.js";

const HEIGHT = 44;
const MARGIN = 26;
/** Widest picture that stands upright, the carriers at its foot; others lie, with the carriers at the left. */
const UPRIGHT_WIDTH = 740;
/** Of the letters in style, in pixels; a few more do no harm. */
const LETTER = 7.4;

/** { width, height, lying, places by node, lines by link }: a line is the points from its lower end to the other. */
export function layOut(parts) {
  const upright = arrange(parts, "BT");
  return upright.width <= UPRIGHT_WIDTH ? upright : arrange(parts, "LR");
}

function arrange({ nodes, links }, rankdir) {
  const lying = rankdir === "LR";
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir,
    nodesep: lying ? 10 : 22,
    ranksep: lying ? 64 : 48,
    edgesep: 8,
    marginx: MARGIN,
    marginy: MARGIN,
  });
  for (const { name, address, role } of nodes) {
    const letters = Math.max(name.length, (address ?? role).length);
    graph.setNode(name, { width: Math.max(72, letters * LETTER + 22), height: lying ? 38 : HEIGHT });
  }
  const peers = links.filter(arePeers);
  for (const link of links) {
    const [lower, upper] = link.ends;
    if (!peers.includes(link)) graph.setEdge(upper, lower, {}, link.name);
  }
  layout(graph);
  const { width, height } = graph.graph();
  const places = new Map(nodes.map(({ name }) => [name, graph.node(name)]));
  const lines = new Map();
  for (const edge of graph.edges()) {
    const { points } = graph.edge(edge);
    lines.set(edge.name, points.map(({ x, y }) => ({ x, y })).reverse());
  }
  for (const { name, ends } of peers) lines.set(name, between(...ends.map((end) => places.get(end)), lying));
  return { width, height, lying, places, lines };
}

/** The switches of an office stand beside each other, none above the other. */
function arePeers({ ends }) {
  return ends.every((name) => /^office-\d+$/.test(name));
}

function between(a, b, lying) {
  const side = lying ? Math.sign(b.y - a.y) * (a.height / 2) : Math.sign(b.x - a.x);
  if (lying)
    return [
      { x: a.x, y: a.y + side },
      { x: b.x, y: b.y - side },
    ];
  return [
    { x: a.x + (side * a.width) / 2, y: a.y },
    { x: b.x - (side * b.width) / 2, y: b.y },
  ];
}
