// What became of the frames of a switch, as tables for people or as JSON for programs.

import { dropReasons, dropsInOrder } from "../core/drop-reasons.ts";
import type { FdbEntry, PortCounters, SwitchCounters } from "../switch.ts";
import { nameOf } from "./failures.ts";
import { grouped } from "./summary.ts";
import type { SwitchRun } from "./switch-run.ts";
import { textTable } from "./text-table.ts";

const STAMPS = 1 << 24;
const SECOND = 1_000_000_000n;

/** Columns of numbers. */
const NUMBERS: readonly string[] = [
  "VNI",
  "received",
  "copies",
  "sent",
  "dropped",
  "frames",
  "routed in",
  "routed out",
  "seconds ago",
];

/** Where the general sentence says too much. */
const SENTENCES: Readonly<Record<string, string>> = {
  "cut-by-capture": "cut by the capture: the frame is not whole",
};

export function switchText(file: string, run: SwitchRun): string {
  const { received, copies, sent, dropped, drops, ports, bridgeDomains, answered, learnRefused } =
    countersOf(run);
  const rows = ports.map((port) => [
    port.name,
    port.kind,
    ...[port.received, port.copies, port.sent, port.dropped].map(grouped),
    filesOf(run, port.name),
  ]);
  const totals = ["total", "", ...[received, copies, sent, dropped].map(grouped), ""];
  // Only routers move frames from one bridge domain to another.
  const isRouted = bridgeDomains.some(({ routedIn, routedOut }) => routedIn + routedOut > 0);
  const domains = bridgeDomains.map((domain) => [
    domain.name,
    String(run.sw.bridgeDomain(domain.name)?.vni ?? ""),
    ...[domain.received, domain.copies, domain.sent, domain.dropped].map(grouped),
    ...(isRouted ? [domain.routedIn, domain.routedOut].map(grouped) : []),
  ]);
  const routed = isRouted ? ["routed in", "routed out"] : [];
  const counts = ["received", "copies", "sent", "dropped"];
  const reasons = dropReasons.flatMap(({ name, sentence }) => {
    const count = drops[name];
    return count === undefined ? [] : [[name, grouped(count), SENTENCES[name] ?? sentence]];
  });
  const refused = learnRefused === 0 ? "" : `, ${grouped(learnRefused)} times an address was not learned`;
  return [
    `${nameOf(file, "standard input")}, frames:`,
    table([["port", "kind", ...counts, "in -> out"], ...rows, totals]),
    table([["bridge domain", "VNI", ...counts, ...routed], ...domains]),
    ...(reasons.length === 0 ? [] : [table([["drop reason", "frames", "why"], ...reasons])]),
    ...answersText(answered),
    `  FDB: ${grouped(run.sw.fdb.size)} entries at the end, ${grouped(run.aged)} have aged${refused}\n`,
  ].join("\n");
}

function answersText({ arp, echo, ttlExceeded, packetTooBig }: SwitchCounters["answered"]): string[] {
  const kinds: [string, number][] = [
    ["ARP requests", arp],
    ["echo requests", echo],
    ["packets whose time to live ran out", ttlExceeded],
    ["packets that were too big", packetTooBig],
  ];
  const parts = kinds.filter(([, count]) => count > 0).map(([kind, count]) => `${grouped(count)} ${kind}`);
  return parts.length === 0 ? [] : [`  answered: ${parts.join(", ")}\n`];
}

/** The table of what the switch knows. */
export function switchFdbText(run: SwitchRun): string {
  const rows = entriesOf(run).map(({ bridgeDomain, mac, kind, port, idleSeconds }) => {
    return [bridgeDomain, mac, kind, port ?? "", idleSeconds === undefined ? "" : grouped(idleSeconds)];
  });
  return `\n${table([["bridge domain", "MAC", "kind", "port", "seconds ago"], ...rows])}`;
}

export function switchJson(file: string, run: SwitchRun): string {
  const { ports, bridgeDomains, ...totals } = countersOf(run);
  const object = {
    command: "switch",
    config: file,
    ...totals,
    ports: ports.map(({ number: _number, ...port }) => {
      const captures = run.captures.get(port.name);
      return { ...port, in: captures?.inputs ?? [], out: captures?.output ?? null };
    }),
    bridgeDomains: bridgeDomains.map(({ id: _id, ...domain }) => {
      return { ...domain, vni: run.sw.bridgeDomain(domain.name)?.vni ?? null };
    }),
    aged: run.aged,
    fdb: entriesOf(run),
  };
  return `${JSON.stringify(object)}\n`;
}

/** The switch's counters, and what was dropped in front of it. */
function countersOf({ sw, refused }: SwitchRun): SwitchCounters {
  const counters = sw.counters();
  const drops: Record<string, number> = { ...counters.drops };
  let frames = 0;
  for (const { drops: more, frames: count } of refused.values()) {
    frames += count;
    for (const [name, number] of Object.entries(more)) drops[name] = (drops[name] ?? 0) + number;
  }
  const withRefused = (port: PortCounters): PortCounters => {
    const more = refused.get(port.number);
    if (more === undefined) return port;
    return {
      ...port,
      received: port.received + more.frames,
      receivedBytes: port.receivedBytes + more.bytes,
      dropped: port.dropped + more.frames,
      drops: more.drops,
    };
  };
  return {
    ...counters,
    received: counters.received + frames,
    dropped: counters.dropped + frames,
    drops: dropsInOrder(drops),
    ports: counters.ports.map(withRefused),
  };
}

interface EntryLine {
  readonly bridgeDomain: string;
  readonly mac: string;
  readonly kind: FdbEntry["kind"];
  readonly port?: string;
  /** Since it was last seen, by the switch's clock; learned entries only. */
  readonly idleSeconds?: number;
}

/** By bridge domain and address. */
function entriesOf({ sw, clock = 0n }: SwitchRun): EntryLine[] {
  const now = Number(clock / SECOND);
  return [...sw.fdb.entries()]
    .sort((a, b) => a.bridgeDomain.id - b.bridgeDomain.id || (a.mac < b.mac ? -1 : 1))
    .map(({ bridgeDomain, mac, kind, port, seconds }) => ({
      bridgeDomain: bridgeDomain.name,
      mac,
      kind,
      ...(port !== undefined && { port: port.name }),
      ...(kind === "learned" && { idleSeconds: (((now - seconds) % STAMPS) + STAMPS) % STAMPS }),
    }));
}

function filesOf({ captures }: SwitchRun, name: string): string {
  const { inputs = [], output } = captures.get(name) ?? {};
  const from = inputs.map((path) => nameOf(path, "standard input")).join(" + ");
  const to = output === undefined ? "" : `-> ${nameOf(output, "standard output")}`;
  return `${from} ${to}`.trim();
}

/** Columns under a first row of headings. */
function table(rows: readonly (readonly string[])[]): string {
  return textTable(
    rows,
    (rows[0] ?? []).flatMap((heading, column) => (NUMBERS.includes(heading) ? [column] : [])),
  );
}
