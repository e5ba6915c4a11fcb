// The options of a packet block: whether they can be walked, and what they say of a check sequence.

import {
  ENHANCED_FLAGS_FCS_MASK,
  ENHANCED_FLAGS_FCS_SHIFT,
  OPTION_CODE,
  OPTION_CUSTOM_BYTES,
  OPTION_CUSTOM_BYTES_PRIVATE,
  OPTION_CUSTOM_TEXT,
  OPTION_CUSTOM_TEXT_PRIVATE,
  OPTION_END,
  OPTION_ENHANCED_DROPS,
  OPTION_ENHANCED_FLAGS,
  OPTION_ENHANCED_PACKET_ID,
  OPTION_ENHANCED_QUEUE,
  OPTION_ENHANCED_VERDICT,
  OPTION_LENGTH,
  OPTION_VALUE,
} from "../src/layout/pcapng.layout";

/** Bytes of check sequence that the flags of the packet declare whose options were walked last; 0 if they do not. */
export let declared: u32 = 0;

export function resetDeclared(): void {
  declared = 0;
}

/** Whether options can be walked from one to the next; src/pcap/options.ts asks the same. */
export function optionsFit(at: usize, left: u32, swap: bool): bool {
  while (left >= <u32>OPTION_VALUE) {
    const code = half(at, OPTION_CODE, swap);
    const length = half(at, OPTION_LENGTH, swap);
    const step: u32 = OPTION_VALUE + ((length + 3) & ~3);
    if (step > left) return false;
    if (code === OPTION_END) return true;
    if (!optionHolds(code, length)) return false;
    if (code === OPTION_ENHANCED_FLAGS)
      declared = (word(at, OPTION_VALUE, swap) & ENHANCED_FLAGS_FCS_MASK) >>> ENHANCED_FLAGS_FCS_SHIFT;
    at += step;
    left -= step;
  }
  return true;
}

/** Whether a value has the length that those who look for it expect. */
function optionHolds(code: u32, length: u32): bool {
  if (code === OPTION_ENHANCED_FLAGS || code === OPTION_ENHANCED_QUEUE) return length === 4;
  if (code === OPTION_ENHANCED_DROPS || code === OPTION_ENHANCED_PACKET_ID) return length === 8;
  if (code === OPTION_ENHANCED_VERDICT) return length !== 0;
  const custom =
    code === OPTION_CUSTOM_TEXT ||
    code === OPTION_CUSTOM_BYTES ||
    code === OPTION_CUSTOM_TEXT_PRIVATE ||
    code === OPTION_CUSTOM_BYTES_PRIVATE;
  return !custom || length >= 4;
}

export function word(at: usize, offset: u32, swap: bool): u32 {
  const value = load<u32>(at + offset);
  return swap ? bswap<u32>(value) : value;
}

export function half(at: usize, offset: u32, swap: bool): u32 {
  const value = load<u16>(at + offset);
  return swap ? bswap<u16>(value) : value;
}
