// The stage that runs a WebAssembly module of the user's own. Whether the module is one that kernels can run is found out
// here, where an error can say what is wrong, and not in a worker.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber, wrongType } from "../core/arguments.ts";
import { bytes, choice, type Fields, flag, type Kind, list, object, text, whole } from "../core/fields.ts";
import { ownReasonCodes } from "../core/own-reasons.ts";
import {
  CODE_ID,
  CODE_ID_HIGH,
  CODE_LENGTH,
  MODULE_DEBUG,
  MODULE_HEADROOM,
  MODULE_NAME,
  MODULE_NAME_LENGTH,
  MODULE_NAME_MAXIMUM,
  MODULE_PARAMETERS,
  MODULE_PARAMETERS_LENGTH,
  MODULE_REASON,
  MODULE_REASONS,
  OPERATION_MODULE,
  STAGE_FLAGS,
  STATE_LENGTH,
} from "../layout/stage.layout.ts";
import type { FrameChange } from "./frame-change.ts";
import { checkModule } from "./module-check.ts";
import { type StageKind, type StageNeeds, stageKind } from "./stage-kind.ts";

const CODE_MAXIMUM = 1 << 20;
const DATA_MAXIMUM = 1 << 26;
const STATE_MAXIMUM = 1 << 30;
/** Bytes of what is counted of every stage. */
export const COUNTED = 8;
export const HEADROOM_MAXIMUM = 1024;
export const REASONS_MAXIMUM = 32;

export const CHANGE_FIELDS: Fields<FrameChange, "of" | "to" | "keeps" | "keepsOthers"> = {
  of: { ...choice("any", "ethernet"), required: true },
  to: { ...list(choice("ethernet", "raw"), 2), required: true },
  keeps: { ...flag(), required: true },
  keepsOthers: { ...flag(), required: true },
};

export const MODULE_STAGE: StageKind = stageKind<
  "module",
  "name" | "code" | "stateBytes" | "headroom" | "reasons"
>(
  "module",
  OPERATION_MODULE,
  {
    name: { ...nameKind(), required: true },
    code: { ...code(), required: true },
    parameters: atMost(MODULE_PARAMETERS_LENGTH),
    data: atMost(DATA_MAXIMUM),
    stateBytes: { ...whole(STATE_LENGTH, STATE_MAXIMUM), fallback: STATE_LENGTH },
    countedBytes: whole(COUNTED, STATE_MAXIMUM),
    headroom: { ...whole(0, HEADROOM_MAXIMUM), fallback: 0 },
    changes: object<FrameChange, "of" | "to" | "keeps" | "keepsOthers">(CHANGE_FIELDS),
    reasons: { ...list(nameKind(), REASONS_MAXIMUM), fallback: [] },
    debug: flag(),
    id: id(),
  },
  (options, record) => {
    const { debug, countedBytes, ...parts } = options;
    const counted = wholeNumber("countedBytes", countedBytes ?? COUNTED, COUNTED, parts.stateBytes);
    return writeModule({ ...parts, counted }, debug === true ? MODULE_DEBUG : 0, record);
  },
);

export interface ModuleParts {
  readonly name: string;
  readonly code: Uint8Array;
  readonly parameters?: Uint8Array | undefined;
  readonly data?: Uint8Array | undefined;
  readonly stateBytes: number;
  readonly counted: number;
  /** What the counters behind the first are called, where they have names. */
  readonly names?: readonly string[];
  readonly headroom: number;
  readonly changes?: FrameChange | undefined;
  readonly reasons: readonly string[];
  readonly id?: readonly number[] | undefined;
}

/** Writes the record of code of the user's own, all of it checked, and says what the stage needs. */
export function writeModule(parts: ModuleParts, flags: number, record: DataView): StageNeeds {
  const { name, code, stateBytes, counted, names, headroom, changes, reasons } = parts;
  // Not counted up: stages that were compiled on several threads may meet in one memory.
  const [low, high] = parts.id ?? crypto.getRandomValues(new Uint32Array(2));
  const put = (at: number, value: number): void => record.setUint32(at, value, true);
  put(STAGE_FLAGS, flags);
  put(CODE_LENGTH, code.length);
  put(CODE_ID, low as number);
  put(CODE_ID_HIGH, high as number);
  put(MODULE_NAME_LENGTH, name.length);
  put(MODULE_HEADROOM, headroom);
  put(MODULE_REASONS, reasons.length);
  put(MODULE_REASON, ownReasonCodes(reasons));
  const all = new Uint8Array(record.buffer, record.byteOffset, record.byteLength);
  all.set(new TextEncoder().encode(name), MODULE_NAME);
  all.set(parts.parameters ?? [], MODULE_PARAMETERS);
  const state = { length: stateBytes, counted, told: counted > COUNTED, ...(names && { names }) };
  return { headroom, state, code, data: parts.data, ...(changes && { changes }) };
}

/** Of a stage, or of a reason. */
export function nameKind(): Kind<string> {
  const expected = `1 to ${MODULE_NAME_MAXIMUM} letters, digits, hyphens, dots or underscores`;
  const check = (path: string, value: unknown): string => {
    const given = text().check(path, value);
    if (/^[\w.-]+$/.test(given) && given.length <= MODULE_NAME_MAXIMUM) return given;
    throw new ArgumentRangeError("malformed", path, `expected ${expected}, got ${JSON.stringify(given)}`);
  };
  return { expected, check };
}

function atMost(maximum: number): Kind<Uint8Array> {
  const check = (path: string, value: unknown): Uint8Array => {
    const given = byteArray(path, value);
    if (given.length <= maximum) return given;
    throw new ArgumentRangeError("full", path, `expected at most ${maximum} bytes, got ${given.length}`);
  };
  return { expected: bytes().expected, check };
}

function code(): Kind<Uint8Array> {
  const limited = atMost(CODE_MAXIMUM);
  const check = (path: string, value: unknown): Uint8Array => {
    // A copy, because compilers refuse shared memory.
    const given = limited.check(path, value).slice();
    checkModule(path, given as Uint8Array<ArrayBuffer>);
    return given;
  };
  return { ...limited, check };
}

function id(): Kind<readonly number[]> {
  const words = list(whole(0, 0xffffffff), 2);
  const check = (path: string, value: unknown): readonly number[] => {
    const given = words.check(path, value);
    if (given.length !== 2) throw wrongType(path, "an array of two words", value);
    return given;
  };
  return { expected: words.expected, check };
}
