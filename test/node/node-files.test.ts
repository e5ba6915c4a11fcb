// `frameferry/node` as a library: files in, files out.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { loadKernels, Pipeline, processCapture } from "frameferry";
import { createCaptureFile, FileError, openCaptureFile } from "frameferry/node";
import { describe, expect, test } from "vitest";
import { recordsOf, temporaryFolder, VXLAN } from "../cli/program.ts";

const bytes = Uint8Array.of(1, 2, 3);
const wholeFile = async (path: string): Promise<void> => {
  const output = await createCaptureFile(path);
  await output.write(bytes);
  await output.close();
};

test("a capture goes from file to file", async () => {
  const path = join(temporaryFolder(), "out.pcap");
  const kernels = await loadKernels();
  const pipeline = new Pipeline(kernels, [{ stage: "decapsulate", kind: "vxlan" }]);
  const summary = await processCapture(await openCaptureFile(VXLAN), pipeline, await createCaptureFile(path));
  expect(summary).toMatchObject({ received: 10, forwarded: 10, damage: undefined });
  expect(await recordsOf(path)).toHaveLength(10);
});

describe("openCaptureFile", () => {
  test("reads from where it ended, into shared memory, and gives 0 at the end", async () => {
    const input = await openCaptureFile(VXLAN);
    const memory = new Uint8Array(new SharedArrayBuffer(2000));
    let length = 0;
    for (let read = -1; read !== 0; length += read) {
      read = await input.read(memory.subarray(length, Math.min(length + 700, 2000)));
    }
    expect(Buffer.from(memory.slice(0, length))).toEqual(readFileSync(VXLAN));
    await input.close();
    await input.close();
    expect(await input.read(memory)).toBe(0);
  });

  test("says what is wrong with a file", async () => {
    const folder = temporaryFolder();
    const missing = join(folder, "missing");
    const error = await openCaptureFile(missing).catch((reason) => reason);
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({
      name: "FileError",
      code: "ENOENT",
      path: missing,
      message: `cannot read ${missing}: no such file or directory`,
    });
    await expect(openCaptureFile(folder)).rejects.toMatchObject({ code: "EISDIR" });
    await expect(openCaptureFile("")).rejects.toThrow(RangeError);
    await expect(openCaptureFile(7 as never)).rejects.toThrow(TypeError);
  });
});

describe("createCaptureFile", () => {
  test("the file appears when it is closed", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "out");
    const output = await createCaptureFile(path);
    await output.write(bytes);
    expect(existsSync(path)).toBe(false);
    await output.close();
    await output.close();
    await output.abort("too late");
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
    expect(statSync(path).mode & 0o777).toBe(0o666 & ~process.umask());
    expect(readdirSync(folder)).toEqual(["out"]);
  });

  test("an abort leaves what was there, and nothing else", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "out");
    writeFileSync(path, "before");
    const output = await createCaptureFile(path);
    await output.write(bytes);
    expect(readdirSync(folder)).toHaveLength(2);
    await output.abort(new Error("enough"));
    await output.close();
    expect(readdirSync(folder)).toEqual(["out"]);
    expect(readFileSync(path, "utf8")).toBe("before");
  });

  test("permissions of a file that is replaced stay", async () => {
    const path = join(temporaryFolder(), "out");
    for (const mode of [0o600, 0o640, 0o777]) {
      writeFileSync(path, "before");
      chmodSync(path, mode);
      await wholeFile(path);
      expect(statSync(path).mode & 0o7777).toBe(mode);
      expect(statSync(path).size).toBe(3);
    }
  });

  test("symbolic links stay, whether what they point at exists or not", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "deep"));
    const target = join(folder, "deep/target");
    const [link, further] = [join(folder, "link"), join(folder, "deep/further")];
    symlinkSync("deep/further", link);
    symlinkSync("target", further);
    for (let round = 0; round < 2; round++) {
      await wholeFile(link);
      expect([readlinkSync(link), readlinkSync(further)]).toEqual(["deep/further", "target"]);
      expect(lstatSync(target).isFile()).toBe(true);
      expect(readFileSync(target).length).toBe(3);
      writeFileSync(target, "something longer");
    }
    expect(readdirSync(join(folder, "deep")).sort()).toEqual(["further", "target"]);
  });

  test("a name as long as the file system allows", async () => {
    const path = join(temporaryFolder(), "x".repeat(255));
    await wholeFile(path);
    expect(existsSync(path)).toBe(true);
  });

  test("a folder that is not there is no folder that is", async () => {
    const folder = temporaryFolder();
    await expect(createCaptureFile(join(folder, "new/"))).rejects.toMatchObject({
      code: "ENOENT",
      message: `cannot write ${folder}/new/: there is no such folder`,
    });
    await expect(createCaptureFile(`${folder}/`)).rejects.toMatchObject({
      code: "EISDIR",
      message: `cannot write ${folder}/: it is a folder`,
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a device is written to, not replaced", async () => {
    await wholeFile("/dev/null");
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
    if (!existsSync("/dev/full")) return;
    const output = await createCaptureFile("/dev/full");
    await expect(output.write(bytes)).rejects.toMatchObject({ name: "FileError", code: "ENOSPC" });
    await output.abort("full");
  });

  test.runIf(existsSync("/dev/full"))(
    "a packed file that cannot be written rejects, also later",
    async () => {
      const path = join(temporaryFolder(), "full.gz");
      symlinkSync("/dev/full", path);
      const output = await createCaptureFile(path);
      const noise = randomBytes(1 << 20);
      const fill = async (): Promise<void> => {
        for (let i = 0; i < 100; i++) await output.write(noise);
      };
      const failure = { name: "FileError", code: "ENOSPC" };
      await expect(fill()).rejects.toMatchObject(failure);
      await expect(output.write(noise)).rejects.toMatchObject(failure);
      await expect(output.close()).rejects.toMatchObject(failure);
      await output.abort("full");
    },
  );

  test("standard output may be opened again and again", () => {
    const code = `
      import { createCaptureFile } from "frameferry/node";
      for (let i = 0; i < 20; i++) {
        const output = await createCaptureFile("-");
        await output.write(Uint8Array.of(65 + i));
        await output.close();
      }`;
    const root = join(import.meta.dirname, "../..");
    const options = { cwd: root, encoding: "utf8", timeout: 60_000 } as const;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", code],
      options,
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "ABCDEFGHIJKLMNOPQRST", stderr: "" });
  });

  test("says what is wrong with a path", async () => {
    const folder = temporaryFolder();
    await expect(createCaptureFile(folder)).rejects.toMatchObject({ code: "EISDIR" });
    await expect(createCaptureFile(join(folder, "no/out"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(createCaptureFile(join(VXLAN, "out"))).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(createCaptureFile("")).rejects.toThrow(RangeError);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("signals are listened to only while a file is unfinished", async () => {
    const path = join(temporaryFolder(), "out");
    const count = (): number => process.listenerCount("SIGTERM") + process.listenerCount("exit");
    const before = count();
    const [first, second] = [await createCaptureFile(path), await createCaptureFile(path)];
    expect(count()).toBe(before + 2);
    await first.close();
    expect(count()).toBe(before + 2);
    await second.abort("enough");
    expect(count()).toBe(before);
  });
});
