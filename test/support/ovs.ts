// Open vSwitch's user-space datapath with dummy ports, driven frame by frame: an oracle for VLANs, learning and flooding.
//
// Each instance has its database, sockets, logs and captures in a temporary folder of its own, so that neither others
// nor a switch of the system are touched. Root is not needed. Nothing is timed: after each frame a barrier makes sure
// that it has been learned from and sent, the clock stands still unless told to go on, and every frame takes the slow
// path, where learning happens at once (flows that are cached learn only when they are revalidated).
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { OvsControl } from "./ovs-control.ts";

/** A switch with the ports of one bridge, whosever it is. */
export interface BridgeUnderTest {
  /** Lets frames come in, one after the other, and gives what left, in order. */
  receive(arrivals: readonly ArrivingFrame[]): Promise<LeavingFrame[]>;
  /** Lets time go on; what is too old is forgotten. */
  passSeconds(seconds: number): Promise<void>;
  /** An entry that does not age; one for the same address and VLAN gives way. */
  addStatic(port: number, vlan: number, mac: string): Promise<void>;
  /** Forgets what was learned. */
  flush(): Promise<void>;
  addresses(): Promise<KnownAddress[]>;
}

/** A port of a bridge; numbers start at 1, in the order given. */
export interface BridgePort {
  /** The VLAN of an access port; the native one of a trunk. */
  readonly untagged?: number;
  /** Makes it a trunk: the VLANs it carries, the native one among them. */
  readonly trunk?: readonly number[];
  /** Protected ports send nothing to one another. */
  readonly protected?: boolean;
  /** False: floods do not leave here. */
  readonly flood?: boolean;
  /** Most bytes behind the Ethernet header and one tag, default 1,500. */
  readonly mtu?: number;
}

/** An end of a tunnel with Open vSwitch's own options for it. */
export interface TunnelEnd {
  readonly kind: "vxlan" | "geneve" | "gre";
  readonly local: string;
  readonly remote: string;
  readonly mac: string;
  readonly remoteMac: string;
  readonly options: Readonly<Record<string, string>>;
}

/** What a bridge remembers: 15 to 3,600 seconds, at least 10 addresses. */
export interface AddressTable {
  readonly ageSeconds: number;
  readonly capacity: number;
}

export interface ArrivingFrame {
  readonly port: number;
  readonly frame: Uint8Array;
}

export type LeavingFrame = ArrivingFrame;

export interface KnownAddress {
  readonly port: number;
  readonly vlan: number;
  readonly mac: string;
  /** Since it was last seen; undefined for a static entry. */
  readonly age: number | undefined;
}

const PROGRAMS = ["ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl"];
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
const START_MILLISECONDS = 15_000;
const PCAP_HEADER = 24;
const RECORD_HEADER = 16;

/** Lives until its standard input ends, which also happens when the test is killed, and then takes everything along. */
const KEEPER = `
ovsdb-tool create conf.db || exit
ovsdb-server conf.db --remote="punix:$PWD/db.sock" --unixctl="$PWD/db.ctl" \
  --log-file="$PWD/db.log" -vconsole:off & database=$!
until [ -S db.sock ]; do kill -0 "$database" || exit; sleep 0.01; done
ovs-vswitchd "unix:$PWD/db.sock" --unixctl="$PWD/switch.ctl" --enable-dummy --disable-system \
  --log-file="$PWD/switch.log" -vconsole:off & switch=$!
cat >/dev/null
kill "$switch" "$database"
wait
cd / && rm -rf "$OLDPWD"
`;

/** Which program is not here, if any. */
export function missingOvsProgram(): string | undefined {
  return PROGRAMS.find((program) => {
    const { status } = spawnSync(program, ["--version"], { env: { ...process.env, PATH } });
    return status !== 0;
  });
}

export class OpenVSwitch implements BridgeUnderTest {
  readonly #folder: string;
  readonly #keeper: ChildProcess;
  readonly #environment: NodeJS.ProcessEnv;
  #barrier: OvsControl | undefined;
  #control: OvsControl | undefined;
  #captures: Capture[] = [];
  #bridges = 0;

  private constructor() {
    const folder = mkdtempSync(join(tmpdir(), "frameferry-ovs-"));
    this.#folder = folder;
    const folders = { OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder, OVS_SYSCONFDIR: folder };
    this.#environment = { ...process.env, ...folders, PATH };
    this.#keeper = spawn("/bin/sh", ["-c", KEEPER], {
      cwd: folder,
      env: this.#environment,
      // Not in the terminal's group: an interrupt ends it by way of the standard input alone.
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
  }

  static async start(): Promise<OpenVSwitch> {
    const ovs = new OpenVSwitch();
    try {
      // Every turn of the switch's loop moves waiting frames once and then asks its control connections for commands,
      // the oldest connection first. So the answer on this older one to a question asked after a frame was handed over
      // on the younger one comes from a later turn: the frame is through.
      ovs.#barrier = await ovs.#openControl();
      await ovs.#barrier.call("version");
      ovs.#control = await ovs.#openControl();
      await ovs.#configure("set", "open", ".", "other_config:flow-limit=0");
      // Not before: it may have to wait for its database.
      await ovs.#control.call("time/stop");
      return ovs;
    } catch (error) {
      await ovs.stop();
      throw error;
    }
  }

  /** Takes the bridge away, if there is one, and makes another with these ports and nothing learned. */
  async replaceBridge(ports: readonly BridgePort[], table: AddressTable): Promise<void> {
    this.#closeCaptures();
    const paths = ports.map((_, index) => join(this.#folder, `${this.#bridges}-p${index + 1}.pcap`));
    this.#bridges += 1;
    await this.#configure("--if-exists", "del-br", "br0");
    await this.#configure(
      ...["add-br", "br0"],
      ...["--", "set", "bridge", "br0", "datapath_type=dummy"],
      `other_config:mac-aging-time=${table.ageSeconds}`,
      `other_config:mac-table-size=${table.capacity}`,
      ...ports.flatMap((port, index) => portSettings(port, index + 1, paths[index]!)),
    );
    for (const [index, { flood }] of ports.entries()) {
      if (flood === false) await this.#run("ovs-ofctl", "mod-port", "br0", `p${index + 1}`, "no-flood");
    }
    this.#captures = paths.map((path) => new Capture(path));
  }

  /**
   * Makes an end of a tunnel instead of the bridge: port 1 is its underlay, port 2 the network whose frames it carries.
   * `local` is its address and `mac` that of port 1; `remote` has the MAC `remoteMac`.
   */
  async replaceTunnel({ kind, local, remote, remoteMac, mac, options }: TunnelEnd): Promise<void> {
    this.#closeCaptures();
    const paths = [1, 2].map((port) => join(this.#folder, `${this.#bridges}-t${port}.pcap`));
    this.#bridges += 1;
    await this.#configure("--if-exists", "del-br", "br0", "--", "--if-exists", "del-br", "int0");
    const bridge = (name: string, port: string, path: string): string[] => [
      ...["add-br", name, "--", "set", "bridge", name, "datapath_type=dummy", `other_config:hwaddr=${mac}`],
      ...["--", "add-port", name, port, "--", "set", "interface", port, "type=dummy"],
      ...[`options:tx_pcap=${path}`, "--"],
    ];
    await this.#configure(
      ...bridge("br0", "p1", paths[0]!),
      ...bridge("int0", "p2", paths[1]!),
      ...["add-port", "int0", "t1", "--", "set", "interface", "t1", `type=${kind}`],
      ...[
        `options:remote_ip=${remote}`,
        ...Object.entries(options).map(([name, value]) => `options:${name}=${value}`),
      ],
    );
    const version = local.includes(":") ? 6 : 4;
    const [prefix, network] = version === 6 ? [64, "fd00::"] : [24, "10.1.5.0"];
    await this.#control!.call(`netdev-dummy/ip${version}addr`, "br0", `${local}/${prefix}`);
    await this.#control!.call("ovs/route/add", `${network}/${prefix}`, "br0");
    await this.#control!.call("tnl/neigh/set", "br0", remote, remoteMac);
    this.#captures = paths.map((path) => new Capture(path));
  }

  async receive(arrivals: readonly ArrivingFrame[]): Promise<LeavingFrame[]> {
    const left: LeavingFrame[] = [];
    for (const { port, frame } of arrivals) {
      await this.#control!.call("netdev-dummy/receive", `p${port}`, Buffer.from(frame).toString("hex"));
      await this.#barrier!.call("version");
      this.#captures.forEach((capture, index) => {
        for (const leaving of capture.takeFrames()) left.push({ port: index + 1, frame: leaving });
      });
    }
    return left;
  }

  async passSeconds(seconds: number): Promise<void> {
    await this.#control!.call("time/warp", String(seconds * 1000));
    await this.#barrier!.call("version");
  }

  async addStatic(port: number, vlan: number, mac: string): Promise<void> {
    await this.#control!.call("fdb/add", "br0", `p${port}`, String(vlan), mac);
  }

  async flush(): Promise<void> {
    await this.#control!.call("fdb/flush", "br0");
  }

  async addresses(): Promise<KnownAddress[]> {
    const table = await this.#control!.call("fdb/show", "br0");
    const rows = table.matchAll(/^ *(\d+) +(\d+) +([0-9a-f:]{17}) +(\d+|static)$/gm);
    return Array.from(rows, ([, port, vlan, mac, age]) => ({
      port: Number(port),
      vlan: Number(vlan),
      mac: mac!,
      age: age === "static" ? undefined : Number(age),
    }));
  }

  async stop(): Promise<void> {
    this.#closeCaptures();
    this.#control?.close();
    this.#barrier?.close();
    if (this.#keeper.exitCode === null) {
      this.#keeper.stdin!.end();
      await once(this.#keeper, "exit");
    }
    // The keeper has done so, unless it failed.
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The socket is there a little before it answers. */
  async #openControl(): Promise<OvsControl> {
    const end = Date.now() + START_MILLISECONDS;
    for (;;) {
      try {
        return await OvsControl.open(join(this.#folder, "switch.ctl"));
      } catch (cause) {
        if (this.#keeper.exitCode !== null || Date.now() > end)
          throw new Error(`Open vSwitch does not start:\n${this.#log()}`, { cause });
      }
      await pause(10);
    }
  }

  async #configure(...commands: readonly string[]): Promise<void> {
    const options = ["--timeout=15", `--db=unix:${join(this.#folder, "db.sock")}`];
    await this.#run("ovs-vsctl", ...options, ...commands);
  }

  async #run(program: string, ...words: readonly string[]): Promise<void> {
    await promisify(execFile)(program, words, { env: this.#environment, timeout: START_MILLISECONDS });
  }

  #closeCaptures(): void {
    for (const capture of this.#captures) capture.close();
    this.#captures = [];
  }

  #log(): string {
    const path = join(this.#folder, "switch.log");
    return existsSync(path) ? readFileSync(path, "utf8").slice(-2000) : "it has no log";
  }
}

function portSettings(port: BridgePort, number: number, capture: string): string[] {
  const name = `p${number}`;
  const settings = ["--", "add-port", "br0", name];
  if (port.untagged !== undefined) settings.push(`tag=${port.untagged}`);
  if (port.trunk !== undefined) {
    settings.push(`trunks=${port.trunk.join(",")}`);
    settings.push(`vlan_mode=${port.untagged === undefined ? "trunk" : "native-untagged"}`);
  }
  if (port.protected) settings.push("protected=true");
  settings.push("--", "set", "interface", name, "type=dummy", `ofport_request=${number}`);
  settings.push(`options:tx_pcap=${capture}`);
  if (port.mtu !== undefined) settings.push(`mtu_request=${port.mtu}`);
  return settings;
}

/** The capture file into which a port writes the frames that leave it, one whole record at a time. */
class Capture {
  readonly #file: number;
  readonly #bytes: Buffer = Buffer.alloc(65_536);
  #position = PCAP_HEADER;

  constructor(path: string) {
    this.#file = openSync(path, "r");
  }

  /** The frames since the last call. */
  takeFrames(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    const length = readSync(this.#file, this.#bytes, 0, this.#bytes.length, this.#position);
    for (let at = 0; at < length; ) {
      const start = at + RECORD_HEADER;
      at = start + this.#bytes.readUInt32LE(at + 8);
      frames.push(Uint8Array.prototype.slice.call(this.#bytes, start, at));
    }
    this.#position += length;
    return frames;
  }

  close(): void {
    closeSync(this.#file);
  }
}
