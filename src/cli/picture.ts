// A frame as boxes in one another, like Russian dolls: the carrier holds the tunnel, the tunnel holds the passenger.

import { dissect, formatIp, formatMac, isTunnel, type Layer } from "../wire.ts";

/** Columns of the outermost box: it fits a terminal of 80. Many boxes in one another need more. */
const WIDTH = 78;

interface Row {
  readonly name: string;
  readonly text: string;
  readonly bytes: number;
}

interface Box {
  readonly title: string;
  /** Bytes of the box with all that it holds. */
  readonly bytes: number;
  readonly rows: readonly Row[];
  readonly inner: Box | undefined;
}

/** The lines of the picture of `frame`. */
export function picture(frame: Uint8Array): string[] {
  const box = boxOf(dissect(frame).layers, frame.length);
  return box === undefined ? [] : draw(box, Math.max(WIDTH, widthOf(box)));
}

function boxOf(layers: readonly Layer[], length: number): Box | undefined {
  const groups: Layer[][] = [[]];
  for (const layer of layers) {
    if (isTunnel(layer)) groups.push([layer], []);
    else groups.at(-1)?.push(layer);
  }
  // From the inside out, because each box holds the next one.
  return groups.reduceRight<Box | undefined>((inner, group, index) => {
    const first = group[0];
    if (first === undefined) return inner;
    const innermost = index === groups.length - 1;
    let title = innermost ? "passenger" : "passenger, and carrier of the next";
    if (isTunnel(first)) title = "tunnel";
    else if (index === 0) title = innermost ? "frame" : "carrier";
    return { title, bytes: length - first.offset, rows: group.map(rowOf), inner };
  }, undefined);
}

function rowOf(layer: Layer): Row {
  return { name: layer.name, text: textOf(layer), bytes: layer.length };
}

function textOf(layer: Layer): string {
  switch (layer.name) {
    case "ethernet":
      return `${formatMac(layer.header.source)} → ${formatMac(layer.header.destination)}`;
    case "vlan":
      return `VLAN ${layer.header.vid}`;
    case "ipv4":
    case "ipv6":
      return `${formatIp(layer.header.source)} → ${formatIp(layer.header.destination)}`;
    case "udp":
    case "tcp":
      return `port ${layer.header.sourcePort} → ${layer.header.destinationPort}`;
    case "arp":
      return `who has ${formatIp(layer.header.targetIp)}? tell ${formatIp(layer.header.senderIp)}`;
    case "icmp":
      return layer.header.type === 8 ? "echo request" : `type ${layer.header.type}`;
    default:
      return "vni" in layer.header ? `VNI ${layer.header.vni}` : "";
  }
}

function leftOf({ name, text }: Row): string {
  return `${name.padEnd(9)} ${text}`;
}

/** The columns that a box needs. */
function widthOf({ title, bytes, rows, inner }: Box): number {
  const head = `${title}${bytes} bytes`.length + 9;
  const lines = rows.map((row) => leftOf(row).length + String(row.bytes).length + 5);
  return Math.max(head, ...lines, inner === undefined ? 0 : widthOf(inner) + 4);
}

/** All lines are `width` columns wide. */
function draw({ title, bytes, rows, inner }: Box, width: number): string[] {
  const room = width - 4;
  const size = `${bytes} bytes`;
  const line = "─".repeat(Math.max(0, width - title.length - size.length - 8));
  const lines = [`┌─ ${title} ${line} ${size} ─┐`];
  for (const row of rows) {
    const left = leftOf(row);
    lines.push(`│ ${left}${String(row.bytes).padStart(room - left.length)} │`);
  }
  if (inner !== undefined) for (const part of draw(inner, room)) lines.push(`│ ${part} │`);
  lines.push(`└${"─".repeat(width - 2)}┘`);
  return lines;
}
