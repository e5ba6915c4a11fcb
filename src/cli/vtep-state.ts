// What a running VTEP says of itself, as objects: for `frameferry ctl`, and when it stops.

import { dropReasons } from "../core/drop-reasons.ts";
import { sumDrops } from "../port/port-counters.ts";
import type { FdbEntry, SwitchCounters } from "../switch.ts";
import type { Vtep } from "./vtep-daemon.ts";
import type { PlugState } from "./vtep-plugs.ts";

export interface PortState {
  readonly name: string;
  readonly kind: "access" | "trunk" | "tunnel" | "uplink";
  /** What is plugged in; of a tunnel its remote. */
  readonly to: string;
  readonly state: PlugState["state"];
  /** Why it is down. */
  readonly problem?: string;
  /** Seen from the switch: what came in here, and what left here. */
  readonly received: number;
  readonly receivedBytes: number;
  readonly sent: number;
  readonly sentBytes: number;
  readonly dropped: number;
  /** What was lost at the port itself, behind it and on the way; what the switch dropped is in the drops of all. */
  readonly drops: Readonly<Record<string, number>>;
}

export interface FdbLine {
  readonly bridgeDomain: string;
  readonly mac: string;
  readonly kind: FdbEntry["kind"];
  readonly port: string | null;
  /** Since it was last seen; learned entries only. */
  readonly idleSeconds?: number;
}

export interface CounterState extends Omit<SwitchCounters, "ports" | "bridgeDomains"> {
  /** For how long it has been running. */
  readonly seconds: number;
  /** Entries of the FDB. */
  readonly fdb: number;
  readonly bridgeDomains: readonly {
    readonly name: string;
    readonly vni: number | null;
    readonly received: number;
    readonly copies: number;
    readonly sent: number;
    readonly dropped: number;
  }[];
}

export interface DropLine {
  /** `switch`, or the name of a port. */
  readonly where: string;
  readonly reason: string;
  readonly frames: number;
  readonly sentence: string;
}

/** What can be asked for, and what is answered. */
export interface Answers {
  readonly ports: readonly PortState[];
  readonly fdb: readonly FdbLine[];
  readonly counters: CounterState;
  readonly drops: readonly DropLine[];
}

export const QUESTIONS: { readonly [K in keyof Answers]: (vtep: Vtep) => Answers[K] } = {
  ports: portsOf,
  fdb: fdbOf,
  counters: countersOf,
  drops: dropsOf,
};

export function isQuestion(name: unknown): name is keyof Answers {
  return typeof name === "string" && Object.hasOwn(QUESTIONS, name);
}

/** Seconds of the FDB's clock go round. */
const STAMPS = 1 << 24;

function portsOf(vtep: Vtep): PortState[] {
  const remotes = new Map(
    (vtep.config.tunnels ?? []).map(({ name, kind = "vxlan", remote }) => [name, `${kind} ${remote}`]),
  );
  const { sw } = vtep.switch;
  return sw.counters().ports.map(({ number: _number, name, kind, drops, dropped, ...counts }) => {
    const plug = vtep.plug({ number: 0, name, kind });
    const {
      state,
      problem,
      drops: lost = {},
    }: Partial<PlugState> & Pick<PlugState, "state"> = plug?.state() ?? { state: "up" };
    const more = Object.values(lost).reduce((sum, frames) => sum + frames, 0);
    return {
      name,
      kind,
      to: plug?.about ?? remotes.get(name) ?? "",
      state,
      ...(problem !== undefined && { problem }),
      received: counts.received,
      receivedBytes: counts.receivedBytes,
      sent: counts.sent,
      sentBytes: counts.sentBytes,
      dropped: dropped + more,
      drops: sumDrops([drops, lost]),
    };
  });
}

/** By bridge domain and address. */
function fdbOf({ switch: { sw } }: Vtep): FdbLine[] {
  const now = Math.floor(Date.now() / 1000);
  return [...sw.fdb.entries()]
    .sort((a, b) => a.bridgeDomain.id - b.bridgeDomain.id || (a.mac < b.mac ? -1 : 1))
    .map(({ bridgeDomain, mac, kind, port, seconds }) => ({
      bridgeDomain: bridgeDomain.name,
      mac,
      kind,
      port: port?.name ?? null,
      ...(kind === "learned" && { idleSeconds: (((now - seconds) % STAMPS) + STAMPS) % STAMPS }),
    }));
}

function countersOf(vtep: Vtep): CounterState {
  const { sw } = vtep.switch;
  const { ports: _ports, bridgeDomains, ...counters } = sw.counters();
  return {
    ...counters,
    seconds: Math.round((Date.now() - vtep.startedAt) / 1000),
    fdb: sw.fdb.size,
    bridgeDomains: bridgeDomains.map(({ name, received, copies, sent, dropped }) => {
      return { name, vni: sw.bridgeDomain(name)?.vni ?? null, received, copies, sent, dropped };
    }),
  };
}

/** Where and why frames were lost; what was lost in front of ports or behind them stands there and not in the switch. */
function dropsOf(vtep: Vtep): DropLine[] {
  const { drops, ports } = vtep.switch.sw.counters();
  const inSwitch: Record<string, number> = { ...drops };
  for (const port of ports)
    for (const [reason, frames] of Object.entries(port.drops))
      inSwitch[reason] = (inSwitch[reason] ?? 0) - frames;
  return [...linesOf("switch", inSwitch), ...portsOf(vtep).flatMap((port) => linesOf(port.name, port.drops))];
}

function linesOf(where: string, drops: Readonly<Record<string, number>>): DropLine[] {
  return dropReasons.flatMap(({ name, sentence }) => {
    const frames = drops[name] ?? 0;
    return frames === 0 ? [] : [{ where, reason: name, frames, sentence }];
  });
}
