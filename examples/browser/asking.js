// The page's end of its workers: a question is a promise, which may hear news before the answer.

/** Starts a worker of the page, and returns the function that asks it; its `end` ends the worker, whatever it does. */
export function startWorker(name) {
  const worker = new Worker(new URL(`${name}.js`, import.meta.url), { type: "module", name });
  const open = new Map();
  let last = 0;
  worker.addEventListener("message", ({ data: { id, news, answer, error } }) => {
    const question = open.get(id);
    if (news !== undefined) return question.hear?.(news);
    open.delete(id);
    if (error === undefined) question.resolve(answer);
    else question.reject(Object.assign(new Error(error.message), { name: error.name }));
  });
  worker.addEventListener("error", (event) => {
    for (const { reject } of open.values())
      reject(new Error(event.message || "the page's worker did not start"));
    open.clear();
  });
  const question = (ask, wanted, { hear, signal } = {}) => {
    const id = ++last;
    signal?.addEventListener("abort", () => worker.postMessage({ id, ask: "stop" }), { once: true });
    worker.postMessage({ id, ask, ...wanted });
    return new Promise((resolve, reject) => open.set(id, { resolve, reject, hear }));
  };
  return Object.assign(question, { end: () => worker.terminate() });
}
