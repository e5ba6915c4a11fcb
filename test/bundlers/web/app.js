// The program of every page: one way to open the dataplane or the other, as the address says.
import { ferry } from "./ferry.js";

const files = location.search === "?files";
const { openDataplane } = files ? await import("./files.js") : await import("./inline.js");
globalThis.ferried = ferry(openDataplane);
