// A static file server for pages under test: the files as they are, under headers of the test's choice.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

export interface FolderServer {
  /** Ends without a slash. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the files below `folder` on a free port of this machine. */
export async function serveFolder(
  folder: string,
  headers: Readonly<Record<string, string>>,
): Promise<FolderServer> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    // Normalised as an absolute path, it cannot lead out of the folder.
    const path = normalize(pathname === "/" ? "/index.html" : pathname);
    try {
      const bytes = await readFile(join(folder, path));
      response.writeHead(200, {
        ...headers,
        "content-type": TYPES[extname(path)] ?? "application/octet-stream",
      });
      response.end(bytes);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
