// How long this thread was kept from people: the browser reports every task of more than 50 ms.

const seen = [];
const known = PerformanceObserver.supportedEntryTypes.includes("longtask");
const observer = known ? new PerformanceObserver((list) => seen.push(...list.getEntries())) : undefined;
observer?.observe({ type: "longtask", buffered: true });

/** Those that began since `start` (of `performance.now()`); undefined where the browser does not report them. */
export function longTasks(start = 0) {
  if (observer === undefined) return undefined;
  seen.push(...observer.takeRecords());
  const milliseconds = seen.filter(({ startTime }) => startTime >= start).map(({ duration }) => duration);
  return { count: milliseconds.length, longestMs: Math.max(0, ...milliseconds) };
}
