// Pipes, live captures, damage, signals, full disks, large captures: what a filter has to stand.
import { spawnSync } from "node:child_process";
import { createWriteStream, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CaptureWriter } from "frameferry/pcap";
import { describe, expect, test } from "vitest";
import { CLI, frameAndTime, frameferry, QINQ, recordsOf, start, temporaryFolder, VXLAN } from "./program.ts";

const packets = new Uint8Array(readFileSync(VXLAN)); // a Buffer would share memory with its slices
const FILE_HEADER = 24;
const FIRST_RECORD = 16 + 148;
const MEMORY_LIMIT = 250; // MiB

function shell(script: string): { status: number | null; stdout: Buffer; stderr: string } {
  const define = `frameferry() { "${process.execPath}" "${CLI}" "$@"; }`;
  const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", `${define}\n${script}`], {
    timeout: 60_000,
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr: stderr.toString() };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    if (condition()) return;
    await sleep(10);
  }
  throw new Error("waited 20 seconds in vain");
}

describe("pipes", () => {
  test("three commands in a row", async () => {
    const { status, stdout, stderr } = shell(`cat ${VXLAN} | frameferry decap - -o - | frameferry inspect -`);
    expect(status).toBe(0);
    const lines = stdout.toString().trimEnd().split("\n");
    expect(lines).toHaveLength(10);
    expect(lines[1]).toMatch(/ 42 {2}ethernet\/arp$/);
    // The summary keeps out of the capture's way.
    expect(stderr).toMatch(
      /^standard input \(pcap\) -> standard output \(pcap\), frames:\n {2}received {2}10 /,
    );
  });

  test("files as standard input and output, by either name", async () => {
    const folder = temporaryFolder();
    const direct = join(folder, "direct.pcap");
    expect((await frameferry(["decap", VXLAN, "-o", direct])).status).toBe(0);
    const path = join(folder, "out.pcap");
    for (const [input, output] of [
      ["-", "-"],
      ["/dev/stdin", "/dev/stdout"],
    ]) {
      expect(shell(`frameferry decap ${input} -o ${output} < ${VXLAN} > ${path}`).status).toBe(0);
      expect(readFileSync(path)).toEqual(readFileSync(direct));
    }
    expect(shell(`frameferry decap ${VXLAN} -o /dev/stdout >> ${path}`).status).toBe(0);
    expect(readFileSync(path)).toEqual(Buffer.concat([readFileSync(direct), readFileSync(direct)]));
  });

  test("a reader that goes away ends a command quietly", () => {
    const many = join(temporaryFolder(), "many.pcap");
    const records = Array.from({ length: 3000 }, () => packets.subarray(FILE_HEADER));
    writeFileSync(many, Buffer.concat([packets.subarray(0, FILE_HEADER), ...records]));
    for (const args of [`inspect ${many}`, `inspect ${many} --json`, `decap ${many} -o -`]) {
      const script = `{ frameferry ${args}; echo "status $?" >&2; } | head -c 100 > /dev/null`;
      expect(shell(script).stderr).toBe("status 0\n");
    }
    expect(shell("{ frameferry --help; echo $? >&2; } | head -c 1").stderr).toBe("0\n");
  });

  test("a named pipe as input and as output", async () => {
    const folder = temporaryFolder();
    const [from, to, out] = [join(folder, "from"), join(folder, "to"), join(folder, "out.pcap")];
    expect(spawnSync("mkfifo", [from, to]).status).toBe(0);
    const { status } = shell(
      `cat ${VXLAN} > ${from} & cat ${to} > ${out} & frameferry decap ${from} -o ${to} && wait`,
    );
    expect(status).toBe(0);
    expect(await recordsOf(out)).toHaveLength(10);
    expect(readdirSync(folder).sort()).toEqual(["from", "out.pcap", "to"]);
  });
});

describe("live captures", () => {
  test("decap writes what has come before the input ends", async () => {
    const { child, ended, output } = start(["decap", "-", "-o", "-"]);
    child.stdin.write(packets.subarray(0, FILE_HEADER + FIRST_RECORD));
    const expected = FILE_HEADER + FIRST_RECORD - 50;
    expect((await output(expected)).length).toBe(expected);
    expect(child.exitCode).toBe(null);
    child.stdin.end(packets.subarray(FILE_HEADER + FIRST_RECORD));
    const { status, stdout } = await ended;
    expect(status).toBe(0);
    expect(await recordsOf(stdout)).toHaveLength(10);
  });

  test.each([
    [["--first", "2"], 2],
    [["--from", "1970-01-01", "--to", "2100-01-01"], 10],
  ])("so does a choice of frames: %j", async (choice, frames) => {
    const { child, ended, output } = start(["decap", "-", "-o", "-", "-q", ...choice]);
    child.stdin.write(packets.subarray(0, FILE_HEADER + FIRST_RECORD));
    const expected = FILE_HEADER + FIRST_RECORD - 50;
    expect((await output(expected)).length).toBe(expected);
    expect(child.exitCode).toBe(null);
    // The input stays open where it is the number of frames that ends the command.
    child.stdin.write(packets.subarray(FILE_HEADER + FIRST_RECORD));
    if (frames === 10) child.stdin.end();
    const { status, stdout } = await ended;
    expect(status).toBe(0);
    expect(await recordsOf(stdout)).toHaveLength(frames);
  });

  test("inspect prints what has come, byte by byte if need be, and ends after --first", async () => {
    const { child, ended, output } = start(["inspect", "-", "-n", "2"]);
    for (const byte of packets.subarray(0, FILE_HEADER + FIRST_RECORD))
      child.stdin.write(Uint8Array.of(byte));
    expect((await output(10)).toString()).toMatch(/^ {5}0 .* vni 100\n$/);
    child.stdin.write(packets.subarray(FILE_HEADER + FIRST_RECORD));
    // The input stays open: it is the command that ends.
    expect((await ended).status).toBe(0);
  });

  test("what is no capture ends a command though the input stays open", async () => {
    for (const args of [
      ["inspect", "-"],
      ["decap", "-", "-o", "-"],
    ]) {
      const { child, ended } = start(args);
      child.stdin.write(new Uint8Array(100));
      const { status, stderr } = await ended;
      expect([status, stderr]).toEqual([
        1,
        `frameferry ${args[0]}: standard input: byte 0: neither pcap nor pcapng: the file starts with 00000000\n`,
      ]);
    }
  });
});

describe("damage", () => {
  test("a capture cut anywhere gives everything before the cut, under the final name", async () => {
    const folder = temporaryFolder();
    const [input, output] = [join(folder, "in.pcap"), join(folder, "out.pcap")];
    const whole = (await recordsOf(VXLAN)).map(frameAndTime);
    for (const cut of [
      25,
      FILE_HEADER + FIRST_RECORD - 1,
      FILE_HEADER + FIRST_RECORD + 5,
      packets.length - 1,
    ]) {
      writeFileSync(input, packets.subarray(0, cut));
      rmSync(output, { force: true });
      const { status, stdout, stderr } = await frameferry(["vlan", "pop", input, "-o", output, "--json"]);
      expect(status).toBe(1);
      const found = (await recordsOf(output)).map(frameAndTime);
      expect(found).toEqual(whole.slice(0, found.length));
      const offset = readFileSync(output).length;
      const wanted = cut - offset < 16 ? 16 : 16 + new DataView(packets.buffer).getUint32(offset + 8, true);
      const reason = `the file ends ${cut - offset} bytes into a record, which has at least ${wanted}`;
      expect(stderr).toBe(
        `frameferry vlan pop: ${input}: byte ${offset}: ${reason}; everything before has been worked on and written\n`,
      );
      expect(JSON.parse(stdout.toString()).damage).toEqual({ input, offset, reason });
      const inspected = await frameferry(["inspect", input]);
      expect(inspected.status).toBe(1);
      expect(inspected.stdout.toString().split("\n").length - 1).toBe(found.length);
      expect(inspected.stderr).toMatch(
        new RegExp(`^frameferry inspect: ${input}: byte ${offset}: [^\\n]*\\n$`),
      );
    }
  });

  test("a header cut short leaves no output", async () => {
    const folder = temporaryFolder();
    const input = join(folder, "in.pcap");
    for (const [bytes, cut] of [
      [packets, 10],
      [packets, 2],
      [readFileSync(QINQ), 20],
    ] as const) {
      writeFileSync(input, bytes.subarray(0, cut));
      const { status, stderr } = await frameferry(["decap", input, "-o", join(folder, "out.pcap")]);
      expect(stderr).toMatch(new RegExp(`^frameferry decap: ${input}: byte 0: the file ends [^\\n]*\\n$`));
      expect(status).toBe(1);
      expect(readdirSync(folder)).toEqual(["in.pcap"]);
    }
  });

  test("a record that cannot be", async () => {
    const folder = temporaryFolder();
    const [input, output] = [join(folder, "in.pcap"), join(folder, "out.pcap")];
    const bytes = packets.slice();
    bytes.fill(0xff, FILE_HEADER + FIRST_RECORD + 8, FILE_HEADER + FIRST_RECORD + 12);
    writeFileSync(input, bytes);
    const { status, stderr } = await frameferry(["decap", input, "-o", output]);
    expect(stderr).toMatch(
      new RegExp(`^frameferry decap: ${input}: byte ${FILE_HEADER + FIRST_RECORD}: [^\\n]*\\n$`),
    );
    expect(status).toBe(1);
    expect(await recordsOf(output)).toHaveLength(1);
  });
});

describe("an output never appears half written", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s", async (signal) => {
    const folder = temporaryFolder();
    const output = join(folder, "out.pcap");
    writeFileSync(output, "what was there");
    const { child, ended } = start(["decap", "-", "-o", output]);
    child.stdin.write(packets);
    await until(() => readdirSync(folder).length === 2);
    expect(readdirSync(folder).sort()[0]).toMatch(/^\.frameferry-.*\.part$/);
    child.kill(signal);
    const outcome = await ended;
    expect([outcome.status, outcome.signal, outcome.stderr]).toEqual([null, signal, ""]);
    expect(readdirSync(folder)).toEqual(["out.pcap"]);
    expect(readFileSync(output, "utf8")).toBe("what was there");
  });

  test("killed outright it leaves the final name alone", async () => {
    const folder = temporaryFolder();
    const { child, ended } = start(["decap", "-", "-o", join(folder, "out.pcap")]);
    child.stdin.write(packets);
    await until(() => readdirSync(folder).length === 1);
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(join(folder, "out.pcap"))).toBe(false);
  });

  test.skipIf(!existsSync("/dev/full"))("a full device is said, also behind standard output", async () => {
    const message = "no space left on device\n";
    const file = await frameferry(["decap", VXLAN, "-o", "/dev/full"]);
    expect([file.status, file.stderr]).toEqual([1, `frameferry decap: cannot write /dev/full: ${message}`]);
    for (const args of ["decap VXLAN -o -", "inspect VXLAN", "decap VXLAN -o /dev/null"]) {
      const { status, stderr } = shell(`frameferry ${args.replace("VXLAN", VXLAN)} > /dev/full`);
      const [command] = args.split(" ");
      expect([status, stderr]).toEqual([
        1,
        `frameferry ${command}: cannot write standard output: ${message}`,
      ]);
    }
    expect((await frameferry(["decap", VXLAN, "-o", "/dev/null"])).status).toBe(0);
  });

  test("a disk that fills up in the middle leaves nothing behind", () => {
    const folder = temporaryFolder();
    const input = join(folder, "in.pcap");
    const records = Array.from({ length: 300 }, () => packets.subarray(FILE_HEADER));
    writeFileSync(input, Buffer.concat([packets.subarray(0, FILE_HEADER), ...records]));
    // A limit on the size of files. All goes into one write, which is short; only going on with it meets the error.
    const { status, stderr } = shell(
      `ulimit -f 64; frameferry vlan pop ${input} -o ${join(folder, "out.pcap")}`,
    );
    expect(stderr).toBe(`frameferry vlan pop: cannot write ${join(folder, "out.pcap")}: file too large\n`);
    expect(status).toBe(1);
    expect(readdirSync(folder)).toEqual(["in.pcap"]);
  });
});

describe("a capture of 100 MB", () => {
  // In a child of its own, which tells the most memory it ever held, in KiB.
  const tell = 'process.on("exit", () => console.error("most " + process.resourceUsage().maxRSS))';
  const options = ["--import", `data:text/javascript,${encodeURIComponent(tell)}`];
  const most = (stderr: string): number => Number(/most (\d+)/.exec(stderr)?.[1]) / 1024;
  const frame = new Uint8Array(1400);
  const piece = new CaptureWriter({ format: "pcap" }).write(
    Array.from({ length: 1000 }, (_, index) => ({ data: frame, timestamp: BigInt(index) * 1000n })),
  );
  const PIECES = Math.ceil(1e8 / piece.length);

  async function feed(stream: NodeJS.WritableStream): Promise<void> {
    for (let i = 0; i < PIECES; i++) {
      const bytes = i === 0 ? piece : piece.subarray(FILE_HEADER);
      if (!stream.write(bytes)) await new Promise((resolve) => stream.once("drain", resolve));
    }
    stream.end();
  }

  test("streams from file to file in bounded memory", async () => {
    const folder = temporaryFolder();
    const [input, output] = [join(folder, "in.pcap"), join(folder, "out.pcap")];
    const file = createWriteStream(input);
    await feed(file);
    await until(() => file.closed);
    const encap = ["encap", input, "-o", output, "--vni", "1", "--local", "10.0.0.1", "--remote", "10.0.0.2"];
    const there = await start([...encap, "--json"], options).ended;
    expect(JSON.parse(there.stdout.toString())).toMatchObject({ forwarded: PIECES * 1000, dropped: 0 });
    expect(most(there.stderr)).toBeLessThan(MEMORY_LIMIT);
    const back = await start(["decap", output, "-o", output, "--in-place"], options).ended;
    expect(back.status).toBe(0);
    expect(most(back.stderr)).toBeLessThan(MEMORY_LIMIT);
    expect(spawnSync("cmp", ["-i", `${FILE_HEADER}`, input, output]).status).toBe(0);
  });

  test("streams through standard input and output in bounded memory", async () => {
    for (const args of [
      ["vlan", "push", "-", "-o", "-", "--vid", "5"],
      ["inspect", "-", "--json"],
    ]) {
      const { child, ended } = start(args, options);
      child.stdin.on("drain", () => {});
      await feed(child.stdin);
      const { status, stdout, stderr } = await ended;
      expect(status, stderr).toBe(0);
      expect(most(stderr)).toBeLessThan(MEMORY_LIMIT);
      if (args[0] === "inspect") expect(stdout.toString().split("\n").length - 1).toBe(PIECES * 1000);
      else expect(stdout.length).toBe(FILE_HEADER + PIECES * 1000 * (16 + 1404));
    }
  });
});
