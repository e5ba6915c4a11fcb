// The memory that the C and the JavaScript peers work on: header, counters, descriptors, frame slots,
// a capture. Its layout is that of the kernels' batches; addresses count from its first byte.
// bench/native/image.h reads the same header.

import { BATCH_FRAMES_DEFAULT, HEADROOM_DEFAULT } from "../src/layout/batch.layout.ts";
import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_REASON,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VNI_NONE,
} from "../src/layout/descriptor.layout.ts";
import { outerTemplate, tunnel } from "./frames.ts";

export const IMAGE_COUNT = 0;
export const IMAGE_BURST = 4;
export const IMAGE_DESCRIPTORS = 8;
export const IMAGE_IP_SUM = 12;
export const IMAGE_SEED = 16;
export const IMAGE_TAG = 20;
export const IMAGE_PORT = 24;
export const IMAGE_VNI = 28;
export const IMAGE_CAPTURE = 32;
export const IMAGE_CAPTURE_END = 36;
export const IMAGE_OUT = 40;
export const IMAGE_OUT_END = 44;
export const IMAGE_OUTER = 64;
export const IMAGE_COUNTERS = 128;
export const IMAGE_HEADER_LENGTH = 384;

/** With the default headroom slots lie 2,112 bytes apart: an odd number of cache lines. */
export const SLOT_LENGTH = 2112;
export const VLAN_ID = 100;

export interface ImageOptions {
  readonly seed: number;
  /** Bytes each frame had on the wire; as many as it has if left out. */
  readonly wireLengths?: readonly number[];
  /** Records of a capture. */
  readonly capture?: Uint8Array;
}

/** A frame and what a descriptor says of it: what peers must agree on. */
export interface Outcome {
  readonly verdict: number;
  readonly reason: number;
  readonly wireLength: number;
  readonly vni: number;
  readonly flowHash: number;
  readonly mark: number;
  readonly bytes: Uint8Array;
}

/** An image that holds copies of `frames`, a multiple of 256 of them. */
export function makeImage(frames: readonly Uint8Array[], options: ImageOptions): Uint8Array<ArrayBuffer> {
  const captureLength = options.capture?.length ?? 0;
  const descriptors = IMAGE_HEADER_LENGTH;
  const slots = descriptors + frames.length * DESCRIPTOR_LENGTH;
  const capture = slots + frames.length * SLOT_LENGTH;
  const out = capture + Math.ceil(captureLength / 64) * 64 + 64;
  const bytes = new Uint8Array(out + Math.ceil(captureLength / 64) * 64 + 64);
  const view = new DataView(bytes.buffer);
  const template = outerTemplate();

  const set = (at: number, value: number): void => view.setUint32(at, value, true);
  set(IMAGE_COUNT, frames.length);
  set(IMAGE_BURST, BATCH_FRAMES_DEFAULT);
  set(IMAGE_DESCRIPTORS, descriptors);
  set(IMAGE_SEED, options.seed);
  view.setUint32(IMAGE_TAG, (0x8100 << 16) | VLAN_ID);
  view.setUint16(IMAGE_PORT, tunnel.port);
  set(IMAGE_VNI, tunnel.vni);
  set(IMAGE_CAPTURE, capture);
  set(IMAGE_CAPTURE_END, capture + captureLength);
  set(IMAGE_OUT, out);
  bytes.set(template, IMAGE_OUTER);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += new DataView(template.buffer).getUint16(i, true);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  set(IMAGE_IP_SUM, sum);

  for (const [i, frame] of frames.entries()) {
    const slot = slots + i * SLOT_LENGTH;
    bytes.set(frame, slot + HEADROOM_DEFAULT);
    const d = descriptors + i * DESCRIPTOR_LENGTH;
    set(d + DESCRIPTOR_OFFSET, slot + HEADROOM_DEFAULT);
    set(d + DESCRIPTOR_FRAME_LENGTH, frame.length);
    set(d + DESCRIPTOR_WIRE_LENGTH, options.wireLengths?.[i] ?? frame.length);
    set(d + DESCRIPTOR_FLOOR, slot);
    set(d + DESCRIPTOR_VNI, VNI_NONE);
    set(d + DESCRIPTOR_MARK, i);
  }
  if (options.capture !== undefined) bytes.set(options.capture, capture);
  return bytes;
}

/** What an image's capture was rewritten to. */
export function rewritten(image: Uint8Array<ArrayBuffer>): Uint8Array {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  return image.subarray(view.getUint32(IMAGE_OUT, true), view.getUint32(IMAGE_OUT_END, true));
}

/** What the descriptors of an image say. */
export function outcomes(image: Uint8Array<ArrayBuffer>): Outcome[] {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const get = (at: number): number => view.getUint32(at, true);
  const all: Outcome[] = [];
  for (let i = 0; i < get(IMAGE_COUNT); i++) {
    const d = get(IMAGE_DESCRIPTORS) + i * DESCRIPTOR_LENGTH;
    const offset = get(d + DESCRIPTOR_OFFSET);
    all.push({
      verdict: view.getUint8(d + DESCRIPTOR_VERDICT),
      reason: view.getUint8(d + DESCRIPTOR_REASON),
      wireLength: get(d + DESCRIPTOR_WIRE_LENGTH),
      vni: get(d + DESCRIPTOR_VNI),
      flowHash: get(d + DESCRIPTOR_FLOW_HASH),
      mark: get(d + DESCRIPTOR_MARK),
      bytes: image.subarray(offset, offset + get(d + DESCRIPTOR_FRAME_LENGTH)),
    });
  }
  return all;
}
