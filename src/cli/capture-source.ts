// What a command reads: a capture as it is. A choice of frames, and several captures, are another file's, which is loaded
// when it is asked for.

import { openCaptureFile } from "../files/capture-files.ts";
import type { Selection, Source } from "./source-types.ts";

export async function openSource(paths: readonly string[], selection: Selection): Promise<Source> {
  const { from, to, first } = selection;
  if (paths.length > 1 || (from ?? to ?? first) !== undefined) {
    const { openChosen } = await import("./chosen-source.ts");
    return await openChosen(paths, selection);
  }
  const input = await openCaptureFile(paths[0] as string);
  return { input, close: () => input.close(), joined: undefined, timeless: 0 };
}
