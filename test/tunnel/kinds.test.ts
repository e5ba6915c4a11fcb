// The table of kinds: what kernels, options and schemas take for granted of its rows.
import { loadKernels, tunnelKinds } from "frameferry";
import { SwitchCore, type TunnelOptions } from "frameferry/switch";
import { beforeAll, describe, expect, it } from "vitest";
import schema from "../../schema/switch.schema.json" with { type: "json" };
import {
  REMOTE_IPV4,
  REMOTE_IPV6,
  REMOTE_KIND_SHIFT,
  REMOTE_NVGRE,
  REMOTE_TUNNEL_SHIFT,
  REMOTE_VNI,
  SWITCH_FORMS,
  SWITCH_LENGTH,
} from "../../src/layout/switch.layout.ts";
import { FORM_LENGTH, TUNNEL_KINDS_MAXIMUM } from "../../src/layout/tunnel.layout.ts";
import { optionsOfAnyKind } from "../../src/tunnel/kind-options.ts";
import { TUNNEL_ROWS } from "../../src/tunnel/kinds.ts";
import { KINDS } from "../support/tunnel-kinds.ts";

describe("the table of kinds", () => {
  it("has a row for each kind, in the order of their numbers", () => {
    expect(TUNNEL_ROWS.map(({ name }) => name)).toEqual(KINDS);
    expect(TUNNEL_ROWS.map(({ number }) => number)).toEqual(KINDS.map((_, number) => number));
    expect(tunnelKinds.map(({ kind }) => kind)).toEqual(KINDS);
    expect(TUNNEL_ROWS.length).toBeLessThanOrEqual(TUNNEL_KINDS_MAXIMUM);
  });

  it("has no two kinds with one UDP port", () => {
    const ports = tunnelKinds.flatMap((kind) => kind.ports);
    expect(new Set(ports).size).toBe(ports.length);
    for (const { port, ports } of tunnelKinds) expect(ports[0]).toBe(port);
  });

  it.each(TUNNEL_ROWS)("says of $name what options agree with", (row) => {
    const { numberName, numberRange, placeholder, plain, over, alike } = row;
    const parts = ["decapsulate", "encapsulate", "tunnel"] as const;
    for (const part of parts) expect(row[part].kind?.check("kind", row.name)).toBe(row.name);
    const number = row.encapsulate[numberName]!;
    for (const value of numberRange) expect(number.check(numberName, value)).toBe(value);
    expect(() => number.check(numberName, numberRange[1] + 1)).toThrow(RangeError);
    expect(() => number.check(numberName, numberRange[0] - 1)).toThrow(RangeError);
    expect(number.check(numberName, placeholder)).toBe(placeholder);
    // What no header can be would leave nothing to the fast loops.
    expect(plain.bits & ~plain.mask).toBe(0);
    expect(Object.hasOwn(row.encapsulate, "port")).toBe(over.protocol === "udp");
    expect(Object.hasOwn(row.decapsulate, "port")).toBe(over.protocol === "udp");
    expect(Object.hasOwn(row.tunnel, "port")).toBe(over.protocol === "udp");
    expect(TUNNEL_ROWS[alike]?.alike).toBe(alike);
    // Its own headers are plain.
    const header = row.header({ [numberName]: placeholder });
    const word = new DataView(header.buffer).getUint32(0);
    expect((word & plain.mask) >>> 0).toBe(plain.bits);
  });

  it("leaves the marks of the remotes' table bits that no kind reaches", () => {
    const bits = (kind: number): bigint => BigInt(kind) << BigInt(REMOTE_TUNNEL_SHIFT);
    const mark = (what: number): bigint => BigInt(what) << BigInt(REMOTE_KIND_SHIFT);
    for (const family of [REMOTE_IPV4, REMOTE_IPV6]) {
      const keys = Array.from({ length: TUNNEL_KINDS_MAXIMUM }, (_, kind) => bits(kind) | mark(family));
      const marks = [mark(family | REMOTE_NVGRE), mark(REMOTE_VNI)];
      for (const key of keys) {
        expect(marks).not.toContain(key);
        expect(key >> 64n).toBe(0n);
      }
      expect(new Set(keys).size).toBe(keys.length);
      for (const one of marks) expect(one >> 64n).toBe(0n);
    }
  });

  it("has room in a switch's record for as many as there can be", () => {
    expect(SWITCH_FORMS + TUNNEL_KINDS_MAXIMUM * FORM_LENGTH).toBeLessThanOrEqual(SWITCH_LENGTH);
  });
});

describe("tunnels of two kinds to one remote", () => {
  let kernels: Awaited<ReturnType<typeof loadKernels>>;
  beforeAll(async () => {
    kernels = await loadKernels({ memoryBytes: 32 << 20 });
  });
  const pairs = KINDS.flatMap((one) => KINDS.map((other) => ({ one, other })));

  it.each(pairs)("$one and $other", ({ one, other }) => {
    using sw = new SwitchCore(kernels, { vtep: { address: "10.0.0.1" } });
    const bridgeDomains = [sw.addBridgeDomain({ vni: 5000 })];
    const add = (kind: string) => sw.addTunnel({ kind, remote: "10.0.0.2", bridgeDomains } as TunnelOptions);
    add(one);
    const gre = (kind: string) => kind === "gre" || kind === "nvgre";
    if (one === other) expect(() => add(other)).toThrow(/^remote: .* is a tunnel to it already$/);
    else if (gre(one) && gre(other))
      expect(() => add(other)).toThrow(
        `is a tunnel of kind ${one} to it: GRE with a key and NVGRE look alike`,
      );
    else expect(add(other).kind).toBe("tunnel");
  });
});

describe("the JSON schema of switches", () => {
  const tunnel = schema.properties.tunnels.items.properties;
  const vtep = schema.properties.vtep.properties;
  const udp = tunnelKinds.filter(({ port }) => port !== undefined);

  it("knows the kinds", () => {
    expect(tunnel.kind.enum).toEqual(KINDS);
    expect(tunnel.kind.title).toBe(
      KINDS.map((kind) => `"${kind}"`)
        .join(", ")
        .replace(/, ([^,]*)$/, " or $1"),
    );
  });

  it("knows their UDP ports", () => {
    const told = Object.entries(vtep.ports.properties).map(([kind, { description }]) => [kind, description]);
    expect(told).toEqual(udp.map(({ kind, port }) => [kind, `Default ${port}.`]));
  });

  it("has the options that tunnels of any kind have, and those of ports", () => {
    const ofPorts = ["name", "bridgeDomains", "learning", "flood", "group", "fdbLimit", "mtu"];
    expect(Object.keys(tunnel).sort()).toEqual(
      [...Object.keys(optionsOfAnyKind("tunnel")), ...ofPorts].sort(),
    );
  });
});
