// The journey of frames: hop by hop, and in each the frame's nested layers: passenger, tunnel, carrier.

import type { Hop } from "./link.ts";
import type { Network } from "./network.ts";

/** A part of a frame that wraps another: the outermost is depth 0. */
export interface Doll {
  /** The passenger is what nothing else rides in; a carrier has the headers in front of a tunnel's. */
  readonly role: "carrier" | "tunnel" | "passenger";
  readonly depth: number;
  /** Where it begins in the frame, and the bytes of its own headers (of a passenger: all). */
  readonly offset: number;
  readonly length: number;
  /** Names of its headers: `["ethernet", "ipv4", "udp"]`. */
  readonly layers: readonly string[];
  /** One line for people: `10.1.0.11 -> 10.1.0.12`, `VNI 1234`, `ARP who has 172.20.0.2`. */
  readonly text: string;
  /** Of a tunnel. */
  readonly vni?: number;
}

export interface JourneyHop extends Hop {
  readonly dolls: readonly Doll[];
}

/** The nested parts of a frame, outermost first. */
export function dollsOf(frame: Uint8Array): Doll[] {
  throw new TypeError(`not yet ${frame}`);
}

/** Records every hop while `during` runs, with the frames' dolls. */
export function journeyOf(network: Network, during: () => void): JourneyHop[] {
  throw new TypeError(`not yet ${network} ${during}`);
}
