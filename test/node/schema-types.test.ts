// The schemas let through what the types of options let through: which properties there are, and which of them can be
// left out. The types are those that users have.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import {
  ROUTER_MTU_DEFAULT,
  ROUTER_MTU_MAXIMUM,
  ROUTER_MTU_MINIMUM,
  ROUTER_MTU_MINIMUM_IPV6,
} from "../../src/layout/route.layout.ts";

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

const root = join(import.meta.dirname, "../..");

const FILES = {
  switch: { schema: "schema/switch.schema.json", types: "dist/switch.d.ts" },
  topology: { schema: "schema/topology.schema.json", types: "dist/overlay.d.ts" },
} as const;
type File = keyof typeof FILES;

const schemas = new Map<File, Schema>();
const types = new Map<File, ReadonlyMap<string, readonly Member[]>>();
for (const [name, { schema, types: path }] of Object.entries(FILES)) {
  schemas.set(name as File, JSON.parse(readFileSync(join(root, schema), "utf8")));
  // Types of several entries stand in files that these share.
  const shared = readdirSync(join(root, "dist/shared"))
    .filter((file) => file.endsWith(".d.ts"))
    .map((file) => `dist/shared/${file}`);
  const texts = [path, ...shared].map((file) => readFileSync(join(root, file), "utf8"));
  types.set(name as File, membersOf(texts.join("\n")));
}

interface Member {
  readonly name: string;
  readonly optional: boolean;
}

/** The members of each type by its name; of a union, and of an object within one, those of all its parts. */
function membersOf(text: string): Map<string, Member[]> {
  const found = new Map<string, Member[]>();
  const members = (list: ts.NodeArray<ts.TypeElement>): Member[] =>
    list.filter(ts.isPropertySignature).map(({ name, questionToken }) => ({
      name: (name as ts.Identifier).text,
      optional: questionToken !== undefined,
    }));
  const ofType = (type: ts.TypeNode): Member[] => {
    if (ts.isUnionTypeNode(type)) return type.types.flatMap(ofType);
    if (ts.isTypeLiteralNode(type)) return members(type.members);
    return ts.isTypeReferenceNode(type) ? (found.get((type.typeName as ts.Identifier).text) ?? []) : [];
  };
  const { statements } = ts.createSourceFile("types.d.ts", text, ts.ScriptTarget.Latest);
  for (const statement of statements.filter(ts.isInterfaceDeclaration)) {
    found.set(statement.name.text, members(statement.members));
    for (const member of statement.members)
      if (ts.isPropertySignature(member) && member.type !== undefined && ts.isTypeLiteralNode(member.type))
        found.set(`${statement.name.text}.${(member.name as ts.Identifier).text}`, ofType(member.type));
  }
  for (const statement of statements.filter(ts.isTypeAliasDeclaration))
    found.set(statement.name.text, ofType(statement.type));
  return found;
}

function at(file: File, path: string): Schema {
  const whole = schemas.get(file)!;
  const resolved = (schema: Schema): Schema =>
    schema.$ref === undefined ? schema : whole.$defs![schema.$ref.replace("#/$defs/", "")]!;
  return path
    .split(".")
    .filter((name) => name !== "")
    .reduce((schema, name) => {
      const next = resolved(schema.properties![name]!);
      return next.items === undefined ? next : resolved(next.items);
    }, whole);
}

/** Where in a schema, the type that says the same, and what only the type has: a program has other ways for it. */
const SAME: [file: File, path: string, type: string, only?: string[]][] = [
  ["switch", "routers.interfaces", "InterfaceOptions"],
  ["switch", "routers.routes", "RouteOptions"],
  ["topology", "", "Topology"],
  ["topology", "underlay", "TopologyUnderlay"],
  ["topology", "dataCentre", "DataCentreOptions"],
  ["topology", "dataCentre.zones", "ZoneOptions"],
  ["topology", "dataCentre.zones.racks", "RackOptions"],
  ["topology", "machines", "TopologyMachine"],
  ["topology", "hosts", "TopologyHost"],
  ["topology", "vpcs", "TopologyVpc"],
  ["topology", "vpcs.machines", "TopologyVpcMachine"],
  ["topology", "clouds", "TopologyCloud"],
  ["topology", "clusters", "TopologyCluster"],
  ["topology", "clusters.nodes", "TopologyNode"],
  ["topology", "clusters.pods", "TopologyPod"],
  ["topology", "office", "OfficeOptions", ["capture"]],
  ["topology", "office.placement", "Desk"],
  ["topology", "tors", "TwoTorsOptions", ["capture"]],
  ["topology", "traffic", "Step"],
  ["topology", "traffic.flow", "FlowStep.flow"],
];

test.each(SAME)("%s: %s is %s", (file, path, type, only = []) => {
  const schema = at(file, path);
  const members = types
    .get(file)!
    .get(type)!
    .filter(({ name }) => !only.includes(name));
  const names = [...new Set(members.map(({ name }) => name))];
  expect(Object.keys(schema.properties!).sort()).toEqual(names.sort());
  // What one kind of a union needs, another does not have: the schema says that by other rules.
  const kinds = Math.max(...names.map((one) => members.filter(({ name }) => name === one).length));
  const union = members.length > names.length || type === "Step";
  const needed = names.filter((one) => {
    const of = members.filter(({ name }) => name === one);
    return of.every(({ optional }) => !optional) && (!union || (kinds > 1 && of.length === kinds));
  });
  expect([...(schema.required ?? [])].sort()).toEqual(type === "Step" ? [] : needed.sort());
});

describe("a router's interface", () => {
  test("has the MTUs that routers take", () => {
    const { minimum, maximum, description } = at("switch", "routers.interfaces").properties!.mtu!;
    expect([minimum, maximum]).toEqual([ROUTER_MTU_MINIMUM, ROUTER_MTU_MAXIMUM]);
    expect(description).toContain(
      `with IPv6 at least ${ROUTER_MTU_MINIMUM_IPV6}. Default ${ROUTER_MTU_DEFAULT}.`,
    );
  });
});
