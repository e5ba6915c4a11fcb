// One hello as the page tells it: the steps of its frames over the links, and what came of it. Nothing here is made up:
// the frames are those that `journeyOf` has seen, the reasons those that switches, links and machines have counted.

import { dropReasons } from "./frameferry/index.js";
import { journeyOf } from "./frameferry/overlay.js";
import { dissect, formatIp } from "./frameferry/wire.js";
import { boxesOf, dissectOptions } from "./layers.js";

/** A machine asks for a MAC again after a second; of a question that nobody answers one round is told. */
const ROUND_MS = 900;
const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;

const ERRORS = {
  "no-route": "there is no route from its network to that address",
  "no-neighbour": "nobody there has the address",
  "packet-too-big": "the packet is too big",
  "ttl-exceeded": "its time to live is over",
  unreachable: "it cannot be reached",
  other: "an ICMP error",
};
const LINK_REASONS = {
  "link-down": "the link is down",
  "exceeds-mtu": "longer than the link's MTU",
};

/**
 * Says hello twice: the first time so that everybody knows where everybody is, the second time to watch.
 * Steps are { leg, hops }: more than one hop where a frame was copied, all at the same virtual time.
 */
export function sayHello(lab, from, to) {
  lab.do({ ping: [from, to] });
  const before = lossesOf(lab);
  let outcome;
  const seen = journeyOf(lab.network, () => {
    outcome = lab.do({ ping: [from, to] });
  });
  const addresses = [lab.machine(from).ip, lab.machine(to).ip];
  const steps = stepsOf(seen, addresses);
  const lost = [...lossesOf(lab)].filter(([key, { count }]) => count > (before.get(key)?.count ?? 0));
  const told = outcome.reached
    ? { sentence: `${to} answers ${from}, after ${outcome.rttMs[0].toFixed(3)} ms of virtual time.` }
    : failure(
        lab,
        outcome,
        steps,
        lost.map(([, loss]) => loss),
      );
  return { reached: outcome.reached, steps, ...told };
}

function stepsOf(seen, addresses) {
  let hops = seen.map((hop) => ({ ...hop, leg: legOf(hop.frame, addresses) }));
  if (hops.some(({ leg }) => leg === "there")) hops = hops.filter(({ leg }) => leg !== "asked");
  else hops = hops.filter(({ timeMs }) => timeMs < hops[0].timeMs + ROUND_MS);
  const steps = [];
  let last = [];
  let lastAt;
  for (const hop of hops) {
    const { leg, timeMs, link, direction, from, to, frame } = hop;
    if (timeMs !== lastAt || leg !== steps.at(-1).leg) {
      last = steps.at(-1)?.hops ?? [];
      steps.push({ leg, timeMs, hops: [] });
      lastAt = timeMs;
    }
    const { boxes, stop, vnis } = boxesOf(
      frame,
      dissectOptions({ linkType: 1, wireLength: frame.length }, {}),
    );
    const parent = last.findIndex((one) => one.to === from.node.name);
    steps.at(-1).hops.push({
      link: link.name,
      direction,
      from: from.node.name,
      to: to.node.name,
      bytes: frame.length,
      parent,
      boxes,
      stop,
      vnis: vnis === "" ? [] : vnis.split(" › "),
      vlan: vlanOf(frame),
      tunnels: hop.parts.filter(({ role }) => role === "tunnel").map(({ text }) => text),
      ttl: ipOf(frame)?.header.ttl,
    });
  }
  for (const [index, { hops: now, leg }] of steps.entries()) {
    for (const hop of now) {
      const earlier = steps[index - 1]?.leg === leg ? steps[index - 1].hops[hop.parent] : undefined;
      hop.change =
        earlier === undefined ? `${hop.from} sends it.` : `${hop.from} ${changeText(earlier, hop)}.`;
    }
  }
  return steps;
}

/** By the innermost IP packet: `there` is the request, `back` its reply, `error` what a router says, `asked` ARP. */
function legOf(frame, [from, to]) {
  const { layers } = dissect(frame);
  const ip = layers.findLast(({ name }) => name === "ipv4");
  const icmp = layers.findLast(({ name }) => name === "icmp");
  if (ip === undefined || icmp === undefined) return "asked";
  const [source, destination] = [formatIp(ip.header.source), formatIp(ip.header.destination)];
  if (icmp.header.type === ECHO_REQUEST && source === from && destination === to) return "there";
  if (icmp.header.type === ECHO_REPLY && source === to && destination === from) return "back";
  return destination === from ? "error" : "asked";
}

function vlanOf(frame) {
  return dissect(frame).layers.find(({ name }) => name === "vlan")?.header.vid;
}

function ipOf(frame) {
  return dissect(frame).layers.find(({ name }) => name === "ipv4");
}

/** What the node between two links has done. */
function changeText({ tunnels: old, ttl: oldTtl, vlan: oldVlan }, { tunnels: now, ttl, vlan }) {
  if (now.length > old.length)
    return `wraps it in ${now
      .slice(0, now.length - old.length)
      .reverse()
      .join(" and ")}`;
  if (now.length < old.length) return `takes ${old.slice(0, old.length - now.length).join(" and ")} off`;
  if (now.join() !== old.join()) return `takes ${old[0]} off, and wraps it in ${now[0]}`;
  if (vlan !== oldVlan)
    return vlan === undefined ? `takes the tag of VLAN ${oldVlan} off` : `tags it with VLAN ${vlan}`;
  return ttl === oldTtl ? "passes it on" : `routes it, TTL ${ttl}`;
}

/** What was lost so far and why, by place and reason. */
function lossesOf({ network }) {
  const losses = new Map();
  const add = (at, reason, sentence, count) => {
    const sum = count + (losses.get(`${at} ${reason}`)?.count ?? 0);
    losses.set(`${at} ${reason}`, { at, reason, sentence, count: sum });
  };
  for (const node of network.nodes()) {
    if (node.kind !== "switch") continue;
    for (const [reason, count] of Object.entries(node.core.counters().drops))
      add(node.name, reason, dropReasons.find(({ name }) => name === reason)?.sentence ?? reason, count);
  }
  for (const link of network.links()) {
    const { ab, ba } = link.counters();
    for (const lane of [ab, ba])
      for (const [reason, count] of Object.entries(lane.drops))
        add(link.name, reason, LINK_REASONS[reason] ?? reason, count);
  }
  return losses;
}

/** Where it ended, and why: { sentence, end, reason }; `end` is a node or a link. */
function failure(lab, { step, replies, errors, arrived }, steps, losses) {
  const [from, to] = step.ping;
  const { ip } = lab.machine(to);
  const not = `${from} does not reach ${to}.`;
  if (replies > 0) {
    const others = Object.keys(arrived).filter((name) => name !== from);
    const end = others[0] ?? from;
    const why =
      end === from
        ? `Both have ${ip}, each in its own network: ${from} answers itself`
        : `In its own network ${ip} is ${end}, and that is who answers`;
    return {
      sentence: `${not} ${why}.`,
      end,
      reason: "same address",
    };
  }
  const [loss] = losses;
  if (loss !== undefined) {
    return {
      sentence: `${not} The frame ends at ${loss.at}: ${loss.sentence} (${loss.reason}).`,
      end: loss.at,
      reason: loss.reason,
    };
  }
  const [error] = errors;
  if (steps.length === 0) {
    return {
      sentence: `${not} No frame leaves ${from}: ${ERRORS[error?.kind] ?? "it sends none"}.`,
      end: from,
      reason: error?.kind ?? "not sent",
    };
  }
  const last = steps.at(-1).hops.at(-1);
  if (error !== undefined) {
    return {
      sentence: `${not} ${error.from} says: ${ERRORS[error.kind]}.`,
      end: steps.findLast(({ leg }) => leg !== "error")?.hops.at(-1).to ?? from,
      reason: error.kind,
    };
  }
  return {
    sentence: `${not} Nobody answers. The last to see the frame is ${last.to}.`,
    end: last.to,
    reason: "no answer",
  };
}
