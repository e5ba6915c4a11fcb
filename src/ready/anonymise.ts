// The stage that anonymises: its options, and what it keeps.

import { parseIp } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wrongType } from "../core/arguments.ts";
import { checkFields, choice, type Fields, type Kind, list, text } from "../core/fields.ts";
import {
  ANONYMISE_CUT_PAYLOAD,
  ANONYMISE_FLAGS,
  ANONYMISE_KEEP_MACS,
  ANONYMISE_KEEP_PAYLOAD,
  ANONYMISE_KEEP_UNKNOWN,
  ANONYMISE_KEEP_VENDORS,
  ANONYMISE_KEY,
  ANONYMISE_ROWS,
  ANONYMISE_ROWS_IPV4,
  ANONYMISE_ROWS_IPV6,
  ANONYMISE_STATE_LENGTH,
  READY_ANONYMISE,
  ROW_BITS,
  ROW_HIGH,
  ROW_LENGTH,
  ROW_LOW,
  ROW_WHOLE,
} from "../layout/ready.layout.ts";
import type { ModuleStage } from "../pipeline/stages.ts";
import { readyStage } from "./ready-stage.ts";

export interface AnonymiseOptions {
  /** The key: 16 bytes, or 32 hexadecimal digits. Who has it finds out which address became which. */
  readonly key: string | Uint8Array;
  /** MACs: changed as a whole (default), with the vendor's half kept, or kept. */
  readonly macs?: "change" | "keep-vendor" | "keep" | undefined;
  /** What applications say: zeroes in its place (default), cut off, or kept with all that stands in it. */
  readonly payload?: "zero" | "cut" | "keep" | undefined;
  /** Protocols of which nothing is known: as payload that is not kept (default), or kept. */
  readonly unknown?: "zero" | "keep" | undefined;
  /** Prefixes whose bits stay, as `"10.0.0.0/8"`; what is behind them is changed. At most 24. Default none. */
  readonly keep?: readonly string[] | undefined;
}

type Defaults = "key" | "macs" | "payload" | "unknown" | "keep";

const KEY_LENGTH = 16;
const KEEP_MAXIMUM = 24;

/** A prefix of addresses, as a number whose top bits they are. */
interface Row {
  readonly version: 4 | 6;
  readonly bits: bigint;
  readonly length: number;
  /** Whether all of an address in it stays, and not only the prefix. */
  readonly whole: boolean;
}

/** What no one has for an address of his own, and what all have to know: prefixes of which all stays, or nothing behind. */
const ALWAYS_KEPT: readonly (readonly [prefix: string, what: "all" | "prefix"])[] = [
  ["0.0.0.0/8", "all"],
  ["127.0.0.0/8", "all"],
  ["224.0.0.0/4", "prefix"],
  ["224.0.0.0/23", "all"], // groups of protocols
  ["255.255.255.255/32", "all"],
  ["::/127", "all"],
  ["fe80::/10", "prefix"],
  ["ff00::/8", "prefix"],
  ["ff00::/12", "all"], // groups that have a meaning everywhere
  ["ff02::1:ff00:0/104", "prefix"], // but those that are made of an address
];

const KEY: Kind<string | Uint8Array> = {
  expected: "16 bytes or 32 hexadecimal digits",
  check: checkKey,
  parse: checkKey,
};
const PREFIX: Kind<string> = {
  expected: "a prefix such as 10.0.0.0/8",
  check: checkPrefix,
  parse: checkPrefix,
};

export const ANONYMISE_FIELDS: Fields<AnonymiseOptions, Defaults> = {
  key: {
    ...KEY,
    required: true,
    flag: "--key <KEY>",
    help: "32 hexadecimal digits: the same key makes the same of an address in every capture",
  },
  macs: {
    ...choice("change", "keep-vendor", "keep"),
    fallback: "change",
    flag: "--macs <HOW>",
    help: "change all of a MAC, keep-vendor or keep it",
  },
  payload: {
    ...choice("zero", "cut", "keep"),
    fallback: "zero",
    flag: "--payload <HOW>",
    help: "zero what applications say, cut it off, or keep it with all that stands in it",
  },
  unknown: {
    ...choice("zero", "keep"),
    fallback: "zero",
    flag: "--unknown <HOW>",
    help: "zero or keep protocols of which nothing is known",
  },
  keep: {
    ...list(PREFIX, KEEP_MAXIMUM),
    fallback: [],
    flag: "--keep <PREFIX>",
    help: "keep the bits of this prefix, as 10.0.0.0/8; may be given several times",
  },
};

const MACS_FLAGS = { change: 0, "keep-vendor": ANONYMISE_KEEP_VENDORS, keep: ANONYMISE_KEEP_MACS };
const PAYLOAD_FLAGS = { zero: 0, cut: ANONYMISE_CUT_PAYLOAD, keep: ANONYMISE_KEEP_PAYLOAD };
const UNKNOWN_FLAGS = { zero: 0, keep: ANONYMISE_KEEP_UNKNOWN };

/**
 * A stage that puts other addresses in place of those in headers, at every layer of a tunnel, and takes payload away:
 * docs/anonymise.md says what that promises, and what it does not.
 * @throws ArgumentError that names the option.
 */
export function anonymise(options: AnonymiseOptions): ModuleStage {
  const { key, macs, payload, unknown, keep } = checkFields<AnonymiseOptions, Defaults>(
    "anonymise",
    ANONYMISE_FIELDS,
    options,
  );
  const kept = ALWAYS_KEPT.map(([prefix, what]) => row(prefix, what === "all"));
  const rows = [...kept, ...keep.map((prefix) => row(prefix, false))].sort((a, b) => a.length - b.length);
  const ofIpv4 = rows.filter(({ version }) => version === 4);
  const all = [...ofIpv4, ...rows.filter(({ version }) => version === 6)];
  return readyStage(
    "anonymise",
    READY_ANONYMISE,
    (parameters) => {
      const flags = MACS_FLAGS[macs] | PAYLOAD_FLAGS[payload] | UNKNOWN_FLAGS[unknown];
      parameters.setUint32(ANONYMISE_FLAGS, flags, true);
      keyBytes("key", key).forEach((byte, i) => void parameters.setUint8(ANONYMISE_KEY + i, byte));
      parameters.setUint32(ANONYMISE_ROWS_IPV4, ofIpv4.length, true);
      parameters.setUint32(ANONYMISE_ROWS_IPV6, all.length - ofIpv4.length, true);
      all.forEach((row, i) => void writeRow(parameters, ANONYMISE_ROWS + i * ROW_LENGTH, row));
    },
    { stateBytes: ANONYMISE_STATE_LENGTH },
  );
}

function writeRow(parameters: DataView, at: number, { bits, length, whole }: Row): void {
  parameters.setBigUint64(at + ROW_HIGH, bits >> 64n, true);
  parameters.setBigUint64(at + ROW_LOW, bits & 0xffffffffffffffffn, true);
  parameters.setUint32(at + ROW_BITS, length, true);
  parameters.setUint32(at + ROW_WHOLE, whole ? 1 : 0, true);
}

/** Reads a prefix; bits behind it are left out. */
function row(text: string, whole: boolean, path = "keep"): Row {
  const [, address = "", length = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const wrong = new ArgumentRangeError(
    "malformed",
    path,
    `expected a prefix such as 10.0.0.0/8, got ${JSON.stringify(text)}`,
  );
  if (address === "") throw wrong;
  const bytes = parseIp(path, address);
  const version = bytes.length === 4 ? 4 : 6;
  const most = bytes.length * 8;
  if (Number(length) > most) throw wrong;
  let bits = 0n;
  for (let i = 0; i < 16; i++) bits = (bits << 8n) | BigInt(bytes[i] ?? 0);
  const free = 128n - BigInt(length);
  return { version, bits: (bits >> free) << free, length: Number(length), whole };
}

function checkPrefix(path: string, value: unknown): string {
  const given = text().check(path, value);
  row(given, false, path);
  return given;
}

function checkKey(path: string, value: unknown): string | Uint8Array {
  keyBytes(path, value);
  return value as string | Uint8Array;
}

/** Nothing of what was given is shown: it may be a key with one digit too many. */
function keyBytes(path: string, value: unknown): Uint8Array {
  if (typeof value === "string") {
    if (/^[0-9a-f]{32}$/i.test(value))
      return Uint8Array.from(value.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
    throw new ArgumentRangeError(
      "malformed",
      path,
      `expected 32 hexadecimal digits, got ${value.length} characters`,
    );
  }
  if (!(value instanceof Uint8Array)) throw wrongType(path, "16 bytes or 32 hexadecimal digits", value);
  const bytes = byteArray(path, value);
  if (bytes.length === KEY_LENGTH) return bytes;
  throw new ArgumentRangeError("out-of-range", path, `expected 16 bytes, got ${bytes.length}`);
}
