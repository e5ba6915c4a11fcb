// Which layers are headers of tunnels, and of which kind: the table of kinds, seen from a dissected frame.

import { type Field, type Fields, list, whole } from "../core/fields.ts";
import { portOf, portsOf, TUNNEL_ROWS, type UdpTunnelKind } from "../tunnel/kinds.ts";
import type { Reading, TunnelLayer, TunnelRow } from "../tunnel/tunnel-kind.ts";
import type { Layer } from "./layers.ts";

/** UDP destination ports, by kind of tunnel. */
export type TunnelPorts = { readonly [K in UdpTunnelKind]?: readonly number[] | undefined };

/** How to read what follows a UDP header. */
export interface TunnelHere {
  readonly name: TunnelLayer;
  readonly reading?: Reading | undefined;
}

/** A layer that is the header of a tunnel. */
export type TunnelHeaderLayer = Extract<Layer, { readonly name: TunnelLayer }>;

const LAYERS: ReadonlySet<string> = new Set(TUNNEL_ROWS.map(({ layer }) => layer));

const UDP_ROWS: readonly TunnelRow[] = TUNNEL_ROWS.filter((row) => portOf(row) !== undefined);

/** The check of what the usual ports are replaced by. */
export const TUNNEL_PORTS: Fields<TunnelPorts> = Object.fromEntries(
  UDP_ROWS.map((row): [string, Field<readonly number[]>] => [row.name, list(whole(0, 0xffff))]),
) as Fields<TunnelPorts>;

/** Whether a layer is the header of a tunnel: what lies behind it is another frame, the passenger. */
export function isTunnel(layer: Layer): layer is TunnelHeaderLayer {
  return isTunnelName(layer.name);
}

/** The same, of a layer's name. */
export function isTunnelName(name: string): name is TunnelLayer {
  return LAYERS.has(name);
}

/** For people, of which kind a tunnel's header is: `Geneve`. NVGRE and GRE with a key look alike: `GRE`. */
export function tunnelTitle(layer: TunnelHeaderLayer): string {
  const reading = "gpe" in layer.header ? "gpe" : undefined;
  return (rowOfLayer(layer.name, reading) ?? rowOfLayer(layer.name, undefined))?.title ?? layer.name;
}

/** The UDP port that a header of this layer is sent to, read so; undefined if no kind over UDP has it. */
export function portOfLayer(name: string, reading: Reading | undefined): number | undefined {
  const row = rowOfLayer(name, reading);
  return row && portOf(row);
}

/** How to read what is sent to each port: those that are usual, unless a kind has others. */
export function readingsByPort(chosen: TunnelPorts): ReadonlyMap<number, TunnelHere> {
  const readings = new Map<number, TunnelHere>();
  // Ports that somebody names count more than those that are usual.
  const named = (row: TunnelRow): readonly number[] | undefined => chosen[row.name as UdpTunnelKind];
  for (const row of UDP_ROWS) if (named(row) === undefined) enter(row, portsOf(row));
  for (const row of UDP_ROWS) enter(row, named(row) ?? []);
  return readings;

  function enter({ layer, reading }: TunnelRow, ports: readonly number[]): void {
    for (const port of ports) readings.set(port, { name: layer, reading });
  }
}

function rowOfLayer(name: string, reading: Reading | undefined): TunnelRow | undefined {
  return TUNNEL_ROWS.find((row) => row.layer === name && row.reading === reading);
}
