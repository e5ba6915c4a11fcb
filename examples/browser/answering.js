// A worker's end of its questions: asked by { id, ask, ... }, it answers { id, news } any number of times, then
// { id, answer } or { id, error }.

/** Answers with these functions: each takes what is wanted, a way to tell news, and a signal that ends it early. */
export function answer(asks) {
  /** Questions under way, by id. */
  const stops = new Map();
  addEventListener("message", async ({ data: { id, ask, ...wanted } }) => {
    if (ask === "stop") return stops.get(id)?.abort();
    const stop = new AbortController();
    stops.set(id, stop);
    try {
      const answer = await asks[ask](wanted, (news) => postMessage({ id, news }), stop.signal);
      postMessage({ id, answer });
    } catch (error) {
      // A clone of an error forgets the names of classes that are not the language's own.
      postMessage({ id, error: { name: error.name, message: error.message } });
    } finally {
      stops.delete(id);
    }
  });
}
