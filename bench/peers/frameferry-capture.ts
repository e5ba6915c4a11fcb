// A capture that lies in the kernels' memory, rewritten by one call: records read, frames decapsulated, records
// written. The cursor is laid out here by hand, so that only the kernel is measured and no stream around it.

import { type Kernels, Pipeline } from "../../src/index.ts";
import { INTERFACE_ENTRY_LENGTH, STAMP_LENGTH } from "../../src/layout/capture.layout.ts";
import {
  CURSOR_BURST,
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_INTERFACES,
  CURSOR_LENGTH,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_STAGE_COUNT,
  CURSOR_STAGES,
  CURSOR_STAMPS,
} from "../../src/layout/cursor.layout.ts";
import { DESCRIPTOR_LENGTH } from "../../src/layout/descriptor.layout.ts";
import { tunnel } from "../frames.ts";

const BURST = 256;

export interface FrameferryCapture {
  rewrite(): void;
  /** The records written. */
  written(): Uint8Array;
  close(): void;
}

export function frameferryCapture(kernels: Kernels, records: Uint8Array): FrameferryCapture {
  const { plan, bytes, view, functions } = kernels;
  const pipeline = new Pipeline(kernels, [{ stage: "decapsulate", kind: "vxlan", vni: tunnel.vni }]);
  const regions: number[] = [];
  const reserve = (what: string, length: number): number => {
    const address = plan.reserve(what, length);
    regions.push(address);
    return address;
  };
  const cursor = reserve("a cursor", CURSOR_LENGTH);
  const input = reserve("a capture", records.length);
  const output = reserve("a rewritten capture", records.length);
  const interfaces = reserve("an interface table", INTERFACE_ENTRY_LENGTH);
  const set = (at: number, value: number): void => view.setUint32(cursor + at, value, true);
  bytes.set(records, input);
  set(CURSOR_IN_END, input + records.length);
  set(CURSOR_OUT_END, output + records.length);
  set(CURSOR_INTERFACES, interfaces);
  set(CURSOR_DESCRIPTORS, reserve("descriptors", BURST * DESCRIPTOR_LENGTH));
  set(CURSOR_STAMPS, reserve("stamps", BURST * STAMP_LENGTH));
  set(CURSOR_BURST, BURST);
  set(CURSOR_STAGES, pipeline.address);
  set(CURSOR_STAGE_COUNT, pipeline.stages.length);
  set(CURSOR_COUNTERS, pipeline.counterAddress);
  return {
    rewrite: () => {
      set(CURSOR_IN, input);
      set(CURSOR_OUT, output);
      functions.runCapture(cursor);
    },
    written: () => bytes.slice(output, view.getUint32(cursor + CURSOR_OUT, true)),
    close: () => {
      for (const address of regions) plan.release(address);
      pipeline.close();
    },
  };
}
