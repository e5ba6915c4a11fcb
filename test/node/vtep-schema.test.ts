// The schema of `frameferry vtep` says of a switch what that of `frameferry switch` says, and of what is plugged in what the
// tables of options say, which are what is checked in the end.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packetPortFields } from "../../build/js/src/linux/packet-options.js";
import { tapFields } from "../../build/js/src/linux/tap-options.js";
import { datagramPortFields } from "../../build/js/src/sockets/datagram-options.js";
import { streamPortFields } from "../../build/js/src/sockets/stream-options.js";
import { webSocketListenerFields } from "../../build/js/src/sockets/websocket-listener.js";
import { portOf, TUNNEL_ROWS } from "../../build/js/src/tunnel/kinds.js";

interface Schema {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
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

function read(name: string): Schema {
  return JSON.parse(readFileSync(join(import.meta.dirname, `../../schema/${name}.schema.json`), "utf8"));
}

const [ofSwitch, ofVtep] = [read("switch"), read("vtep")];

describe("what both have is the same", () => {
  const without = (schema: Schema, ...names: readonly string[]): Record<string, Schema> =>
    Object.fromEntries(Object.entries(schema.properties ?? {}).filter(([name]) => !names.includes(name)));

  test.each(["bridgeDomains", "neighbours", "routers"])("%s", (part) => {
    expect(ofVtep.properties?.[part]).toEqual(ofSwitch.properties?.[part]);
  });

  test.each(["vtep", "fdb"])("%s, but for what is told of a program that runs", (part) => {
    const [one, other] = [ofVtep, ofSwitch].map((schema) => ({
      ...schema.properties?.[part],
      description: "",
    }));
    expect(one).toEqual(other);
  });

  test("ports, but for what they are plugged into", () => {
    const [one, other] = [ofVtep, ofSwitch].map((schema) => schema.properties!.ports!.items!);
    expect(without(one!, "tap", "packet", "udp", "qemu", "websocket")).toEqual(without(other!, "in", "out"));
    expect(one!.required).toEqual(other!.required);
  });

  test("tunnels, but for kinds that no UDP carries", () => {
    const [one, other] = [ofVtep, ofSwitch].map((schema) => schema.properties!.tunnels!.items!);
    expect(without(one!, "kind")).toEqual(without(other!, "kind", "checksum"));
    expect(one!.required).toEqual(other!.required);
    const kinds = TUNNEL_ROWS.filter((row) => portOf(row) !== undefined).map(({ name }) => name);
    expect(one!.properties?.kind?.enum).toEqual(kinds);
  });

  test("what they refer to", () => {
    const own = ["tap", "packet", "udp", "qemu", "websocket", "end", "streamEnd"];
    const [one, other] = [{ ...ofVtep.$defs }, { ...ofSwitch.$defs }];
    for (const name of own) delete one[name];
    for (const name of ["in", "out", "file"]) delete other[name];
    expect(one).toEqual(other);
  });
});

/** Where the options are, the table, and those of it that a configuration has no use for. */
const PLUGS: readonly [string, object, readonly string[]][] = [
  ["tap", tapFields, ["superFrames", "queueFrames", "queueBytes"]],
  ["packet", packetPortFields, ["name", "queueFrames", "queueBytes"]],
  ["udp", datagramPortFields, ["name", "queueFrames", "queueBytes"]],
];

test.each(PLUGS)("%s is what its table says", (name, fields, unused) => {
  const schema = ofVtep.$defs![name]!;
  const rows = Object.entries(fields as Readonly<Record<string, Row>>).filter(
    ([key]) => !unused.includes(key),
  );
  expect(Object.keys(schema.properties!).sort()).toEqual(rows.map(([key]) => key).sort());
  for (const [key, { expected, fallback }] of rows)
    expectSame(`${name}.${key}`, schema.properties![key]!, expected, fallback);
  // A TAP has its port's name unless it is told one.
  const needed = rows
    .filter(([key, row]) => row.required && `${name}.${key}` !== "tap.name")
    .map(([key]) => key);
  expect([...(schema.required ?? [])].sort()).toEqual(needed.sort());
});

test("qemu has the MTU of streams", () => {
  const { expected, fallback } = streamPortFields.mtu;
  expectSame("qemu.mtu", ofVtep.$defs!.qemu!.properties!.mtu!, expected, fallback);
});

test("websocket has the MTU of WebSockets, and what their listener asks for", () => {
  const { properties, required } = ofVtep.$defs!.websocket!;
  const { expected, fallback } = webSocketListenerFields.mtu;
  expectSame("websocket.mtu", properties!.mtu!, expected, fallback);
  const { listen: _, ...others } = properties!;
  expect(Object.keys(webSocketListenerFields)).toEqual(expect.arrayContaining(Object.keys(others)));
  expect(required).toEqual(["listen", "token"]);
});

function expectSame(where: string, schema: Schema, expected: string, fallback: unknown): void {
  const bounds = /^a whole number from (\d+) to (\d+)$/.exec(expected);
  expect([schema.minimum, schema.maximum], where).toEqual(
    bounds === null ? [undefined, undefined] : [Number(bounds[1]), Number(bounds[2])],
  );
  const told = /Default (\w+)\./.exec(schema.description ?? "")?.[1];
  if (fallback !== undefined) expect(told, where).toBe(String(fallback));
}
