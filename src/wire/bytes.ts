// Numbers in network byte order. The caller has checked the range.

export function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

export function read24(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 16) | (bytes[offset + 1]! << 8) | bytes[offset + 2]!;
}

export function read32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | read24(bytes, offset + 1)) >>> 0;
}

export function write16(into: Uint8Array, offset: number, value: number): void {
  into[offset] = value >>> 8;
  into[offset + 1] = value;
}

export function write24(into: Uint8Array, offset: number, value: number): void {
  into[offset] = value >>> 16;
  into[offset + 1] = value >>> 8;
  into[offset + 2] = value;
}

export function write32(into: Uint8Array, offset: number, value: number): void {
  into[offset] = value >>> 24;
  write24(into, offset + 1, value);
}
