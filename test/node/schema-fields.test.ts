// The schemas are written by hand, for editors; the tables of options are what is checked. Both say the same: which
// properties there are, which are required, their bounds, names and defaults.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  ACCESS_PORT_FIELDS,
  ANY_PORT_FIELDS,
  BRIDGE_DOMAIN_FIELDS,
  FDB_ENTRY_FIELDS,
  NEIGHBOUR_FIELDS,
  SWITCH_FDB_FIELDS,
  TRUNK_PORT_FIELDS,
} from "../../build/js/src/switch/switch-options.js";
import { VTEP_FIELDS } from "../../build/js/src/switch/vtep.js";
import { optionsOfAnyKind } from "../../build/js/src/tunnel/kind-options.js";

interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

interface Row {
  readonly expected: string;
  readonly required?: true;
  readonly fallback?: unknown;
}

const root: Schema = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../schema/switch.schema.json"), "utf8"),
);

function resolved(schema: Schema): Schema {
  const name = schema.$ref?.replace("#/$defs/", "");
  return name === undefined ? schema : { ...root.$defs?.[name], ...schema };
}

function at(...path: string[]): Schema {
  return path.reduce((schema, name) => {
    const next = resolved(schema.properties![name]!);
    return next.items === undefined ? next : resolved(next.items);
  }, root);
}

// A switch's tunnels have what encapsulations have where nothing is given.
const { kind: _kind, ...ofTunnels } = Object.fromEntries(
  Object.entries(optionsOfAnyKind("tunnel")).map(([key, row]) => [
    key,
    { ...optionsOfAnyKind("encapsulate")[key], ...row },
  ]),
);

test.each<[string, Schema, object, { only?: string[]; more?: string[]; required?: string[] }]>([
  // A configuration has its entries there; seed and events are for those who have the switch in their hands.
  ["fdb", at("fdb"), SWITCH_FDB_FIELDS, { more: ["entries"], only: ["seed", "events"] }],
  // Names are how a configuration speaks of things.
  ["bridgeDomains", at("bridgeDomains"), BRIDGE_DOMAIN_FIELDS, { required: ["name"] }],
  [
    "ports",
    at("ports"),
    // Which of the two it is another rule of the schema says.
    { ...ACCESS_PORT_FIELDS, ...TRUNK_PORT_FIELDS },
    { more: ["in", "out"], required: ["name"] },
  ],
  ["neighbours", at("neighbours"), NEIGHBOUR_FIELDS, {}],
  ["fdb.entries", at("fdb", "entries"), FDB_ENTRY_FIELDS, {}],
  ["vtep", at("vtep"), VTEP_FIELDS, {}],
  ["vtep.ports", at("vtep", "ports"), VTEP_FIELDS.ports.fields!, {}],
  [
    "tunnels",
    at("tunnels"),
    { ...ofTunnels, ...ANY_PORT_FIELDS },
    // A kind by default is the configuration's alone. That remotes are required is said by the rows of the kinds.
    { more: ["kind", "bridgeDomains"], required: ["name", "remote", "bridgeDomains"] },
  ],
])("%s", (name, schema, fields, { only = [], more = [], required = [] }) => {
  const rows = Object.entries(fields as Readonly<Record<string, Row>>).filter(([key]) => !only.includes(key));
  const properties = schema.properties ?? {};
  expect(Object.keys(properties).sort()).toEqual([...rows.map(([key]) => key), ...more].sort());
  const needed = name === "ports" ? [] : rows.filter(([, row]) => row.required).map(([key]) => key);
  expect([...(schema.required ?? [])].sort()).toEqual([...needed, ...required].sort());
  for (const [key, { expected, fallback }] of rows) {
    const property = resolved(properties[key]!);
    const where = `${name}.${key}`;
    const bounds = /^a whole number from (\d+) to (\d+)$/.exec(expected);
    expect([property.minimum, property.maximum], where).toEqual(
      bounds === null ? [undefined, undefined] : [Number(bounds[1]), Number(bounds[2])],
    );
    if (property.enum !== undefined) expect(expected, where).toBe(property.enum.join(" or "));
    if (property.type === "boolean") expect(expected, where).toBe("true or false");
    const told = /Default "?([\w-]+)"?[.,]/.exec(property.description ?? "")?.[1];
    if (told !== undefined && key !== "group") expect(String(fallback), where).toBe(told);
  }
});
