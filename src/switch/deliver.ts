// What has left a switch, handed to its user frame by frame.

import type { Kernels } from "../kernel/kernels.ts";
import { DESCRIPTOR_FRAME_LENGTH, DESCRIPTOR_MARK, DESCRIPTOR_OFFSET } from "../layout/descriptor.layout.ts";
import { CONTEXT_OUT_COUNT } from "../layout/switch.layout.ts";
import type { SwitchContext } from "./switch-memory.ts";

/** Called for each frame that leaves, in order: a view of its bytes, good during the call, and the port's number. */
export type Deliver = (frame: Uint8Array, port: number) => void;

/** Delivers the list of what leaves a thread's context. */
export function deliverAll({ words, bytes }: Kernels, context: SwitchContext, deliver: Deliver): void {
  const count = words[(context.address + CONTEXT_OUT_COUNT) >>> 2] as number;
  const out = context.workspace.out >>> 2;
  for (let i = 0; i < count; i++) {
    const word = (words[out + i] as number) >>> 2;
    const offset = words[word + (DESCRIPTOR_OFFSET >> 2)] as number;
    const length = words[word + (DESCRIPTOR_FRAME_LENGTH >> 2)] as number;
    deliver(bytes.subarray(offset, offset + length), words[word + (DESCRIPTOR_MARK >> 2)] as number);
  }
}
