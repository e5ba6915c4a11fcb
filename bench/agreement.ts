// Peers must do the same work before their times are compared: same bytes, same descriptors, same drop reasons.

import { Random } from "./frames.ts";
import type { Outcome } from "./image.ts";

/** Throws if an outcome differs; `fields` are compared beside the bytes. */
export function assertSame(
  task: string,
  peer: string,
  expected: readonly Outcome[],
  actual: readonly Outcome[],
  fields: readonly Exclude<keyof Outcome, "bytes">[],
): void {
  if (expected.length !== actual.length) throw disagreement(task, peer, `${actual.length} frames`);
  for (const [i, wanted] of expected.entries()) {
    const got = actual[i]!;
    for (const field of fields) {
      if (wanted[field] !== got[field]) {
        throw disagreement(task, peer, `frame ${i}: ${field} is ${got[field]}, not ${wanted[field]}`);
      }
    }
    assertBytes(task, `${peer}, frame ${i}`, wanted.bytes, got.bytes);
  }
}

/** Throws if the bytes differ. */
export function assertBytes(task: string, peer: string, expected: Uint8Array, actual: Uint8Array): void {
  if (expected.length !== actual.length) {
    throw disagreement(task, peer, `${actual.length} bytes, not ${expected.length}`);
  }
  const at = expected.findIndex((byte, i) => byte !== actual[i]);
  if (at >= 0) throw disagreement(task, peer, `byte ${at} is ${actual[at]}, not ${expected[at]}`);
}

function disagreement(task: string, peer: string, what: string): Error {
  return new Error(`${task}: ${peer} disagrees with frameferry: ${what}`);
}

/**
 * Damaged packets: bytes of the outer headers changed at random, ends cut off, wire lengths that say so or not.
 * Checksums are put right again in half of them, so that the checks behind that one are reached.
 */
export function damage(
  packets: readonly Uint8Array[],
  seed: number,
): { frames: Uint8Array[]; wireLengths: number[] } {
  const random = new Random(seed);
  const wireLengths: number[] = [];
  const frames = packets.map((packet) => {
    let frame = packet.slice();
    for (let i = random.below(4); i > 0 && frame.length > 0; i--) {
      const at = random.below(Math.min(frame.length, 52));
      frame[at] = random.below(3) === 0 ? random.below(256) : frame[at]! ^ (1 << random.below(8));
    }
    if (random.below(3) > 0 && frame.length >= 34) mendChecksum(frame);
    const wireLength = frame.length;
    if (random.below(4) === 0) frame = frame.slice(0, random.below(frame.length + 1));
    wireLengths.push(random.below(2) === 0 ? wireLength : frame.length);
    return frame;
  });
  return { frames, wireLengths };
}

function mendChecksum(frame: Uint8Array): void {
  const view = new DataView(frame.buffer);
  view.setUint16(24, 0);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += view.getUint16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(24, ~sum & 0xffff);
}
