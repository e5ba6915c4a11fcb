// TCP, UDP, SCTP: ports stay, and what is known to say nothing of anybody; where a tunnel begins, the walk goes on.

import { IP_PROTOCOL_TCP, IP_PROTOCOL_UDP } from "../src/layout/ipv4.layout";
import { TCP_CHECKSUM, TCP_LENGTH, TCP_OFFSET_FLAGS } from "../src/layout/tcp.layout";
import { UDP_CHECKSUM, UDP_DESTINATION_PORT, UDP_LENGTH, UDP_TOTAL_LENGTH } from "../src/layout/udp.layout";
import { half, isPayloadKept, noteSum, payload, present, unknown, wipe } from "./anonymise-bytes";
import { openUdpTunnel } from "./anonymise-tunnel";

/** TCP options that stay: segment size, window scale, selective acknowledgements, timestamps. */
const OPTIONS_KEPT: u32 = (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 8);
const SCTP_LENGTH: u32 = 12;
const SCTP_CHECKSUM: u32 = 8;

export function openTcp(at: usize, end: usize): void {
  const there = present(at, end);
  // As in an error of ICMP, which has the first eight bytes: ports and a sequence number.
  if (there < <u32>TCP_LENGTH) {
    wipe(at + TCP_CHECKSUM, end);
    return;
  }
  const header: u32 = (<u32>load<u8>(at, TCP_OFFSET_FLAGS) >>> 4) * 4;
  noteSum(at + TCP_CHECKSUM, at, end, IP_PROTOCOL_TCP);
  if (header < <u32>TCP_LENGTH || at + header > end) {
    unknown(at + TCP_LENGTH, end);
    return;
  }
  if (there < header) {
    wipe(at + TCP_LENGTH, end);
    return;
  }
  changeOptions(at + TCP_LENGTH, at + header);
  payload(at + header, end);
}

/** Of options that are not known, or may hold addresses as those of MPTCP do, nothing but kind and length stays. */
function changeOptions(at: usize, end: usize): void {
  while (at < end) {
    const kind: u32 = load<u8>(at);
    if (kind === 0) {
      wipe(at + 1, end);
      return;
    }
    if (kind === 1) {
      at++;
      continue;
    }
    const length: u32 = at + 1 < end ? <u32>load<u8>(at, 1) : 0;
    if (length < 2 || at + length > end) {
      wipe(at, end);
      return;
    }
    if (kind > 8 || ((OPTIONS_KEPT >>> kind) & 1) === 0) wipe(at + 2, at + length);
    at += length;
  }
}

export function openUdp(at: usize, end: usize): void {
  if (present(at, end) < <u32>UDP_LENGTH) {
    wipe(at + UDP_CHECKSUM, end);
    return;
  }
  const length = half(at + UDP_TOTAL_LENGTH);
  let behind = end;
  if (length >= <u32>UDP_LENGTH && at + length <= end) behind = at + length;
  // A length that says more than there is, as in an error, leaves nothing to check the checksum by: it is not right.
  if (half(at + UDP_CHECKSUM) !== 0) noteSum(at + UDP_CHECKSUM, at, behind, IP_PROTOCOL_UDP);
  unknown(behind, end);
  if (!openUdpTunnel(half(at + UDP_DESTINATION_PORT), at + UDP_LENGTH, behind))
    payload(at + UDP_LENGTH, behind);
}

/** No addresses belong to its checksum, which stays right as long as the payload stays; else there is none. */
export function openSctp(at: usize, end: usize): void {
  const there = present(at, end);
  if (there < SCTP_LENGTH) {
    wipe(at + SCTP_CHECKSUM, end);
    return;
  }
  if (there === SCTP_LENGTH) return;
  payload(at + SCTP_LENGTH, end);
  if (!isPayloadKept()) store<u32>(at, 0, SCTP_CHECKSUM);
}
