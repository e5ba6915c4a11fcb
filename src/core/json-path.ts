// Where something stands in a JSON file.

/** The steps to a place in a JSON file. */
export type JsonPath = readonly (string | number)[];

/** `ports[2].vlans.5000: sentence`; what is no plain name stands in brackets, as in `vlans["a b"]`. */
export function sentenceAt(path: JsonPath, sentence: string): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[\w$-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text === "" ? sentence : `${text}: ${sentence}`;
}
