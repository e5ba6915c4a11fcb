// Where everything stands in the picture: found by dagre.

import { Graph, layout } from "./dagre.js";

const HEIGHT = 44;
const MARGIN = 26;
/** Widest picture that stands upright, the carriers at its foot; others lie, with the carriers at the left. */
const UPRIGHT_WIDTH = 740;
/** Of a curve. */
const CURVE_POINTS = 17;
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
    ranksep: lying ? 76 : 48,
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
  const flip = flipOf(nodes, places, lying ? "y" : "x", lying ? height : width);
  for (const place of places.values()) flip(place);
  const lines = new Map();
  for (const edge of graph.edges()) {
    const { points } = graph.edge(edge);
    for (const point of points) flip(point);
    // One bend: the ends stand in neighbouring ranks.
    if (points.length === 3) lines.set(edge.name, curve(places.get(edge.w), places.get(edge.v), lying));
    else lines.set(edge.name, points.map(({ x, y }) => ({ x, y })).reverse());
  }
  for (const { name, ends } of peers) lines.set(name, between(...ends.map((end) => places.get(end)), lying));
  return { width, height, lying, places, lines };
}

/** Dagre does not care where a row begins; people read it in the order of the topology. */
function flipOf(nodes, places, axis, size) {
  const along = nodes.filter(({ kind }) => kind === "machine").map(({ name }) => places.get(name)[axis]);
  const middle = along.reduce((sum, at) => sum + at, 0) / along.length;
  const lean = along.reduce((sum, at, i) => sum + (at - middle) * (i - (along.length - 1) / 2), 0);
  return (point) => {
    if (lean < 0) point[axis] = size - point[axis];
  };
}

/** From the middle of one's side to that of the other's, leaving both straight. */
function curve(from, to, lying) {
  const [along, across, length] = lying ? ["x", "y", "width"] : ["y", "x", "height"];
  const side = Math.sign(to[along] - from[along]);
  const start = from[along] + (side * from[length]) / 2;
  const end = to[along] - (side * to[length]) / 2;
  return Array.from({ length: CURVE_POINTS }, (_, i) => {
    const t = i / (CURVE_POINTS - 1);
    return {
      [along]: start + (end - start) * (1.5 * t * (1 - t) + t ** 3),
      [across]: from[across] + (to[across] - from[across]) * (3 * t ** 2 - 2 * t ** 3),
    };
  });
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
