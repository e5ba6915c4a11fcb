export { type ArgumentError, type ErrorPath, isArgumentError } from "./core/argument-error.ts";
export { type ErrorCode, errorCodes } from "./core/error-codes.ts";
export { linkTypeName } from "./core/link-type-names.ts";
export { LINK_TYPE_ETHERNET } from "./layout/pcap.layout.ts";
export type { CaptureSource } from "./pcap/byte-source.ts";
export { CaptureError } from "./pcap/capture-error.ts";
export { CaptureReader, type CaptureReaderOptions, readCapture } from "./pcap/capture-reader.ts";
export { captureDecoder, captureEncoder, type WritableItems, writeCapture } from "./pcap/capture-streams.ts";
export type {
  ByteOrder,
  CaptureBlock,
  CaptureFormat,
  CaptureInterface,
  CaptureItem,
  CaptureOption,
  CaptureRecord,
  CaptureSection,
  InterfaceDescription,
  InterfaceDescriptionItem,
  RecordDescription,
  WritableItem,
} from "./pcap/capture-types.ts";
export { CaptureWriter, type CaptureWriterOptions } from "./pcap/capture-writer.ts";
export { frameOf } from "./pcap/check-sequence.ts";
export { packCapture, unpackCapture } from "./pcap/container.ts";
export { commentOption, commentsOf } from "./pcap/options.ts";
export type { TimeResolution } from "./pcap/time.ts";
export type { Container } from "./platform/compression.ts";
