// Conversations: what was counted by source and destination, both directions together.

import type { CountEntry, StageCounts } from "../index.ts";
import { type FrameCount, plus } from "../pipeline/count-table.ts";

/** Two ends; `a` is the one that sent more frames. What the frames have not is not there, as ports of fragments. */
export interface Conversation extends FrameCount {
  readonly a: string;
  readonly aPort?: number | undefined;
  readonly b: string;
  readonly bPort?: number | undefined;
  readonly protocol?: number | undefined;
  /** What `a` has sent, and what `b` has. */
  readonly sent: FrameCount;
  readonly received: FrameCount;
}

export interface Conversations extends FrameCount {
  /** Those with the most frames first. */
  readonly all: readonly Conversation[];
  /** Frames that are no IP packets. */
  readonly without: FrameCount;
  /** Frames of conversations that found no room. */
  readonly others: FrameCount;
  /** False if there were such: what is told of a conversation may be too little then. */
  readonly complete: boolean;
}

const NOTHING: FrameCount = { frames: 0, bytes: 0 };

/** What a stage has counted by source and destination, and by protocol and ports if it did. */
export function conversationsOf({ entries, others, complete, frames, bytes }: StageCounts): Conversations {
  const found = new Map<string, Conversation>();
  let without = NOTHING;
  // The direction with more frames comes first: its source is `a`.
  for (const entry of entries) {
    const { source: a, destination: b, sourcePort: aPort, destinationPort: bPort, protocol } = entry;
    const sent = { frames: entry.frames, bytes: entry.bytes };
    if (a === undefined || b === undefined) {
      without = plus(without, sent);
      continue;
    }
    const other = keyOf(b, bPort, a, aPort, protocol);
    const before = found.get(other);
    if (before !== undefined && before.received.frames === 0) {
      const { sent: first } = before;
      found.set(other, { ...before, ...plus(first, sent), received: sent });
      continue;
    }
    found.set(keyOf(a, aPort, b, bPort, protocol), {
      a,
      aPort,
      b,
      bPort,
      protocol,
      ...sent,
      sent,
      received: NOTHING,
    });
  }
  const all = [...found.values()].sort((one, two) => two.frames - one.frames);
  return { all, without, others, complete, frames, bytes };
}

function keyOf(
  source: string,
  sourcePort: CountEntry["sourcePort"],
  destination: string,
  destinationPort: CountEntry["destinationPort"],
  protocol: CountEntry["protocol"],
): string {
  return `${source} ${sourcePort ?? ""} ${destination} ${destinationPort ?? ""} ${protocol ?? ""}`;
}
