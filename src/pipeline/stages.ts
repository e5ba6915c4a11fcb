// A pipeline described as data: stages that can be written as JSON (all but the data of Geneve options, which are bytes)
// and posted to a worker.

import type { DecapsulateAny } from "../tunnel/any.ts";
import type { EncapsulateStage } from "../tunnel/encapsulations.ts";
import type { DecapsulateTunnelStage } from "../tunnel/kinds.ts";
import type { CountKey } from "./count-keys.ts";
import type { FrameChange } from "./frame-change.ts";

/** A decapsulation: of one kind of tunnel, or of whatever is there. */
export type DecapsulateStage = DecapsulateTunnelStage | DecapsulateAny;

/** Puts a VLAN tag in front of the frame's type, outside of those that are there. */
export interface VlanPushStage {
  readonly stage: "vlan-push";
  /** 0 (priority tag) to 4,094. */
  readonly vid: number;
  /** Priority code point, 0 to 7. Default 0. */
  readonly pcp?: number | undefined;
  /** Drop eligible indicator. Default false. */
  readonly dei?: boolean | undefined;
  /** 0x8100 (default), 0x88a8 or 0x9100. */
  readonly tpid?: number | undefined;
}

/** Takes the outermost VLAN tag off. Frames without one, or with another than asked for, go on unchanged. */
export interface VlanPopStage {
  readonly stage: "vlan-pop";
  /** Only a tag of this TPID. Default: any. */
  readonly tpid?: number | undefined;
  /** Only a tag of this VLAN. Default: any. */
  readonly vid?: number | undefined;
  /** Only a tag of this priority. Default: any. */
  readonly pcp?: number | undefined;
}

/** Changes the outermost VLAN tag; what is not given stays. Frames without one go on unchanged. */
export interface VlanRewriteStage {
  readonly stage: "vlan-rewrite";
  readonly vid?: number | undefined;
  readonly pcp?: number | undefined;
  readonly dei?: boolean | undefined;
  readonly tpid?: number | undefined;
  /** Only a tag of this TPID. Default: any. */
  readonly match?: number | undefined;
}

/**
 * Lets through what came out of a tunnel with this VNI, and drops the rest. A VSID counts as a VNI, and so does a GRE key
 * that is as small; frames that came out of a GRE tunnel without a key have none.
 */
export interface FilterVniStage {
  readonly stage: "filter-vni";
  readonly vni: number;
}

/** Lets one frame in so many through, or the frames of one flow in so many, and drops the rest (`not-sampled`). */
export interface SampleStage {
  readonly stage: "sample";
  /** 1 (all) to 2^32 - 1. */
  readonly oneIn: number;
  /**
   * `"frame"`, the default: the first frame that comes and each `oneIn`th behind it; every worker counts for itself.
   * `"flow"`: frames whose flow hash says so. Flows stay whole, and it is the same frames whatever the number of workers.
   */
  readonly by?: "frame" | "flow" | undefined;
  /** Of the flow hash, 0 to 2^32 - 1: another one chooses other flows. Only by flow. Default 0. */
  readonly seed?: number | undefined;
}

/** Counts frames, and their bytes on the wire, by what stands in them at this point of the pipeline; all go on unchanged. */
export interface CountStage {
  readonly stage: "count";
  /** What makes a key: one thing, or several together. */
  readonly by: CountKey | readonly CountKey[];
  /** How many keys are told one by one, those with the most frames, 1 to 65,536. Default: as many as there are. */
  readonly top?: number | undefined;
  /**
   * How many keys each thread has room for, 1 to 65,536. Frames of further keys are counted together, in `others`.
   * Default 1,024.
   */
  readonly capacity?: number | undefined;
}

/** What `compileFilter()` of `frameferry/filter` makes of a text: data that can be posted and kept. */
export interface CompiledFilter {
  readonly expression: string;
  /** The bytes of a WebAssembly module. */
  readonly code: Uint8Array<ArrayBuffer>;
  /** Two words that no other filter has. */
  readonly id: readonly number[];
  /** It asks what has become of frames, which no stage knows: it is for `matching(batch)` alone. */
  readonly asksFate?: boolean | undefined;
}

/** Lets through what matches an expression in the language of tcpdump, and drops the rest (`filtered`). */
export interface FilterStage {
  readonly stage: "filter";
  /** A compiled filter; or text, once `useFilterText()` of `frameferry/filter` has been called. */
  readonly expression: string | CompiledFilter;
  /** How far `vlan`, `mpls` and tunnels shift what stands behind them. Only of text. Default `"and"`. */
  readonly scope?: "and" | "text" | undefined;
}

/**
 * Runs a WebAssembly module of one's own over each burst. The module imports the memory as `env.memory`, and
 * `frameferry.drop(descriptor, reason, counters)`; it exports `run(descriptors, count, parameters, state, counters)`. What it
 * may do, and what it must not, is told in docs/own-stages.md.
 */
export interface ModuleStage {
  readonly stage: "module";
  /** What it is called in errors: 1 to 64 letters, digits, hyphens, dots or underscores. */
  readonly name: string;
  /** The bytes of the module, 1 MiB at most. */
  readonly code: Uint8Array;
  /** What it finds at `parameters`, 896 bytes at most. Default: zeroes. */
  readonly parameters?: Uint8Array | undefined;
  /**
   * What it reads beside its parameters and nobody changes, 64 MiB at most. The word 16 bytes in front of `parameters` says how
   * far behind them it lies, at a multiple of 16 bytes, in 32 bits: it may be in front of them; 0 if there is none.
   */
  readonly data?: Uint8Array | undefined;
  /** Bytes of its state in each thread, from 16 to 2^30; the first eight count the frames that it changed. Default 16. */
  readonly stateBytes?: number | undefined;
  /**
   * How many of them, from the first on, are counters: they start from zero when counters are reset, and are taken back where
   * a result is lost. From 8 to `stateBytes`. Default 8.
   */
  readonly countedBytes?: number | undefined;
  /** By how many bytes it makes a frame longer at most, 0 to 1,024: at its front. Default 0. */
  readonly headroom?: number | undefined;
  /** What it makes of frames, if they may begin with another header than before. Default: they begin as they did. */
  readonly changes?: FrameChange | undefined;
  /** Names of drop reasons of its own. The code of the first stands in the word in front of `parameters`. */
  readonly reasons?: readonly string[] | undefined;
  /** Whether what it made of the descriptors is looked at after each burst. Default false. */
  readonly debug?: boolean | undefined;
  /** Two words that no other stage has. Default: random ones. */
  readonly id?: readonly number[] | undefined;
}

/**
 * Runs JavaScript over each burst: what `stage()` gives of a stage that was defined by `defineStage()` of
 * `frameferry/own-stages`. Threads that run it must have loaded its script; those of a dataplane are told to.
 */
export interface JavaScriptStage {
  readonly stage: "javascript";
  /** What it is called in errors. */
  readonly name: string;
  /** The address of its script; or the name of a stage that is known on one thread only. */
  readonly script: string;
  /** Data as JSON has it. */
  readonly options?: unknown;
  /** As of a module. */
  readonly headroom?: number | undefined;
  readonly changes?: FrameChange | undefined;
  readonly reasons?: readonly string[] | undefined;
  /** Names of counters of its own, 32 at most. */
  readonly counters?: readonly string[] | undefined;
}

export type Stage =
  | DecapsulateStage
  | EncapsulateStage
  | VlanPushStage
  | VlanPopStage
  | VlanRewriteStage
  | FilterVniStage
  | SampleStage
  | CountStage
  | FilterStage
  | ModuleStage
  | JavaScriptStage;
