// Options that several commands share, and the checks of their values. What is wrong with a value is said before
// any file is touched.

import type { Command } from "commander";
import type { CaptureOutputFormat } from "../capture/capture-run.ts";
import { parseIp, parseMac } from "../core/addresses.ts";
import { oneOf } from "../core/arguments.ts";
import { TPID_CUSTOMER, TPID_LEGACY, TPID_SERVICE } from "../layout/vlan.layout.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import { TUNNEL_KINDS, type TunnelKind } from "../tunnel/kinds.ts";
import type { GeneveOption } from "../wire/geneve.ts";
import { UsageError } from "./failures.ts";

/** Reads and checks an option's value; the UsageError names the option. */
export type Parser<T> = (text: string) => T;

const FORMATS = ["same", "pcap", "pcapng"] as const;
const TPIDS = [TPID_CUSTOMER, TPID_SERVICE, TPID_LEGACY];

/** What every command that turns one capture into another gets. */
export interface TransformOptions {
  readonly output: string;
  readonly format?: CaptureOutputFormat;
  readonly workers: number;
  readonly json?: true;
}

/** Adds the two captures and what concerns them to a command. */
export function addTransformOptions(command: Command): Command {
  return command
    .argument("<IN>", "capture to read, pcap or pcapng; - is standard input")
    .requiredOption(
      "-o, --output <OUT>",
      "capture to write, also over IN itself; - is standard output",
      filePath("--output"),
    )
    .option(
      "--format <FORMAT>",
      "pcap, pcapng or same as IN; by default OUT's ending decides if it is .pcap or .pcapng",
      ofUsage((text) => oneOf("--format", text, FORMATS)),
    )
    .option(
      "--workers <N>",
      "worker threads that share the work; 0 works on one thread, which is enough where a disk is the brake",
      wholeNumber("--workers", 0, 64),
      0,
    )
    .option("--json", "print the summary as one JSON object");
}

export function wholeNumber(flag: string, minimum: number, maximum: number): Parser<number> {
  return (text) => {
    const value = /^(?:[0-9]+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new UsageError(
      `${flag}: expected a whole number from ${minimum} to ${maximum}, got ${JSON.stringify(text)}`,
    );
  };
}

export function vni(flag: string): Parser<number> {
  return wholeNumber(flag, 0, VNI_MAXIMUM);
}

export function port(flag: string): Parser<number> {
  return wholeNumber(flag, 1, 65535);
}

/** For an option that may be given several times. */
export function ports(flag: string): (text: string, before: readonly number[] | undefined) => number[] {
  const one = port(flag);
  return (text, before = []) => [...before, ...text.split(",").map(one)];
}

export function tpid(flag: string): Parser<number> {
  return (text) => {
    const value = /^(?:[0-9]+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
    if (TPIDS.includes(value)) return value;
    throw new UsageError(`${flag}: expected 0x8100, 0x88a8 or 0x9100, got ${JSON.stringify(text)}`);
  };
}

export function depth(flag: string): Parser<number | "all"> {
  const one = wholeNumber(flag, 1, 64);
  return (text) => (text === "all" ? "all" : one(text));
}

export function kind(flag: string): Parser<TunnelKind> {
  return ofUsage((text) => oneOf(flag, text, TUNNEL_KINDS));
}

export function key(flag: string): Parser<number> {
  return wholeNumber(flag, 0, 0xffffffff);
}

/** For an option that may be given several times: CLASS:TYPE:DATA, of which the data may be left out. */
export function geneveOptions(
  flag: string,
): (text: string, before: readonly GeneveOption[] | undefined) => GeneveOption[] {
  const optionClass = wholeNumber(`${flag} class`, 0, 0xffff);
  const type = wholeNumber(`${flag} type`, 0, 0xff);
  return (text, before = []) => {
    const [first = "", second = "", hex = "", ...more] = text.split(":");
    const option = { class: optionClass(first), type: type(second), data: bytesOf(hex) };
    if (more.length === 0 && option.data.length * 2 === hex.length && hex.length % 8 === 0)
      return [...before, option];
    throw new UsageError(
      `${flag}: expected CLASS:TYPE:DATA with data in hex, a multiple of 4 bytes, got ${JSON.stringify(text)}`,
    );
  };
}

/** Up to what is no hex. */
export function bytesOf(hex: string): Uint8Array {
  const pairs = /^(?:[0-9a-f]{2})*/i.exec(hex)?.[0].match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

export function ip(flag: string): Parser<string> {
  return ofUsage((text) => {
    parseIp(flag, text);
    return text;
  });
}

export function mac(flag: string): Parser<string> {
  return ofUsage((text) => {
    parseMac(flag, text);
    return text;
  });
}

export function filePath(flag: string): Parser<string> {
  return (text) => {
    if (text !== "" && !text.includes("\0")) return text;
    throw new UsageError(`${flag}: expected the name of a file, got ${JSON.stringify(text)}`);
  };
}

/** Makes what a check of arguments throws an error of usage. */
function ofUsage<T>(parse: Parser<T>): Parser<T> {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new UsageError((error as Error).message);
    }
  };
}
