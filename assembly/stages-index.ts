// The module of the ready stages: it stands in a pipeline as one of the user's own does, and so nobody pays for it who does
// not use it. It has no static data, which would be written over what lies in the memory.

export { run } from "./ready";
