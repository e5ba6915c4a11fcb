// Lines of plain frames: byte for byte what frame-line.ts makes of the same frames.

import type { CaptureRecord } from "../pcap.ts";
import { ipv4Text, timeText } from "./frame-view.ts";
import type { LineBytes } from "./line-bytes.ts";
import type { PlainFrame } from "./plain-frame.ts";

export function plainLine(record: CaptureRecord, frame: PlainFrame, line: LineBytes): void {
  line.number(record.index, 6);
  line.text("  ");
  line.text((timeText(record) ?? "no time").padEnd(27));
  line.text("  ");
  line.number(record.data.length, 5);
  line.text("  ");
  line.text(frame.stack.text);
  for (let ip = 0; ip < frame.ips; ip++) {
    line.text("  ");
    line.text(ipv4Text(frame.sources[ip]!));
    line.text(":");
    line.number(frame.sourcePorts[ip]!);
    line.text(" > ");
    line.text(ipv4Text(frame.destinations[ip]!));
    line.text(":");
    line.number(frame.destinationPorts[ip]!);
  }
  if (frame.tagFirst) vlans(frame, line);
  if (frame.vnis > 0) {
    line.text("  vni ");
    numbers(frame.vni, frame.vnis, line);
  }
  if (!frame.tagFirst) vlans(frame, line);
  line.text("\n");
}

function vlans({ vlan, vlans: count }: PlainFrame, line: LineBytes): void {
  if (count === 0) return;
  line.text("  vlan ");
  numbers(vlan, count, line);
}

export function plainJson(record: CaptureRecord, frame: PlainFrame, line: LineBytes): void {
  const { id, linkType } = record.interface;
  const time = timeText(record);
  line.text('{"index":');
  line.number(record.index);
  line.text(time === undefined ? ',"timestamp":null' : `,"timestamp":"${time}"`);
  line.text(',"interface":');
  line.number(id);
  line.text(',"linkType":');
  line.number(linkType);
  line.text(',"length":');
  line.number(record.data.length);
  line.text(',"layers":[');
  line.text(frame.stack.json);
  line.text('],"ips":[');
  for (let ip = 0; ip < frame.ips; ip++) {
    line.text(ip === 0 ? '{"source":"' : ',{"source":"');
    line.text(ipv4Text(frame.sources[ip]!));
    line.text('","destination":"');
    line.text(ipv4Text(frame.destinations[ip]!));
    line.text('","sourcePort":');
    line.number(frame.sourcePorts[ip]!);
    line.text(',"destinationPort":');
    line.number(frame.destinationPorts[ip]!);
    line.text("}");
  }
  line.text('],"wrappings":[');
  for (let i = 0; i < frame.vnis; i++) {
    line.text(i === 0 ? '{"kind":"vxlan","vni":' : ',{"kind":"vxlan","vni":');
    line.number(frame.vni[i]!);
    line.text("}");
  }
  line.text('],"vlans":[');
  numbers(frame.vlan, frame.vlans, line);
  line.text('],"vnis":[');
  numbers(frame.vni, frame.vnis, line);
  line.text('],"keys":[],"stop":null}\n');
}

function numbers(values: Uint16Array | Uint32Array, count: number, line: LineBytes): void {
  for (let i = 0; i < count; i++) {
    if (i > 0) line.text(",");
    line.number(values[i]!);
  }
}
