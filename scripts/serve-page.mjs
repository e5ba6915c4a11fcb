// Serves the page in examples/browser, with the headers that shared memory needs.
// By hand: npm run page [-- --port 8080] [-- --no-isolation]
import { createReadStream, realpathSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = realpathSync(fileURLToPath(new URL("..", import.meta.url)));
/** VXLAN's number, there of UDP and here of TCP. */
const PORT = 4789;

/** What stands behind which address; nothing else of the disk is seen. */
const FOLDERS = {
  "/frameferry/": join(ROOT, "dist"),
  "/topologies/": join(ROOT, "examples/topologies"),
  "/": join(ROOT, "examples/browser"),
};
const FILES = {
  "/sample.pcap": join(ROOT, "test/fixtures/vxlan.pcap"),
  "/dagre.js": fileURLToPath(import.meta.resolve("@dagrejs/dagre")),
  // What the command line checks topologies with, before anything is built.
  "/check/cli/topology-schema.js": join(ROOT, "build/js/src/cli/topology-schema.generated.js"),
  "/check/cli/schema-errors.js": join(ROOT, "build/js/src/cli/schema-errors.js"),
  "/check/core/argument-error.js": join(ROOT, "build/js/src/core/argument-error.js"),
};

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".pcap": "application/vnd.tcpdump.pcap",
};

const HEADERS = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  // What a strict page needs to allow for the package: its module, and the workers that it starts from a blob.
  "Content-Security-Policy":
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; base-uri 'none'; frame-ancestors 'none'",
};
/** Makes the page cross-origin isolated. Workers' scripts need them, too. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/**
 * Starts the server; port 0 takes a free one. Resolves when it listens.
 * @param {{ port?: number, isolation?: boolean }} [options]
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function servePage({ port = PORT, isolation = true } = {}) {
  const headers = isolation ? { ...HEADERS, ...ISOLATION } : HEADERS;
  const server = createServer(async (request, response) => {
    const refuse = (status, more) =>
      response.writeHead(status, { ...headers, ...more, "Content-Type": "text/plain" }).end();
    // A page elsewhere whose name leads here must not read what only this machine may.
    if (!isLocal(request.headers.host)) return refuse(421);
    if (request.method !== "GET" && request.method !== "HEAD") return refuse(405, { Allow: "GET, HEAD" });
    const file = await fileBehind(request.url ?? "/");
    if (file === undefined) return refuse(404);
    response.writeHead(200, {
      ...headers,
      "Content-Type": TYPES[extname(file.path)] ?? "application/octet-stream",
      "Content-Length": file.size,
    });
    if (request.method === "HEAD") return response.end();
    // Closes the file, too, when whoever asked has gone.
    pipeline(createReadStream(file.path), response).catch(() => response.destroy());
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    // Only this machine: it is a page to try out, not a web server.
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isLocal(host) {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(host ?? "");
}

/** The file that an address means; undefined for none, and for all that lies outside of the folders. */
async function fileBehind(url) {
  try {
    const address = decodeURIComponent(url.replace(/[?#].*$/s, ""));
    if (FILES[address] !== undefined)
      return { path: FILES[address], size: (await stat(FILES[address])).size };
    const prefix = Object.keys(FOLDERS).find((one) => address.startsWith(one));
    const name = address.slice(prefix.length) || "index.html";
    if (name.split(/[/\\]/).some((part) => part.startsWith(".") || part === "")) return undefined;
    // A link may lead out of the folder, too.
    const path = await realpath(join(FOLDERS[prefix], name));
    if (!path.startsWith((await realpath(FOLDERS[prefix])) + sep)) return undefined;
    const found = await stat(path);
    return found.isFile() ? { path, size: found.size } : undefined;
  } catch {
    return undefined; // no such file, or an address that cannot be decoded
  }
}

function wantedPort(text) {
  if (text === undefined) return PORT;
  const port = Number(text);
  if (text.trim() === "" || !Number.isInteger(port) || port < 0 || port > 65535)
    throw new RangeError(`--port: expected a whole number from 0 to 65535, got ${JSON.stringify(text)}`);
  return port;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const { values } = parseArgs({
      options: { port: { type: "string" }, "no-isolation": { type: "boolean" } },
    });
    const isolation = !values["no-isolation"];
    const { url } = await servePage({ port: wantedPort(values.port), isolation });
    console.log(`frameferry: the page is at ${url} (end it with Ctrl+C)`);
    if (!isolation) console.log("frameferry: without isolation, so frames are transferred, not shared");
  } catch (error) {
    const advice = error.code === "EADDRINUSE" ? "; choose another with --port" : "";
    console.error(`serve-page: ${error.message}${advice}`);
    process.exitCode = 1;
  }
}
