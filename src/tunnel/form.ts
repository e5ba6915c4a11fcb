// What kernels know of a kind, as they read it: see tunnel.layout.

import {
  FORM_BITS,
  FORM_KIND,
  FORM_MASK,
  FORM_PORT,
  FORM_TRUNCATED,
  FORM_USUAL,
} from "../layout/tunnel.layout.ts";
import type { TunnelRow } from "./tunnel-kind.ts";

/** Writes the form of a kind to `at`; `port` is the one that counts, 0 for a kind over GRE. */
export function writeForm(
  { number, plain, truncated }: TunnelRow,
  port: number,
  view: DataView,
  at: number,
): void {
  // As a packet has them, so that they can be compared as they lie in memory.
  view.setUint32(at + FORM_PORT, 0);
  view.setUint16(at + FORM_PORT, port);
  view.setUint32(at + FORM_MASK, plain.mask);
  view.setUint32(at + FORM_BITS, plain.bits);
  view.setUint32(at + FORM_KIND, number, true);
  view.setUint32(at + FORM_TRUNCATED, truncated, true);
  view.setUint32(at + FORM_USUAL, plain.usual, true);
}
