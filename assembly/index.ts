// What the module exports: kernels that work on whole batches, and the few scalar functions beside them.

export { scanCapture } from "./capture-scan";
export { runCapture } from "./capture-write";
export { checksum, checksumUpdate } from "./checksum";
export { decapsulateVxlan } from "./decapsulate";
export { encapsulate } from "./encapsulate";
export { fdbInsert, fdbLookup, fdbRemove } from "./fdb";
export { fdbRepair } from "./fdb-slot";
export { fdbAge, fdbFlush, fdbList, fdbSet, fdbUnset } from "./fdb-sweep";
export { flowHash } from "./flow-hash";
export { runPipeline } from "./pipeline";
export { runRings } from "./record-ring";
export { ringPop, ringPush, ringPushShared } from "./ring";
export { runSwitch } from "./switch";
export { layoutVersion } from "./version";
export { vlanPop, vlanPush, vlanRewrite } from "./vlan";
export { sayAsleep, sleep } from "./wait";
