// The table of all that can be put around frames: the kinds of tunnels that switches have, and the others.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { alternatives, oneOf, unknownOption, wrongType } from "../core/arguments.ts";
import { checkField, notFor } from "../core/fields.ts";
import type { EncapsulationRow } from "./encapsulation.ts";
import {
  type EncapsulateMpls,
  type EncapsulateMplsInUdp,
  type EncapsulateNsh,
  type EncapsulatePppoe,
  ETHERNET_ENCAPSULATIONS,
} from "./encapsulations-ethernet.ts";
import {
  type Encapsulate4in6,
  type Encapsulate6in4,
  type Encapsulate6in6,
  type EncapsulateErspan,
  type EncapsulateEtherIp,
  type EncapsulateIpip,
  type EncapsulateL2tpv3,
  IP_ENCAPSULATIONS,
} from "./encapsulations-ip.ts";
import {
  type EncapsulateBackbone,
  type EncapsulateETag,
  type EncapsulateVnTag,
  TAG_ENCAPSULATIONS,
} from "./encapsulations-tags.ts";
import {
  type EncapsulateCapwap,
  type EncapsulateGreInUdp,
  type EncapsulateGtpU,
  type EncapsulateL2tp,
  type EncapsulateTzsp,
  UDP_ENCAPSULATIONS,
} from "./encapsulations-udp.ts";
import { type EncapsulateTunnelStage, TUNNEL_ROWS, type TunnelKind } from "./kinds.ts";
import type { FieldRows } from "./tunnel-kind.ts";
import { WRAPPING_KINDS } from "./wrappings.ts";

/** Encapsulations of kinds that no switch has. */
export type OtherEncapsulation =
  | EncapsulateErspan
  | EncapsulateIpip
  | Encapsulate6in4
  | Encapsulate4in6
  | Encapsulate6in6
  | EncapsulateEtherIp
  | EncapsulateL2tpv3
  | EncapsulateGreInUdp
  | EncapsulateGtpU
  | EncapsulateL2tp
  | EncapsulateTzsp
  | EncapsulateCapwap
  | EncapsulateMpls
  | EncapsulateMplsInUdp
  | EncapsulatePppoe
  | EncapsulateVnTag
  | EncapsulateETag
  | EncapsulateBackbone
  | EncapsulateNsh;

/** An encapsulation of any kind; see {@link EncapsulateStageOf}. */
export type EncapsulateStage = EncapsulateTunnelStage | OtherEncapsulation;

/** Everything that can be put around a frame. */
export type EncapsulateKind = EncapsulateStage["kind"];

/** Puts the frame, or the IP packet in it, into a tunnel of this kind: outer headers, and the tunnel's own. */
export type EncapsulateStageOf<K extends EncapsulateKind> = Extract<EncapsulateStage, { kind: K }>;

const OTHER_ROWS: readonly EncapsulationRow[] = [
  ...IP_ENCAPSULATIONS,
  ...UDP_ENCAPSULATIONS,
  ...ETHERNET_ENCAPSULATIONS,
  ...TAG_ENCAPSULATIONS,
];

/** Everything that can be put around a frame, for programs that let people choose. */
export const encapsulateKinds: readonly EncapsulateKind[] = [
  ...TUNNEL_ROWS.map(({ name }) => name as TunnelKind),
  ...OTHER_ROWS.map(({ name }) => name as EncapsulateKind),
];

/** The options of each kind, in the order of the kinds. */
export const ENCAPSULATE_FIELDS: readonly FieldRows[] = [
  ...TUNNEL_ROWS.map(({ encapsulate }) => encapsulate),
  ...OTHER_ROWS.map(({ fields }) => fields),
];

/** The options of one kind. */
export function encapsulateFields(kind: EncapsulateKind): FieldRows {
  return ENCAPSULATE_FIELDS[encapsulateKinds.indexOf(kind)] as FieldRows;
}

/** Whether a kind has addresses, and cannot be without. */
export function needsAddresses(kind: EncapsulateKind): boolean {
  const onBoth = OTHER_ROWS.some(({ name, overIp }) => name === kind && overIp !== undefined);
  return !onBoth && Object.hasOwn(encapsulateFields(kind), "local");
}

/** Throws for what is no kind, and says of one that is only taken off that it is. */
export function checkedKind(path: string, value: unknown): EncapsulateKind {
  if ((WRAPPING_KINDS as readonly unknown[]).includes(value) && !encapsulateKinds.includes(value as never)) {
    const sentence = `${value} is only taken off; what can be put on is ${alternatives(encapsulateKinds)}`;
    throw new ArgumentRangeError("not-for-this", path, sentence);
  }
  return oneOf(path, value, encapsulateKinds);
}

/**
 * The row of a stage that is of no switch's kind, and its options, checked, with what is used where nothing is given.
 * @throws ArgumentError for another kind, and for an option that is another kind's, or none's.
 */
export function checkedEncapsulation(stage: EncapsulateStage): {
  readonly row: EncapsulationRow;
  readonly options: Readonly<Record<string, unknown>>;
} {
  if (typeof stage !== "object" || stage === null) throw wrongType("encapsulate", "an object", stage);
  const name = checkedKind("kind", stage.kind);
  const row = OTHER_ROWS.find((each) => each.name === name) as EncapsulationRow;
  const given = stage as unknown as Readonly<Record<string, unknown>>;
  for (const key in given) {
    if (Object.hasOwn(row.fields, key)) continue;
    if (!ENCAPSULATE_FIELDS.some((fields) => Object.hasOwn(fields, key)))
      throw unknownOption("encapsulate", key, Object.keys(row.fields));
    if (given[key] !== undefined) throw notFor(key, `an encapsulation of kind ${name}`);
  }
  const options: Record<string, unknown> = {};
  for (const key in row.fields) options[key] = checkField(row.fields, key, given[key]);
  return { row, options };
}
