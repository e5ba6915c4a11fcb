// Arguments that cannot be: each is refused with an error that names it, and nothing is half done.
import { tallyText } from "./switch-subject.ts";
import type { SwitchControl } from "./switch-types.ts";

// Wrong on purpose, so types do not help here.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Any = any;
export type Fault = readonly [
  what: string,
  name: string,
  error: "RangeError" | "TypeError",
  call: () => unknown,
];

/** What is wrong with the error of a call that must fail; undefined if nothing is. `name` is a pattern. */
export function complaint([what, name, error, call]: Fault): string | undefined {
  try {
    call();
  } catch (caught) {
    if (!(caught instanceof (error === "RangeError" ? RangeError : TypeError)))
      return `${what}: expected a ${error}, got ${caught}`;
    const named = new RegExp(`^(.*\\.)?${name}$`).test(caught.message.split(":")[0]!);
    return named ? undefined : `${what}: does not name ${name}: ${caught.message}`;
  }
  return `${what}: expected a ${error}, got none`;
}

/** All that can be seen of a switch. */
export function portrait(sw: SwitchControl): unknown {
  return {
    ports: sw.ports().map(({ number, name, kind }) => ({ number, name, kind })),
    domains: sw.bridgeDomains().map(({ id, name, vni }) => ({ id, name, vni })),
    counters: tallyText(sw.counters()),
    size: sw.fdb.size,
  };
}
