// Random laboratories: what is delivered is what a small model of the rules says, and tshark has no complaint about any
// frame on any link. Skipped where tshark is missing.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  buildTopology,
  type Hop,
  type Lab,
  type PingOutcome,
  type Step,
  seededRandom,
  type Topology,
} from "frameferry/overlay";
import { CaptureWriter } from "frameferry/pcap";
import { expect, test } from "vitest";
import { expectConservation } from "../overlay/conservation.ts";
import { run } from "../support/run-program.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;
const TOPOLOGIES = 10;
const STEPS = 80;

interface Dice {
  /** A whole number from `least` to `most`. */
  number(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
}

function diceOf(seed: number): Dice {
  const random = seededRandom(seed);
  const number = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  return { number, pick: (items) => items[number(0, items.length - 1)] as (typeof items)[number] };
}

/** To whom a machine or pod belongs, and by which VNIs its frames go between hosts. */
interface Tenant {
  readonly group: string;
  readonly vnis: string;
  /** Kubernetes node of a pod. */
  readonly node: string | undefined;
}

interface World {
  readonly topology: Topology;
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly hosts: readonly string[];
  /** Nodes that stand in a VPC, with its VNI. */
  readonly nodesInVpcs: ReadonlyMap<string, string>;
}

type Cluster = NonNullable<Topology["clusters"]>[number];

/** A data centre or a flat network, VPCs that share addresses, clusters inside of them and beside them. */
function worldOf(seed: number, dice: Dice): World {
  const flat = dice.number(0, 3) === 0;
  const zones = Array.from({ length: dice.number(1, 3) }, (_, z) => ({
    name: "abc"[z] as string,
    racks: Array.from({ length: dice.number(1, 2) }, () => ({ hosts: dice.number(2, 3) })),
    aggregation: dice.number(1, 2),
  }));
  const places = flat
    ? ["host-1", "host-2", "host-3", "host-4"]
    : zones.flatMap(({ name, racks }) =>
        racks.flatMap(({ hosts }, r) =>
          Array.from({ length: hosts }, (_, h) => `host-${name}-${r + 1}-${h + 1}`),
        ),
      );
  const plain = places.length >= 4 ? places.slice(-2) : [];
  const hosts = places.slice(0, places.length - plain.length);
  const tenants = new Map<string, Tenant>();
  const nodesInVpcs = new Map<string, string>();
  const vpcs = ["orange", "blue", "green"].slice(0, dice.number(2, 3)).map((name) => {
    const vni = 1000 * dice.number(1, 9000) + tenants.size;
    const machines = Array.from({ length: dice.number(2, 4) }, (_, i) => {
      const machine = { name: `${name}-${i + 1}`, host: dice.pick(hosts) };
      tenants.set(machine.name, { group: name, vnis: `${vni}`, node: undefined });
      return machine;
    });
    return { name, vni, cidr: "172.20.0.0/16", arpSuppression: dice.number(0, 1) === 1, machines };
  });
  const clusters: Cluster[] = [];
  const addCluster = (name: string, vpc: (typeof vpcs)[number] | undefined, on: readonly string[]): void => {
    const nodes = on.map((host, i) => {
      if (vpc === undefined) return { name: host };
      nodesInVpcs.set(`node-${name}-${i + 1}`, `${vpc.vni}`);
      return { name: `node-${name}-${i + 1}`, vpc: vpc.name, host };
    });
    const pods = Array.from({ length: dice.number(2, 4) }, (_, i) => {
      const pod = { name: `pod-${name}-${i + 1}`, node: dice.pick(nodes).name };
      tenants.set(pod.name, {
        group: name,
        vnis: vpc === undefined ? "1" : `${vpc.vni},1`,
        node: pod.node,
      });
      return pod;
    });
    clusters.push({ name, mode: "overlay", podCidr: "10.244.0.0/16", nodes, pods });
  };
  vpcs.forEach((vpc, i) => {
    if (i === 0 || dice.number(0, 1) === 1)
      addCluster(`in-${vpc.name}`, vpc, [dice.pick(hosts), dice.pick(hosts)]);
  });
  if (plain.length > 0) addCluster("plain", undefined, plain);
  const common = { seed, hosts: hosts.map((name) => ({ name })), vpcs, clusters };
  const topology: Topology = flat
    ? { ...common, underlay: { mtu: 1500 } }
    : { ...common, dataCentre: { zones, core: dice.number(1, 2), border: 1, linkMtu: 1600 } };
  return { topology, tenants, hosts, nodesInVpcs };
}

/** Whether a way of working links leads from one machine to another; the internet and other machines are no way. */
function wayUp(lab: Lab, failed: ReadonlySet<string>, from: string, to: string): boolean {
  const links = lab.network
    .links()
    .map(({ name, ends }) => ({ name, ends: ends.map(({ node }) => node.name) }))
    .filter(
      ({ name, ends }) => ![name, ...ends].some((one) => failed.has(one)) && !ends.includes("internet"),
    );
  const seen = new Set([from]);
  for (const node of seen) {
    if (node !== from && lab.network.node(node)?.kind === "machine") continue;
    for (const { ends } of links) {
      if (ends.includes(node)) for (const end of ends) seen.add(end);
    }
  }
  return !failed.has(from) && seen.has(to);
}

/** Everything that went over links: for each a capture, and for each frame the VNIs that it may have. */
class Records {
  readonly #links = new Map<string, { readonly hop: Hop; readonly allowed: string }[]>();
  /** VNIs of tunnel packets between hosts, `1234` or `1234,1`; undefined: any. */
  sender: Tenant | undefined = undefined;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  take(hop: Hop): void {
    const frames = this.#links.get(hop.link.name) ?? [];
    frames.push({ hop, allowed: this.#allowed(hop) });
    this.#links.set(hop.link.name, frames);
  }

  clear(): void {
    this.#links.clear();
  }

  /** At machines and pods there is no tunnel, at nodes inside of VPCs that of Kubernetes, between hosts all. */
  #allowed({ from, to }: Hop): string {
    const ends = [from.node, to.node];
    if (ends.some(({ kind }) => kind === "machine")) return "";
    const inVpc = ends.some(({ name }) => this.#world.nodesInVpcs.has(name));
    if (this.sender === undefined) return inVpc ? "any inner" : "any";
    // What a machine floods goes to nodes of its VPC, too.
    return inVpc ? (this.sender.node === undefined ? "" : "1") : this.sender.vnis;
  }

  /** One capture for each link, one behind the other, as pcapng may be; and what stands in them. */
  files(): { readonly bytes: Uint8Array; readonly frames: { hop: Hop; allowed: string }[] } {
    const chunks: Uint8Array[] = [];
    const frames = [...this.#links.values()].flat();
    for (const [name, hops] of this.#links) {
      const writer = new CaptureWriter({ format: "pcapng" });
      const description = { kind: "interface", name } as const;
      chunks.push(writer.write([description]));
      for (const { hop } of hops)
        chunks.push(
          writer.write({
            data: hop.frame,
            timestamp: BigInt(Math.round(hop.timeMs * 1000)) * 1000n,
            interface: description,
          }),
        );
      chunks.push(writer.finish());
    }
    return { bytes: Buffer.concat(chunks), frames };
  }
}

const FIELDS = [
  "frame.time_epoch",
  "frame.len",
  "_ws.malformed",
  "_ws.expert.message",
  "ip.checksum.status",
  "udp.checksum.status",
  "icmp.checksum.status",
  "vxlan.vni",
] as const;

/** Pings are repeated, and seen on every link on their way. */
const REMARKS = /No response seen to ICMP request/g;

function readByTshark(bytes: Uint8Array): string[][] {
  const folder = mkdtempSync(join(tmpdir(), "frameferry-"));
  try {
    const path = join(folder, "links.pcapng");
    writeFileSync(path, bytes);
    const settings = [
      "ip.check_checksum:TRUE",
      "udp.check_checksum:TRUE",
      // VPCs have the same addresses.
      "arp.detect_duplicate_ips:FALSE",
    ].flatMap((setting) => ["-o", setting]);
    const ports = ["-d", "udp.port==8472,vxlan"];
    const fields = FIELDS.flatMap((name) => ["-e", name]);
    const format = ["-T", "fields", "-E", "occurrence=a", "-E", "separator=|", ...fields];
    const { status, stdout, output } = run(
      "tshark",
      ["-n", "-r", path, ...settings, ...ports, ...format],
      folder,
    );
    expect(status, output).toBe(0);
    return stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split("|"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns how many frames there were, and how many of them were wrapped twice. */
function expectReadable(records: Records, world: World): [number, number] {
  const { bytes, frames } = records.files();
  const rows = readByTshark(bytes);
  expect(rows.length).toBe(frames.length);
  rows.forEach(([time, length, malformed, remarks = "", ip = "", udp = "", icmp = "", vnis = ""], i) => {
    const { hop, allowed } = frames[i] as (typeof frames)[number];
    const what = `${hop.link.name} at ${hop.timeMs} ms`;
    expect([Math.round(Number(time) * 1e6), Number(length)], what).toEqual([
      Math.round(hop.timeMs * 1000),
      hop.frame.length,
    ]);
    expect(malformed, what).toBe("");
    expect(remarks.replace(REMARKS, "").replace(/,/g, ""), what).toBe("");
    // 1 is good; 3 is a UDP checksum that was left out, as VXLAN over IPv4 does.
    expect(ip, what).toMatch(/^(1(,1)*)?$/);
    expect(udp, what).toMatch(/^([13](,[13])*)?$/);
    expect(icmp, what).toMatch(/^(1(,1)*)?$/);
    if (allowed === "any")
      expect([...world.tenants.values()].map((tenant) => tenant.vnis).concat("")).toContain(vnis);
    else if (allowed === "any inner") expect(["", "1"]).toContain(vnis);
    else expect(vnis, what).toBe(allowed);
  });
  return [rows.length, rows.filter((row) => row.at(-1)?.endsWith(",1")).length];
}

/** What came of hellos, so that neither is rare. */
const said = { answered: 0, lost: 0, between: 0 };

function act(world: World, lab: Lab, records: Records, dice: Dice, failed: Set<string>): void {
  const { tenants, hosts } = world;
  const names = [...tenants.keys()];
  const kind = dice.number(0, 15);
  records.sender = undefined;
  if (kind === 0 && failed.size === 0) {
    const movable = names.filter((name) => tenants.get(name)?.node === undefined);
    lab.do({ move: dice.pick([...movable, ...world.nodesInVpcs.keys()]), to: dice.pick(hosts) });
  } else if (kind <= 2) {
    const { links, switches } = lab.dataCentre?.plan ?? { links: [], switches: [{ name: "underlay" }] };
    const underneath = [...links, ...switches].map(({ name }) => name);
    const what = dice.pick([dice.pick(underneath), dice.pick(hosts), dice.pick(names)]);
    lab.do(failed.has(what) ? { repair: what } : { fail: what });
    if (!failed.delete(what)) failed.add(what);
  } else if (kind <= 4) {
    for (const what of failed) lab.do({ repair: what });
    failed.clear();
  } else {
    const from = dice.pick(names);
    const others = names.filter((name) => name !== from);
    const own = others.filter((name) => tenants.get(name)?.group === tenants.get(from)?.group);
    // Mostly somebody whom it should reach.
    const to = dice.pick(dice.number(0, 2) === 0 ? others : own);
    if (kind === 5) call(world, lab, records, failed, { broadcast: from }, from);
    else call(world, lab, records, failed, { ping: [from, to], size: dice.number(1, 1300) }, from, to);
  }
}

/** Sends, and compares with the rules: same tenant, both alive, a way that works; and nobody else hears of it. */
function call(
  { tenants }: World,
  lab: Lab,
  records: Records,
  failed: ReadonlySet<string>,
  step: Extract<Step, { ping: unknown } | { broadcast: unknown }>,
  from: string,
  to?: string,
): void {
  const sender = tenants.get(from) as Tenant;
  const what = `${JSON.stringify(step)}, failed: ${[...failed]}`;
  const friends = [...tenants].flatMap(([name, { group }]) => {
    return name !== from && group === sender.group && wayUp(lab, failed, from, name) ? [name] : [];
  });
  records.sender = sender;
  const outcome = lab.do(step);
  records.sender = undefined;
  if (to === undefined) {
    const heard = friends.filter((name) => tenants.get(name)?.node === sender.node);
    expect(Object.keys(outcome.arrived).sort(), what).toEqual(heard.sort());
    expect(outcome.overheard, what).toEqual({});
    return;
  }
  expect((outcome as PingOutcome).reached, what).toBe(friends.includes(to));
  if (friends.includes(to)) said.answered++;
  else if (tenants.get(to)?.group === sender.group) said.lost++;
  else said.between++;
  for (const name of [...Object.keys(outcome.arrived), ...Object.keys(outcome.overheard)])
    expect([from, ...friends], what).toContain(name);
  // The address may be another's in the sender's own network, who gets the frame then.
  const { ip } = lab.machine(to);
  const namesake = friends.find((name) => lab.machine(name).ip === ip);
  const arrived = Object.keys(outcome.arrived).filter((name) => name !== from);
  expect(arrived, what).toEqual(namesake === undefined ? [] : [namesake]);
}

test.skipIf(!tshark)("deliver exactly where the rules say, as tshark reads them", async () => {
  let frames = 0;
  let twice = 0;
  for (let seed = 1; seed <= TOPOLOGIES; seed++) {
    const dice = diceOf(seed);
    const world = worldOf(seed, dice);
    const records = new Records(world);
    const onNetwork = (network: Lab["network"]): void => {
      records.clear();
      network.onHop = (hop) => records.take(hop);
    };
    const lab = await buildTopology(world.topology, { onNetwork });
    const failed = new Set<string>();
    for (let step = 0; step < STEPS; step++) {
      act(world, lab, records, dice, failed);
      expectConservation(lab.network);
    }
    lab.close();
    const [all, nested] = expectReadable(records, world);
    frames += all;
    twice += nested;
  }
  expect(frames).toBeGreaterThan(TOPOLOGIES * 500);
  expect(twice).toBeGreaterThan(TOPOLOGIES * 20);
  expect(said.answered).toBeGreaterThan(200);
  expect(said.lost).toBeGreaterThan(50);
  expect(said.between).toBeGreaterThan(50);
});
