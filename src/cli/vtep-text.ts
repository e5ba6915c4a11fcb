// What a running VTEP says of itself, as tables for people.

import { grouped } from "./summary.ts";
import { textTable } from "./text-table.ts";
import type { Answers, CounterState } from "./vtep-state.ts";

export const TEXTS: { readonly [K in keyof Answers]: (answer: Answers[K]) => string } = {
  ports: (ports) =>
    table(
      ["port", "kind", "to", "state", "received", "sent", "dropped"],
      [4, 5, 6],
      ports.map(({ name, kind, to, state, problem, received, sent, dropped }) => [
        ...[name, kind, to, problem === undefined ? state : `${state}: ${problem}`],
        ...[received, sent, dropped].map(grouped),
      ]),
    ),
  fdb: (entries) =>
    table(
      ["bridge domain", "MAC", "kind", "port", "seconds ago"],
      [4],
      entries.map(({ bridgeDomain, mac, kind, port, idleSeconds }) => {
        return [bridgeDomain, mac, kind, port ?? "", idleSeconds === undefined ? "" : grouped(idleSeconds)];
      }),
    ),
  counters: (counters) => `${totals(counters)}\n${domains(counters)}`,
  drops: (drops) =>
    drops.length === 0
      ? "  nothing was dropped\n"
      : table(
          ["where", "drop reason", "frames", "why"],
          [2],
          drops.map(({ where, reason, frames, sentence }) => [where, reason, grouped(frames), sentence]),
        ),
};

function totals({
  seconds,
  received,
  copies,
  sent,
  dropped,
  fdb,
  learnRefused,
  answered,
}: CounterState): string {
  const { arp, echo, ttlExceeded, packetTooBig } = answered;
  const rows: [string, number][] = [
    ["seconds running", seconds],
    ["frames received", received],
    ["copies for floods", copies],
    ["frames sent", sent],
    ["frames dropped", dropped],
    ["entries of the FDB", fdb],
    ["addresses not learned", learnRefused],
    ["ARP requests answered", arp],
    ["echo requests answered", echo],
    ["packets too old, answered", ttlExceeded],
    ["packets too big, answered", packetTooBig],
  ];
  // The first ones are always there, so that whoever waits for a frame sees that none has come.
  const told = rows.filter(([, count], index) => index < 6 || count > 0);
  return textTable(
    told.map(([what, count]) => [what, grouped(count)]),
    [1],
  );
}

function domains({ bridgeDomains }: CounterState): string {
  return table(
    ["bridge domain", "VNI", "received", "copies", "sent", "dropped"],
    [1, 2, 3, 4, 5],
    bridgeDomains.map(({ name, vni, received, copies, sent, dropped }) => [
      ...[name, vni === null ? "" : String(vni)],
      ...[received, copies, sent, dropped].map(grouped),
    ]),
  );
}

function table(
  headings: readonly string[],
  right: readonly number[],
  rows: readonly (readonly string[])[],
): string {
  return textTable([headings, ...rows], right);
}
