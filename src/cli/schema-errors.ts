// What a JSON schema has found wrong, as the place in the file and one sentence.

import { type ErrorPath, sentenceAt } from "../core/argument-error.ts";

/** A validator that the build has compiled from a schema, by ajv. */
export interface SchemaValidator {
  (value: unknown): boolean;
  readonly errors?: readonly SchemaError[] | null;
}

/** As ajv reports it. */
export interface SchemaError {
  /** JSON Pointer (RFC 6901) to what is wrong. */
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: {
    readonly additionalProperty?: string;
    readonly missingProperty?: string;
    readonly propertyName?: string;
  };
  /** What the keyword says. */
  readonly schema: unknown;
  /** The schema that the keyword stands in. */
  readonly parentSchema: Titled;
  readonly data: unknown;
}

/** A schema whose title says what is expected: "a VLAN from 1 to 4094". */
interface Titled {
  readonly title?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

const SHOWN = 40;

/** What is most wrong with `value`: `ports[2].vlans.5000: expected a VLAN from 1 to 4094`. */
export function explainSchemaErrors(value: unknown, errors: readonly SchemaError[]): string {
  // Of alternatives the one that got furthest; at the same place the last error is that of the whole.
  const depth = ({ instancePath }: SchemaError): number => instancePath.split("/").length;
  const error = errors.reduce((best, next) => (depth(next) >= depth(best) ? next : best));
  const { keyword, params, parentSchema, schema, data } = error;
  const path = parsePointer(error.instancePath, value);
  switch (keyword) {
    case "additionalProperties": {
      const known = Object.keys(parentSchema.properties ?? {}).join(", ");
      return sentenceAt([...path, params.additionalProperty ?? ""], `unknown (known: ${known})`);
    }
    case "required":
      return sentenceAt([...path, params.missingProperty ?? ""], "it is missing");
    case "propertyNames":
      return sentenceAt([...path, params.propertyName ?? ""], `expected ${(schema as Titled).title}`);
    default: {
      if (schema === 1 && (keyword === "minItems" || keyword === "minProperties"))
        return sentenceAt(path, "expected at least one");
      const got = typeof data === "object" && data !== null ? "" : `, got ${shown(data)}`;
      return sentenceAt(path, `expected ${parentSchema.title}${got}`);
    }
  }
}

/** The value tells the items of lists from properties whose names are numbers. */
function parsePointer(pointer: string, value: unknown): ErrorPath {
  let at = value;
  return pointer
    .split("/")
    .slice(1)
    .map((token) => {
      const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
      const step = Array.isArray(at) ? Number(name) : name;
      at = (at as Record<string | number, unknown>)[step];
      return step;
    });
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}...`;
}
