/** The wire protocol of host and shovel: what the rest of the package may use of it. */
export { FRAME_HEADER_BYTES, FrameDecoder, FrameType, MAX_FRAME_PAYLOAD_BYTES, encodeFrameHeader } from './frame.js'
export {
  MAX_MESSAGE_BYTES,
  MAX_MESSAGE_DEPTH,
  MAX_MESSAGE_VALUES,
  MAX_PENDING_CALLS,
  MAX_STREAMS,
  WINDOW_BYTES,
} from './limits.js'
export { GatheringTransport, type ByteSink } from './gathering-transport.js'
export { MessageDecoder, encodeMessage, type MessageLimits } from './message.js'
export {
  CONTROL_STREAM,
  FIRST_STREAM,
  Multiplexer,
  PROGRAM_STREAM,
  type MultiplexerOptions,
  type Transport,
} from './multiplexer.js'
export { ResetCode } from './reset-code.js'
export type { ReceiverHandlers, SenderHandlers, StreamReceiver, StreamSender } from './streams.js'
export { MethodTable } from './method-table.js'
export { RpcPeer, type RpcPeerOptions } from './rpc-peer.js'
export { JsonRpcErrorCode } from './rpc-codes.js'
export type { RpcCallContext, RpcMethod } from './call-context.js'
export type { CallOptions } from './outgoing-calls.js'
export type { RpcErrorObject, RpcParams } from './rpc-messages.js'
export { describeThrown } from './describe-thrown.js'
export { describeIssue } from './schema-issue.js'
export { ProtocolViolation } from './violation.js'
export {
  CONTROL_ERROR_FILE,
  CONTROL_ERROR_PLUGIN,
  CONTROL_ERROR_PROGRAM,
  CONTROL_ERROR_SPAWN,
  PROTOCOL_VERSION,
} from './control-codes.js'
export { pluginErrorSchema, pluginLoadResultSchema, type GuestHook } from './control-plugins.js'
export {
  emptyResultSchema,
  exitNotificationSchema,
  observeResultSchema,
  programActionParamsSchema,
  programErrorSchema,
  programLoadParamsSchema,
  programStartParamsSchema,
  programStartResultSchema,
  readyNotificationSchema,
  signalParamsSchema,
  signalResultSchema,
  spawnErrorSchema,
  spawnParamsSchema,
  spawnResultSchema,
  type ExitNotification,
  type GuestObservation,
  type ProgramActionParams,
  type ProgramLoadParams,
  type ProgramStartParams,
  type ReadyNotification,
  type SignalParams,
  type SpawnParams,
  type SpawnResult,
} from './control.js'
export {
  fileErrorSchema,
  fileMkdirParamsSchema,
  fileReadParamsSchema,
  fileReadResultSchema,
  fileReaddirParamsSchema,
  fileReaddirResultSchema,
  fileRmParamsSchema,
  fileStatParamsSchema,
  fileStatResultSchema,
  fileWriteParamsSchema,
  transferParamsSchema,
  transferResultSchema,
  type DirectoryEntries,
  type FileError,
  type FileStat,
  type TransferResult,
} from './control-files.js'
