// What the smaller module exports, which a switch brings that was made by createSwitch(): no stages, no captures.

export { fdbInsert, fdbLookup, fdbLookupPlain, fdbRemove } from "./fdb";
export { fdbRepair } from "./fdb-slot";
export { fdbAge, fdbFlush, fdbList, fdbSet, fdbUnset } from "./fdb-sweep";
export { ringPop, ringPush } from "./ring";
export { runSwitch } from "./switch";
// All lanes of such a switch are its own.
export { runSwitchRings as runRings } from "./switch-ring";
export { layoutVersion } from "./version";
export { sayAsleep, sleep } from "./wait";
