// The one noun for whatever sends and receives frames: a port of a switch, a channel, a socket, a machine's card. It is
// seen from whoever holds it: `send` puts frames in at this end, `receive` gives what comes out at this end.

import type { Bell } from "../ring/bell.ts";
import type { BurstNotes } from "../ring/burst-notes.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { FramePortCounters } from "./port-counters.ts";

/** What a frame is: a whole Ethernet frame without its check sequence, what a tunnel's UDP carries, or an IP packet. */
export type Medium = "ethernet" | "tunnel" | "ip";

/** What may be left undone in frames that a port gives, because whoever takes them does it. */
export interface Offloads {
  /** Checksums of TCP and UDP that are not computed yet. */
  readonly checksum: boolean;
  /** Super-frames: TCP or UDP frames longer than the MTU, to be cut into segments. Only a burst that a port gave holds any. */
  readonly segmentation: boolean;
}

/** Every frame is whole and complete. */
export const NO_OFFLOADS: Offloads = { checksum: false, segmentation: false };

/** A burst of frames, in either form. */
export type Frames = readonly Uint8Array[] | FrameBurst;

/** Where is waited for a port: whatever changes, in either direction, lets all who wait there look again. */
export type PortBell = Pick<Bell, "until" | "ring">;

/**
 * What may be said of the frames that are sent, by `send` and `sendAll` alike; it comes out with them. Only of ports with
 * `carriesNotes`: others refuse it. What a `FrameBurst` brings along goes with it where nothing else is said.
 */
export interface SendOptions extends BurstNotes {}

export interface SendAllOptions extends SendOptions {
  /** Ends the waiting: what was sent before is on its way. It may live as long as it likes. */
  readonly signal?: AbortSignal | undefined;
  /** `sent` is kept at how many of the frames have been taken, which is worth something when the call rejects. */
  readonly progress?: { sent: number } | undefined;
}

/** Is told of what passes a port, at once and before anybody else; see `mirror`. It must not throw. */
export interface PortWatcher {
  /** `frames[first]` to `frames[end - 1]` have been taken by `send` or `sendAll`. */
  sent?(frames: readonly Uint8Array[], first: number, end: number): void;
  /** A burst is about to be handed to whoever receives. */
  received?(burst: FrameBurst): void;
}

/** Whatever sends and receives frames. `BasePort` and `QueuePort` are most of one. */
export interface FramePort extends AsyncIterable<FrameBurst> {
  readonly name: string;
  /** What its frames are. */
  readonly medium: Medium;
  /** What frames that are sent to it are, where that differs. */
  readonly accepts: Medium;
  /** Most bytes behind Ethernet header and tag, or of a whole packet where there is none. What is longer is dropped. */
  readonly mtu: number;
  readonly offloads: Offloads;
  /** Whether what is said of frames beside their bytes comes out with them: marks, times and ports. */
  readonly carriesNotes: boolean;
  /** Whether nothing is taken any more; what has come can still be received. */
  readonly closed: boolean;
  readonly bell: PortBell;
  /**
   * Hands a burst over. Returns how many of its frames, from the first on, were taken, or dropped and counted: fewer
   * than there are mean that there is no room now, or that a `sendAll` waits for some. The bytes are copied and may be
   * used again at once.
   */
  send(frames: Frames, options?: SendOptions): number;
  /** Hands all frames over, behind those of the calls before it, and waits for room when there is none. */
  sendAll(frames: Frames, options?: SendAllOptions): Promise<void>;
  /** What has come, if there is anything; never waits. */
  receive(): FrameBurst | undefined;
  /** What comes, burst by burst, until the port is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<FrameBurst, undefined>;
  /** The same as a stream. */
  readonly readable: ReadableStream<FrameBurst>;
  /** Takes bursts, and single frames. */
  readonly writable: WritableStream<Frames | Uint8Array>;
  counters(): FramePortCounters;
  /** Tells `watcher` of what passes, until the function that is returned is called. */
  watch(watcher: PortWatcher): () => void;
  close(): Promise<void>;
}
