export { type DropReason, dropReason, dropReasons } from "./core/drop-reasons.ts";
