// The smallest case: as long as what is wrong stays wrong, pieces of the input are left out, then bytes become zero.

/** `isWrong` says whether a candidate still shows the fault; at most so many candidates are tried. */
export async function shrunk<T>(
  items: readonly T[],
  isWrong: (candidate: readonly T[]) => Promise<boolean> | boolean,
  tries = 2000,
): Promise<readonly T[]> {
  let left = tries;
  let best = items;
  for (let size = Math.ceil(best.length / 2); size >= 1 && left > 0; ) {
    let smaller = false;
    for (let at = 0; at < best.length && left > 0; left--) {
      const candidate = [...best.slice(0, at), ...best.slice(at + size)];
      if (await isWrong(candidate)) {
        best = candidate;
        smaller = true;
      } else at += size;
    }
    if (size === 1 && !smaller) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return best;
}

/** The same for bytes, which then are zero wherever they may be. */
export async function shrunkBytes(
  bytes: Uint8Array,
  isWrong: (candidate: Uint8Array) => Promise<boolean> | boolean,
): Promise<Uint8Array> {
  const shorter = await shrunk([...bytes], (candidate) => isWrong(Uint8Array.from(candidate)));
  const best = Uint8Array.from(shorter);
  for (let at = 0; at < Math.min(best.length, 1000); at++) {
    const before = best[at] as number;
    if (before === 0) continue;
    best[at] = 0;
    if (!(await isWrong(best.slice()))) best[at] = before;
  }
  return best;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
