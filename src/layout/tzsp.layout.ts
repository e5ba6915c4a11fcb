// TZSP (TaZmen Sniffer Protocol): version(8) | type(8) | protocol(16), then tags: type(8) length(8) and as many bytes, but
// for padding and the end, which are one byte.

export const TZSP_PORT = 37008;
export const TZSP_TYPE = 1;
export const TZSP_PROTOCOL = 2;
export const TZSP_LENGTH = 4;
export const TZSP_VERSION = 1;
export const TZSP_RECEIVED = 0;
export const TZSP_TRANSMIT = 1;
export const TZSP_ETHERNET = 1;
export const TZSP_WLAN = 18;
export const TZSP_TAG_PADDING = 0;
export const TZSP_TAG_END = 1;
export const TZSP_TAG_LENGTH = 2;
