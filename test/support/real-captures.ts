// Real captures are not part of the repository: they are looked for beside it, in ../shared/captures. Node only.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const CAPTURES_FOLDER: string = fileURLToPath(new URL("../../../shared/captures/", import.meta.url));

/** Below that folder, in order; none where there is no such folder. */
export const realCaptures: readonly string[] = existsSync(CAPTURES_FOLDER)
  ? readdirSync(CAPTURES_FOLDER, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.pcap(ng)?$/.test(path))
      .sort()
  : [];

/** Without the small ones of field/, which hold what is told otherwise than by tshark: check sequences, lengths that cannot be. */
export const capturesLikeTshark: readonly string[] = realCaptures.filter(
  (path) => !path.startsWith(join("field", "/")),
);
