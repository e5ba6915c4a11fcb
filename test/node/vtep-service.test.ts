// What `frameferry vtep` tells the manager of services that has started it, and the unit file for that.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadNative } from "../../build/js/src/linux/libc.js";
import { unixAddress } from "../../build/js/src/linux/notify.js";
import { CLI, temporaryFolder } from "../cli/program.ts";
import { cable, domain, freePort, HERE } from "../support/vtep-pair.ts";

const UNIT = join(import.meta.dirname, "../../examples/systemd/frameferry-vtep.service");
const [AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK] = [1, 2, 0x800];

/** A unix socket for datagrams, as systemd has one: what came, and the name that programs are given. */
async function manager(path: string) {
  const native = await loadNative();
  const { libc } = native;
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  onTestFinished(() => void libc.close(descriptor));
  const address = unixAddress(path);
  expect(libc.bind(descriptor, address, address.length)).toBe(0);
  const buffer = new Uint8Array(new ArrayBuffer(4096));
  return {
    path,
    async next(): Promise<string[]> {
      for (;;) {
        const length = libc.read(descriptor, native.addressOf(buffer), buffer.length);
        if (length >= 0) return new TextDecoder().decode(buffer.subarray(0, length)).split("\n");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

async function started(notifySocket: string) {
  const { plug } = await cable();
  const config = {
    vtep: { address: HERE, ports: { vxlan: await freePort(HERE) } },
    bridgeDomains: [domain],
    ports: [{ name: "machine", bridgeDomain: "blue", ...plug }],
  };
  const file = join(temporaryFolder(), "vtep.json");
  writeFileSync(file, JSON.stringify(config));
  const env = { ...process.env, NOTIFY_SOCKET: notifySocket };
  const child = spawn(process.execPath, [CLI, "vtep", "--config", file], { env });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  /** Resolves when this stands on standard error: a datagram may be here before it. */
  const said = async (words: string): Promise<void> => {
    while (!stderr.includes(words)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { child, file, ended: once(child, "close"), said };
}

const onLinux = describe.skipIf(process.platform !== "linux");

onLinux("told to systemd", () => {
  test.each([
    ["a file", () => join(temporaryFolder(), "notify")],
    ["no file", () => `@frameferry-test-${process.pid}`],
  ])(
    "that it is ready, reads its configuration again, and stops, at a socket that is %s",
    async (_, named) => {
      const { next, path } = await manager(named());
      const { child, file, ended, said } = await started(path);
      expect(await next()).toEqual(["READY=1"]);
      await said("ready\n");

      child.kill("SIGHUP");
      expect(await next()).toEqual(["RELOADING=1", expect.stringMatching(/^MONOTONIC_USEC=\d+$/)]);
      expect(await next()).toEqual(["READY=1"]);
      await said("frameferry vtep: reloaded\n");

      writeFileSync(file, "{");
      child.kill("SIGHUP");
      expect((await next())[0]).toBe("RELOADING=1");
      expect(await next()).toEqual(["READY=1"]);
      await said("not reloaded");

      child.kill("SIGTERM");
      expect(await next()).toEqual(["STOPPING=1"]);
      expect(await ended).toEqual([0, null]);
    },
  );

  test("a manager that is not there is told of in a line, and nothing else", async () => {
    const { child, ended, said } = await started(join(temporaryFolder(), "nobody"));
    await said("ready\n");
    await said("the manager of services cannot be told: connect: ENOENT");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });
});

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

test.skipIf(!hasSystemd)("the unit file has nothing that systemd does not know", () => {
  const { stdout, stderr } = spawnSync("systemd-analyze", ["verify", UNIT], { encoding: "utf8" });
  const about = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("frameferry-vtep.service"));
  // The programs that it names need not be installed here.
  expect(about.filter((line) => !/is not executable|No such file/.test(line))).toEqual([]);
});
