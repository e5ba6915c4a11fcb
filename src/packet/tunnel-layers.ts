// Which layers are headers of tunnels, and of which kind: the table of kinds, seen from a dissected frame.

import { type Field, type Fields, list, whole } from "../core/fields.ts";
import { TUNNEL_ROWS, type UdpTunnelKind } from "../tunnel/kinds.ts";
import type { Reading, TunnelLayer, TunnelRow } from "../tunnel/tunnel-kind.ts";
import { WRAPPING_ROWS, type WrappingKind } from "../tunnel/wrappings.ts";
import type { Layer, StepName } from "./layers.ts";
import type { Here } from "./walk.ts";

/** Wrappings over UDP that are no kinds of tunnels with options of their own. */
type UdpWrapping = "gre-in-udp" | "mpls-in-udp" | "gtp-u" | "l2tp" | "l2tpv3" | "tzsp" | "capwap";

/** UDP destination ports, by kind of tunnel. */
export type TunnelPorts = { readonly [K in UdpTunnelKind | UdpWrapping]?: readonly number[] | undefined };

/** A layer that is the header of a tunnel. */
export type TunnelHeaderLayer = Extract<Layer, { readonly name: TunnelLayer }>;

/** A kind over UDP: its name, its ports, and how what is sent there is read. */
interface UdpRow {
  readonly name: keyof TunnelPorts;
  readonly ports: readonly number[];
  readonly here: Here;
}

const LAYERS: ReadonlySet<string> = new Set(TUNNEL_ROWS.map(({ layer }) => layer));

const WRAPPING_LAYERS: Readonly<Record<UdpWrapping, Here>> = {
  "gre-in-udp": { name: "gre" },
  "mpls-in-udp": { name: "mpls" },
  "gtp-u": { name: "gtp-u" },
  // Both versions have one port, and what reads the newer tells them apart.
  l2tp: { name: "l2tpv3", over: "udp" },
  l2tpv3: { name: "l2tpv3", over: "udp" },
  tzsp: { name: "tzsp" },
  capwap: { name: "capwap" },
};

const UDP_ROWS: readonly UdpRow[] = WRAPPING_ROWS.filter(({ ports }) => ports.length > 0).map(
  ({ name, ports }): UdpRow => ({ name: name as keyof TunnelPorts, ports, here: hereOf(name) }),
);

/** The check of what the usual ports are replaced by. */
export const TUNNEL_PORTS: Fields<TunnelPorts> = Object.fromEntries(
  UDP_ROWS.map(({ name }): [string, Field<readonly number[]>] => [name, list(whole(0, 0xffff))]),
) as Fields<TunnelPorts>;

/** Whether a layer is the header of a tunnel: what lies behind it is another frame, the passenger. */
export function isTunnel(layer: Layer): layer is TunnelHeaderLayer {
  return LAYERS.has(layer.name);
}

/** For people, of which kind a tunnel's header is: `Geneve`. NVGRE and GRE with a key look alike: `GRE`. */
export function tunnelTitle(layer: TunnelHeaderLayer): string {
  const reading = "gpe" in layer.header ? "gpe" : undefined;
  return (rowOfLayer(layer.name, reading) ?? rowOfLayer(layer.name, undefined))?.title ?? layer.name;
}

/** The UDP port that a header of this layer is sent to, read so; undefined if no kind over UDP has it. */
export function portOfLayer(name: StepName, reading: Reading | undefined): number | undefined {
  return UDP_ROWS.find(({ here }) => here.name === name && here.reading === reading)?.ports[0];
}

/** How to read what is sent to each port: those that are usual, unless a kind has others. */
export function readingsByPort(chosen: TunnelPorts): ReadonlyMap<number, Here> {
  const readings = new Map<number, Here>();
  // Ports that somebody names count more than those that are usual.
  for (const { name, ports, here } of UDP_ROWS)
    if (chosen[name] === undefined) for (const port of ports) readings.set(port, here);
  for (const { name, here } of UDP_ROWS) for (const port of chosen[name] ?? []) readings.set(port, here);
  return readings;
}

function rowOfLayer(name: string, reading: Reading | undefined): TunnelRow | undefined {
  return TUNNEL_ROWS.find((row) => row.layer === name && row.reading === reading);
}

function hereOf(kind: WrappingKind): Here {
  const row = TUNNEL_ROWS.find(({ name }) => name === kind);
  return row ? { name: row.layer, reading: row.reading } : WRAPPING_LAYERS[kind as UdpWrapping];
}
