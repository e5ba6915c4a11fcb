// Bytes of a WebAssembly module: numbers as LEB128, sections with their lengths, and the few instructions that filters need.

export const BLOCK = 0x02;
export const LOOP = 0x03;
export const IF = 0x04;
export const ELSE = 0x05;
export const END = 0x0b;
export const BR = 0x0c;
export const BR_IF = 0x0d;
export const CALL = 0x10;
export const DROP = 0x1a;
export const SELECT = 0x1b;
export const LOCAL_GET = 0x20;
export const LOCAL_SET = 0x21;
export const LOCAL_TEE = 0x22;
export const I32_LOAD = 0x28;
export const I32_LOAD8_U = 0x2d;
export const I32_LOAD16_U = 0x2f;
export const I32_STORE = 0x36;
export const I32_STORE16 = 0x3b;
export const I32_CONST = 0x41;
export const I32_EQZ = 0x45;
export const I32_EQ = 0x46;
export const I32_NE = 0x47;
export const I32_LT_U = 0x49;
export const I32_GT_U = 0x4b;
export const I32_GE_U = 0x4f;
export const I32_ADD = 0x6a;
export const I32_SUB = 0x6b;
export const I32_MUL = 0x6c;
export const I32_DIV_U = 0x6e;
export const I32_REM_U = 0x70;
export const I32_AND = 0x71;
export const I32_OR = 0x72;
export const I32_XOR = 0x73;
export const I32_SHL = 0x74;
export const I32_SHR_U = 0x76;
export const I32_ROTL = 0x77;

/** The type of a block without a result. */
export const VOID = 0x40;
export const I32 = 0x7f;

export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  while (rest < -0x40 || rest > 0x3f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  bytes.push(rest & 0x7f);
  return bytes;
}

export function named(text: string): number[] {
  return [...unsigned(text.length), ...Array.from(text, (character) => character.charCodeAt(0))];
}

/**
 * A module of one function, exported as `run`, on a shared memory of any size: `parameters` and `locals` are numbers of 32
 * bits each, and so is the result. `body` has no END.
 */
export function moduleOf(
  parameters: number,
  locals: number,
  body: readonly number[],
): Uint8Array<ArrayBuffer> {
  const type = [1, 0x60, parameters, ...new Array<number>(parameters).fill(I32), 1, I32];
  const memory = [1, ...named("env"), ...named("memory"), 2, 3, 0, ...unsigned(65536)];
  const exported = [1, ...named("run"), 0, 0];
  const declared = locals === 0 ? [0] : [1, ...unsigned(locals), I32];
  const length = declared.length + body.length + 1;
  const code = [1, ...unsigned(length), ...declared];
  const sections: readonly (readonly [number, readonly number[]])[] = [
    [1, type],
    [2, memory],
    [3, [1, 0]],
    [7, exported],
  ];
  const front = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  for (const [id, bytes] of sections) front.push(id, ...unsigned(bytes.length), ...bytes);
  front.push(10, ...unsigned(code.length + body.length + 1), ...code);
  const bytes = new Uint8Array(front.length + body.length + 1);
  bytes.set(front);
  bytes.set(body, front.length);
  bytes[bytes.length - 1] = END;
  return bytes;
}
