// Network namespaces. What is opened in one stays there, so that a thread need not stay: it goes there and comes back within one
// call, and nothing else of the program runs in between.

import { Undo } from "../core/undo.ts";
import type { Native } from "./libc.ts";
import { type Refusals, refusing } from "./refusal.ts";

const CLONE_NEWNET = 0x40000000;
const CLOSE_ON_EXEC = 0x80000;
/** Where `ip netns add` puts them. */
const NAMED = "/var/run/netns/";
const OWN = "/proc/thread-self/ns/net";

/** Runs `action` in the namespace of this name, or of this path; in the thread's own if there is none. */
export function inNamespace<T>(native: Native, namespace: string | undefined, action: () => T): T {
  if (namespace === undefined) return action();
  const { libc, failure } = native;
  const opened = (path: string, undo: Undo): number => {
    const descriptor = libc.open(path, CLOSE_ON_EXEC);
    if (descriptor < 0) throw failure("open");
    return undo.with(descriptor, (it) => libc.close(it));
  };
  const enter = (descriptor: number): void => {
    if (libc.setns(descriptor, CLONE_NEWNET) < 0) throw failure("setns");
  };
  const files = new Undo();
  try {
    const home = opened(OWN, files);
    refusing(refusalsOf(namespace), () => {
      enter(opened(namespace.includes("/") ? namespace : NAMED + namespace, files));
    });
    try {
      return action();
    } finally {
      enter(home);
    }
  } finally {
    files.all();
  }
}

function refusalsOf(namespace: string): Refusals {
  const path = "namespace";
  const missing = {
    code: "not-found",
    path,
    sentence: `there is no network namespace ${namespace}`,
  } as const;
  const noRight = {
    code: "unsupported",
    path,
    sentence: `the system does not let this program into ${namespace}: it needs CAP_SYS_ADMIN`,
  } as const;
  return {
    ENOENT: missing,
    ENOTDIR: missing,
    EINVAL: { code: "not-found", path, sentence: `${namespace} is no network namespace` },
    EPERM: noRight,
    EACCES: noRight,
  };
}
