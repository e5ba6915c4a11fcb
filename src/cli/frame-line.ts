// One frame of a capture as one line: for people, in columns that somebody chose, and for programs.

import { choice, type Kind } from "../core/fields.ts";
import { keysOf, vlansOf, vnisOf, wrappingsOf } from "../wire.ts";
import { endsOf, endsText, type FrameView, stackOf, tellOf, timeText, unreadText } from "./frame-view.ts";
import { FIELD_NAMES, fieldsOf } from "./layer-fields.ts";

/** How frames are told. */
export interface Telling {
  /** Keys of GRE are VSIDs and FlowIDs. */
  readonly nvgre: boolean;
}

/** All that is told of a frame; fields stand behind its layers, one name each. */
export function frameLine({ record, data, dissection }: FrameView, { nvgre }: Telling): string {
  const { index, fcsLength } = record;
  const { layers, stop, oddities, wireLength } = dissection;
  const length = wireLength > data.length ? `${data.length} of ${wireLength}` : String(data.length);
  // Joined, not added up piece by piece: that makes ropes, which take three times as long to be written. Measured.
  const parts = [
    String(index).padStart(6),
    (timeText(record) ?? "no time").padEnd(27),
    length.padStart(5),
    stackOf(layers),
  ];
  for (const ends of endsOf(layers)) parts.push(endsText(ends));
  for (const [name, values] of tellOf(layers, nvgre)) parts.push(`${name} ${values.join(",")}`);
  if (fcsLength) parts.push(`fcs ${fcsLength}`);
  const unread = unreadText(layers);
  if (unread !== undefined) parts.push(`not read: ${unread}`);
  for (const odd of oddities ?? []) parts.push(`odd at byte ${odd.offset} in ${odd.layer}: ${odd.sentence}`);
  if (stop !== undefined) {
    const where = stop.layer === undefined ? "" : ` in ${stop.layer}`;
    parts.push(`stopped at byte ${stop.offset}${where}: ${stop.sentence}`);
  }
  return parts.join("  ");
}

type Column = (view: FrameView, telling: Telling) => string;

const COLUMNS: Readonly<Record<string, Column>> = {
  frame: ({ record }) => String(record.index),
  time: ({ record }) => timeText(record) ?? "",
  interface: ({ record }) => String(record.interface.id),
  link: ({ record }) => String(record.interface.linkType),
  length: ({ data }) => String(data.length),
  wire: ({ dissection }) => String(dissection.wireLength),
  fcs: ({ record }) => String(record.fcsLength ?? 0),
  layers: ({ dissection }) => stackOf(dissection.layers),
  kinds: ({ dissection: { layers } }, telling) =>
    wrappingsOf(layers, telling)
      .map(({ kind }) => kind)
      .join(","),
  ends: ({ dissection }) => endsOf(dissection.layers).map(endsText).join(", "),
  source: ({ dissection }) =>
    endsOf(dissection.layers)
      .map(({ source }) => source)
      .join(","),
  destination: ({ dissection }) =>
    endsOf(dissection.layers)
      .map(({ destination }) => destination)
      .join(","),
  unread: ({ dissection }) => unreadText(dissection.layers) ?? "",
  odd: ({ dissection }) => (dissection.oddities ?? []).map(({ reason }) => reason).join(","),
  stop: ({ dissection }) => dissection.stop?.reason ?? "",
  ...Object.fromEntries(
    FIELD_NAMES.map((name): [string, Column] => [
      name,
      ({ dissection }, { nvgre }) => tellOf(dissection.layers, nvgre).get(name)?.join(",") ?? "",
    ]),
  ),
};

/** A list of columns, in one value or in several. */
export function columns(): Kind<readonly string[]> {
  const one = choice(...Object.keys(COLUMNS));
  return {
    expected: `columns: ${one.expected}`,
    repeats: true,
    check: (_path, value) => value as readonly string[],
    parse: (path, text, before = []) => [
      ...(before as readonly string[]),
      ...text.split(",").map((name) => one.parse?.(path, name) as string),
    ],
  };
}

/** What stands in chosen columns, with tabs between them. */
export function frameColumns(view: FrameView, names: readonly string[], telling: Telling): string {
  return names.map((name) => COLUMNS[name]!(view, telling)).join("\t");
}

/** One JSON object with all that is told. */
export function frameJson({ record, data, dissection }: FrameView, telling: Telling): string {
  const { layers, stop, oddities, wireLength } = dissection;
  const { index, fcsLength, interface: source } = record;
  const unread = unreadText(layers);
  return JSON.stringify({
    index,
    timestamp: timeText(record) ?? null,
    interface: source.id,
    linkType: source.linkType,
    length: data.length,
    ...(wireLength > data.length && { wireLength }),
    ...(fcsLength && { fcsLength }),
    layers: layers.map(({ name }) => name),
    ips: endsOf(layers),
    wrappings: wrappingsOf(layers, telling).map(({ kind, layer }) => ({
      kind,
      ...Object.fromEntries(fieldsOf(layers[layer]!)),
    })),
    vlans: vlansOf(layers),
    vnis: vnisOf(layers, telling),
    keys: keysOf(layers, telling),
    ...(unread !== undefined && { unread }),
    ...(oddities !== undefined && { oddities }),
    stop: stop ?? null,
  });
}
