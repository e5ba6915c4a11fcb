// LLC (IEEE 802.2 clause 3.2), and SNAP behind it (RFC 1042) if both SAPs are 0xaa:
//
//   +--------+--------+-------------+ +--------------------------+-----------------+
//   |  DSAP  |  SSAP  | control 1-2 | |          OUI (3)         |   protocol (2)  |
//   +--------+--------+-------------+ +--------------------------+-----------------+

import { wholeNumber } from "../core/arguments.ts";
import {
  LLC_CONTROL,
  LLC_DSAP,
  LLC_LENGTH,
  LLC_NUMBERED_LENGTH,
  LLC_SAP_SNAP,
  LLC_SSAP,
  LLC_UNNUMBERED,
  SNAP_LENGTH,
  SNAP_OUI,
  SNAP_PROTOCOL,
} from "../layout/llc.layout.ts";
import { read16, read24, write16, write24 } from "./bytes.ts";
import { checkRange, missing, type Parsed, parsed, room } from "./parsed.ts";

/** An LLC header, to parse and to emit. */
export interface LlcHeader {
  /** Destination service access point, 0 to 255: 0x42 is the spanning tree, 0xaa SNAP. */
  readonly dsap: number;
  /** Source service access point, 0 to 255. */
  readonly ssap: number;
  /** One byte (3: unnumbered information), or two as a big-endian number in numbered frames. */
  readonly control: number;
  /** What SNAP says follows: with OUI 0 an Ethernet type. */
  readonly snap?: { readonly oui: number; readonly protocol: number } | undefined;
}

/** Reads the LLC header at `offset`. */
export function parseLlc(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<LlcHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, LLC_LENGTH, "llc-truncated");
  if (short) return short;
  const dsap = bytes[offset + LLC_DSAP]!;
  const ssap = bytes[offset + LLC_SSAP]!;
  const control = bytes[offset + LLC_CONTROL]!;
  if (!isUnnumbered(control)) {
    const cut = missing(bytes, offset, end, LLC_NUMBERED_LENGTH, "llc-truncated");
    if (cut) return cut;
    return parsed(
      { dsap, ssap, control: read16(bytes, offset + LLC_CONTROL) },
      offset + LLC_NUMBERED_LENGTH,
      end,
    );
  }
  if (dsap !== LLC_SAP_SNAP || ssap !== LLC_SAP_SNAP)
    return parsed({ dsap, ssap, control }, offset + LLC_LENGTH, end);
  const cut = missing(bytes, offset, end, SNAP_LENGTH, "llc-truncated");
  if (cut) return cut;
  const snap = {
    oui: read24(bytes, offset + SNAP_OUI),
    protocol: read16(bytes, offset + SNAP_PROTOCOL),
  };
  return parsed({ dsap, ssap, control, snap }, offset + SNAP_LENGTH, end);
}

/** Bytes that {@link emitLlc} writes. */
export function llcLength(header: LlcHeader): number {
  if (header.snap !== undefined) return SNAP_LENGTH;
  return header.control > 0xff || !isUnnumbered(header.control) ? LLC_NUMBERED_LENGTH : LLC_LENGTH;
}

/** Writes an LLC header at `offset`; returns the offset behind it. */
export function emitLlc(header: LlcHeader, into: Uint8Array, offset = 0): number {
  const length = llcLength(header);
  const next = room(into, offset, length);
  into[offset + LLC_DSAP] = wholeNumber("dsap", header.dsap, 0, 0xff);
  into[offset + LLC_SSAP] = wholeNumber("ssap", header.ssap, 0, 0xff);
  if (length === LLC_NUMBERED_LENGTH) {
    write16(into, offset + LLC_CONTROL, wholeNumber("control", header.control, 0, 0xffff));
    return next;
  }
  into[offset + LLC_CONTROL] = wholeNumber("control", header.control, 0, 0xff);
  if (header.snap === undefined) return next;
  write24(into, offset + SNAP_OUI, wholeNumber("oui", header.snap.oui, 0, 0xffffff));
  write16(into, offset + SNAP_PROTOCOL, wholeNumber("protocol", header.snap.protocol, 0, 0xffff));
  return next;
}

function isUnnumbered(control: number): boolean {
  return (control & LLC_UNNUMBERED) === LLC_UNNUMBERED;
}
