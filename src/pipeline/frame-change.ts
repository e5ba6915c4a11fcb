// What stages make of frames, as far as those must know who write them down: with which link header they leave.

/** What a stage can make of a frame. */
export type MadeFrame = "ethernet" | "raw";

/** How a stage changes frames; one that never does has nothing of the kind. */
export interface FrameChange {
  /** Whether it works on frames of any link, or on Ethernet frames only. */
  readonly of: "any" | "ethernet";
  /** What those become. */
  readonly to: readonly MadeFrame[];
  /** Whether some of those it works on may go on as they are. */
  readonly keeps: boolean;
  /** Whether frames of links on which it does not work go on, as they are. */
  readonly keepsOthers: boolean;
}

/** As what frames of an interface may leave a pipeline. */
export interface FrameOutcomes {
  /** As they came. */
  readonly unchanged: boolean;
  readonly ethernet: boolean;
  readonly raw: boolean;
}

/** What may become of frames that come as Ethernet frames, or as others, in stages that change them so. */
export function frameOutcomes(
  changes: readonly (FrameChange | undefined)[],
  isEthernet: boolean,
): FrameOutcomes {
  let states: ReadonlySet<MadeFrame | "unchanged"> = new Set(["unchanged"]);
  for (const change of changes) {
    if (change === undefined) continue;
    const next = new Set<MadeFrame | "unchanged">();
    for (const state of states) {
      const concerned = change.of === "any" || state === "ethernet" || (state === "unchanged" && isEthernet);
      if (concerned ? change.keeps : change.keepsOthers) next.add(state);
      if (concerned) for (const made of change.to) next.add(made);
    }
    states = next;
  }
  return {
    unchanged: states.has("unchanged"),
    ethernet: states.has("ethernet"),
    raw: states.has("raw"),
  };
}
