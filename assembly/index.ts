// What the module exports: kernels that work on whole batches, and the few scalar functions beside them.

export { checksum, checksumUpdate } from "./checksum";
