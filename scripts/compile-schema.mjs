// Compiles a JSON schema into TypeScript, so that the command line needs no schema library when it runs.
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import standaloneCode from "ajv/dist/standalone/index.js";

/** The text of a module that exports the schema's validator as `name`; throws for a schema that cannot be. */
export function compileSchema(path, name) {
  const schema = JSON.parse(readFileSync(path, "utf8"));
  // Errors carry the schema that failed, whose title is what was expected there.
  const ajv = new Ajv2020({ verbose: true, strict: true, strictRequired: false, code: { source: true } });
  const code = standaloneCode.default(ajv, ajv.compile(schema));
  if (code.includes("require(")) throw new Error(`${path}: what it uses needs ajv when it runs`);
  return `// @ts-nocheck
// Written by scripts/build.mjs from ${path}.
import type { SchemaValidator } from "./schema-errors.ts";
export const ${name}: SchemaValidator = /* @__PURE__ */ (() => {
const module = { exports: {} };
${code}
return module.exports;
})();
`;
}
