// The ready stages: which of them is to run, the first word of the parameters says.

import {
  READY_ANONYMISE,
  READY_DEDUP,
  READY_KIND,
  READY_MARK,
  READY_RATE,
  READY_REWRITE,
  READY_TRUNCATE,
} from "../src/layout/ready.layout";
import { anonymise } from "./ready-anonymise";
import { dedup } from "./ready-dedup";
import { mark } from "./ready-mark";
import { rate } from "./ready-rate";
import { rewrite } from "./ready-rewrite";
import { truncate } from "./ready-truncate";

/** What a pipeline calls once a burst: docs/own-stages.md. */
export function run(descriptors: usize, count: u32, parameters: usize, state: usize, counters: usize): void {
  switch (load<u32>(parameters, READY_KIND)) {
    case READY_TRUNCATE:
      truncate(descriptors, count, parameters, state);
      break;
    case READY_ANONYMISE:
      anonymise(descriptors, count, parameters, state);
      break;
    case READY_REWRITE:
      rewrite(descriptors, count, parameters, state, counters);
      break;
    case READY_DEDUP:
      dedup(descriptors, count, parameters, state, counters);
      break;
    case READY_RATE:
      rate(descriptors, count, parameters, state, counters);
      break;
    case READY_MARK:
      mark(descriptors, count, parameters);
      break;
    default:
      unreachable();
  }
}
