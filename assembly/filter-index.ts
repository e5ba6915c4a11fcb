// What the module exports that filters are built upon: the compiler puts each filter's own function behind these.

export { followHeaders, openFrame } from "./filter-library";
export { walk } from "./walk";
