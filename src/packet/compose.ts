// Builds a packet from a list of headers, outermost first: the way back from dissect.
//
// Lengths are known before anything is written, so each header is written once, innermost first: a checksum then finds
// everything it covers in its place.

import { parseIp } from "../core/addresses.ts";
import { under } from "../core/argument-error.ts";
import { byteArray, oneOf, wrongType } from "../core/arguments.ts";
import type { ComposeLayer, ComposeName } from "./compose-fields.ts";
import type { Composer, Composers } from "./composing.ts";
import { IP_COMPOSERS } from "./ip-composers.ts";
import { LINK_COMPOSERS } from "./link-composers.ts";
import { TUNNEL_COMPOSERS } from "./tunnel-composers.ts";

const COMPOSERS: Composers<ComposeName> = { ...LINK_COMPOSERS, ...IP_COMPOSERS, ...TUNNEL_COMPOSERS };

/**
 * Builds the bytes of the given headers, outermost first, with `payload` behind them. Fills in what is left out:
 * lengths, Ethernet types, protocol numbers, tunnels' UDP ports (the source port from the passenger's flow hash) and
 * checksums; what is given is taken as it is, right or wrong. A payload with no type of its own is announced as an
 * experiment (0x88b5, 253). Headers from {@link dissect} give back the bytes they were read from.
 *
 *     compose([{ name: "ethernet", destination, source }, { name: "arp", operation: 1, ... }])
 */
export function compose(
  layers: readonly ComposeLayer[],
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  if (!Array.isArray(layers)) throw wrongType("layers", "an array", layers);
  byteArray("payload", payload);
  const ends: number[] = [];
  let length = 0;
  layers.forEach((layer, i) => {
    ends.push((length += under(["layers", i], () => composerOf(layer).length(layer))));
  });
  const into = new Uint8Array(length + payload.length);
  into.set(payload, length);
  for (let i = layers.length - 1; i >= 0; i--) {
    const place = {
      into,
      offset: ends[i - 1] ?? 0,
      payload: ends[i]!,
      end: into.length,
      inner: layers[i + 1],
      addresses: addressesOf(layers, i),
      passenger: ends[i + 1] ?? into.length,
    };
    under(["layers", i], () => composerOf(layers[i]!).emit(layers[i]!, place));
  }
  return into;
}

function composerOf(layer: ComposeLayer): Composer<ComposeName> {
  if (typeof layer !== "object" || layer === null) throw wrongType("", "an object", layer);
  const name = oneOf("name", layer.name, Object.keys(COMPOSERS));
  return COMPOSERS[name as ComposeName] as Composer<ComposeName>;
}

/** Of the IP header in front of a layer, an authentication header between them or none; undefined if there is none. */
function addressesOf(layers: readonly ComposeLayer[], index: number): [Uint8Array, Uint8Array] | undefined {
  const before = layers[index - 1];
  const outer = before?.name === "ah" ? layers[index - 2] : before;
  if (outer?.name !== "ipv4" && outer?.name !== "ipv6") return undefined;
  return [parseIp("source", outer.source), parseIp("destination", outer.destination)];
}
