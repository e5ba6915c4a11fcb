import type { Command } from "commander";
import { flag, text, whole } from "../core/fields.ts";
import { LINK_TYPE_ETHERNET } from "../layout/pcap.layout.ts";
import { type CaptureInput, createCaptureFile, openCaptureFile } from "../node.ts";
import { CaptureError, type CaptureRecord, readCapture } from "../pcap.ts";
import { DamagedInput } from "./failures.ts";
import { filterOf } from "./filter-option.ts";
import { frameJson, frameLine } from "./frame-line.ts";
import { addFieldOptions, optionsOf, type Parsed, ports, type Rows } from "./options.ts";

interface InspectOptions {
  readonly count?: number;
  readonly vxlanPorts?: readonly number[];
  readonly filter?: string;
  readonly json?: boolean;
}

const OPTIONS: Rows = {
  count: { ...whole(1, Number.MAX_SAFE_INTEGER), flag: "-n, --count <N>", help: "end after N frames" },
  vxlanPorts: {
    ...ports(),
    flag: "--vxlan-port <P>",
    help: "UDP destination port of VXLAN, may be given several times (default: 4789 and 8472)",
  },
  filter: {
    ...text(),
    flag: "--filter <EXPRESSION>",
    help: "show only frames that match, in tcpdump's language",
  },
  json: { ...flag(), flag: "--json", help: "print one JSON object a line" },
};

/** Bytes read at a time. */
const CHUNK = 256 * 1024;

const EXAMPLES = `
Examples:
  frameferry inspect capture.pcapng
  frameferry inspect capture.pcap --count 10 --json
  frameferry inspect capture.pcap --filter "tcp port 80 and not host 10.0.0.1"
  frameferry inspect overlay.pcap --vxlan-port 4789 --vxlan-port 14789
  tcpdump -U -w - | frameferry inspect -

A line holds: the frame's number from 0, its time (UTC), bytes captured (and on the wire, if the capture cut it),
its layers from the outermost to the innermost, VLAN ids and VNIs in the same order, and why reading it stopped.
With --json each line is an object with index, timestamp, interface, length, layers, vlans, vnis and stop.`;

export function defineInspect(command: Command): void {
  command.argument("<FILE>", "capture to read, pcap or pcapng; - is standard input");
  addFieldOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(inspect);
}

async function inspect(path: string, parsed: Parsed): Promise<void> {
  const options: InspectOptions = optionsOf(OPTIONS, parsed);
  const { count = Number.POSITIVE_INFINITY, vxlanPorts } = options;
  const format = options.json ? frameJson : frameLine;
  const dissectOptions = vxlanPorts === undefined ? {} : { tunnelPorts: { vxlan: vxlanPorts } };
  const filter = options.filter === undefined ? undefined : await filterOf(options.filter);
  const matches = ({ data, originalLength, interface: { linkType } }: CaptureRecord): boolean =>
    filter === undefined ||
    (linkType === LINK_TYPE_ETHERNET && filter.matches(data, Math.max(originalLength, data.length)));
  const input = await openCaptureFile(path);
  const output = await createCaptureFile("-");
  const encoder = new TextEncoder();
  let left = count;
  try {
    for await (const records of readCapture(chunks(input)).batches()) {
      const wanted: readonly CaptureRecord[] = records.filter(matches).slice(0, left);
      const lines = wanted.map((record) => `${format(record, dissectOptions)}\n`);
      await output.write(encoder.encode(lines.join("")));
      left -= wanted.length;
      if (left === 0) break;
    }
  } catch (error) {
    if (error instanceof CaptureError) throw new DamagedInput(path, error);
    throw error;
  } finally {
    await input.close();
  }
}

/** New memory for each chunk: records are views of it, and live as long as somebody holds them. */
async function* chunks(input: CaptureInput): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const length = await input.read(chunk);
    if (length === 0) return;
    yield chunk.subarray(0, length);
  }
}
