// One hello and its whole journey: hop by hop, with all that is wrapped around it drawn as boxes in one another.

import { type FramePart, type JourneyHop, journeyOf, type Lab, type PingOutcome } from "../overlay.ts";
import { dissect, formatIp } from "../wire.ts";
import { nameOf } from "./failures.ts";
import { pingText } from "./lab-text.ts";
import { picture } from "./picture.ts";
import { oneLine } from "./printable.ts";

type Leg = "request" | "reply" | "other";

interface LeggedHop extends JourneyHop {
  readonly leg: Leg;
}

export interface Journey {
  readonly file: string;
  readonly outcome: PingOutcome;
  readonly hops: readonly LeggedHop[];
}

/** Says hello twice: the first time so that everybody knows where everybody is, the second time to watch. */
export function travel(file: string, lab: Lab, from: string, to: string): Journey {
  lab.do({ ping: [from, to] });
  let outcome: PingOutcome | undefined;
  const hops = journeyOf(lab.network, () => {
    outcome = lab.do({ ping: [from, to] }) as PingOutcome;
  });
  const addresses = [lab.machine(from).ip, lab.machine(to).ip];
  return {
    file,
    outcome: outcome as PingOutcome,
    hops: hops.map((hop) => ({ ...hop, leg: legOf(hop.frame, addresses) })),
  };
}

export function journeyText({ file, outcome, hops }: Journey): string {
  const [from, to] = outcome.step.ping;
  const lines = [
    `${nameOf(file, "standard input")}: ${oneLine(from)} says hello to ${oneLine(to)}: ${pingText(outcome)}`,
    "",
  ];
  const request = hops.filter(({ leg }) => leg === "request");
  request.forEach((hop, i) => {
    const before = request[i - 1];
    lines.push(`${i + 1}. ${hopText(hop)}${before === undefined ? "" : `: ${changeText(before, hop)}`}`);
    if (before === undefined || tunnelsOf(before) !== tunnelsOf(hop)) lines.push(...picture(hop.frame), "");
  });
  const reply = hops.filter(({ leg }) => leg === "reply");
  if (reply.length > 0) lines.push("", "and back:");
  reply.forEach((hop, i) => {
    const before = reply[i - 1];
    lines.push(`${i + 1}. ${hopText(hop)}${before === undefined ? "" : `: ${changeText(before, hop)}`}`);
  });
  return `${lines
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd()}\n`;
}

export function journeyJson({ file, outcome, hops }: Journey): string {
  const { step, sent, replies, rttMs, errors, reached } = outcome;
  const object = {
    command: "lab ping",
    topology: file,
    from: step.ping[0],
    to: step.ping[1],
    sent,
    replies,
    reached,
    rttMs,
    errors,
    hops: hops.map(({ leg, timeMs, link, from, to, frame, parts }) => {
      return {
        leg,
        timeMs,
        link: link.name,
        from: from.node.name,
        to: to.node.name,
        bytes: frame.length,
        parts,
      };
    }),
  };
  return `${JSON.stringify(object)}\n`;
}

/** By the innermost IP packet: an echo request, its reply, or something else. */
function legOf(frame: Uint8Array, [from, to]: readonly (string | undefined)[]): Leg {
  const { layers } = dissect(frame);
  const ip = layers.findLast((layer) => layer.name === "ipv4");
  const icmp = layers.at(-1)?.name === "payload" ? layers.at(-2) : layers.at(-1);
  if (ip === undefined || icmp?.name !== "icmp") return "other";
  const [source, destination] = [formatIp(ip.header.source), formatIp(ip.header.destination)];
  if (icmp.header.type === 8 && source === from && destination === to) return "request";
  return icmp.header.type === 0 && source === to && destination === from ? "reply" : "other";
}

function hopText({ from, to, frame }: JourneyHop): string {
  return `${oneLine(from.node.name)} → ${oneLine(to.node.name)}, ${frame.length} bytes`;
}

/** What the node between two hops has done. */
function changeText(before: JourneyHop, after: JourneyHop): string {
  const name = oneLine(after.from.node.name);
  const old = namesOf(before.parts);
  const now = namesOf(after.parts);
  if (now.length > old.length)
    return `${name} has wrapped it in ${now
      .slice(0, now.length - old.length)
      .reverse()
      .join(" and ")}`;
  if (now.length < old.length)
    return `${name} has taken ${old.slice(0, old.length - now.length).join(" and ")} off`;
  if (now.join() !== old.join()) return `${name} has taken ${old[0]} off, and wrapped it in ${now[0]}`;
  const ttl = outerTtl(after.frame);
  return ttl === outerTtl(before.frame) ? "switched" : `routed, TTL ${ttl}`;
}

function tunnelsOf({ parts }: JourneyHop): string {
  return namesOf(parts).join();
}

/** The tunnels around a frame, outermost first. */
function namesOf(parts: readonly FramePart[]): string[] {
  return parts.filter(({ role }) => role === "tunnel").map(({ text }) => text);
}

function outerTtl(frame: Uint8Array): number | undefined {
  const ip = dissect(frame).layers.find((layer) => layer.name === "ipv4");
  return ip?.name === "ipv4" ? ip.header.ttl : undefined;
}
