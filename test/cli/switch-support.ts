// Configurations and captures for the tests of `frameferry switch`.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter, type RecordDescription } from "frameferry/pcap";
import { frameferry, temporaryFolder } from "./program.ts";

export interface PortLine {
  readonly name: string;
  readonly kind: string;
  readonly received: number;
  readonly copies: number;
  readonly dropped: number;
  readonly sent: number;
  readonly in: readonly string[];
  readonly out: string | null;
}

/** What --json prints. */
export interface SwitchJson {
  readonly received: number;
  readonly copies: number;
  readonly sent: number;
  readonly dropped: number;
  readonly drops: Record<string, number>;
  readonly ports: readonly PortLine[];
  readonly bridgeDomains: readonly { name: string; vni: number | null; received: number; sent: number }[];
  readonly aged: number;
  readonly learnRefused: number;
  readonly fdb: readonly {
    bridgeDomain: string;
    mac: string;
    kind: string;
    port?: string;
    idleSeconds?: number;
  }[];
}

/** A folder with configurations and captures in it. */
export class Laboratory {
  readonly folder = temporaryFolder();

  path(name: string): string {
    return join(this.folder, name);
  }

  writeConfig(name: string, config: unknown): string {
    writeFileSync(this.path(name), typeof config === "string" ? config : JSON.stringify(config));
    return this.path(name);
  }

  writeCapture(name: string, records: readonly RecordDescription[]): void {
    const writer = new CaptureWriter({ format: name.endsWith(".pcap") ? "pcap" : "pcapng" });
    writeFileSync(this.path(name), Buffer.concat([writer.write(records), writer.finish()]));
  }

  /** Runs a configuration that must be good. */
  async run(config: unknown): Promise<SwitchJson> {
    const { status, stdout, stderr } = await frameferry([
      "switch",
      "--json",
      "--config",
      this.writeConfig("switch.json", config),
    ]);
    if (status !== 0 || stderr !== "") throw new Error(`exit code ${status}: ${stderr}`);
    const summary = JSON.parse(stdout.toString()) as SwitchJson;
    const { received, copies, sent, dropped, drops } = summary;
    if (received + copies !== sent + dropped) throw new Error(`frames were lost: ${stdout}`);
    if (Object.values(drops).reduce((sum, count) => sum + count, 0) !== dropped)
      throw new Error(`drops without a reason: ${stdout}`);
    return summary;
  }
}

export const A = "02:00:00:00:00:0a";
export const B = "02:00:00:00:00:0b";
export const EVERYBODY = "ff:ff:ff:ff:ff:ff";

export interface FrameOptions {
  readonly to: string;
  readonly from: string;
  readonly vid?: number;
  /** Priority and drop eligible indicator of the tag, as its top four bits. */
  readonly priority?: number;
  readonly length?: number;
}

/** An Ethernet frame of an experimental EtherType; `length` is without the tag. */
export function frame({ to, from, vid, priority = 0, length = 60 }: FrameOptions): Uint8Array {
  const hex = (mac: string): number[] => mac.split(":").map((byte) => Number.parseInt(byte, 16));
  const tag = vid === undefined ? [] : [0x81, 0, (priority << 4) | (vid >> 8), vid & 0xff];
  const head = [...hex(to), ...hex(from), ...tag, 0x88, 0xb5];
  const bytes = new Uint8Array(length + tag.length);
  bytes.set(head);
  for (let i = head.length; i < bytes.length; i++) bytes[i] = i;
  return bytes;
}

/** A second of the captures' clock, in nanoseconds. */
export const SECOND = 1_000_000_000n;
export const START = 1_700_000_000n * SECOND;

export function at(seconds: number, data: Uint8Array): RecordDescription {
  return { data, timestamp: START + BigInt(Math.round(seconds * 1e9)) };
}
