// What the kernels give to modules that stand in a pipeline beside them: the compiler takes the name of this file as the name
// of the module that the functions are imported from.

/** Marks a frame as dropped and counts it under its reason. */
export declare function drop(descriptor: usize, reason: u32, counters: usize): void;

/** When a frame was, in nanoseconds; 0: that is not known, and no clock may be asked. */
export declare function time(descriptor: usize): u64;

/** Where a frame came from: the number that was given with it; of a capture that of its interface. */
export declare function port(descriptor: usize): u32;
