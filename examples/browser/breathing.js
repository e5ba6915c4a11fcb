// Lets the page's thread breathe while a capture flows through it.
//
// A Blob's stream has its next chunk ready so often that reading on never leaves the microtasks: the browser would
// come neither to clicks nor to painting until the end (measured: one task of a second and more for 100 MB).

const LONGEST_MS = 8;

/** A stream that passes chunks on, with a pause for other tasks whenever 8 ms have gone by since the last one. */
export function breathing() {
  let last = performance.now();
  return new TransformStream({
    async transform(chunk, controller) {
      if (performance.now() - last > LONGEST_MS) {
        await otherTasks();
        last = performance.now();
      }
      controller.enqueue(chunk);
    },
  });
}

function otherTasks() {
  // Not in every browser yet.
  if (globalThis.scheduler?.yield !== undefined) return scheduler.yield();
  return new Promise((resolve) => setTimeout(resolve));
}
