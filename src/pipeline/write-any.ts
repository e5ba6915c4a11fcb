// Writes the record of a decapsulation of any kind: which kinds, by which ports, and what is chosen by.

import { parseIp } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { alternatives } from "../core/arguments.ts";
import { checkFields, notFor } from "../core/fields.ts";
import { LABEL_KIND, LABEL_LENGTH, LABEL_REMOTE, LABEL_VNI, LABELS_MAXIMUM } from "../layout/label.layout.ts";
import {
  ANY_ADDRESSES,
  ANY_ADDRESSES_MAXIMUM,
  ANY_DEPTH,
  ANY_ENTRIES,
  ANY_ENTRIES_MAXIMUM,
  ANY_ENTRY_COUNT,
  ANY_ENTRY_LENGTH,
  ANY_KEYS,
  ANY_KINDS,
  ANY_LABEL,
  ANY_LABELS,
  ANY_LOCALS,
  ANY_NUMBERS,
  ANY_NUMBERS_MAXIMUM,
  ANY_REMOTES,
  ANY_TAKEN,
  ANY_VNIS,
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_PLAIN,
  DECAPSULATE_RAW,
  DECAPSULATE_STRICT_LENGTHS,
  DECAPSULATE_TAKE_CRITICAL,
  DECAPSULATE_TRUST_GRE,
  OPERATION_DECAPSULATE_ANY,
  STAGE_FLAGS,
  STAGE_OPERATION,
  TAKEN_LENGTH,
  TAKEN_MAXIMUM,
} from "../layout/stage.layout.ts";
import {
  FORM_BITS,
  FORM_KIND,
  FORM_MASK,
  FORM_PORT,
  TUNNEL_GRE,
  TUNNEL_NVGRE,
} from "../layout/tunnel.layout.ts";
import { DECAPSULATE_ANY, type DecapsulateAny, type FrameLabel, type WrappingPorts } from "../tunnel/any.ts";
import { DEPTH_MAXIMUM } from "../tunnel/fields.ts";
import { USUAL_WRAPPINGS, WRAPPING_ROWS, type WrappingRow } from "../tunnel/wrappings.ts";
import { writeTable } from "./count-stage.ts";
import { decapsulateFlags } from "./decapsulate-flags.ts";
import type { StageNeeds } from "./stage-kind.ts";

/** Flags with which the fast loops do what the walk would. */
const USUAL =
  DECAPSULATE_KEEP_OTHERS |
  DECAPSULATE_TAKE_CRITICAL |
  DECAPSULATE_TRUST_GRE |
  DECAPSULATE_STRICT_LENGTHS |
  DECAPSULATE_RAW;

/** What labels say, by name. */
const LABELS: Readonly<Record<FrameLabel, number>> = {
  vni: LABEL_VNI,
  kind: LABEL_KIND,
  remote: LABEL_REMOTE,
};

/** Options that not every kind has. */
const OF_SOME = ["vni", "key", "rule", "udpChecksum", "checksum", "criticalOptions"] as const;

/**
 * Writes the record. A decapsulation makes no frame longer than it was, but for MPLS on PPP: two headers of four bytes each are
 * shorter than an Ethernet header, so that such a frame needs headroom, or `link: "raw"`, or is dropped as `no-headroom`.
 */
export function writeAny(stage: DecapsulateAny, record: DataView): StageNeeds {
  const checked = checkFields("decapsulate", DECAPSULATE_ANY, stage);
  const rows = rowsOf(checked);
  for (const option of OF_SOME)
    if (stage[option] !== undefined && !rows.some(({ options }) => options.includes(option)))
      throw notFor(option, `a decapsulation of kind ${alternatives(rows.map(({ name }) => name))}`);
  record.setUint32(STAGE_OPERATION, OPERATION_DECAPSULATE_ANY, true);
  record.setBigUint64(
    ANY_KINDS,
    rows.reduce((bits, { number }) => bits | (1n << BigInt(number)), 0n),
    true,
  );
  const { depth } = checked;
  record.setUint32(ANY_DEPTH, depth === "all" ? DEPTH_MAXIMUM : depth, true);
  const chosen = writeNumbers(checked, record) + writeAddresses(checked, record);
  const flags = decapsulateFlags(checked as unknown as Readonly<Record<string, unknown>>);
  const { label } = checked;
  const plain = chosen === 0 && label === undefined && (flags & ~USUAL) === 0;
  record.setUint32(STAGE_FLAGS, flags | (plain ? DECAPSULATE_PLAIN : 0), true);
  writeEntries(rows, checked.ports ?? {}, record);
  const table = writeTable(record, ["kind", "vni", "key"]);
  record.setUint32(ANY_TAKEN, table.length, true);
  const labels = table.length + TAKEN_MAXIMUM * TAKEN_LENGTH;
  if (label === undefined) return { state: { ...table, length: labels } };
  record.setUint8(ANY_LABEL, LABELS[label]);
  record.setUint32(ANY_LABELS, labels, true);
  return { state: { ...table, length: labels + LABELS_MAXIMUM * LABEL_LENGTH, labels } };
}

function rowsOf({ kind, kinds }: Pick<DecapsulateAny, "kind" | "kinds">): readonly WrappingRow[] {
  if (kind !== "any") {
    if (kinds !== undefined) throw notFor("kinds", `a decapsulation of kind ${kind}`);
    return WRAPPING_ROWS.filter(({ name }) => name === kind);
  }
  if (kinds === undefined) return USUAL_WRAPPINGS;
  const rows = WRAPPING_ROWS.filter(({ name }) => kinds.includes(name));
  if (rows.length === 0) throw new ArgumentRangeError("out-of-range", "kinds", "expected one kind at least");
  if (rows.some(({ number }) => number === TUNNEL_GRE) && rows.some(({ number }) => number === TUNNEL_NVGRE))
    throw new ArgumentTypeError(
      "contradiction",
      "kinds",
      "GRE with a key and NVGRE look alike: take one of them",
    );
  return rows;
}

/** VNIs and keys that are chosen by; returns how many there are. */
function writeNumbers({ vni = [], key = [] }: Pick<DecapsulateAny, "vni" | "key">, record: DataView): number {
  const [vnis, keys] = [vni, key] as readonly [readonly number[], readonly number[]];
  const all = [...vnis, ...keys];
  if (all.length > ANY_NUMBERS_MAXIMUM) {
    const sentence = `expected at most ${ANY_NUMBERS_MAXIMUM} together with VNIs, got ${all.length}`;
    throw new ArgumentRangeError("full", "key", sentence);
  }
  record.setUint8(ANY_VNIS, vnis.length);
  record.setUint8(ANY_KEYS, keys.length);
  all.forEach((number, index) => {
    record.setUint32(ANY_NUMBERS + 4 * index, number, true);
  });
  return all.length;
}

/** Addresses that are chosen by; returns how many there are. */
function writeAddresses(
  { local = [], remote = [] }: Pick<DecapsulateAny, "local" | "remote">,
  record: DataView,
): number {
  const [locals, remotes] = [local, remote] as readonly [readonly string[], readonly string[]];
  const all = [...locals, ...remotes].map((address) => parseIp("local", address));
  if (all.length > ANY_ADDRESSES_MAXIMUM) {
    const sentence = `expected at most ${ANY_ADDRESSES_MAXIMUM} together with local ones, got ${all.length}`;
    throw new ArgumentRangeError("full", "remote", sentence);
  }
  record.setUint8(ANY_LOCALS, locals.length);
  record.setUint8(ANY_REMOTES, remotes.length);
  all.forEach((address, index) => {
    const at = ANY_ADDRESSES + 16 * index;
    // As an IPv4-mapped one (RFC 4291 §2.5.5.2).
    if (address.length === 4) record.setUint16(at + 10, 0xffff);
    address.forEach((byte, place) => {
      record.setUint8(at + 16 - address.length + place, byte);
    });
  });
  return all.length;
}

/** A form for each UDP port of the kinds, and in front of them that of GRE. Ports that somebody names count more. */
function writeEntries(rows: readonly WrappingRow[], chosen: WrappingPorts, record: DataView): void {
  const byPort = new Map<number, WrappingRow>();
  for (const row of rows)
    if (chosen[row.name] === undefined) for (const port of row.ports) byPort.set(port, row);
  const named = new Map<number, WrappingRow>();
  for (const row of WRAPPING_ROWS) {
    for (const port of chosen[row.name] ?? []) {
      if (!rows.includes(row))
        throw new ArgumentTypeError("not-for-this", `ports.${row.name}`, "it is not taken off");
      const twin = named.get(port);
      // Both versions of L2TP have one port, and say which they are.
      if (twin !== undefined && twin !== row && twin.ports[0] !== row.ports[0])
        throw new ArgumentRangeError(
          "taken",
          `ports.${row.name}`,
          `${port} is a port of ${twin.title} already`,
        );
      named.set(port, row);
      byPort.set(port, row);
    }
  }
  const gre = rows.find(({ number }) => number === TUNNEL_GRE || number === TUNNEL_NVGRE);
  const entries: (readonly [port: number, row: WrappingRow])[] = [
    ...(gre ? [[0, gre] as const] : []),
    ...byPort,
  ];
  if (entries.length > ANY_ENTRIES_MAXIMUM)
    throw new ArgumentRangeError(
      "full",
      "ports",
      `expected at most ${ANY_ENTRIES_MAXIMUM - 1}, got ${byPort.size}`,
    );
  record.setUint32(ANY_ENTRY_COUNT, entries.length, true);
  entries.forEach(([port, { number, plain }], index) => {
    const at = ANY_ENTRIES + ANY_ENTRY_LENGTH * index;
    // As a packet has them, so that they can be compared as they lie in memory.
    record.setUint16(at + FORM_PORT, port);
    record.setUint32(at + FORM_KIND, number, true);
    record.setUint32(at + FORM_MASK, plain?.mask ?? 0);
    record.setUint32(at + FORM_BITS, plain?.bits ?? 0);
  });
}
