// What composers of all kinds of layers have in common: where a header stands, and what it says of the one behind it.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { ETHERTYPE_ERSPAN_III, ETHERTYPE_EXPERIMENT, ETHERTYPE_MINIMUM } from "../layout/ethernet.layout.ts";
import { IP_PROTOCOL_EXPERIMENT } from "../layout/ipv4.layout.ts";
import { TPID_CUSTOMER } from "../layout/vlan.layout.ts";
import { numberOf } from "./announced.ts";
import type { ComposeFields, ComposeLayer, ComposeName } from "./compose-fields.ts";

/** Where a header stands in the packet, and between which others. */
export interface Place {
  readonly into: Uint8Array;
  readonly offset: number;
  readonly payload: number;
  readonly end: number;
  readonly inner: ComposeLayer | undefined;
  /** Source and destination of the IP header that carries it, if one does. */
  readonly addresses: readonly [source: Uint8Array, destination: Uint8Array] | undefined;
  /** Where the passenger of the header behind begins, if that is a tunnel's. */
  readonly passenger: number;
}

export interface Composer<Name extends ComposeName> {
  length(fields: ComposeFields[Name]): number;
  emit(fields: ComposeFields[Name], place: Place): void;
}

/** Composers of some kinds of layers. */
export type Composers<Name extends ComposeName> = { readonly [N in Name]: Composer<N> };

/** What a field of an Ethernet frame or of a tag says of what follows. */
export function typeOrLength({ inner, payload, end }: Place): number {
  if (inner?.name !== "llc") return etherTypeOf(inner);
  const length = end - payload;
  if (length < ETHERTYPE_MINIMUM) return length;
  throw new ArgumentRangeError(
    "out-of-range",
    "etherType",
    `expected at most ${ETHERTYPE_MINIMUM - 1} bytes from llc on, got ${length}`,
  );
}

/** `field` is what the caller calls the type, where nothing announces the layer. */
export function etherTypeOf(inner: ComposeLayer | undefined, field = "etherType"): number {
  if (inner === undefined) return ETHERTYPE_EXPERIMENT;
  if (inner.name === "vlan") return inner.tpid ?? TPID_CUSTOMER;
  return numberOf(inner.name, "etherType") ?? unannounced(field, "Ethernet type", inner);
}

/** The protocol type of GRE, which ERSPAN and PPP have of their own. */
export function greTypeOf(inner: ComposeLayer | undefined, otherwise: number): number {
  if (inner === undefined) return otherwise;
  if (inner.name === "erspan" && inner.type === 3) return ETHERTYPE_ERSPAN_III;
  return numberOf(inner.name, "gre") ?? etherTypeOf(inner, "protocol");
}

export function protocolOf(inner: ComposeLayer | undefined): number {
  if (inner === undefined) return IP_PROTOCOL_EXPERIMENT;
  return numberOf(inner.name, "protocol") ?? unannounced("protocol", "IP protocol number", inner);
}

export function unannounced(field: string, kind: string, { name }: ComposeLayer): never {
  throw new ArgumentRangeError("missing", field, `missing; no ${kind} announces ${name}`);
}
