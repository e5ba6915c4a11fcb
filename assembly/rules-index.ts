// The module of rule tables: it stands in a pipeline as one of the user's own does. It has no static data, which would be
// written over what lies in the memory.

export { run } from "./rules";
