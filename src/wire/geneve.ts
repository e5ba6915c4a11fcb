// Geneve (RFC 8926 §3.4) and its options (§3.5):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---+-----------+-+-+-----------+-------------------------------+
//   |ver|  opt len  |O|C| reserved  |         protocol type         |
//   +---+-----------+-+-+-----------+---------------+---------------+
//   |       virtual network identifier (VNI)        |   reserved    |
//   +-------------------------------+---------------+-----+---------+
//   |         option class          |C|    type     | rsv | length  |
//   +-------------------------------+---------------+-----+---------+
//   |            option data, 0 to 31 words; then more options
//   +---------------------------------------------------------------

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, trueOrFalse, wholeNumber } from "../core/arguments.ts";
import { ETHERTYPE_TEB } from "../layout/ethernet.layout.ts";
import {
  GENEVE_FLAG_CRITICAL,
  GENEVE_FLAG_OAM,
  GENEVE_FLAGS,
  GENEVE_LENGTH,
  GENEVE_OPTION_CLASS,
  GENEVE_OPTION_CRITICAL,
  GENEVE_OPTION_DATA_MAXIMUM,
  GENEVE_OPTION_DATA_WORDS,
  GENEVE_OPTION_DATA_WORDS_MASK,
  GENEVE_OPTION_LENGTH,
  GENEVE_OPTION_TYPE,
  GENEVE_OPTION_WORDS_MASK,
  GENEVE_OPTIONS_MAXIMUM,
  GENEVE_PROTOCOL,
  GENEVE_RESERVED,
  GENEVE_VERSION,
  GENEVE_VERSION_LENGTH,
  GENEVE_VERSION_SHIFT,
  GENEVE_VNI,
} from "../layout/geneve.layout.ts";
import { VNI_MAXIMUM } from "../layout/vxlan.layout.ts";
import { read16, read24, write16, write24 } from "./bytes.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** One option. */
export interface GeneveOption {
  /** Option class, 0 to 65535. */
  readonly class: number;
  /** 0 to 255; the top bit (0x80) makes the option critical. */
  readonly type: number;
  /** A multiple of 4 bytes, at most 124; a view when parsed. */
  readonly data: Uint8Array;
}

/** A Geneve header as parsed. */
export interface GeneveHeader {
  /** 0 to 16777215. */
  readonly vni: number;
  /** An Ethernet type; 0x6558 is a whole frame. */
  readonly protocol: number;
  /** The O flag: a control packet, never forwarded as a passenger. */
  readonly oam: boolean;
  /** The C flag: at least one option is critical. */
  readonly critical: boolean;
  readonly options: readonly GeneveOption[];
}

/** A Geneve header to be emitted. Left out: protocol 0x6558, no options, O clear, C as the options demand. */
export type GeneveFields = Fields<GeneveHeader, "protocol" | "oam" | "critical" | "options">;

/** Settings of {@link parseGeneve}. */
export interface GeneveOptions {
  /**
   * Tells which options the caller understands; at a critical one that it does not, parsing stops, since such a packet
   * must be dropped (RFC 8926 §3.5). Without it all options are only reported. A plain receiver says `() => false`.
   */
  readonly understands?: ((option: GeneveOption) => boolean) | undefined;
}

/** Whether an option must be understood (RFC 8926 §3.5). */
export function isCritical(option: Pick<GeneveOption, "type">): boolean {
  return (option.type & GENEVE_OPTION_CRITICAL) !== 0;
}

/** Reads the Geneve header at `offset` and all its options. Reserved bits are ignored (RFC 8926 §3.4). */
export function parseGeneve(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: GeneveOptions = {},
): Parsed<GeneveHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, GENEVE_LENGTH, "geneve-truncated");
  if (short) return short;
  const versionLength = bytes[offset + GENEVE_VERSION_LENGTH]!;
  if (versionLength >>> GENEVE_VERSION_SHIFT !== GENEVE_VERSION) {
    return stopped(offset + GENEVE_VERSION_LENGTH, "geneve-version");
  }
  const length = GENEVE_LENGTH + (versionLength & GENEVE_OPTION_WORDS_MASK) * 4;
  const cut = missing(bytes, offset, end, length, "geneve-truncated");
  if (cut) return cut;
  const payload = offset + length;
  const found: GeneveOption[] = [];
  for (let at = offset + GENEVE_LENGTH; at < payload; ) {
    const words = bytes[at + GENEVE_OPTION_DATA_WORDS]! & GENEVE_OPTION_DATA_WORDS_MASK;
    const dataFrom = at + GENEVE_OPTION_LENGTH;
    const next = dataFrom + words * 4;
    if (next > payload) return stopped(at + GENEVE_OPTION_DATA_WORDS, "geneve-options");
    const option: GeneveOption = {
      class: read16(bytes, at + GENEVE_OPTION_CLASS),
      type: bytes[at + GENEVE_OPTION_TYPE]!,
      data: bytes.subarray(dataFrom, next),
    };
    if (options.understands && isCritical(option) && !options.understands(option)) {
      return stopped(at + GENEVE_OPTION_TYPE, "geneve-critical-option");
    }
    found.push(option);
    at = next;
  }
  const flags = bytes[offset + GENEVE_FLAGS]!;
  const header: GeneveHeader = {
    vni: read24(bytes, offset + GENEVE_VNI),
    protocol: read16(bytes, offset + GENEVE_PROTOCOL),
    oam: (flags & GENEVE_FLAG_OAM) !== 0,
    critical: (flags & GENEVE_FLAG_CRITICAL) !== 0,
    options: found,
  };
  return parsed(header, payload, end);
}

/** Bytes that {@link emitGeneve} writes. */
export function geneveLength(header: Pick<GeneveFields, "options">): number {
  return (header.options ?? []).reduce(
    (sum, { data }) => sum + GENEVE_OPTION_LENGTH + data.length,
    GENEVE_LENGTH,
  );
}

/** Writes a Geneve header with its options at `offset`, all reserved bits 0; returns the offset behind them. */
export function emitGeneve(header: GeneveFields, into: Uint8Array, offset = 0): number {
  const { protocol = ETHERTYPE_TEB, oam = false, options = [] } = header;
  const length = geneveLength(header);
  const next = room(into, offset, length);
  const optionsLength = length - GENEVE_LENGTH;
  if (optionsLength > GENEVE_OPTIONS_MAXIMUM) {
    throw new ArgumentRangeError(
      "out-of-range",
      "options",
      `expected at most ${GENEVE_OPTIONS_MAXIMUM} bytes, got ${optionsLength}`,
    );
  }
  const demanded = options.some(isCritical);
  const critical = trueOrFalse("critical", header.critical ?? demanded);
  if (demanded && !critical)
    throw new ArgumentRangeError(
      "contradiction",
      "critical",
      "expected true, since an option is critical, got false",
    );
  const vni = wholeNumber("vni", header.vni, 0, VNI_MAXIMUM);
  into[offset + GENEVE_VERSION_LENGTH] = (GENEVE_VERSION << GENEVE_VERSION_SHIFT) | (optionsLength / 4);
  into[offset + GENEVE_FLAGS] =
    (trueOrFalse("oam", oam) ? GENEVE_FLAG_OAM : 0) | (critical ? GENEVE_FLAG_CRITICAL : 0);
  write16(into, offset + GENEVE_PROTOCOL, wholeNumber("protocol", protocol, 0, 0xffff));
  write24(into, offset + GENEVE_VNI, vni);
  into[offset + GENEVE_RESERVED] = 0;
  let at = offset + GENEVE_LENGTH;
  options.forEach((option, index) => {
    at = emitOption(option, `options[${index}]`, into, at);
  });
  return next;
}

function emitOption(option: GeneveOption, name: string, into: Uint8Array, offset: number): number {
  const { length } = byteArray(`${name}.data`, option.data);
  if (length % 4 !== 0 || length > GENEVE_OPTION_DATA_MAXIMUM) {
    throw new ArgumentRangeError(
      "out-of-range",
      `${name}.data`,
      `expected a multiple of 4 bytes up to 124, got ${length}`,
    );
  }
  write16(into, offset + GENEVE_OPTION_CLASS, wholeNumber(`${name}.class`, option.class, 0, 0xffff));
  into[offset + GENEVE_OPTION_TYPE] = wholeNumber(`${name}.type`, option.type, 0, 0xff);
  into[offset + GENEVE_OPTION_DATA_WORDS] = length / 4;
  into.set(option.data, offset + GENEVE_OPTION_LENGTH);
  return offset + GENEVE_OPTION_LENGTH + length;
}
