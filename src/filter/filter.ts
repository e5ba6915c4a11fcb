// A compiled filter: data that can be posted and kept, run here on single frames and on batches, and by pipelines as a stage.

import { byteArray, wholeNumber } from "../core/arguments.ts";
import { linkOf } from "../core/link-types.ts";
import { expectBatch, type FrameBatch } from "../frame/frame-batch.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
  VNI_NONE,
} from "../layout/descriptor.layout.ts";
import { CACHE_LINE, PAGE_LENGTH, PAGES_MAXIMUM } from "../layout/memory.layout.ts";
import { LINK_TYPE_ETHERNET } from "../layout/pcap.layout.ts";
import { WALK_LENGTH } from "../layout/walk.layout.ts";
import { expectNoFate, setFilterCompiler } from "../pipeline/filter-stage.ts";
import type { CompiledFilter, FilterStage } from "../pipeline/stages.ts";
import { compile, type FilterOptions } from "./compile.ts";
import { type Tree, treeText } from "./tree.ts";

type Run = (descriptors: number, count: number, room: number) => number;

/** Of the memory for single frames: a descriptor, the filter's room, and the frame behind them. */
const ROOM = CACHE_LINE;
const FRAME = ROOM + WALK_LENGTH;
/** Of a frame that matches. */
const INDEX_LENGTH = 4;

/** A module, compiled where it is first needed, and its instances. */
class Program {
  readonly #code: () => Uint8Array<ArrayBuffer>;
  #module: WebAssembly.Module | undefined;
  readonly #runs: WeakMap<Kernels, Run> = new WeakMap();

  constructor(code: () => Uint8Array<ArrayBuffer>) {
    this.#code = code;
  }

  on(memory: WebAssembly.Memory): Run {
    this.#module ??= new WebAssembly.Module(this.#code());
    const { exports } = new WebAssembly.Instance(this.#module, { env: { memory } });
    return (exports as unknown as { readonly run: Run }).run;
  }

  /** Runs over all frames of a batch; `read` is told what came back and where the room lay, while that is there. */
  over<T>(
    { kernels, descriptors, length }: FrameBatch,
    more: number,
    read: (result: number, room: number) => T,
  ): T {
    let run = this.#runs.get(kernels);
    if (run === undefined) this.#runs.set(kernels, (run = this.on(kernels.memory)));
    const room = kernels.plan.reserve("a filter's table", WALK_LENGTH + more);
    try {
      return read(run(descriptors, length, room), room);
    } finally {
      kernels.plan.release(room);
    }
  }
}

export class Filter implements CompiledFilter {
  readonly expression: string;
  readonly code: Uint8Array<ArrayBuffer>;
  readonly id: readonly number[];
  readonly asksFate: boolean;
  readonly #tree: Tree | undefined;
  readonly #dropping: Program;
  readonly #selecting: Program;
  /** For single frames. */
  #memory: WebAssembly.Memory | undefined;
  #run: Run | undefined;

  /** Made by `compileFilter()`. */
  constructor(expression: string, options: FilterOptions) {
    const { tree, code, selecting, asksFate } = compile(expression, options);
    this.expression = expression;
    this.code = code;
    // Not counted up: filters that were made on several threads may meet in one memory.
    this.id = [...crypto.getRandomValues(new Uint32Array(2))];
    this.#tree = tree;
    this.asksFate = asksFate;
    this.#dropping = new Program(() => code);
    this.#selecting = new Program(selecting);
  }

  /**
   * The stage that lets through what matches.
   * @throws ArgumentError if the text asks for a verdict or a reason: stages look at frames that have none yet. A filter that is
   * given as `expression` by itself is refused for the same.
   */
  get stage(): FilterStage {
    expectNoFate("expression", this);
    return { stage: "filter", expression: { expression: this.expression, code: this.code, id: this.id } };
  }

  /**
   * Whether a frame matches. `wireLength` is what `len` says of one that a capture cut, `linkType` (a LINKTYPE_ number)
   * with what it begins. Default: Ethernet.
   */
  matches(
    frame: Uint8Array,
    wireLength: number = byteArray("frame", frame).length,
    linkType: number = LINK_TYPE_ETHERNET,
  ): boolean {
    byteArray("frame", frame);
    wholeNumber("wireLength", wireLength, frame.length, 0xffffffff);
    wholeNumber("linkType", linkType, 0, 0xffff);
    const { memory, run } = this.#withRoom(FRAME + frame.length);
    new Uint8Array(memory.buffer).set(frame, FRAME);
    const view = new DataView(memory.buffer);
    view.setUint32(DESCRIPTOR_OFFSET, FRAME, true);
    view.setUint32(DESCRIPTOR_FRAME_LENGTH, frame.length, true);
    view.setUint32(DESCRIPTOR_WIRE_LENGTH, wireLength, true);
    view.setUint32(DESCRIPTOR_VERDICT, VERDICT_FORWARD, true);
    view.setUint8(DESCRIPTOR_LINK, linkOf(linkType));
    view.setUint32(DESCRIPTOR_VNI, VNI_NONE, true);
    return run(0, 1, ROOM) === 0;
  }

  /** Drops all frames of a batch that do not match, as the stage does; returns how many it dropped. */
  run(batch: FrameBatch): number {
    expectNoFate("expression", this);
    expectBatch(batch, batch.kernels, "filter");
    return this.#dropping.over(batch, 0, (dropped) => dropped);
  }

  /**
   * The indices of all frames of a batch that match, whether they have been dropped or not. It changes nothing. Here the
   * text may say `verdict` and `reason`.
   */
  matching(batch: FrameBatch): number[] {
    const { kernels, length } = expectBatch(batch, batch.kernels, "filter");
    return this.#selecting.over(batch, length * INDEX_LENGTH, (count, room) => [
      ...new Uint32Array(kernels.memory.buffer, room + WALK_LENGTH, count),
    ]);
  }

  /** What was understood, as a tree of lines. */
  explain(): string {
    return this.#tree === undefined ? "every frame" : treeText(this.#tree);
  }

  #withRoom(length: number): { readonly memory: WebAssembly.Memory; readonly run: Run } {
    if (this.#memory === undefined || this.#run === undefined || this.#memory.buffer.byteLength < length) {
      const initial = Math.ceil(length / PAGE_LENGTH);
      this.#memory = new WebAssembly.Memory({ initial, maximum: PAGES_MAXIMUM, shared: true });
      this.#run = this.#dropping.on(this.#memory);
    }
    return { memory: this.#memory, run: this.#run };
  }
}

/**
 * Compiles an expression in the language of tcpdump.
 * @throws ArgumentError of kind `malformed` that says where in the text what was expected.
 */
export function compileFilter(expression: string, options: FilterOptions = {}): Filter {
  return new Filter(expression, options);
}

/** From now on stages may hold text: `{ stage: "filter", expression: "tcp port 80" }`. */
export function useFilterText(): void {
  setFilterCompiler(
    (expression, options) => compileFilter(expression, options).stage.expression as CompiledFilter,
  );
}
