// What the module exports: kernels that work on whole batches, and the few scalar functions beside them.

export { answerArp } from "./arp-answer";
export { scanCapture } from "./capture-scan";
export { runCapture, runReleased } from "./capture-write";
export { checksum, checksumUpdate } from "./checksum";
export { decapsulate } from "./decapsulate";
export { encapsulate } from "./encapsulate";
export { fdbInsert, fdbLookup, fdbLookupPlain, fdbRemove } from "./fdb";
export { fdbRepair } from "./fdb-slot";
export { fdbAge, fdbFlush, fdbList, fdbSet, fdbUnset } from "./fdb-sweep";
export { flowHash } from "./flow-hash";
export { openFragments } from "./fragment-table";
export { lookupRoutes } from "./lpm";
export { dropForModule as drop } from "./module-stage";
export { beginNotes, endNotes, portOf as port, timeOf as time } from "./notes";
export { runPipeline, runPipelineNoting } from "./pipeline";
export { endFragments } from "./reassemble";
export { runRings } from "./record-ring";
export { ringPop, ringPush, ringPushShared } from "./ring";
export { route } from "./route";
export { runSwitch } from "./switch";
export { layoutVersion } from "./version";
export { vlanPop, vlanPush, vlanRewrite } from "./vlan";
export { sayAsleep, sleep } from "./wait";
