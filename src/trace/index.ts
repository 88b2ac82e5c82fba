/** Trace mode: what a guest does with files, programs and connections. */
export type {
  AccessEvent,
  GapEvent,
  KillEvent,
  ProcessEvent,
  RefusedEvent,
  SocketEvent,
  TraceAccess,
  TraceEvent,
  TraceEventBase,
  TraceMode,
  UnknownEvent,
  Violation,
} from './event.js'
export { mergeLearned, type LearnedPattern, type LearnedPolicy } from './learn/index.js'
export type { PolicyContext } from './policy.js'
export { SandboxTrace } from './sandbox-trace.js'
export { TraceSession, type TraceHooks } from './session.js'
export { buildTracerArgv } from './strace-arguments.js'
export type { TraceSummary } from './summary.js'
export type { NameUse } from './summary-lists.js'
export type { ConnectionUse, ProgramUse, RefusedUse, TraceCounts } from './summary-types.js'
