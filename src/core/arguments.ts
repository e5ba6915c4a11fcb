// Checks of arguments. A wrong type is a TypeError, a wrong value a RangeError; both name the argument.

/** Returns `value` if it is a whole number from `minimum` to `maximum`, both included. */
export function wholeNumber(name: string, value: unknown, minimum: number, maximum: number): number {
  if (typeof value !== "number") throw new TypeError(`${name}: expected a number, got ${describe(value)}`);
  if (!Number.isInteger(value) || value < minimum || value > maximum) {
    throw new RangeError(`${name}: expected a whole number from ${minimum} to ${maximum}, got ${value}`);
  }
  return value;
}

/** Returns `value` if it is one of `allowed`. */
export function oneOf<const T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (typeof value !== "string") throw new TypeError(`${name}: expected a string, got ${describe(value)}`);
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new RangeError(`${name}: expected ${allowed.join(" or ")}, got ${JSON.stringify(value)}`);
  }
  return found;
}

/** Returns `value` if it is a boolean. */
export function trueOrFalse(name: string, value: unknown): boolean {
  if (typeof value !== "boolean")
    throw new TypeError(`${name}: expected true or false, got ${describe(value)}`);
  return value;
}

/** Returns `value` if it is a Uint8Array. */
export function byteArray(name: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array))
    throw new TypeError(`${name}: expected a Uint8Array, got ${describe(value)}`);
  return value;
}

/** Throws for what is no object, and for the first key that is not in `known`: a misspelt option must not be ignored. */
export function knownKeys(name: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null)
    throw new TypeError(`${name}: expected an object, got ${describe(options)}`);
  for (const key of Object.keys(options)) {
    if (!known.includes(key))
      throw new TypeError(`${name}: unknown option ${JSON.stringify(key)} (known: ${known.join(", ")})`);
  }
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object"
    ? `an object (${value.constructor?.name ?? "no class"})`
    : `${typeof value} ${String(value)}`;
}
