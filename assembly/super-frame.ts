// Super-frames: a TCP or UDP frame that stands for all the segments that it will be cut into, so that a burst of segments is
// looked up once. Its bytes are all in memory, and its wire length is that of its longest segment: shorter than the frame, as that of
// no other frame is. So limits of what goes over a wire hold for segments, and lengths that headers say for all of it.

/** What headers around a frame say of its length: what was on the wire, but of a super-frame all of it. */
export function saidLength(length: u32, wire: u32): u32 {
  return wire < length ? length : wire;
}
