// A frame as nested boxes: what layers.js has found in it, as elements.

import { element, grouped } from "./text.js";

/** The elements that show it: the outermost box, and why reading ended early if it did. */
export function nested({ boxes, stop }) {
  const whole = boxes.reduceRight((inner, { role, bytes, rows }) => {
    const box = element("div", { className: `box ${role.split(" ")[0]}` }, [
      element("p", { className: "title" }, [
        element("b", {}, [role]),
        element("span", { className: "number" }, [`${grouped(bytes)} bytes`]),
      ]),
      ...rows.map(({ name, text, bytes: length }) =>
        element("p", { className: "row" }, [
          element("span", {}, [name]),
          element("span", { className: "address" }, [text]),
          element("span", { className: "number" }, [grouped(length)]),
        ]),
      ),
    ]);
    if (inner !== undefined) box.append(inner);
    return box;
  }, undefined);
  const parts = whole === undefined ? [] : [whole];
  if (stop !== undefined)
    parts.push(element("p", { className: "quiet stop" }, [`Read no further: ${stop}.`]));
  return parts;
}
