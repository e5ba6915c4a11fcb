/** Marks a frame as dropped and counts it: `reason` is the code of a reason, `counters` what `run` was given. */
export declare function drop(descriptor: usize, reason: u32, counters: usize): void;
