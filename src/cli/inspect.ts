import type { Command } from "commander";
import { chunksOf } from "../capture/chunks.ts";
import { type Field, flag, text, whole } from "../core/fields.ts";
import { createCaptureFile, openCaptureFile } from "../files/capture-files.ts";
import { type CaptureRecord, LINK_TYPE_ETHERNET, readCapture } from "../pcap.ts";
import { DECAPSULATE_ANY, type WrappingPorts } from "../tunnel/any.ts";
import { dissector } from "../wire.ts";
import { readingError, say, UsageError } from "./failures.ts";
import { filterOf, type Matcher, matcherOf, notFiltered } from "./filter-option.ts";
import { FrameCounts } from "./frame-counts.ts";
import { columns, frameColumns, frameJson, frameLine, type Telling } from "./frame-line.ts";
import { type FrameView, viewOf } from "./frame-view.ts";
import { LineBytes } from "./line-bytes.ts";
import { addFieldOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { PlainFrame } from "./plain-frame.ts";
import { plainJson, plainLine } from "./plain-line.ts";
import { portsByKind } from "./ports-option.ts";
import { print } from "./print.ts";

interface InspectOptions {
  readonly first?: number;
  readonly frame?: number;
  readonly count?: boolean;
  readonly columns?: readonly string[];
  readonly ports?: WrappingPorts;
  readonly nvgre?: boolean;
  readonly mtu?: number;
  readonly filter?: string;
  readonly json?: boolean;
}

const OPTIONS: Rows = {
  first: { ...whole(1, Number.MAX_SAFE_INTEGER), flag: "-n, --first <N>", help: "end after N frames" },
  frame: {
    ...whole(0, Number.MAX_SAFE_INTEGER),
    flag: "--frame <N>",
    help: "explain frame N, byte by byte, and what decap would do with it",
  },
  mtu: {
    ...whole(68, 65535),
    flag: "--mtu <N>",
    help: "with --frame: MTU of the outer network (default: 1500)",
  },
  count: { ...flag(), flag: "--count", help: "count frames by layers, kind of wrapping, VNI and key" },
  columns: {
    ...columns(),
    flag: "--columns <NAMES>",
    help: `tell these, with tabs between them: ${columns().expected.replace(/^columns: /, "")}`,
  },
  ports: {
    ...(DECAPSULATE_ANY.ports as Field<unknown>),
    help: "UDP destination port of a kind in place of the usual ones; may be given several times, without KIND of VXLAN",
  },
  nvgre: { ...flag(), flag: "--nvgre", help: "read GRE keys as NVGRE has them: VSID and FlowID" },
  filter: {
    ...text(),
    flag: "--filter <EXPRESSION>",
    help: "tell only of frames that match, in tcpdump's language",
  },
  json: { ...flag(), flag: "--json", help: "print one JSON object a line" },
};

/** Bytes for the lines of a batch, to begin with. */
const LINES = 512 * 1024;

const EXAMPLES = `
Examples:
  frameferry inspect capture.pcapng
  frameferry inspect capture.pcap --first 10 --json
  frameferry inspect capture.pcap --count
  frameferry inspect capture.pcap --filter "tcp port 80 and not host 10.0.0.1"
  frameferry inspect capture.pcap --frame 17
  frameferry inspect overlay.pcap --columns frame,time,ends,vni
  frameferry inspect overlay.pcap --port 4789,14789 --port geneve=6082
  tcpdump -U -w - | frameferry inspect -

A line holds: the frame's number from 0, its time (UTC), bytes captured (and on the wire, if it was cut), its layers
from the outermost to the innermost, addresses and ports, what tags and wrappings say (VLAN ids, VNIs, keys, sessions,
TEIDs, labels) in the same order, what is not read, by number and name, lengths that cannot be, and why reading stopped.`;

export function defineInspect(command: Command): void {
  command.argument("<FILE>", "capture to read, pcap or pcapng; - is standard input");
  addFieldOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(inspect);
}

async function inspect(path: string, parsed: Parsed): Promise<void> {
  const options = optionsOf(OPTIONS, parsed) as InspectOptions;
  const { first, frame, count = false, json = false, nvgre = false } = options;
  if (options.columns !== undefined && (json || count))
    throw new UsageError("--columns: cannot be combined with --json or --count");
  if (frame !== undefined && (first !== undefined || count || options.columns !== undefined))
    throw new UsageError("--frame: cannot be combined with --first, --count or --columns");
  if (frame !== undefined && options.filter !== undefined)
    throw new UsageError("--frame: cannot be combined with --filter");
  if (options.mtu !== undefined && frame === undefined) throw new UsageError("--mtu: is for --frame");
  const ports = portsByKind(options.ports);
  const filter = options.filter === undefined ? undefined : await filterOf(options.filter);
  const matcher = filter && matcherOf(filter);
  const wanted: Wanted = { first, matches: matcher?.matches };
  const read = dissector(ports === undefined ? {} : { tunnelPorts: ports });
  const telling: Telling = { nvgre };
  if (frame !== undefined) {
    const { explainFrame } = await import("./explain-frame.ts");
    const found = await recordAt(path, frame);
    if (found === undefined) throw new UsageError(`--frame: ${path} has no frame ${frame}`);
    const view = viewOf(found, read);
    await print(
      await explainFrame(view, { json, ports, mtu: options.mtu ?? 1500 }),
      json ? "programs" : "people",
    );
    return;
  }
  if (count) {
    const counts = new FrameCounts(telling);
    await eachBatch(path, wanted, async (records) => {
      for (const record of records) counts.add(viewOf(record, read));
    });
    await print(json ? counts.json() : counts.text(), json ? "programs" : "people");
    sayNotFiltered(matcher);
    return;
  }
  const names = options.columns;
  const tell = (view: FrameView): string => {
    if (json) return frameJson(view, telling);
    return names === undefined ? frameLine(view, telling) : frameColumns(view, names, telling);
  };
  const plain = names === undefined ? new PlainFrame(ports) : undefined;
  const tellPlain = json ? plainJson : plainLine;
  const output = await createCaptureFile("-");
  const lines = new LineBytes(LINES);
  const flush = async (): Promise<void> => {
    if (lines.written.length > 0) await output.write(lines.written);
    lines.clear();
  };
  if (names !== undefined) lines.text(`${names.join("\t")}\n`);
  await flush();
  await eachBatch(path, wanted, async (records) => {
    for (const record of records) {
      if (plain !== undefined && isWhole(record) && plain.read(record.data)) tellPlain(record, plain, lines);
      else {
        lines.text(tell(viewOf(record, read)));
        lines.text("\n");
      }
    }
    await flush();
  });
  sayNotFiltered(matcher);
}

/** Whether it is an Ethernet frame of which nothing was cut, and behind which nothing stands. */
function isWhole({ data, originalLength, fcsLength, interface: { linkType } }: CaptureRecord): boolean {
  return linkType === LINK_TYPE_ETHERNET && originalLength <= data.length && fcsLength === undefined;
}

function sayNotFiltered(matcher: Matcher | undefined): void {
  const note = matcher && notFiltered(matcher.passedOver);
  if (note !== undefined) say(`frameferry inspect: ${note}`);
}

async function recordAt(path: string, index: number): Promise<CaptureRecord | undefined> {
  let found: CaptureRecord | undefined;
  await eachBatch(path, { first: index + 1, matches: undefined }, async (records) => {
    found = records.find((record) => record.index === index);
  });
  return found;
}

/** Which records of a capture: the first so many that match. */
interface Wanted {
  readonly first: number | undefined;
  readonly matches: ((record: CaptureRecord) => boolean) | undefined;
}

/** Calls `work` with the records of a capture that are wanted, batch by batch. */
async function eachBatch(
  path: string,
  { first, matches }: Wanted,
  work: (records: readonly CaptureRecord[]) => Promise<void>,
): Promise<void> {
  const input = await openCaptureFile(path);
  let left = first ?? Number.POSITIVE_INFINITY;
  try {
    for await (const records of readCapture(chunksOf(input)).batches()) {
      const matching = matches === undefined ? records : records.filter(matches);
      const wanted = matching.length <= left ? matching : matching.slice(0, left);
      await work(wanted);
      left -= wanted.length;
      if (left === 0) break;
    }
  } catch (error) {
    throw readingError(path, error);
  } finally {
    await input.close();
  }
}
