/** Marks a frame as dropped and counts it: `reason` is the code of a reason, `counters` what `run` was given. */
export declare function drop(descriptor: usize, reason: u32, counters: usize): void;

/** When a frame was, in nanoseconds: what was given with it, what stands in the capture, or the time of its burst. */
export declare function time(descriptor: usize): u64;

/** The number that was given with a frame as its port; of a capture that of its interface. */
export declare function port(descriptor: usize): u32;
