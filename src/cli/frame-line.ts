// One frame of a capture as one line, for people and for programs.

import type { CaptureRecord } from "../pcap.ts";
import { type Dissection, type DissectOptions, dissect, vlansOf, vnisOf } from "../wire.ts";

const SECOND = 1000000000n;
/** Seconds from 1970 to the last day a Date can tell. */
const DATE_MAXIMUM = 8640000000000n;

export function frameLine(record: CaptureRecord, options: DissectOptions): string {
  const { layers, stop } = dissectRecord(record, options);
  const { data, originalLength } = record;
  const vlans = vlansOf(layers);
  const vnis = vnisOf(layers);
  const length = isCut(record) ? `${data.length} of ${originalLength}` : `${data.length}`;
  const parts = [
    String(record.index).padStart(6),
    (formatTime(record) ?? "no time").padEnd(27),
    length.padStart(5),
    layers.map(({ name }) => name).join("/"),
  ];
  if (vlans.length > 0) parts.push(`vlan ${vlans.join(",")}`);
  if (vnis.length > 0) parts.push(`vni ${vnis.join(",")}`);
  if (stop !== undefined) {
    const where = stop.layer === undefined ? "" : ` in ${stop.layer}`;
    parts.push(`stopped at byte ${stop.offset}${where}: ${stop.sentence}`);
  }
  return parts.join("  ");
}

export function frameJson(record: CaptureRecord, options: DissectOptions): string {
  const { layers, stop } = dissectRecord(record, options);
  return JSON.stringify({
    index: record.index,
    timestamp: formatTime(record) ?? null,
    interface: record.interface.id,
    length: record.data.length,
    ...(isCut(record) && { wireLength: record.originalLength }),
    layers: layers.map(({ name }) => name),
    vlans: vlansOf(layers),
    vnis: vnisOf(layers),
    stop: stop ?? null,
  });
}

function dissectRecord(
  { data, originalLength, interface: { linkType } }: CaptureRecord,
  options: DissectOptions,
): Dissection {
  return dissect(data, { ...options, linkType, wireLength: originalLength });
}

function isCut({ data, originalLength }: CaptureRecord): boolean {
  return originalLength > data.length;
}

/** ISO 8601 in UTC, with as many digits as the capture keeps; plain seconds for times beyond what dates can say. */
function formatTime({ timestamp, interface: { resolution } }: CaptureRecord): string | undefined {
  if (timestamp === undefined) return undefined;
  const digits = resolution.base === 10 && resolution.exponent <= 6 ? 6 : 9;
  const rest = ((timestamp % SECOND) + SECOND) % SECOND;
  const seconds = (timestamp - rest) / SECOND;
  const fraction = rest.toString().padStart(9, "0").slice(0, digits);
  if (seconds > DATE_MAXIMUM || seconds < -DATE_MAXIMUM) return `${seconds}.${fraction}`;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length)}.${fraction}Z`;
}
