// What a TAP is told: the name of its interface, and what all ports with a queue are told.

import { stationMac } from "../core/address-fields.ts";
import type { MacAddress } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { type Checked, checkFields, type Fields, flag, type Kind, whole } from "../core/fields.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";

export interface TapOptions {
  /** Of the interface, 1 to 15 bytes; `"tap%d"` is the first of tap0, tap1, … that is free. */
  readonly name: string;
  /** 68 to 65,521. Default: what the system gives it, which is 1,500. */
  readonly mtu?: number | undefined;
  /** The address of the interface. Default: one that the system draws, another each time. */
  readonly mac?: MacAddress | undefined;
  /** Whether the interface is taken up. Default true. */
  readonly up?: boolean | undefined;
  /**
   * Whether the system may leave checksums of TCP and UDP to the port, and give it super-frames, TCP to be cut into segments, which
   * saves most of its time. Default: true, as far as the system does it; see `systemOffloads`.
   */
  readonly offloads?: boolean | undefined;
  /**
   * Whether the port itself gives and takes super-frames, for a switch with the same option; else it cuts what the system
   * gives. Default false.
   */
  readonly superFrames?: boolean | undefined;
  /** The network namespace to make it in: a name as `ip netns` has them, or a path. Default: that of the process. */
  readonly namespace?: string | undefined;
  /** Most frames that wait to be taken: 1 to 2^31, default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Most bytes that they keep: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
}

/** Options after the check. */
export type TapPlan = Checked<TapOptions, Defaults>;

type Defaults = "name" | "up" | "offloads" | "superFrames" | "queueFrames" | "queueBytes";

/** Bytes of a name, as the system keeps it: one more is its end. */
const NAME_MAXIMUM = 15;

export const tapFields: Fields<TapOptions, Defaults> = {
  name: { ...interfaceName(), required: true },
  mtu: whole(68, 65521),
  mac: stationMac(),
  up: { ...flag(), fallback: true },
  offloads: { ...flag(), fallback: true },
  superFrames: { ...flag(), fallback: false },
  namespace: namespaceName(),
  ...QUEUE_FIELDS,
};

/** @throws ArgumentError that names the option. */
export function tapPlan(options: TapOptions): TapPlan {
  return checkFields<TapOptions, Defaults>("options", tapFields, options);
}

/** The name of a network interface. */
export function interfaceName(): Kind<string> {
  const expected = `the name of an interface, of 1 to ${NAME_MAXIMUM} bytes without blanks, / and :`;
  return named(expected, (name) => {
    const { length } = new TextEncoder().encode(name);
    return length <= NAME_MAXIMUM && !/^\.{0,2}$|[\s/:\0]|%(?!d)|%.*%/.test(name);
  });
}

export function namespaceName(): Kind<string> {
  return named("the name or the path of a network namespace", (name) => {
    return !/^\.{0,2}$|\0/.test(name) && (name.startsWith("/") || !name.includes("/"));
  });
}

function named(expected: string, isGood: (name: string) => boolean): Kind<string> {
  const check = (path: string, value: unknown): string => {
    if (typeof value !== "string") throw wrongType(path, expected, value);
    if (isGood(value)) return value;
    throw new ArgumentRangeError("malformed", path, `expected ${expected}, got ${JSON.stringify(value)}`);
  };
  return { expected, check, parse: check };
}
