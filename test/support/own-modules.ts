// Modules of users' own, for tests: the bytes that their texts make, frozen so that browsers need no assembler.
// test/node/own-modules.test.ts assembles the texts again.

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** examples/own-stages/short-frames.wat */
export const SHORT_FRAMES: Uint8Array = bytesOf(
  "AGFzbQEAAAABDwJgA39/fwBgBX9/f39/AAIkAgpmcmFtZWZlcnJ5BGRyb3AAAANlbnYGbWVtb3J5AgMBgIAEAwIBAQcHAQNydW4AAQpKAUgBAX8gACABQSBsaiEFAkADQCAAIAVPDQEgAC0AEEUgACgCCCACKAIASXEEQCAAIAJBBGsoAgAgBBAACyAAQSBqIQAMAAsACws=",
);

/** examples/own-stages/assembly/inner-port.ts */
export const INNER_PORT: Uint8Array = bytesOf(
  "AGFzbQEAAAABDwJgBX9/f39/AGADf39/AAIkAgpmcmFtZWZlcnJ5BGRyb3AAAQNlbnYGbWVtb3J5AgMBgIAEAwIBAAYGAX8AQQELBxECB3ZlcnNpb24DAANydW4AAQrCAQG/AQEDfyACKAIAIQMgAkEEaygCACECIAAgAUEFdGohAQNAIAAgAUkEQAJAIAAtABANACAAKAIAIQUgACgCBCIGQSJJBH9BAQUgBS8BDCIHQQh0IAdBCHZyQf//A3FBgBBHCw0AIAUtABciB0ERRyAHQQZHcQ0AIAYgBS0ADkEPcUECdEEOaiIGQQRqSQ0AIAUgBmovAQIiBUEIdCAFQQh2ckH//wNxIANGBEAgACACIAQQAAsLIABBIGohAAwBCwsL",
);

/** test/fixtures/own-stages/misbehaves.wat */
export const MISBEHAVES: Uint8Array = bytesOf(
  "AGFzbQEAAAABDwJgA39/fwBgBX9/f39/AAIkAgpmcmFtZWZlcnJ5BGRyb3AAAANlbnYGbWVtb3J5AgMBgIAEAwIBAQYGAX8BQQALBwcBA3J1bgABCtsBAdgBAQF/IwBBAWokACADIwA2AgggAigCACEFIAVBAUYEQCAAQdAAIAQQAAALIAVBAkYEQANADAALAAsgBUEDRgRAIABB5AAgBBAACyAFQQRGBEAgACAAKAIMQQFrNgIACyAFQQVGBEAgACAAKAIEQQFqNgIECyAFQQZGBEAgAEEBOgAQCyAFQQdGBEAgAEECOgAQCyAFQQhGBEAgAEEANgIMCyAFQQlGBEBBfCgCABoLIAVBCkYEQCAAQQA2AggLIAVBC0YEQCAAQdAAIAQQACAAQdAAIAQQAAsL",
);

/** test/fixtures/own-stages/sums.wat */
export const SUMS: Uint8Array = bytesOf(
  "AGFzbQEAAAABEwNgAX8BfmABfwF/YAV/f39/fwACNgMKZnJhbWVmZXJyeQR0aW1lAAAKZnJhbWVmZXJyeQRwb3J0AAEDZW52Bm1lbW9yeQIDAYCABAMCAQIHBwEDcnVuAAIKTgFMAAJAA0AgAUUNASAALQAQRQRAIAMgAykDCCAAEAAgAikDAH18NwMIIAMgAykDECAAEAGtfDcDEAsgAEEgaiEAIAFBAWshAQwACwALCw==",
);

/** What the first word of its parameters lets it do. */
export const MISDEEDS = {
  nothing: 0,
  trap: 1,
  endless: 2,
  "a reason that is none": 3,
  "a beginning below the floor": 4,
  "an end further behind": 5,
  "a verdict of its own": 6,
  "a verdict that is none": 7,
  "another floor": 8,
  "a read outside of the memory": 9,
  "shorter on the wire": 10,
  "a second drop": 11,
} as const;

/** A word as parameters hold it. */
export function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
