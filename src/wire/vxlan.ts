// VXLAN (RFC 7348 §5), and the bits that two extensions give a meaning: group policy
// (draft-smith-vxlan-group-policy: G, D, A, group) and GPE (draft-ietf-nvo3-vxlan-gpe: version, P, B, O, next protocol).
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+---------------+---------------+
//   |R|R|R|R|I|R|R|R|                   reserved                    |   RFC 7348
//   |G| |   | | | | | |D|     |A|     |           group             |   group policy
//   | | |ver| |P|B|O|               |               | next protocol |   GPE
//   +---------------+---------------+---------------+---------------+
//   |          VXLAN network identifier (VNI)       |   reserved    |
//   +-----------------------------------------------+---------------+

import { ArgumentRangeError } from "../core/argument-error.ts";
import { oneOf, trueOrFalse, wholeNumber } from "../core/arguments.ts";
import {
  VNI_MAXIMUM,
  VXLAN_FLAG_BUM,
  VXLAN_FLAG_GROUP_POLICY,
  VXLAN_FLAG_NEXT_PROTOCOL,
  VXLAN_FLAG_OAM,
  VXLAN_FLAG_VNI,
  VXLAN_FLAGS,
  VXLAN_FLAGS_VERSION,
  VXLAN_GROUP,
  VXLAN_LENGTH,
  VXLAN_NEXT_PROTOCOL,
  VXLAN_POLICY_APPLIED,
  VXLAN_POLICY_DONT_LEARN,
  VXLAN_POLICY_FLAGS,
  VXLAN_VNI,
} from "../layout/vxlan.layout.ts";
import { read16, read24, write16, write24 } from "./bytes.ts";
import { checkRange, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** What the group policy extension says. */
export interface VxlanGroupPolicy {
  /** Group policy id, 0 to 65535. */
  readonly group: number;
  /** Do not learn the passenger's source MAC. */
  readonly dontLearn: boolean;
  /** The policy has been applied already. */
  readonly applied: boolean;
}

/** What the generic protocol extension says. */
export interface VxlanGpe {
  /** 1 IPv4, 2 IPv6, 3 Ethernet, 4 NSH; undefined without the P flag: Ethernet. */
  readonly nextProtocol: number | undefined;
  /** Broadcast, unknown unicast or multicast, replicated at the ingress. */
  readonly bum: boolean;
  /** Operations, administration, maintenance: never forwarded as a passenger. */
  readonly oam: boolean;
}

/** A VXLAN header, to parse and to emit. */
export interface VxlanHeader {
  /** 0 to 16777215. */
  readonly vni: number;
  /** Present if the extension was read and the G flag is set. */
  readonly groupPolicy?: VxlanGroupPolicy | undefined;
  /** Present if the extension was read. */
  readonly gpe?: VxlanGpe | undefined;
}

/** Settings of {@link parseVxlan}. */
export interface VxlanOptions {
  /**
   * `rfc` (default) ignores reserved bits on receipt (RFC 7348 §5); `strict` stops at any that is set, as deployed
   * receivers do. Bits that the extension in use gives a meaning are not reserved.
   */
  readonly rule?: "rfc" | "strict" | undefined;
  /** Which extension's bits are read. Default `none`. */
  readonly extension?: "none" | "group-policy" | "gpe" | undefined;
}

/** Reads the VXLAN header at `offset`. The I flag must be set. */
export function parseVxlan(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: VxlanOptions = {},
): Parsed<VxlanHeader> {
  checkRange(bytes, offset, end);
  const rule = oneOf("options.rule", options.rule ?? "rfc", ["rfc", "strict"]);
  const extension = oneOf("options.extension", options.extension ?? "none", ["none", "group-policy", "gpe"]);
  const short = missing(bytes, offset, end, VXLAN_LENGTH, "vxlan-truncated");
  if (short) return short;
  const flags = bytes[offset + VXLAN_FLAGS]!;
  if ((flags & VXLAN_FLAG_VNI) === 0) return stopped(offset + VXLAN_FLAGS, "vxlan-no-vni");
  const groupPolicy = extension === "group-policy" && (flags & VXLAN_FLAG_GROUP_POLICY) !== 0;
  const gpe = extension === "gpe";
  if (gpe && (flags & VXLAN_FLAGS_VERSION) !== 0) return stopped(offset + VXLAN_FLAGS, "vxlan-version");
  if (rule === "strict") {
    const meaning = meaningfulBits(groupPolicy, gpe, (flags & VXLAN_FLAG_NEXT_PROTOCOL) !== 0);
    for (let i = 0; i < VXLAN_LENGTH; i++) {
      if ((bytes[offset + i]! & ~meaning[i]!) !== 0) return stopped(offset + i, "vxlan-reserved");
    }
  }
  const vni = read24(bytes, offset + VXLAN_VNI);
  const payload = offset + VXLAN_LENGTH;
  if (groupPolicy) {
    const policy = bytes[offset + VXLAN_POLICY_FLAGS]!;
    const group = read16(bytes, offset + VXLAN_GROUP);
    const dontLearn = (policy & VXLAN_POLICY_DONT_LEARN) !== 0;
    const applied = (policy & VXLAN_POLICY_APPLIED) !== 0;
    return parsed({ vni, groupPolicy: { group, dontLearn, applied } }, payload, end);
  }
  if (gpe) {
    const announced = (flags & VXLAN_FLAG_NEXT_PROTOCOL) !== 0;
    const nextProtocol = announced ? bytes[offset + VXLAN_NEXT_PROTOCOL] : undefined;
    const bum = (flags & VXLAN_FLAG_BUM) !== 0;
    const oam = (flags & VXLAN_FLAG_OAM) !== 0;
    return parsed({ vni, gpe: { nextProtocol, bum, oam } }, payload, end);
  }
  return parsed({ vni }, payload, end);
}

/** Writes a VXLAN header at `offset`, all reserved bits 0; returns the offset behind it. */
export function emitVxlan(header: VxlanHeader, into: Uint8Array, offset = 0): number {
  const { groupPolicy, gpe } = header;
  if (groupPolicy && gpe)
    throw new ArgumentRangeError("contradiction", "groupPolicy", "cannot be combined with gpe");
  const next = room(into, offset, VXLAN_LENGTH);
  const vni = wholeNumber("vni", header.vni, 0, VNI_MAXIMUM);
  into.fill(0, offset, next);
  into[offset + VXLAN_FLAGS] = VXLAN_FLAG_VNI;
  write24(into, offset + VXLAN_VNI, vni);
  if (groupPolicy) {
    into[offset + VXLAN_FLAGS]! |= VXLAN_FLAG_GROUP_POLICY;
    into[offset + VXLAN_POLICY_FLAGS] =
      (trueOrFalse("groupPolicy.dontLearn", groupPolicy.dontLearn) ? VXLAN_POLICY_DONT_LEARN : 0) |
      (trueOrFalse("groupPolicy.applied", groupPolicy.applied) ? VXLAN_POLICY_APPLIED : 0);
    write16(into, offset + VXLAN_GROUP, wholeNumber("groupPolicy.group", groupPolicy.group, 0, 0xffff));
  }
  if (gpe) {
    if (gpe.nextProtocol !== undefined) {
      into[offset + VXLAN_FLAGS]! |= VXLAN_FLAG_NEXT_PROTOCOL;
      into[offset + VXLAN_NEXT_PROTOCOL] = wholeNumber("gpe.nextProtocol", gpe.nextProtocol, 0, 0xff);
    }
    if (trueOrFalse("gpe.bum", gpe.bum)) into[offset + VXLAN_FLAGS]! |= VXLAN_FLAG_BUM;
    if (trueOrFalse("gpe.oam", gpe.oam)) into[offset + VXLAN_FLAGS]! |= VXLAN_FLAG_OAM;
  }
  return next;
}

/** For each byte of the header the bits that are not reserved. */
function meaningfulBits(groupPolicy: boolean, gpe: boolean, nextProtocol: boolean): readonly number[] {
  if (groupPolicy) {
    const policy = VXLAN_POLICY_DONT_LEARN | VXLAN_POLICY_APPLIED;
    return [VXLAN_FLAG_VNI | VXLAN_FLAG_GROUP_POLICY, policy, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
  }
  if (gpe) {
    const flags = VXLAN_FLAG_VNI | VXLAN_FLAG_NEXT_PROTOCOL | VXLAN_FLAG_BUM | VXLAN_FLAG_OAM;
    return [flags, 0, 0, nextProtocol ? 0xff : 0, 0xff, 0xff, 0xff, 0];
  }
  return [VXLAN_FLAG_VNI, 0, 0, 0, 0xff, 0xff, 0xff, 0];
}
