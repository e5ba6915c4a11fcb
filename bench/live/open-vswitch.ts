// Open vSwitch as a program alone, without its kernel module: a datapath of kind netdev, in a machine of its own.

import type { ChildProcess } from "node:child_process";
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Machine, run } from "./namespaces.ts";

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

export class OpenVswitch {
  readonly #own: Machine;
  readonly #socket: string;
  readonly #control: string;
  readonly #programs: ChildProcess[] = [];

  static isThere(): boolean {
    return existsSync(SCHEMA) && spawnSync("ovs-vswitchd", ["--version"]).status === 0;
  }

  static async start(own: Machine, folder: string): Promise<OpenVswitch> {
    const running = new OpenVswitch(own, folder);
    try {
      await running.#start(folder);
      return running;
    } catch (error) {
      await running.stop();
      throw error;
    }
  }

  private constructor(own: Machine, folder: string) {
    this.#own = own;
    this.#socket = join(folder, "ovs.sock");
    this.#control = join(folder, "ovs.ctl");
  }

  get pid(): number | undefined {
    return this.#programs[1]?.pid;
  }

  /** A bridge with the cable, which gets its address, and one behind it with a tunnel and an address of its own. */
  join(card: string, cardAddress: string, remote: string, vni: number, address: string): void {
    this.#own.ip("addr", "flush", "dev", card);
    this.#vsctl("add-br", "br-card", "--", "set", "bridge", "br-card", "datapath_type=netdev");
    this.#vsctl("add-port", "br-card", card);
    this.#vsctl("add-br", "br-in", "--", "set", "bridge", "br-in", "datapath_type=netdev");
    const tunnel = ["type=vxlan", `options:remote_ip=${remote}`, `options:key=${vni}`];
    this.#vsctl("add-port", "br-in", "vxo", "--", "set", "interface", "vxo", ...tunnel);
    this.#own.ip("addr", "add", cardAddress, "dev", "br-card");
    this.#own.ip("link", "set", "br-card", "mtu", "1550", "up");
    this.#own.ip("addr", "add", address, "dev", "br-in");
    this.#own.ip("link", "set", "br-in", "up");
  }

  async stop(): Promise<void> {
    for (const program of this.#programs.reverse()) await this.#own.stop(program);
    for (const name of ["br-card", "br-in"])
      spawnSync("ip", ["-n", this.#own.name, "link", "del", name], { stdio: "ignore" });
  }

  async #start(folder: string): Promise<void> {
    const database = join(folder, "ovs.db");
    rmSync(database, { force: true });
    run("ovsdb-tool", "create", database, SCHEMA);
    const remote = `--remote=punix:${this.#socket}`;
    const own = this.#own;
    const log = ["-vconsole:info", "-vsyslog:off", "-vfile:off"];
    const control = (name: string): string => `--unixctl=${this.#control}-${name}`;
    this.#programs.push(
      await own.start(/ovsdb-server/, "ovsdb-server", database, remote, control("db"), ...log),
    );
    this.#programs.push(
      await own.start(/connected/, "ovs-vswitchd", `unix:${this.#socket}`, control("switch"), ...log),
    );
    await sleep(500);
    this.#vsctl("--no-wait", "init");
  }

  #vsctl(...args: readonly string[]): void {
    this.#own.run("ovs-vsctl", `--db=unix:${this.#socket}`, "--timeout=10", ...args);
  }
}
