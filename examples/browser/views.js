// The page's views, one at a time: the address says which, and a file that is dropped is for the one that is shown.

const views = new Map(
  Array.from(document.querySelectorAll("[data-view]"), (view) => [view.dataset.view, view]),
);
const takers = new Map();
const openers = new Map();
let shown;

addEventListener("hashchange", show);
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", ({ relatedTarget }) => {
  if (relatedTarget === null) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  const [file] = event.dataTransfer.files;
  if (file !== undefined) takers.get(shown)?.(file);
});
show();

/** Calls `take` with each file that is dropped while the view is shown. */
export function onFile(view, take) {
  takers.set(view, take);
}

/** Calls `open` when the view is shown for the first time. */
export function onFirst(view, open) {
  if (view === shown) open();
  else openers.set(view, open);
}

function show() {
  const wanted = location.hash.slice(1);
  shown = views.has(wanted) ? wanted : views.keys().next().value;
  for (const [name, view] of views) view.hidden = name !== shown;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${shown}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  openers.get(shown)?.();
  openers.delete(shown);
}
