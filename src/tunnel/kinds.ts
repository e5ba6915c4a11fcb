// The table of all kinds of tunnels, in the order of their numbers.

import { oneOf, unknownOption, wrongType } from "../core/arguments.ts";
import { checkField, notFor } from "../core/fields.ts";
import { type Geneve, geneve } from "./geneve.ts";
import { type Gre, gre } from "./gre.ts";
import { type Nvgre, nvgre } from "./nvgre.ts";
import type { KindOptions, TunnelRow } from "./tunnel-kind.ts";
import { type Vxlan, vxlan } from "./vxlan.ts";
import { type VxlanGpe, vxlanGpe } from "./vxlan-gpe.ts";

/** The options of each kind, by its name. */
export interface TunnelKindOptions {
  vxlan: Vxlan;
  geneve: Geneve;
  gre: Gre;
  nvgre: Nvgre;
  "vxlan-gpe": VxlanGpe;
}

export const TUNNEL_ROWS: readonly TunnelRow[] = [vxlan, geneve, gre, nvgre, vxlanGpe];

/** Kinds of tunnels that kernels know. */
export type TunnelKind = keyof TunnelKindOptions;

/**
 * Takes tunnel headers of this kind off. The frame becomes its passenger, with the VNI, VSID or GRE key of its tunnel.
 * Without a key it has no number; nor has it with the key 0xffffffff, which stands for that, though `key` can ask for it.
 */
export type DecapsulateStageOf<K extends TunnelKind> = TunnelKindOptions[K]["decapsulate"];

/** An encapsulation of one kind of tunnel, whichever: outer Ethernet, IP, UDP where the kind has it, and tunnel header. */
export type EncapsulateTunnelStage = TunnelKindOptions[TunnelKind]["encapsulate"];

/** A decapsulation of one kind of tunnel, whichever; see {@link DecapsulateStageOf}. */
export type DecapsulateTunnelStage = DecapsulateStageOf<TunnelKind>;

/** Where a switch's tunnel of this kind leads, and what its packets say. */
export type TunnelToOf<K extends TunnelKind> = TunnelKindOptions[K]["tunnel"];

/** Kinds whose tunnels run over UDP, on a port of their own. */
export type UdpTunnelKind = {
  [K in TunnelKind]: "port" extends keyof TunnelKindOptions[K]["encapsulate"] ? K : never;
}[TunnelKind];

/** What is known of a kind of tunnel. */
export interface TunnelKindInfo {
  readonly kind: TunnelKind;
  /** For people: `Geneve`. */
  readonly title: string;
  /** Its UDP destination port, unless one says another; undefined for GRE and NVGRE. */
  readonly port: number | undefined;
  /** All UDP ports by which it is recognised in a dissected frame, unless one says others. */
  readonly ports: readonly number[];
  /** Which option of its stages says which network a frame is of. */
  readonly number: "vni" | "key";
  /** The least and the most that this can be on the way into a tunnel. */
  readonly numberRange: readonly [least: number, most: number];
}

/** All kinds of tunnels, for programs that let people choose one. */
export const tunnelKinds: readonly TunnelKindInfo[] = TUNNEL_ROWS.map((row) => ({
  kind: row.name as TunnelKind,
  title: row.title,
  port: portOf(row),
  ports: portsOf(row),
  number: row.numberName,
  numberRange: row.numberRange,
}));

export const TUNNEL_KINDS: readonly TunnelKind[] = tunnelKinds.map(({ kind }) => kind);

const BY_NAME: ReadonlyMap<unknown, TunnelRow> = new Map(TUNNEL_ROWS.map((row) => [row.name, row]));

/** What has options of a kind. */
export type Part = keyof KindOptions;

/** The UDP port of a kind; undefined if it is not over UDP. */
export function portOf({ over }: TunnelRow): number | undefined {
  return over.protocol === "udp" ? over.port : undefined;
}

/** All UDP ports of a kind that are in use, its own first. */
export function portsOf({ over }: TunnelRow): readonly number[] {
  return over.protocol === "udp" ? [over.port, ...(over.formerly ?? [])] : [];
}

/**
 * The row of what has `options`, all of which are its kind's own, or among `more`.
 * @throws ArgumentError for another option, and for another kind.
 */
export function rowOf(
  part: Part,
  options: { readonly kind: TunnelKind },
  more: Readonly<Record<string, unknown>> = {},
): TunnelRow {
  if (typeof options !== "object" || options === null) throw wrongType(part, "an object", options);
  const row = BY_NAME.get(options.kind);
  const own = row?.[part] ?? {};
  // Nothing is made here: a switch may get a tunnel each microsecond.
  for (const key in options) {
    if (Object.hasOwn(own, key) || Object.hasOwn(more, key)) continue;
    if (!TUNNEL_ROWS.some((other) => Object.hasOwn(other[part], key)))
      throw unknownOption(part, key, [...Object.keys(more), ...optionNames(part, row)]);
    if (row !== undefined && options[key as keyof typeof options] !== undefined)
      throw notFor(key, `a tunnel of kind ${row.name}`);
  }
  if (row === undefined) oneOf("kind", options.kind, TUNNEL_KINDS);
  return row as TunnelRow;
}

/** Names of a kind's options; of all kinds' if it is none. */
function optionNames(part: Part, row: TunnelRow | undefined): ReadonlySet<string> {
  return new Set((row === undefined ? TUNNEL_ROWS : [row]).flatMap((each) => Object.keys(each[part])));
}

/** All options of a stage, checked, with what is used where nothing is given. */
export function checkedStage(
  row: TunnelRow,
  part: "decapsulate" | "encapsulate",
  stage: object,
): Readonly<Record<string, unknown>> {
  const given = stage as Readonly<Record<string, unknown>>;
  const checked: Record<string, unknown> = {};
  for (const key in row[part]) checked[key] = checkField(row[part], key, given[key]);
  return checked;
}

/** The row of a kind. */
export function rowOfKind(kind: TunnelKind): TunnelRow {
  return BY_NAME.get(kind) as TunnelRow;
}

/** The row of the kind with this number. */
export function rowOfNumber(number: number): TunnelRow {
  return TUNNEL_ROWS[number] as TunnelRow;
}
