// By what two names of one file are known: links of both kinds, other ways to it, other letters where a file system
// takes them for the same.

import { fstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** The same for two names of one file, whether it is there already or not; undefined for devices and pipes. */
export function identityOf(path: string): string | undefined {
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status !== undefined) return identityIn(status);
    const folder = realpathSync(dirname(path));
    const name = basename(path);
    return join(folder, takesLettersForTheSame(folder) ? name.toLowerCase() : name);
  } catch {
    // Whoever opens it is told why it cannot be.
    return resolve(path);
  }
}

/** That of a file which is open: standard input and output may be any. */
export function identityOfOpen(file: number): string | undefined {
  try {
    return identityIn(fstatSync(file));
  } catch {
    return undefined;
  }
}

function identityIn(status: Stats): string | undefined {
  return status.isFile() ? `${status.dev} ${status.ino}` : undefined;
}

/** Whether the folder is found by its name in other letters, too: then so are the files in it. */
function takesLettersForTheSame(folder: string): boolean {
  const name = basename(folder);
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  if (other === name) return false;
  const [one, two] = [folder, join(dirname(folder), other)].map((path) =>
    statSync(path, { throwIfNoEntry: false }),
  );
  return one !== undefined && two !== undefined && one.ino === two.ino && one.dev === two.dev;
}
