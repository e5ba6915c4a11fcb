// What the kernels give to modules that stand in a pipeline beside them: the compiler takes the name of this file as the name
// of the module that the function is imported from.

/** Marks a frame as dropped and counts it under its reason. */
export declare function drop(descriptor: usize, reason: u32, counters: usize): void;
