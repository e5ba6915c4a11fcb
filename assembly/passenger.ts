import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
} from "../src/layout/descriptor.layout";
import { DROP_INNER_TAGGED, DROP_INNER_TRUNCATED, DROP_NONE } from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { DECAPSULATE_REFUSE_TAGGED } from "../src/layout/stage.layout";
import { isTag } from "./vlan";

/** VNI, VSID or key of the tunnel that was opened last, or VNI_NONE. Beside the header's length, which is the result. */
let number: u32 = 0;

export function setNumber(value: u32): void {
  number = value;
}

/**
 * Moves the descriptor to the passenger that begins `at` bytes into its frame and had `innerWire` bytes on the wire, or
 * returns the reason why not. All headers in front of it are there.
 */
export function becomePassenger(
  d: usize,
  frame: usize,
  at: u32,
  length: u32,
  innerWire: u32,
  flags: u32,
): u32 {
  const behind = length - at;
  const innerLength = behind < innerWire ? behind : innerWire;
  if (innerLength < <u32>ETHERNET_LENGTH) return DROP_INNER_TRUNCATED;
  const inner: usize = frame + at;
  if ((flags & DECAPSULATE_REFUSE_TAGGED) !== 0 && isTag(load<u16>(inner, ETHERNET_TYPE)))
    return DROP_INNER_TAGGED;
  store<u32>(d, <u32>inner, DESCRIPTOR_OFFSET);
  store<u32>(d, innerLength, DESCRIPTOR_FRAME_LENGTH);
  const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, wire < length ? wire - at : innerWire, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, number, DESCRIPTOR_VNI);
  // Ethernet, and no check sequence: whatever was behind the outer frame covers something else.
  store<u16>(d, 0, DESCRIPTOR_LINK);
  return DROP_NONE;
}
