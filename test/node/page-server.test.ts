// The page's server: whom it answers, and what is left of downloads that were broken off.
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { servePage } from "../../scripts/serve-page.mjs";

let server: Awaited<ReturnType<typeof servePage>>;
let port = 0;
beforeAll(async () => {
  server = await servePage({ port: 0 });
  port = Number(new URL(server.url).port);
});
afterAll(() => server.close());

/** The first line of the answer to a request with this `Host` header, or none. */
function statusFor(host: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(
        `GET / HTTP/1.1\r\n${host === undefined ? "" : `Host: ${host}\r\n`}Connection: close\r\n\r\n`,
      );
    });
    let text = "";
    socket.setEncoding("utf8").on("data", (more) => {
      text += more;
    });
    socket.on("end", () => resolve(text.split("\r\n")[0]!));
    socket.on("error", reject);
  });
}

test("answers under names of this machine only", async () => {
  for (const host of ["localhost", `localhost:${port}`, "LOCALHOST:1", `127.0.0.1:${port}`, `[::1]:${port}`])
    expect(await statusFor(host), host).toBe("HTTP/1.1 200 OK");
  for (const host of [
    "example.org",
    `example.org:${port}`,
    "localhost.example.org",
    "127.0.0.1.nip.io",
    "",
    "localhost:x",
    "x@localhost",
  ])
    expect(await statusFor(host), host).toBe("HTTP/1.1 421 Misdirected Request");
  expect(await statusFor(undefined)).toBe("HTTP/1.1 400 Bad Request");
});

test.runIf(process.platform === "linux")("closes the file of a download that is broken off", async () => {
  const open = () => readdirSync("/proc/self/fd").length;
  const before = open();
  for (let i = 0; i < 40; i++)
    await new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        // Gone before the answer begins, or in the middle of it.
        const request = "GET /frameferry/shared/lab.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
        socket.write(request, () => {
          if (i % 2 === 0) socket.resetAndDestroy();
        });
      });
      socket.once("data", () => socket.resetAndDestroy());
      socket.once("close", () => resolve());
      socket.on("error", () => {});
    });
  const end = performance.now() + 10_000;
  while (open() > before + 4 && performance.now() < end) await new Promise((next) => setTimeout(next, 20));
  expect(open()).toBeLessThanOrEqual(before + 4);
});
