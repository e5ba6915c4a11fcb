// One frame, explained: what lies where, by which rule it was read so, and what a decapsulation would do with it.

import { dropReasons } from "../core/drop-reasons.ts";
import type { DataplaneCaptureSummary } from "../dataplane/dataplane.ts";
import { type CaptureRecord, CaptureWriter } from "../pcap.ts";
import { wrappingKinds } from "../tunnel/wrappings.ts";
import {
  etherTypeText,
  formatIp,
  formatMac,
  ipProtocolText,
  type Layer,
  linkTypeText,
  pppProtocolText,
  type TunnelPorts,
} from "../wire.ts";
import { openCaptureWork } from "./capture-work.ts";
import { type FrameView, timeText, unreadText } from "./frame-view.ts";
import { hintFor } from "./hints.ts";
import { grouped } from "./summary.ts";

/** How a frame is explained. */
export interface Explaining {
  readonly json: boolean;
  readonly ports: TunnelPorts | undefined;
  /** MTU of the outer network. */
  readonly mtu: number;
}

/** Memory of the dataplane that tries a decapsulation. */
const MEMORY = 8 * 1024 * 1024;

/** The explanation of a frame, for people or for programs. */
export async function explainFrame(view: FrameView, { json, ports, mtu }: Explaining): Promise<string> {
  const { record, data, dissection } = view;
  const { layers, stop, oddities } = dissection;
  const parts = layers.map((layer, index) => ({
    offset: layer.offset,
    length: layer.length,
    layer: layer.name,
    rule: ruleOf(layers, index, record),
    fields: fieldTexts(layer),
  }));
  const room = roomOf(layers, mtu);
  const decap = await tryDecap(record, ports);
  if (json) {
    const { index } = record;
    const object = {
      index,
      length: data.length,
      fcsLength: record.fcsLength ?? 0,
      parts,
      mtu: room ?? null,
      decap,
      oddities,
      stop: stop ?? null,
    };
    return `${JSON.stringify(object)}\n`;
  }
  const { index, fcsLength } = record;
  const behind = fcsLength ? ` and a check sequence of ${fcsLength}` : "";
  const size =
    dissection.wireLength > data.length ? `${data.length} of ${dissection.wireLength}` : data.length;
  const lines = [`frame ${index}, ${timeText(record) ?? "no time"}, ${size} bytes${behind}`];
  for (const { offset, length, layer, rule, fields } of parts) {
    lines.push(`${range(offset, length)}  ${layer}, ${length} bytes: ${rule}`);
    for (const [name, value] of fields) lines.push(`${" ".repeat(13)}${name} ${value}`);
  }
  for (const { offset, sentence } of oddities ?? []) lines.push(`odd at byte ${offset}: ${sentence}`);
  if (stop !== undefined) lines.push(`stopped at byte ${stop.offset}: ${stop.sentence}`);
  const unread = unreadText(layers);
  if (unread !== undefined) lines.push(`not read: ${unread}`);
  if (room !== undefined)
    lines.push(
      `MTU: ${room.overhead} bytes of headers between the outermost and the innermost IP header; ` +
        `of an outer MTU of ${grouped(mtu)}, ${grouped(room.left)} are left inside`,
    );
  lines.push(`decap: ${decap.text}`);
  return `${lines.join("\n")}\n`;
}

function range(offset: number, length: number): string {
  return `${String(offset).padStart(5)}-${String(Math.max(offset, offset + length - 1)).padEnd(5)}`;
}

/** What the header in front said, or what else decided that this layer is one of this kind. */
function ruleOf(layers: readonly Layer[], index: number, { interface: source }: CaptureRecord): string {
  const layer = layers[index]!;
  const before = layers[index - 1];
  if (before === undefined) return `link type ${linkTypeText(source.linkType)}`;
  switch (before.name) {
    case "udp": {
      const { destinationPort } = before.header;
      if (layer.name === "payload") return `UDP port ${destinationPort}, which is no wrapping's`;
      const kinds = wrappingKinds.filter(({ ports }) => ports.includes(destinationPort));
      const usual =
        kinds.length === 0 ? "by --port" : `usual for ${kinds.map(({ title }) => title).join(" and ")}`;
      return `UDP port ${destinationPort}, ${usual}`;
    }
    case "ipv4":
    case "ipv6":
    case "ah":
      return `IP protocol ${ipProtocolText(before.header.protocol)}`;
    case "ppp":
      return `PPP protocol ${pppProtocolText(before.header.protocol)}`;
    case "mpls":
      if (!before.header.bottom) return "the label in front is not the last";
      return `behind the last label, by its first bits${layer.name === "ethernet" ? " and what looks like a frame" : ""}`;
    case "l2tpv3":
      return layer.name === "ethernet"
        ? "a frame makes sense there: no header says what a session carries"
        : "a session";
    case "gtp-u":
    case "null":
    case "nflog":
      return "by its first four bits or the address family";
    default:
      return byNumber(before);
  }
}

function byNumber({ name, header }: Layer): string {
  const { etherType, protocol, nextProtocol } = header as {
    etherType?: number;
    protocol?: number;
    nextProtocol?: number;
  };
  if (etherType !== undefined)
    return etherType < 0x600 ? `IEEE 802.3 length ${etherType}` : `EtherType ${etherTypeText(etherType)}`;
  if (TYPED.has(name)) return `protocol ${etherTypeText(protocol ?? 0)}`;
  if (nextProtocol !== undefined) return `next protocol ${nextProtocol}`;
  return `what ${name} carries`;
}

/** Layers whose protocol is an Ethernet type. */
const TYPED: ReadonlySet<string> = new Set(["geneve", "gre", "pptp", "sll", "sll2"]);

/** All fields of a header, as text. */
function fieldTexts({ name, header }: Layer): [string, string][] {
  const rows: [string, string][] = [];
  for (const [field, value] of Object.entries(header as object)) {
    const text = valueText(name, field, value);
    if (text !== undefined) rows.push([field, text]);
  }
  return rows;
}

function valueText(layer: string, field: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (value instanceof Uint8Array) {
    if (layer.startsWith("ip") && (field === "source" || field === "destination")) return formatIp(value);
    if (layer === "arp" && /Ip$/.test(field) && (value.length === 4 || value.length === 16))
      return formatIp(value);
    if (value.length === 6) return formatMac(value);
    return value.length === 0 ? "none" : hex(value);
  }
  if (field === "etherType") return etherTypeText(value as number);
  if (field === "protocol" && TYPED.has(layer)) return etherTypeText(value as number);
  if (field === "protocol" && (layer.startsWith("ip") || layer === "ah"))
    return ipProtocolText(value as number);
  if (typeof value !== "object" || value === null) return String(value);
  return JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? hex(part) : part));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes between the first IP header and the innermost, and what they leave of an MTU; undefined without a tunnel. */
function roomOf(
  layers: readonly Layer[],
  mtu: number,
): { readonly overhead: number; readonly left: number } | undefined {
  const ips = layers.filter(({ name }) => name === "ipv4" || name === "ipv6");
  const [outer] = ips;
  const inner = ips.at(-1);
  if (outer === undefined || inner === undefined || inner === outer) return undefined;
  const overhead = inner.offset - outer.offset;
  return { overhead, left: Math.max(0, mtu - overhead) };
}

/** What decapsulation does with a frame. */
interface Outcome {
  readonly text: string;
  readonly forwarded: boolean;
  readonly drop: string | null;
  readonly length: number | null;
  readonly hint: string | null;
}

/** Runs the kernels over a capture of this one frame. */
async function tryDecap(record: CaptureRecord, ports: TunnelPorts | undefined): Promise<Outcome> {
  const writer = new CaptureWriter({ format: "pcapng" });
  const capture = writer.write(record);
  const dataplane = await openCaptureWork({ workers: 0, memoryBytes: MEMORY });
  let length = 0;
  let summary: DataplaneCaptureSummary;
  try {
    const stage = { stage: "decapsulate", kind: "any", ...(ports && { ports }) } as const;
    summary = await dataplane.processCapture(capture, [stage], {
      write: async () => {},
      close: async () => {},
      abort: async () => {},
    });
    length = summary.frameBytesOut;
  } finally {
    await dataplane.close();
  }
  if (summary.forwarded > 0)
    return {
      text: `takes one wrapping off and writes ${length} bytes`,
      forwarded: true,
      drop: null,
      length,
      hint: null,
    };
  const reason = dropReasons.find(({ name }) => summary.drops[name] !== undefined);
  const hint = reason === undefined ? undefined : hintFor(reason.name);
  const why = reason === undefined ? "nothing comes out" : `drops it as ${reason.name}: ${reason.sentence}`;
  return {
    text: hint === undefined ? why : `${why}; ${hint}`,
    forwarded: false,
    drop: reason?.name ?? null,
    length: null,
    hint: hint ?? null,
  };
}
