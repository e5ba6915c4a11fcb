import { readFileSync } from "node:fs";
import { nodeResolve } from "@rollup/plugin-node-resolve";

const frameferryFiles = {
  name: "frameferry-files",
  generateBundle() {
    for (const fileName of ["frameferry.wasm", "worker.js"]) {
      const source = readFileSync(new URL(import.meta.resolve(`frameferry/${fileName}`)));
      this.emitFile({ type: "asset", fileName, source });
    }
  },
};

export default {
  input: "./app.js",
  output: { dir: "dist", format: "es" },
  plugins: [nodeResolve({ browser: true }), frameferryFiles],
};
