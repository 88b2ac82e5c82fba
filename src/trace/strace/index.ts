/** Reads strace's log. */
export type { ListText, StringText } from './arguments.js'
export { readDescriptor, readFlags, readList, readNamed, readString, readStruct } from './arguments.js'
export { decodeEscapes } from './escapes.js'
export type {
  CallRecord,
  CallResult,
  DescriptorText,
  EnteredRecord,
  ExitRecord,
  NoteRecord,
  SignalRecord,
  SupersededRecord,
  TraceRecord,
  UnknownRecord,
} from './record.js'
export type { TraceReaderOptions } from './trace-reader.js'
export { TraceReader } from './trace-reader.js'
