// `frameferry vtep` beside the kernel's own VXLAN: a machine behind each, in namespaces of their own, joined by a cable.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { frameferry } from "../cli/program.ts";
import { cable, Namespace, noNamespaces } from "../support/namespaces.ts";
import { run } from "../support/run-program.ts";
import { type RunningVtep, startedVtep, type VtepAnswers } from "../support/vtep.ts";

const VNI = 42;
const missing = noNamespaces("ping", "ethtool", "tcpdump", "tshark");
const title = missing === undefined ? "beside the kernel's VXLAN" : `beside the kernel's VXLAN: ${missing}`;

describe.skipIf(missing !== undefined)(title, () => {
  const folder = mkdtempSync(join(tmpdir(), "frameferry-vtep-"));
  let kernel: Namespace;
  let ours: Namespace;
  let config: { ports: object[]; tunnels: object[]; bridgeDomains: object[] } & Record<string, unknown>;

  beforeAll(async () => {
    kernel = new Namespace({ ipv6: true });
    ours = new Namespace({ ipv6: true });
    cable([kernel, "v0"], [ours, "v1"], 1550);
    kernel.ip("addr", "add", "10.1.5.7/24", "dev", "v0");
    ours.ip("addr", "add", "10.1.5.8/24", "dev", "v1");
    for (const [name, vni] of [
      ["vx", VNI],
      ["other", 43],
    ] as const) {
      const ends = ["local", "10.1.5.7", "remote", "10.1.5.8", "dstport", "4789", "dev", "v0"];
      kernel.ip("link", "add", name, "type", "vxlan", "id", String(vni), ...ends);
      kernel.ip("link", "set", name, "mtu", "1500");
      // The second one says nothing by itself.
      if (vni !== VNI) kernel.run("sh", "-c", `echo 1 > /proc/sys/net/ipv6/conf/${name}/disable_ipv6`);
      kernel.ip("link", "set", name, "up");
    }
    kernel.ip("addr", "add", "192.168.42.7/24", "dev", "vx");
    kernel.ip("addr", "add", "fd00:42::7/64", "dev", "vx", "nodad");
    kernel.ip("addr", "add", "192.168.43.7/24", "dev", "other");
    const options = ["--local", "10.1.5.8", "--remote", "10.1.5.7", "--vni", String(VNI), "--tap", "ff0"];
    const { stdout } = await frameferry(["vtep", "--example", ...options]);
    config = JSON.parse(stdout.toString());
  }, 60_000);
  afterAll(() => {
    kernel?.remove();
    ours?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function started(name: string): Promise<RunningVtep> {
    const vtep = await startedVtep(folder, config, ours, name);
    ours.ip("addr", "add", "192.168.42.8/24", "dev", "ff0");
    ours.ip("addr", "add", "fd00:42::8/64", "dev", "ff0", "nodad");
    return vtep;
  }

  /**
   * Pings that get through, of three, with Don't Fragment. For the last answer ping waits no longer than it waits between two, or
   * twice as long as the slowest took: 20 ms were too few on a busy machine.
   */
  async function pinged(from: Namespace, to: string, size = 56): Promise<number> {
    const child = spawn(
      ...from.command("ping", "-c", "3", "-i", "0.1", "-W", "2", "-M", "do", "-s", String(size), to),
    );
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    await once(child, "close");
    return Number(/(\d+) received/.exec(output)?.[1] ?? -1);
  }

  test("pings of every size that fits, with Don't Fragment, both ways; and neighbours of IPv6", async () => {
    const vtep = await started("pings");
    expect(JSON.parse(ours.run("ip", "-json", "link", "show", "ff0"))[0].mtu).toBe(1500);
    for (const size of [0, 1, 17, 18, 19, 56, 500, 1471, 1472]) {
      expect([size, await pinged(ours, "192.168.42.7", size)]).toEqual([size, 3]);
      expect([size, await pinged(kernel, "192.168.42.8", size)]).toEqual([size, 3]);
    }
    expect(await pinged(ours, "192.168.42.7", 1473)).toBe(0); // the TAP itself says so
    for (const size of [56, 1452]) {
      expect(await pinged(ours, "fd00:42::7", size)).toBe(3);
      expect(await pinged(kernel, "fd00:42::8", size)).toBe(3);
    }
    const known = vtep.ask("fdb").map(({ mac, port }) => [mac, port]);
    const macOf = (namespace: Namespace, name: string): string =>
      JSON.parse(namespace.run("ip", "-json", "link", "show", name))[0].address;
    expect(known).toContainEqual([macOf(ours, "ff0"), "ff0"]);
    expect(known).toContainEqual([macOf(kernel, "vx"), "to-10.1.5.7"]);
    expect(kernel.run("bridge", "fdb", "show", "dev", "vx")).toContain(`${macOf(ours, "ff0")} dst 10.1.5.8`);
    expect(vtep.ask("drops").filter(({ reason }) => reason !== "reserved-group")).toEqual([]);
    const { code, told } = await vtep.stop();
    expect(code).toBe(0);
    const { received, copies, sent, dropped } = told.counters;
    expect(received + copies).toBe(sent + dropped);
    expect(ours.run("ip", "-json", "link", "show")).not.toContain('"ff0"');
  });

  /** Bytes over TCP, by their hash: what was sent, and what came. */
  async function transferred(
    client: Namespace,
    server: Namespace,
    address: string,
  ): Promise<[string, string]> {
    const bytes = 4 << 20;
    const receive = `
      const hash = require("node:crypto").createHash("sha256");
      const server = require("node:net").createServer((socket) => {
        socket.on("data", (chunk) => hash.update(chunk));
        socket.on("end", () => { console.log(hash.digest("hex")); socket.end(); server.close(); });
      });
      server.listen(5201, "${address}", () => console.log("listens"));`;
    const send = `
      const bytes = Buffer.alloc(${bytes});
      for (let i = 0, x = 1; i < bytes.length; i++) bytes[i] = x = (x * 75 + 74) % 65537;
      console.log(require("node:crypto").createHash("sha256").update(bytes).digest("hex"));
      require("node:net").connect(5201, "${address}").end(bytes);`;
    const receiving = spawn(...server.command(process.execPath, "-e", receive));
    let received = "";
    receiving.stdout.on("data", (text) => (received += text));
    const done = once(receiving, "close");
    while (!received.includes("listens")) await new Promise((resolve) => setTimeout(resolve, 5));
    const sent = run(...client.command(process.execPath, "-e", send), "/").stdout;
    await done;
    return [sent, received.replace("listens\n", "")];
  }

  /** What was lost, but for what bridges do not forward. */
  function losses(drops: VtepAnswers["drops"]) {
    return drops.filter(({ reason }) => reason !== "reserved-group");
  }

  test.each(["to the kernel", "from the kernel"])("TCP %s: 4 MB arrive as they were", async (way) => {
    const vtep = await started("tcp");
    const [server, client] = way === "to the kernel" ? [kernel, ours] : [ours, kernel];
    const address = way === "to the kernel" ? "192.168.42.7" : "192.168.42.8";
    const [sent, received] = await transferred(client, server, address);
    expect(received).toBe(sent);
    // 2,897 segments and their acknowledgements pass as fewer super-frames.
    const { received: fromTap, sent: toTap } = vtep.port("ff0");
    expect(way === "to the kernel" ? fromTap : toTap).toBeLessThan(1000);
    const { told } = await vtep.stop();
    expect(losses(told.drops)).toEqual([]);
  });

  /** A VTEP with one tunnel of `kind`, and a TAP with an address behind it. */
  async function other(namespace: Namespace, kind: string, [local, remote]: readonly string[], last: number) {
    const tunnel = { name: "to-other", kind, remote, bridgeDomains: ["more"] };
    const options = kind === "geneve" ? { options: [{ class: 0x0102, type: 3, data: "01020304" }] } : {};
    const own = {
      vtep: { address: local },
      bridgeDomains: [{ name: "more", vni: 77 }],
      ports: [{ name: "ff7", bridgeDomain: "more", tap: { mtu: 1400 } }],
      tunnels: [{ ...tunnel, ...options }],
    };
    const vtep = await startedVtep(folder, own, namespace, `more-${kind}-${last}`);
    namespace.ip("addr", "add", `192.168.77.${last}/24`, "dev", "ff7");
    return vtep;
  }

  async function bothWays(vtep: RunningVtep): Promise<void> {
    for (const [client, server, address] of [
      [ours, kernel, "192.168.77.7"],
      [kernel, ours, "192.168.77.8"],
    ] as const) {
      const [sent, received] = await transferred(client, server, address);
      expect(received).toBe(sent);
    }
    const { received, sent } = vtep.port("ff7");
    expect(Math.max(received, sent)).toBeLessThan(2000);
    const { told } = await vtep.stop();
    expect(losses(told.drops)).toEqual([]);
  }

  test("TCP both ways through VXLAN over IPv6, as super-frames", async () => {
    kernel.ip("addr", "add", "fd00:5::7/64", "dev", "v0", "nodad");
    ours.ip("addr", "add", "fd00:5::8/64", "dev", "v1", "nodad");
    const ends = ["local", "fd00:5::7", "remote", "fd00:5::8", "dstport", "4789"];
    kernel.ip("link", "add", "more", "type", "vxlan", "id", "77", ...ends);
    kernel.ip("link", "set", "more", "mtu", "1400", "up");
    kernel.ip("addr", "add", "192.168.77.7/24", "dev", "more");
    try {
      await bothWays(await other(ours, "vxlan", ["fd00:5::8", "fd00:5::7"], 8));
    } finally {
      kernel.ip("link", "del", "more");
    }
  });

  test("TCP both ways through Geneve with options between two of its kind", async () => {
    const one = await other(ours, "geneve", ["10.1.5.8", "10.1.5.7"], 8);
    await other(kernel, "geneve", ["10.1.5.7", "10.1.5.8"], 7);
    await bothWays(one);
  });

  test("packets that are too long for the way leave in fragments, also where many follow each other", async () => {
    const long = { ...config, ports: [{ name: "ff0", bridgeDomain: "vni-42", tap: { mtu: 3000 } }] };
    const vtep = await startedVtep(folder, long, ours, "long");
    ours.ip("addr", "add", "192.168.42.8/24", "dev", "ff0");
    const receive = `
      const socket = require("node:dgram").createSocket("udp4");
      let count = 0;
      socket.on("message", (bytes) => {
        if (bytes.length === 2500 && bytes.every((byte) => byte === count % 256)) count++;
        if (count < 200) return;
        console.log("all");
        socket.close();
      });
      socket.bind(5203, "192.168.42.7", () => console.log("listens"));`;
    const receiving = spawn(...kernel.command(process.execPath, "-e", receive));
    let heard = "";
    receiving.stdout.on("data", (text) => (heard += text));
    const done = once(receiving, "close");
    while (!heard.includes("listens")) await new Promise((resolve) => setTimeout(resolve, 5));
    const send = `
      const socket = require("node:dgram").createSocket("udp4");
      let i = 0;
      const next = () => {
        for (const end = i + 10; i < end; i++) socket.send(Buffer.alloc(2500, i), 5203, "192.168.42.7");
        if (i < 200) setTimeout(next, 5); else setTimeout(() => socket.close(), 50);
      };
      socket.send(Buffer.alloc(1), 5203, "192.168.42.7", () => setTimeout(next, 100));`;
    ours.run(process.execPath, "-e", send);
    await done;
    expect(heard).toContain("all");
    const { told } = await vtep.stop();
    expect(losses(told.drops)).toEqual([]);
  }, 20_000);

  test("a VNI that it does not have stays outside, and one of its own is no other's", async () => {
    const vtep = await started("isolation");
    // The kernel would answer on one interface for the address of another.
    ours.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore");
    ours.ip("addr", "add", "192.168.43.8/24", "dev", "ff0");
    expect(await pinged(kernel, "192.168.43.8")).toBe(0);
    expect(vtep.ask("drops")).toContainEqual(
      expect.objectContaining({ where: "switch", reason: "other-vni" }),
    );
    const { bridgeDomains, ports, tunnels } = config;
    const both = {
      ...config,
      bridgeDomains: [...bridgeDomains, { name: "vni-43", vni: 43 }],
      ports: [...ports, { name: "ff1", bridgeDomain: "vni-43", tap: {} }],
      tunnels: [{ ...tunnels[0], bridgeDomains: ["vni-42", "vni-43"] }],
    };
    expect(await vtep.reload(both)).toContain("reloaded");
    // Nothing else may go there meanwhile.
    kernel.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/vx/disable_ipv6");
    // It has given up, and would ask no more for a while.
    kernel.ip("neigh", "flush", "dev", "other");
    const before = vtep.port("ff0").sent;
    expect(await pinged(kernel, "192.168.43.8")).toBe(0);
    expect(vtep.port("ff1").sent).toBeGreaterThan(0);
    expect(vtep.port("ff0").sent).toBe(before);
    ours.ip("addr", "del", "192.168.43.8/24", "dev", "ff0");
    ours.ip("addr", "add", "192.168.43.8/24", "dev", "ff1");
    kernel.ip("neigh", "flush", "dev", "other");
    expect(await pinged(kernel, "192.168.43.8")).toBe(3);
    kernel.ip("neigh", "flush", "dev", "vx");
    expect(await pinged(kernel, "192.168.42.8")).toBe(3);
    await vtep.stop();
  });

  test("read again under load: a TAP that stays loses nothing, and one that was deleted comes again", async () => {
    const vtep = await started("reload");
    expect(await pinged(ours, "192.168.42.7")).toBe(3);
    const count = 200;
    const child = spawn(
      ...ours.command("ping", "-c", String(count), "-i", "0.01", "-W", "2", "192.168.42.7"),
    );
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    const ended = once(child, "close");
    const more = {
      ...config,
      ports: [...config.ports, { name: "ff9", bridgeDomain: "vni-42", tap: { up: false } }],
    };
    for (let round = 0; round < 4; round++) {
      expect(await vtep.reload(more)).toContain("reloaded");
      expect(await vtep.reload(config)).toContain("reloaded");
    }
    await ended;
    expect(output).toContain(`${count} received`);

    ours.ip("link", "del", "ff0");
    await vtep.said("port ff0 is down: the interface ff0 is gone");
    expect(vtep.port("ff0").state).toBe("down");
    expect(await vtep.hangUp()).toContain("reloaded");
    expect(vtep.port("ff0").state).toBe("up");
    ours.ip("addr", "add", "192.168.42.8/24", "dev", "ff0");
    expect(await pinged(ours, "192.168.42.7")).toBe(3);
    await vtep.stop();
  });

  test("what is on the wire tshark reads without a complaint", async () => {
    const vtep = await started("wire");
    const file = join(folder, "wire.pcap");
    const capture = spawn(
      ...ours.command(
        "tcpdump",
        "-Z",
        "root",
        "-U",
        "--immediate-mode",
        "-i",
        "v1",
        "-w",
        file,
        "udp",
        "port",
        "4789",
      ),
    );
    let said = "";
    capture.stderr.on("data", (text) => (said += text));
    while (!said.includes("listening on")) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const size of [56, 1472]) expect(await pinged(ours, "192.168.42.7", size)).toBe(3);
    await vtep.stop();
    await new Promise((resolve) => setTimeout(resolve, 300));
    capture.kill("SIGTERM");
    await once(capture, "close");
    const checks = ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE"].flatMap((option) => ["-o", option]);
    const fields = ["vxlan.vni", "ip.src", "ip.checksum.status", "udp.checksum.status", "_ws.expert.message"];
    const { stdout, status, output } = run(
      "tshark",
      ["-r", file, ...checks, "-Y", "icmp", "-T", "fields", ...fields.flatMap((field) => ["-e", field])],
      "/",
    );
    expect(status, output).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => line.split("\t"));
    const left = lines.filter(([, source]) => source?.startsWith("10.1.5.8,"));
    expect(left).toHaveLength(6);
    for (const [vni, , ip, udp, expert = ""] of left)
      expect([vni, ip, udp, expert]).toEqual(["42", "1,1", "1", ""]);
    expect(readFileSync(file).length).toBeGreaterThan(6 * 1500);
  });
});
