// What the module exports that filters are built upon: the compiler puts each filter's own function behind these.

export { openLink } from "./link";
export { walk } from "./walk";
