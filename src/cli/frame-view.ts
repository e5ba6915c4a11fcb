// One frame of a capture, dissected, and what is told of it: made once, and read by lines, columns, JSON and counts.

import { type CaptureRecord, frameOf } from "../pcap.ts";
import {
  type Dissection,
  type Dissector,
  etherTypeText,
  formatIp,
  ipProtocolText,
  type Layer,
  linkTypeText,
  nvgreOf,
  pppProtocolText,
} from "../wire.ts";
import { fieldsOf } from "./layer-fields.ts";

const SECOND = 1000000000n;
/** Seconds from 1970 to the last day a Date can tell. */
const DATE_MAXIMUM = 8640000000000n;
/** Texts of addresses that are kept: an address comes again soon, if at all. */
const TEXTS_MAXIMUM = 4096;

/** A frame, and what it holds. */
export interface FrameView {
  readonly record: CaptureRecord;
  /** Captured bytes of the frame, without a check sequence that is declared. */
  readonly data: Uint8Array;
  readonly dissection: Dissection;
}

/** What a record holds, as stages see it. */
export function viewOf(record: CaptureRecord, read: Dissector): FrameView {
  // Most have none: that is not worth an object.
  const { data, originalLength } = record.fcsLength === undefined ? record : frameOf(record);
  return { record, data, dissection: read(data, record.interface.linkType, originalLength) };
}

/** An IP header, with the ports behind it. */
export interface Ends {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/** The ends of all IP headers, outermost first. */
export function endsOf(layers: readonly Layer[]): Ends[] {
  const ends: Ends[] = [];
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i]!;
    if (layer.name !== "ipv4" && layer.name !== "ipv6") continue;
    const source = ipText(layer.header.source);
    const destination = ipText(layer.header.destination);
    const next = layers[i + 1]?.name === "ah" ? layers[i + 2] : layers[i + 1];
    if (next?.name === "udp" || next?.name === "tcp") {
      const { sourcePort, destinationPort } = next.header;
      ends.push({ source, destination, sourcePort, destinationPort });
    } else ends.push({ source, destination });
  }
  return ends;
}

/** `10.0.0.1:49152 > 10.0.0.2:4789`; IPv6 with ports in brackets. */
export function endsText({ source, destination, sourcePort, destinationPort }: Ends): string {
  if (sourcePort === undefined) return `${source} > ${destination}`;
  const [open, close] = source.includes(":") ? ["[", "]"] : ["", ""];
  return `${open}${source}${close}:${sourcePort} > ${open}${destination}${close}:${destinationPort}`;
}

/** What is told of all layers, by name, outermost first; VSIDs in place of keys where NVGRE is meant. */
export function tellOf(layers: readonly Layer[], nvgre: boolean): Map<string, (number | string)[]> {
  const told = new Map<string, (number | string)[]>();
  for (const layer of layers) {
    const vsid = nvgre && layer.name === "gre" ? nvgreOf(layer.header)?.vsid : undefined;
    const fields = vsid === undefined ? fieldsOf(layer) : ([["vni", vsid]] as const);
    for (const [name, value] of fields) {
      const values = told.get(name);
      if (values === undefined) told.set(name, [value]);
      else values.push(value);
    }
  }
  return told;
}

/** What could not be read, by number and name; undefined if all was. */
export function unreadText(layers: readonly Layer[]): string | undefined {
  const last = layers[layers.length - 1];
  if (last?.name === "unknown") return `link type ${linkTypeText(last.header.linkType)}`;
  if (last?.name !== "payload") return undefined;
  const { etherType, protocol, pppProtocol, nextProtocol } = last.header;
  if (etherType !== undefined) return `EtherType ${etherTypeText(etherType)}`;
  if (protocol !== undefined) return `IP protocol ${ipProtocolText(protocol)}`;
  if (pppProtocol !== undefined) return `PPP protocol ${pppProtocolText(pppProtocol)}`;
  return nextProtocol === undefined ? undefined : `next protocol ${nextProtocol}`;
}

/** Layers that frames began with, as text, and what came behind them. */
interface Stack {
  readonly text: string;
  readonly inner: Map<string, Stack>;
}

/** Most frames have the layers of others: their text is kept. */
let stacks: Stack = { text: "", inner: new Map() };
let stacksKept = 0;

/** The names of all layers: `ethernet/ipv4/udp`. */
export function stackOf(layers: readonly Layer[]): string {
  if (stacksKept > TEXTS_MAXIMUM) {
    stacks = { text: "", inner: new Map() };
    stacksKept = 0;
  }
  let stack = stacks;
  for (const { name } of layers) {
    let inner = stack.inner.get(name);
    if (inner === undefined) {
      inner = { text: stack.text === "" ? name : `${stack.text}/${name}`, inner: new Map() };
      stack.inner.set(name, inner);
      stacksKept++;
    }
    stack = inner;
  }
  return stack.text;
}

let second = 0n;
let secondText = "";

/** ISO 8601 in UTC, with as many digits as the capture keeps; plain seconds for times beyond what dates can say. */
export function timeText({ timestamp, interface: { resolution } }: CaptureRecord): string | undefined {
  if (timestamp === undefined) return undefined;
  const fine = resolution.base !== 10 || resolution.exponent > 6;
  // Frames of one second stand together: what a Date makes of it is kept.
  let rest = timestamp - second * SECOND;
  if (secondText === "" || rest < 0n || rest >= SECOND) {
    rest = ((timestamp % SECOND) + SECOND) % SECOND;
    second = (timestamp - rest) / SECOND;
    secondText =
      second > DATE_MAXIMUM || second < -DATE_MAXIMUM
        ? `${second}.`
        : `${new Date(Number(second) * 1000).toISOString().slice(0, -".000Z".length)}.`;
  }
  const fraction = String(Number(rest) + 1e9);
  const digits = fine ? fraction.slice(1) : fraction.slice(1, 7);
  return secondText.endsWith(".") && secondText.includes("T")
    ? `${secondText}${digits}Z`
    : secondText + digits;
}

const texts = new Map<number, string>();

function ipText(bytes: Uint8Array): string {
  if (bytes.length !== 4) return formatIp(bytes);
  const [a, b, c, d] = bytes as unknown as readonly [number, number, number, number];
  return ipv4Text(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
}

/** The text of an IPv4 address, which is given as a number in network order. */
export function ipv4Text(address: number): string {
  let text = texts.get(address);
  if (text === undefined) {
    if (texts.size >= TEXTS_MAXIMUM) texts.clear();
    text = `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
    texts.set(address, text);
  }
  return text;
}
