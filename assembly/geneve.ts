// The Geneve header and its options, on the way out of a tunnel (RFC 8926 §3.4, §3.5).
//
// No option is known here. Those that are not critical may be passed over; a critical one is a reason to drop (§3.5),
// also where the C flag of the header forgot it. The lengths must add up: what does not is dropped silently (§3.5).

import { VNI_NONE } from "../src/layout/descriptor.layout";
import {
  DROP_GENEVE_CRITICAL_OPTION,
  DROP_GENEVE_OAM,
  DROP_GENEVE_OPTIONS,
  DROP_GENEVE_PROTOCOL,
  DROP_GENEVE_TRUNCATED,
  DROP_GENEVE_VERSION,
  DROP_NONE,
  DROP_OTHER_VNI,
} from "../src/layout/drop.layout";
import {
  GENEVE_FLAG_OAM,
  GENEVE_FLAGS,
  GENEVE_LENGTH,
  GENEVE_OPTION_CRITICAL,
  GENEVE_OPTION_DATA_WORDS,
  GENEVE_OPTION_DATA_WORDS_MASK,
  GENEVE_OPTION_LENGTH,
  GENEVE_OPTION_TYPE,
  GENEVE_OPTION_WORDS_MASK,
  GENEVE_PROTOCOL,
  GENEVE_VERSION,
  GENEVE_VERSION_SHIFT,
  GENEVE_VNI,
} from "../src/layout/geneve.layout";
import { DECAPSULATE_TAKE_CRITICAL } from "../src/layout/stage.layout";
import { setNumber } from "./passenger";
import { REFUSED } from "./refusal";

/** Ethernet type 0x6558, a whole frame, as a little-endian load sees it. */
export const TYPE_FRAME: u32 = 0x5865;

/**
 * The length of the Geneve header at `header`, of which 8 bytes are there, and sets the number; or REFUSED and a reason.
 * `present` bytes are there from the header on, `tunnelLength` counts header and passenger.
 */
export function openGeneve(header: usize, present: u32, tunnelLength: u32, vni: u32, flags: u32): u32 {
  const reason = <u32>load<u16>(header, GENEVE_PROTOCOL) === TYPE_FRAME ? DROP_NONE : DROP_GENEVE_PROTOCOL;
  const headerLength = geneveHeader(header, present, tunnelLength, flags, reason);
  if (headerLength >= REFUSED) return headerLength;
  const frameVni = bswap<u32>(load<u32>(header, GENEVE_VNI)) >>> 8;
  if (vni !== VNI_NONE && frameVni !== vni) return REFUSED | DROP_OTHER_VNI;
  setNumber(frameVni);
  return headerLength;
}

/** The same without a number; `protocol` is the reason that speaks against what the header says that it carries. */
export function geneveHeader(header: usize, present: u32, tunnelLength: u32, flags: u32, protocol: u32): u32 {
  const first: u32 = load<u8>(header);
  if (first >>> GENEVE_VERSION_SHIFT !== <u32>GENEVE_VERSION) return REFUSED | DROP_GENEVE_VERSION;
  const headerLength: u32 = GENEVE_LENGTH + ((first & GENEVE_OPTION_WORDS_MASK) << 2);
  if (tunnelLength < headerLength || present < headerLength) return REFUSED | DROP_GENEVE_TRUNCATED;
  if ((load<u8>(header, GENEVE_FLAGS) & GENEVE_FLAG_OAM) !== 0) return REFUSED | DROP_GENEVE_OAM;
  if (protocol !== DROP_NONE) return REFUSED | protocol;
  const reason = checkOptions(header + GENEVE_LENGTH, header + headerLength, flags);
  return reason !== DROP_NONE ? REFUSED | reason : headerLength;
}

/** What speaks against the options from `at` to `end`. */
function checkOptions(at: usize, end: usize, flags: u32): u32 {
  let critical: u32 = 0;
  // At most 63 turns: each option has four bytes or more, and 252 is the most a header can announce.
  while (at < end) {
    critical |= load<u8>(at, GENEVE_OPTION_TYPE);
    const words: u32 = load<u8>(at, GENEVE_OPTION_DATA_WORDS) & GENEVE_OPTION_DATA_WORDS_MASK;
    at += GENEVE_OPTION_LENGTH + (words << 2);
  }
  if (at !== end) return DROP_GENEVE_OPTIONS;
  if ((critical & GENEVE_OPTION_CRITICAL) === 0 || (flags & DECAPSULATE_TAKE_CRITICAL) !== 0)
    return DROP_NONE;
  return DROP_GENEVE_CRITICAL_OPTION;
}
