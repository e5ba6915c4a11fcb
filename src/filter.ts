// `frameferry/filter`: expressions in the language of tcpdump, compiled to WebAssembly.

export type { FilterOptions } from "./filter/compile.ts";
export { compileFilter, Filter, useFilterText } from "./filter/filter.ts";
export type { Scope } from "./filter/lower.ts";
export type { FilterPorts } from "./filter/ports.ts";
export type { CompiledFilter, FilterStage } from "./pipeline/stages.ts";
