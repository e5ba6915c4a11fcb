/** What a peer sends: each frame behind its length, in big-endian order. Made by hand, apart from what the ports do. */
export function streamOf(frames: readonly Uint8Array[], lengthBytes: 2 | 4): Uint8Array {
  return Uint8Array.from(
    frames.flatMap((frame) => [
      ...Array.from({ length: lengthBytes }, (_, i) => (frame.length >>> (8 * (lengthBytes - 1 - i))) & 0xff),
      ...frame,
    ]),
  );
}
