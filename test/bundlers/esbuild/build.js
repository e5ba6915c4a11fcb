import { build } from "esbuild";

await build({
  entryPoints: { app: "./app.js", frameferry: "frameferry/frameferry.wasm", worker: "frameferry/worker.js" },
  loader: { ".wasm": "copy" },
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: "es2022",
  outdir: "dist",
});
